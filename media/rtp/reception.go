package rtp

import "time"

// Reception measures one incoming stream (RFC 3550 section 6.4.1, appendices A.3 and A.8). The zero value is ready; it
// follows the stream over changes of SSRC.
type Reception struct {
	started  bool
	ssrc     uint32
	base     uint32 // extended sequence number of the first packet
	top      uint32 // of the newest
	received uint32 // since base
	lost     int64  // of the sources before
	transit  int64  // arrival less timestamp, clock units
	jitter   int64  // clock units times 16
	rate     int
	epoch    time.Time
}

// Packet counts one packet. rate is its clock rate, Hz.
func (r *Reception) Packet(now time.Time, h Header, rate int) {
	rate = max(rate, 1)
	if !r.started || r.ssrc != h.SSRC || r.jumped(h.Seq) {
		r.restart(now, h, rate)
		return
	}
	if d := int16(h.Seq - uint16(r.top)); d > 0 {
		r.top += uint32(d)
	}
	r.received++
	if rate != r.rate { // a telephone-event at another clock: its distance says nothing
		return
	}
	transit := r.arrival(now) - int64(h.Timestamp)
	d := transit - r.transit
	r.transit = transit
	if d = int64(int32(d)); d < 0 {
		d = -d
	}
	r.jitter += d - (r.jitter+8)>>4
}

func (r *Reception) jumped(seq uint16) bool {
	d := int16(seq - uint16(r.top))
	return d > maxDropout || d < -maxDropout
}

func (r *Reception) restart(now time.Time, h Header, rate int) {
	lost := r.Lost()
	*r = Reception{started: true, ssrc: h.SSRC, base: uint32(h.Seq), top: uint32(h.Seq), received: 1, lost: lost, rate: rate, epoch: now}
	r.transit = -int64(h.Timestamp)
}

func (r *Reception) arrival(now time.Time) int64 {
	return now.Sub(r.epoch).Microseconds() * int64(r.rate) / 1e6
}

// Lost is the number of packets that never came; less than zero when there were more duplicates than losses.
func (r *Reception) Lost() int64 {
	if !r.started {
		return r.lost
	}
	return r.lost + int64(r.top-r.base) + 1 - int64(r.received)
}

// Jitter is the interarrival jitter.
func (r *Reception) Jitter() time.Duration {
	if r.rate == 0 {
		return 0
	}
	return time.Duration(r.jitter>>4) * time.Second / time.Duration(r.rate)
}

// Rate is the clock rate of what is received, Hz; 0: nothing yet.
func (r *Reception) Rate() int { return r.rate }

// SSRC is the source that is heard now.
func (r *Reception) SSRC() (uint32, bool) { return r.ssrc, r.started }

// extend is the extended sequence number nearest to the newest that was received.
func (r *Reception) extend(seq uint16) uint32 {
	return r.top + uint32(int32(int16(seq-uint16(r.top))))
}
