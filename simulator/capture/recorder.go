package capture

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// pairing is how far apart the two ends of one message may record it.
const pairing = 5 * time.Second

// maxPackets bounds the media kept: about 40 MB of audio. What comes later is counted, not kept.
const maxPackets = 200_000

// near is how many packets the two records of one packet may lie apart.
const near = 64

// Recorder collects a run.
type Recorder struct {
	KeepKeys bool // leave SDES keys in what is written; for decrypting a lab's own traffic. Set before use

	mu       sync.Mutex
	messages []entry
	packets  []packet
	dropped  int
	names    map[netip.AddrPort]string
	order    []string // parties in the order in which they were named or seen
	other    string
}

// entry is one message with what is known about its ends.
type entry struct {
	Message
	sent, received bool
}

type packet struct {
	at       time.Time
	from, to netip.AddrPort
	payload  []byte
	open     bool // recorded by its sender, and not yet by its receiver
}

// NewRecorder makes an empty one.
func NewRecorder() *Recorder { return &Recorder{names: map[netip.AddrPort]string{}} }

// Name gives the party behind an address its column. Messages recorded by a party name their own end anyway.
func (r *Recorder) Name(addr netip.AddrPort, party string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.name(addr, party)
}

func (r *Recorder) name(addr netip.AddrPort, party string) {
	if party == "" || !addr.IsValid() {
		return
	}
	r.names[addr] = party
	if !slices.Contains(r.order, party) {
		r.order = append(r.order, party)
	}
}

// Other names whoever has no name yet (typically the device under test, whose outgoing ports are not known before).
func (r *Recorder) Other(party string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.other = party
}

// SIP records one message. The second end's record of a message is joined to the first's.
func (r *Recorder) SIP(m Message) {
	m.Raw = bytes.Clone(m.Raw)
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Sent {
		r.name(m.From, m.Owner)
	} else {
		r.name(m.To, m.Owner)
	}
	for i := len(r.messages) - 1; i >= 0 && m.At.Sub(r.messages[i].At) < pairing; i-- {
		e := &r.messages[i]
		if e.From == m.From && e.To == m.To && bytes.Equal(e.Raw, m.Raw) && (!m.Sent || !e.sent) && (m.Sent || !e.received) {
			e.sent, e.received = true, true
			return
		}
	}
	r.messages = append(r.messages, entry{m, m.Sent, !m.Sent})
}

// Packet records one media packet as it is on the wire; sent: by the party that records it. A packet that both of its ends record is kept once.
func (r *Recorder) Packet(at time.Time, sent bool, from, to netip.AddrPort, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.packets) - 1; !sent && i >= max(0, len(r.packets)-near); i-- {
		if p := &r.packets[i]; p.open && p.from == from && p.to == to && bytes.Equal(p.payload, payload) {
			p.open = false
			return
		}
	}
	if len(r.packets) >= maxPackets {
		r.dropped++
		return
	}
	r.packets = append(r.packets, packet{at, from, to, bytes.Clone(payload), sent})
}

// Messages are all SIP messages, each once, oldest first.
func (r *Recorder) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sorted()
}

func (r *Recorder) sorted() []Message {
	out := make([]Message, len(r.messages))
	for i, e := range r.messages {
		out[i] = e.Message
	}
	slices.SortStableFunc(out, func(a, b Message) int { return a.At.Compare(b.At) })
	return out
}

// party is the name of an address; learned names first, then Other, then the address itself.
func (r *Recorder) party(addr netip.AddrPort) string {
	if n, ok := r.names[addr]; ok {
		return n
	}
	if r.other != "" {
		return r.other
	}
	return addr.String()
}

// Packet is one media packet as it was on the wire.
type Packet struct {
	At       time.Time
	From, To netip.AddrPort
	Payload  []byte
}

// Packets are the media packets that a socket sent or received, oldest first; an invalid address: all.
func (r *Recorder) Packets(of netip.AddrPort) []Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Packet
	for _, p := range r.packets {
		if !of.IsValid() || p.from == of || p.to == of {
			out = append(out, Packet{p.at, p.from, p.to, p.payload})
		}
	}
	return out
}
