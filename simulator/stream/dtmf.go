package stream

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"b2bua/media/sdp"
)

// digits in the order of their event numbers (RFC 4733 section 3.2).
const digits = "0123456789*#ABCD"

const (
	eventFrames = 5 // packets of a growing event: 100 ms
	eventEnds   = 3 // the last one is sent three times (RFC 4733 section 2.5.1.4)
	eventGap    = 3 // frames of silence after it
)

// event is a digit being sent.
type event struct {
	number byte
	sent   int    // packets so far
	start  uint32 // RTP timestamp, the same in all its packets
}

// Dial sends digits as telephone events instead of the tone, one after the other. It returns at once.
func (s *Stream) Dial(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.agreed.Codecs, isEvent); !s.set || i < 0 {
		return fmt.Errorf("stream: telephone-event was not negotiated")
	}
	for _, r := range strings.ToUpper(text) {
		n := strings.IndexRune(digits, r)
		if n < 0 {
			return fmt.Errorf("stream: %q is no digit of a telephone", r)
		}
		s.tx.dial = append(s.tx.dial, event{number: byte(n)})
	}
	return nil
}

// nextEvent is the next packet of the digit being dialled, nil in the gap after it.
func (t *sender) nextEvent(codec sdp.Codec) []byte {
	e := &t.dial[0]
	defer func() {
		e.sent++
		t.timestamp += uint32(t.codec.Rate / 50)
		if e.sent == eventFrames+eventEnds+eventGap {
			t.dial = t.dial[1:]
		}
	}()
	if e.sent >= eventFrames+eventEnds {
		return nil
	}
	p := t.buf[:16]
	p[0], p[1] = 0x80, codec.SendNumber()
	if e.sent == 0 {
		e.start = t.timestamp
		p[1] |= 0x80
	}
	binary.BigEndian.PutUint16(p[2:], t.seq)
	binary.BigEndian.PutUint32(p[4:], e.start)
	binary.BigEndian.PutUint32(p[8:], t.ssrc)
	p[12], p[13] = e.number, 10 // -10 dBm0
	if e.sent >= eventFrames {
		p[13] |= 0x80
	}
	binary.BigEndian.PutUint16(p[14:], uint16(min(e.sent+1, eventFrames)*codec.Rate/50))
	t.seq++
	t.packets++
	t.octets += 4
	return p
}
