package call

import (
	"time"

	"b2bua/core/event"
	"b2bua/media/sdp"
)

// openMore asks for ports for the streams of an offer in mid-call that have none, and leads on when all are there.
func (c *call) openMore(now time.Time, x *exchange) {
	var missing []int
	for i := range x.offer.Media {
		c.slot(i)
		if !c.streams[i] && c.e.cfg.Support.Usable(&x.offer.Media[i]) {
			missing = append(missing, i)
		}
	}
	x.opening = len(missing)
	for _, i := range missing {
		c.emitOpen(i, x.offer.Media[i].Kind)
	}
	if x.opening == 0 {
		c.askOther(now)
	}
}

func (c *call) emitOpen(i int, kind sdp.Kind) {
	c.e.emit(MediaOpen{
		Call: c.number, Index: i, Kind: kind, A: c.a.media, B: c.b.media,
		Known: [2]string{c.facts.To.URI.Redacted(), c.decision.From.URI.Redacted()},
	})
}

// slot makes room for section i. sdp's limit bounds it.
func (c *call) slot(i int) {
	for len(c.streams) <= i {
		c.streams = append(c.streams, false)
	}
	for _, l := range []*leg{c.a, c.b} {
		for len(l.ports) <= i {
			l.ports = append(l.ports, sdp.Ports{})
		}
	}
}

// openedLate is the answer to openMore. Without ports the stream is refused, and the call goes on.
func (c *call) openedLate(now time.Time, index int, a, b sdp.Ports, err error) {
	x := c.asking
	if x == nil || x.opening == 0 { // given up meanwhile
		if err == nil {
			c.e.emit(MediaClose{Call: c.number, Index: index})
		}
		return
	}
	if err != nil {
		c.e.tell(event.LocalFault{Call: c.name(), What: "no media ports, the new stream is refused: " + err.Error()})
		x.offer.Media[index].Port = 0
	} else {
		c.streams[index], c.a.ports[index], c.b.ports[index] = true, a, b
	}
	if x.opening--; x.opening == 0 {
		c.askOther(now)
	}
}

// closeUnused frees the ports of streams that neither leg has any more, once no description is under way that may name them.
func (c *call) closeUnused() {
	if c.state == stOver || c.asking != nil || c.a.describing() || c.b.describing() {
		return
	}
	for i, open := range c.streams {
		if open && !c.a.runs(i) && !c.b.runs(i) {
			c.closeStream(i)
		}
	}
}

// describing tells whether an offer of ours waits for its answer.
func (l *leg) describing() bool { return l.re.ref != 0 || l.offered }

func (c *call) closeStream(i int) {
	c.streams[i] = false
	for _, l := range []*leg{c.a, c.b} {
		l.ports[i] = sdp.Ports{}
		*l.heading(i) = heading{}
		delete(l.secure, i)
		delete(l.began, i)
		// What was sent under its keys is known no longer, so none of them may come back (RFC 3711 section 9.1).
		l.ours.Forget(i)
		l.undone.Forget(i)
	}
	c.e.emit(MediaClose{Call: c.number, Index: i})
}

// moveTransport follows the section of a bundle that has the transport (RFC 9143 section 7.3.1), before what is agreed now is in force:
// the stream that has it from now on has its ports and keys, too. Our description says whether it is the same one.
func (l *leg) moveTransport(agreed []sdp.Agreed) {
	from, to := tagged(l.agreed), tagged(agreed)
	if from < 0 || to < 0 || from == to || l.ours.Media[to].Port != l.ports[from].RTP {
		return
	}
	one, other := &l.ports[from], &l.ports[to]
	*one, *other = *other, *one
	one.ZRTPHash, other.ZRTPHash = other.ZRTPHash, one.ZRTPHash // of the stream
	if there, expected := l.secure[from]; expected {
		l.secure[to] = there
		delete(l.secure, from)
	}
	l.call.e.emit(MediaInherit{Call: l.call.number, Index: to, Side: l.side, From: from})
}

// tagged is the stream that has the transport of the leg's bundle; -1: there is none.
func tagged(agreed []sdp.Agreed) int {
	for i := range agreed {
		if agreed[i].Enabled && agreed[i].Group != nil {
			return agreed[i].Group.Tagged
		}
	}
	return -1
}
