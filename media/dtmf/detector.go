package dtmf

import (
	"encoding/binary"
	"time"

	"b2bua/media/rtp"
)

// payloadSize is the length of an event in a packet, octets (RFC 4733 section 2.3).
const payloadSize = 4

// maxDuration is the longest event or segment, clock units (RFC 4733 section 2.5.1.3).
const maxDuration = 0xffff

// stale is the silence after which nothing of an event is on its way any more: what its timestamps say is forgotten.
const stale = 5 * time.Second

// A fast dialler sends 12 digits a second (40 ms on, 40 ms off). What comes faster for long is no digit that a person or a modem
// dials, and each one costs the other leg a request.
const (
	maxBurst   = 32
	oneTonePer = 50 * time.Millisecond
)

// Detector finds the digits in the telephone events of one source. The zero value is ready.
type Detector struct {
	heard    bool
	ended    bool // the end of the newest event was seen
	ssrc     uint32
	start    uint32 // RTP timestamp of the event, or of its newest segment
	duration uint16 // the longest that was told
	event    uint8
	at       time.Time

	spent  int       // of maxBurst
	repaid time.Time // until when oneTonePer was given back
}

// Packet takes the payload of one packet with its header, and tells a digit the first time that it hears of it: with the first of
// its packets that arrives, so that neither loss, nor repetition, nor a missing end changes the number of digits.
func (d *Detector) Packet(now time.Time, h rtp.Header, payload []byte) (Tone, bool) {
	if len(payload) < payloadSize {
		return 0, false
	}
	event, end := payload[0], payload[1]&0x80 != 0
	duration := binary.BigEndian.Uint16(payload[2:])
	known := d.heard && h.SSRC == d.ssrc && now.Sub(d.at) < stale
	if known && d.goesOn(h, event, duration) {
		d.at = now
		return 0, false
	}
	if known && int32(h.Timestamp-d.start) <= 0 { // of the same event, or of one before
		if h.Timestamp == d.start {
			d.at, d.ended, d.duration = now, d.ended || end, max(d.duration, duration)
		}
		return 0, false
	}
	d.heard, d.ssrc, d.at = true, h.SSRC, now
	d.start, d.event, d.duration, d.ended = h.Timestamp, event, duration, end
	t := Tone(event)
	return t, t.Valid() && d.afford(now)
}

// goesOn tells whether a packet with a newer timestamp belongs to the event that runs, and follows it there: the next segment of a
// long one, or the next packet of a sender that moves the timestamp within an event.
func (d *Detector) goesOn(h rtp.Header, event uint8, duration uint16) bool {
	moved := h.Timestamp - d.start
	if d.ended || h.Marker || event != d.event || int32(moved) <= 0 {
		return false
	}
	// The next event cannot begin before this one is over, nor without a pause.
	if moved > uint32(d.duration) && moved != maxDuration && moved != uint32(duration)-uint32(d.duration) {
		return false
	}
	d.start, d.duration = h.Timestamp, duration
	return true
}

func (d *Detector) afford(now time.Time) bool {
	if back := int(now.Sub(d.repaid) / oneTonePer); back >= d.spent {
		d.spent, d.repaid = 0, now
	} else if back > 0 {
		d.spent -= back
		d.repaid = d.repaid.Add(time.Duration(back) * oneTonePer)
	}
	if d.spent >= maxBurst {
		return false
	}
	d.spent++
	return true
}
