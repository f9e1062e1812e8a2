package capture

import (
	"io"
	"net/netip"
	"time"
)

// Recorder collects a run.
type Recorder struct {
	KeepKeys bool // leave SDES keys in what is written; for decrypting a lab's own traffic
}

// NewRecorder makes an empty one.
func NewRecorder() *Recorder { return &Recorder{} }

// Name gives the party behind an address its column. Messages recorded by a party name their own end anyway.
func (r *Recorder) Name(addr netip.AddrPort, party string) {}

// Other names whoever has no name yet (typically the device under test, whose outgoing ports are not known before).
func (r *Recorder) Other(party string) {}

// SIP records one message.
func (r *Recorder) SIP(m Message) {}

// Packet records one media packet as it is on the wire.
func (r *Recorder) Packet(at time.Time, from, to netip.AddrPort, payload []byte) {}

// Messages are all SIP messages, each once, oldest first.
func (r *Recorder) Messages() []Message { return nil }

// WritePcapng writes everything as a pcapng file.
func (r *Recorder) WritePcapng(w io.Writer) error { return nil }

// Ladder draws the SIP messages, one arrow per message, a column per party, and one line per media stream.
func (r *Recorder) Ladder(w io.Writer) error { return nil }
