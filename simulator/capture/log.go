package capture

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Log keeps the messages of one party in order and lets others wait for one.
type Log struct {
	mu       sync.Mutex
	messages []Message
	changed  chan struct{}
}

// NewLog makes an empty one.
func NewLog() *Log { return &Log{changed: make(chan struct{})} }

// Add appends a copy.
func (l *Log) Add(m Message) {
	m.Raw = bytes.Clone(m.Raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages = append(l.messages, m)
	close(l.changed)
	l.changed = make(chan struct{})
}

// All messages so far.
func (l *Log) All() []Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.messages)
}

// Wait returns the first message, past or future, that match accepts. The error lists the start lines that were seen.
func (l *Log) Wait(ctx context.Context, what string, match func(Message) bool) (Message, error) {
	for next := 0; ; {
		l.mu.Lock()
		messages, changed := l.messages, l.changed
		l.mu.Unlock()
		for ; next < len(messages); next++ {
			if match(messages[next]) {
				return messages[next], nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("%s: no such message among these %d: %s: %w", what, len(messages), outline(messages), context.Cause(ctx))
		}
	}
}

// outline is the start lines of the last messages.
func outline(messages []Message) string {
	const last = 12
	var b bytes.Buffer
	for i, m := range messages[max(0, len(messages)-last):] {
		if i > 0 {
			b.WriteString("; ")
		}
		if m.Sent {
			b.WriteString("sent ")
		} else {
			b.WriteString("got ")
		}
		b.WriteString(m.StartLine())
	}
	return b.String()
}
