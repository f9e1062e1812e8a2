package transport

import (
	"net"
	"sync"
	"time"
)

// outQueue is what waits to be written to one connection. The loop adds to it and never waits; one goroutine writes.
type outQueue struct {
	mu       sync.Mutex
	more     sync.Cond
	buf      []byte
	spare    []byte
	most     int
	finished bool // nothing more comes: write the rest and close
	dead     bool
}

func newOutQueue(most int) *outQueue {
	q := &outQueue{most: most}
	q.more.L = &q.mu
	return q
}

// add returns false when the peer reads too slowly or the connection is gone.
func (q *outQueue) add(b []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.dead || q.finished || len(q.buf)+len(b) > q.most {
		return false
	}
	q.buf = append(q.buf, b...)
	q.more.Signal()
	return true
}

// refusal is why add takes nothing.
func (q *outQueue) refusal() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.dead || q.finished {
		return errGone
	}
	return errSlow
}

func (q *outQueue) finish() {
	q.mu.Lock()
	q.finished = true
	q.more.Signal()
	q.mu.Unlock()
}

func (q *outQueue) kill() {
	q.mu.Lock()
	q.dead = true
	q.more.Signal()
	q.mu.Unlock()
}

// take waits for octets; none means that the writer has to end.
func (q *outQueue) take() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) == 0 && !q.finished && !q.dead {
		q.more.Wait()
	}
	if q.dead {
		return nil
	}
	b := q.buf
	if cap(q.spare) > 64<<10 {
		q.spare = nil
	}
	q.buf, q.spare = q.spare[:0], b
	return b
}

// write runs until the queue is finished, which is no error, or a write fails.
func (q *outQueue) write(conn net.Conn, patience time.Duration) error {
	defer q.kill()
	for {
		b := q.take()
		if len(b) == 0 {
			return nil
		}
		if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := conn.Write(b); err != nil {
			return err
		}
	}
}
