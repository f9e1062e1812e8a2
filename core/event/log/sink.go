package log

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of one sink's queue, in bytes. What exceeds them is dropped and counted: a line must never hold up a call. Lines at
// level error have a reserve of their own, so that a flood of debug lines does not push them out.
const (
	queueSize    = 4 << 20
	queueReserve = 256 << 10
	queueKept    = 256 << 10 // a larger buffer is given back to the system once it is written
)

// mark is the end of a line in a batch.
type mark struct {
	end   int
	level slog.Level
}

// batch is a run of whole lines.
type batch struct {
	data    []byte
	marks   []mark
	dropped int // lines that came after these and found no room
}

func (b *batch) add(level slog.Level, line []byte) {
	b.data = append(b.data, line...)
	b.marks = append(b.marks, mark{len(b.data), level})
}

func (b *batch) empty() bool { return len(b.marks) == 0 && b.dropped == 0 }

// reset keeps the buffers, unless a flood has made them large.
func (b *batch) reset() {
	if cap(b.data) > queueKept {
		*b = batch{}
		return
	}
	b.data, b.marks, b.dropped = b.data[:0], b.marks[:0], 0
}

// target is what a sink writes to. Only the sink's own goroutine calls it, and it may take as long as it likes.
type target interface {
	write(b *batch) error
	close() error
	lost(err error) bool // the error says that it will never take a line again
}

// sink takes lines from any goroutine without ever waiting, and writes them in order from one goroutine of its own.
type sink struct {
	name  string // for messages: "the terminal"
	level atomic.Int64
	fault func(s *sink, err error) // told once when writing starts to fail, from the sink's goroutine
	gone  atomic.Bool              // takes nothing any more
	done  chan struct{}            // closed when the goroutine has ended

	mu      sync.Mutex
	wake    sync.Cond
	pending batch
	waiters []chan struct{} // closed once what is pending has been written
	next    target          // takes over
	cut     int             // lines of pending that still belong to the old target
	closing bool

	// of the goroutine
	to      target
	failing bool
	missing int // lines that could not be written since the last one that could
	err     error
}

func newSink(name string, level slog.Level, to target, fault func(*sink, error)) *sink {
	s := &sink{name: name, to: to, fault: fault, done: make(chan struct{})}
	s.level.Store(int64(level))
	s.wake.L = &s.mu
	go s.run()
	return s
}

// takes tells whether the sink wants lines of a level.
func (s *sink) takes(level slog.Level) bool {
	return s != nil && int64(level) >= s.level.Load() && !s.gone.Load()
}

// put queues a copy of the line.
func (s *sink) put(level slog.Level, line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := queueSize
	if level >= Error {
		room += queueReserve
	}
	switch {
	case s.closing:
		return
	case len(s.pending.data)+len(line) > room || s.pending.dropped > 0 && level < Error: // once one is dropped, all are: no gap is hidden
		s.pending.dropped++
		return
	}
	s.pending.add(level, line)
	s.wake.Signal()
}

// replace lets another target take over, after the lines that are queued already.
func (s *sink) replace(to target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		_ = to.close()
		return
	case s.next != nil:
		_ = s.next.close() // it never got a line
	default:
		s.cut = len(s.pending.marks)
	}
	s.next = to
	s.wake.Signal()
}

// flushed is closed once every line that was put so far is written or lost.
func (s *sink) flushed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return s.done
	}
	c := make(chan struct{})
	s.waiters = append(s.waiters, c)
	s.wake.Signal()
	return c
}

// close takes no more lines; the goroutine ends, and done is closed, when the last one is written.
func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.wake.Signal()
}

func (s *sink) run() {
	defer close(s.done)
	var b batch
	for {
		s.mu.Lock()
		for s.pending.empty() && s.waiters == nil && s.next == nil && !s.closing {
			s.wake.Wait()
		}
		b, s.pending = s.pending, b
		waiters, next, cut, closing := s.waiters, s.next, s.cut, s.closing
		s.waiters, s.next = nil, nil
		s.mu.Unlock()

		if next != nil {
			old, rest := b.split(cut)
			s.deliver(&old)
			_ = s.to.close() // the lines are written, or the fault has been told
			s.to, s.failing = next, false
			s.deliver(&rest)
		} else {
			s.deliver(&b)
		}
		b.reset()
		for _, w := range waiters {
			close(w)
		}
		if closing {
			s.err = s.to.close()
			return
		}
	}
}

// split cuts after n lines.
func (b *batch) split(n int) (first, rest batch) {
	at := 0
	if n > 0 {
		at = b.marks[n-1].end
	}
	first = batch{data: b.data[:at], marks: b.marks[:n]}
	rest = batch{data: b.data[at:], dropped: b.dropped}
	for _, m := range b.marks[n:] {
		rest.marks = append(rest.marks, mark{m.end - at, m.level})
	}
	return first, rest
}

// deliver writes a batch, preceded by what was missed before it and followed by what found no room after it.
func (s *sink) deliver(b *batch) {
	if b.empty() || s.gone.Load() {
		return
	}
	if s.missing > 0 {
		n := s.missing
		s.missing = 0
		s.send(s.notice(n), n)
	}
	if len(b.marks) > 0 {
		s.send(b, len(b.marks))
	}
	if s.missing += b.dropped; s.missing > 0 && !s.failing && !s.gone.Load() {
		n := s.missing
		s.missing = 0
		s.send(s.notice(n), n)
	}
}

// notice is the line about n lines that nobody will read.
func (s *sink) notice(n int) *batch {
	noun := "lines were"
	if n == 1 {
		noun = "line was"
	}
	b := &batch{}
	b.add(Warning, Line(time.Now(), Warning, "log", fmt.Sprintf("%d %s dropped, %s does not take them", n, noun, s.name)))
	return b
}

// send writes; lines that it stands for are missing when that fails.
func (s *sink) send(b *batch, lines int) {
	err := s.to.write(b)
	if err == nil {
		s.failing = false
		return
	}
	s.missing += lines
	if s.to.lost(err) {
		s.gone.Store(true)
	}
	if !s.failing {
		s.failing = true
		s.fault(s, err)
	}
}

// stream writes whole batches: as cheap as it gets, and a line end is always the end of a write.
type stream struct {
	w     io.Writer
	torn  bool // the last write ended within a line
	final func(error) bool
}

func (t *stream) write(b *batch) error {
	if t.torn {
		if _, err := t.w.Write([]byte{'\n'}); err != nil {
			return err
		}
		t.torn = false
	}
	n, err := t.w.Write(b.data)
	if err != nil && n > 0 && n <= len(b.data) {
		t.torn = b.data[n-1] != '\n'
	}
	return err
}

func (t *stream) lost(err error) bool { return t.final != nil && t.final(err) }

// close closes files of ours; the terminal is not.
func (t *stream) close() error {
	if c, ok := t.w.(io.Closer); ok && t.final == nil {
		return c.Close()
	}
	return nil
}
