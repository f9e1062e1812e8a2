//go:build linux

package load

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// The packet loop sleeps between its turns, the longer the more calls there are: at 500 calls it sends some five packets each time.
// Above, waking up for less would cost the generator more than the packets do; 2500 calls come in bursts of 125 packets.
const (
	shortTick = 100 * time.Microsecond
	longTick  = 500 * time.Microsecond
	tickCalls = 500 // for each so many calls a shortTick
)

func tickFor(calls int) time.Duration {
	return min(max(shortTick, time.Duration(calls)*shortTick/tickCalls), longTick)
}

// lateEach: of every so many packets the generator's own delay is noted.
const lateEach = 16

// media is the packet part of a run.
type media struct {
	sides     []side
	sockets   []*socket
	sample    uint64
	warm      int // packets of the warm-up
	count     bool
	latencies []int64
	tick      time.Duration
	late      []int64 // ns between when a packet was due and its batch
	behind    time.Duration
	idle      func() // other work, about every millisecond
	scratch   [2048]byte
}

// play sends n packets per side, spread evenly over each 20 ms, and receives meanwhile. It returns the time that it took.
func (m *media) play(n int) time.Duration {
	gap := float64(frame) / float64(len(m.sides))
	start := time.Now()
	total, sent := n*len(m.sides), 0
	lastIdle := start
	for sent < total {
		now := time.Now()
		elapsed := float64(now.Sub(start))
		due := min(int(elapsed/gap)+1, total)
		if late := time.Duration(elapsed - float64(sent)*gap); m.count && sent < due && late > m.behind {
			m.behind = late
		}
		burst := min(due, sent+256) // keep receiving even when behind
		for ; sent < burst; sent++ {
			d := &m.sides[sent%len(m.sides)]
			d.sock.queue(d, d.next)
			d.next++
			if m.count && sent%lateEach == 0 {
				m.late = append(m.late, int64(elapsed-float64(sent)*gap))
			}
		}
		for _, s := range m.sockets {
			s.flush()
		}
		got := m.drain()
		if now.Sub(lastIdle) > time.Millisecond {
			m.idle()
			lastIdle = now
		}
		if got < batch && sent >= due {
			pause(m.tick)
		}
	}
	if rest := time.Duration(n)*frame - time.Since(start); rest > 0 {
		m.settle(rest)
	}
	return time.Since(start)
}

func pause(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // woken early is as good
}

// settle only receives.
func (m *media) settle(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		if m.drain() == 0 {
			m.idle()
			pause(m.tick)
		}
	}
}

func (m *media) drain() (total int) {
	for _, s := range m.sockets {
		for {
			n := s.receive()
			for i := range n {
				m.packet(s, i)
			}
			if total += n; n < batch {
				break
			}
		}
	}
	return total
}

// packet counts one received packet; every sample-th of a side is decrypted and compared.
func (m *media) packet(s *socket, i int) {
	b := s.rxBuf[i][:s.rx[i].n]
	d := s.sides[sourceKey(&s.rxName[i])]
	switch {
	case d == nil:
		s.unknown++
		return
	case len(b) < 12 || b[0]>>6 != 2:
		return
	case b[1] >= 192 && b[1] <= 223:
		d.rtcp++
		return
	}
	d.total++
	seq := binary.BigEndian.Uint16(b[2:])
	if d.known && m.sample > 1 && d.total%m.sample != 1 {
		// Which packet it is follows from its number: who renumbers keeps a constant offset.
		if int(seq-d.delta) >= m.warm {
			d.received++
		}
		return
	}
	plain := b
	if d.decrypt != nil {
		out, err := d.decrypt.DecryptRTP(m.scratch[:0], b, nil)
		if err != nil {
			d.bad++
			return
		}
		plain = out
	}
	m.verify(d, s, i, plain, seq)
}

func (m *media) verify(d *side, s *socket, i int, plain []byte, seq uint16) {
	at := 12 + 4*int(plain[0]&15)
	if plain[0]&0x10 != 0 && len(plain) >= at+4 {
		at += 4 + 4*int(binary.BigEndian.Uint16(plain[at+2:]))
	}
	peer := &m.sides[2*d.call+1-d.dir]
	if len(plain) != at+payload {
		m.alter(d)
		return
	}
	p := plain[at:]
	index := int(binary.BigEndian.Uint32(p[12:]))
	var want [payload]byte
	fill(want[:], d.call, 1-d.dir, index)
	if index >= len(peer.sentAt) || string(want[:]) != string(p) {
		m.alter(d)
		return
	}
	d.verified++
	d.delta, d.known = seq-uint16(index), true
	if index < m.warm {
		return
	}
	d.received++
	if t := peer.sentAt[index]; t != 0 {
		m.latencies = append(m.latencies, s.stamp(i)-t)
	}
}

// alter counts a packet that is not what was sent: somebody transcodes.
func (m *media) alter(d *side) {
	d.altered++
	if m.count {
		d.received++
	}
}
