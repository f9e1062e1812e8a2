package register

// list is a queue of registrations; each is in one list at most.
type list struct {
	head, tail *registration
	n          int
}

func (l *list) push(r *registration) {
	r.leave()
	r.in, r.prev, r.next = l, l.tail, nil
	if l.tail != nil {
		l.tail.next = r
	} else {
		l.head = r
	}
	l.tail = r
	l.n++
}

func (l *list) pop() *registration {
	r := l.head
	if r != nil {
		r.leave()
	}
	return r
}

// leave takes the registration out of the list that it is in.
func (r *registration) leave() {
	l := r.in
	if l == nil {
		return
	}
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		l.head = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		l.tail = r.prev
	}
	r.in, r.prev, r.next = nil, nil, nil
	l.n--
}

// ride notes the connection that a registration was made over.
func (e *Engine) ride(r *registration, flow uint64) {
	if r.flow == flow {
		return
	}
	e.alight(r)
	if r.flow = flow; flow == 0 {
		return
	}
	if head := e.flows[flow]; head != nil {
		r.flowNext, head.flowPrev = head, r
	}
	e.flows[flow] = r
}

func (e *Engine) alight(r *registration) {
	if r.flow == 0 {
		return
	}
	switch {
	case r.flowPrev != nil:
		r.flowPrev.flowNext = r.flowNext
	case r.flowNext != nil:
		e.flows[r.flow] = r.flowNext
	default:
		delete(e.flows, r.flow)
	}
	if r.flowNext != nil {
		r.flowNext.flowPrev = r.flowPrev
	}
	r.flow, r.flowPrev, r.flowNext = 0, nil, nil
}
