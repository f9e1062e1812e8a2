package dtmf

import (
	"encoding/binary"
	"time"
)

// step is the distance of an event's packets (RFC 4733 section 2.5.1.2).
const step = 50 * time.Millisecond

// An event lasts updates*step: 100 ms, what telephones dial with and more than the 40 ms that every receiver must hear (ITU-T
// Q.24). Its end is sent three times (RFC 4733 section 2.5.1.4); one more step separates it from the next.
const (
	updates = 2
	ends    = 3
	pause   = updates + ends
)

// volume of what is played: -10 dBm0.
const volume = 10

// MaxQueue is how many digits a player keeps: at four a second, eight seconds of dialling ahead.
const MaxQueue = 32

// Player plays digits one after the other. The zero value is idle.
type Player struct {
	queue [MaxQueue]Tone
	head  int
	n     int // the first of them is being played
	sent  int // packets of it
	due   time.Time
}

// Packet is one packet of an event. First carries the marker; all of an event have the timestamp of the first.
type Packet struct {
	Tone       Tone
	First, End bool
	Duration   time.Duration
}

// PayloadSize is what Put writes, octets.
const PayloadSize = payloadSize

// Put writes the payload. rate is the clock rate of the telephone-event format, Hz.
func (p Packet) Put(b []byte, rate int) {
	b[0], b[1] = byte(p.Tone), volume
	if p.End {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(min(p.Duration.Milliseconds()*int64(rate)/1000, maxDuration)))
}

// Add appends a digit; false: there are MaxQueue already.
func (p *Player) Add(now time.Time, t Tone) bool {
	if p.n == MaxQueue || !t.Valid() {
		return false
	}
	if p.n == 0 {
		p.sent, p.due = 0, now
	}
	p.queue[(p.head+p.n)%MaxQueue] = t
	p.n++
	return true
}

// Due is when Next has something to do; not ok when nothing is played.
func (p *Player) Due() (time.Time, bool) { return p.due, p.n > 0 }

// Wait puts the next digit off for a step, if it has not begun. It tells whether it did.
func (p *Player) Wait(now time.Time) bool {
	if p.n == 0 || p.sent > 0 && (p.sent < pause || p.n == 1) {
		return false
	}
	if !now.Before(p.due) {
		p.due = now.Add(step)
	}
	return true
}

// Next is the packet that is due, if there is one.
func (p *Player) Next(now time.Time) (Packet, bool) {
	if p.n == 0 || now.Before(p.due) {
		return Packet{}, false
	}
	if p.due = p.due.Add(step); p.due.Before(now) { // held up: the rest keeps its distance
		p.due = now.Add(step)
	}
	if p.sent == pause {
		p.head, p.n, p.sent = (p.head+1)%MaxQueue, p.n-1, 0
		if p.n == 0 {
			return Packet{}, false
		}
	}
	p.sent++
	return Packet{
		Tone: p.queue[p.head], First: p.sent == 1, End: p.sent > updates, Duration: time.Duration(min(p.sent, updates)) * step,
	}, true
}
