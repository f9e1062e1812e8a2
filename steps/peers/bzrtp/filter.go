// Package bzrtp runs Debian's libbzrtp as one end of a ZRTP exchange that has neither sockets nor a clock.
//
// The library, with libsrtp2 for what its keys protect, sits in a small program in C that does one thing at a time. Who drives it
// carries the packets and says what time it is, so that one end serves in simulated time against an engine as well as over real
// sockets against a running b2bua. No key leaves the program.
package bzrtp

import (
	"context"
	_ "embed" // the source in C
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"b2bua/steps/peers/filter"
)

//go:embed filter/filter.c
var source []byte

// Build compiles the program into dir.
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "bzrtp-filter")
	if err := os.WriteFile(path+".c", source, 0o600); err != nil {
		return "", err
	}
	if err := filter.Compile(ctx, path, path+".c", "-lbzrtp", "-lbctoolbox", "-lsqlite3", "-lsrtp2"); err != nil {
		return "", fmt.Errorf("apt-get install libbzrtp-dev libsqlite3-dev libsrtp2-dev: %w", err)
	}
	return path, nil
}

// Call is the configuration of one.
type Call struct {
	SSRC       uint32 // of the first channel
	Cache      string // path of the SQLite database; empty: none
	Self, Peer string // URIs, the key of its records
	// Algorithms by their codes, in the order of preference; empty: the library's.
	Hash, Cipher, Auth, Agreement, SAS []string
}

func (c Call) text() []byte {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s %s\n", key, value)
		}
	}
	line("ssrc", fmt.Sprintf("%x", c.SSRC))
	line("cache", c.Cache)
	line("self", c.Self)
	line("peer", c.Peer)
	for key, codes := range map[string][]string{"hash": c.Hash, "cipher": c.Cipher, "auth": c.Auth, "agreement": c.Agreement, "sas": c.SAS} {
		padded := make([]string, len(codes))
		for i, code := range codes {
			padded[i] = fmt.Sprintf("%-4s", code)
		}
		line(key, strings.Join(padded, " "))
	}
	return []byte(b.String())
}

// Secure is what the library says when a channel is secure.
type Secure struct {
	SAS                                    string
	Hash, Cipher, Auth, Agreement, SASType string // codes
	Verified                               bool   // both sides compared the SAS in an earlier call
	Mismatch                               bool   // the cached secret is not the peer's
}

// Event is one thing that the end wants done or says.
type Event struct {
	Channel  int
	Send     []byte  // a ZRTP packet to send
	Receive  bool    // the keys to receive are in use
	Transmit bool    // the keys to send are in use
	Secure   *Secure // the exchange is complete
	Message  string  // the library's own words
}

// End is a running program. Its methods are safe for concurrent use.
type End struct{ *filter.Program }

// Start starts a program that was built.
func Start(path string) (*End, error) {
	p, err := filter.Start(path)
	if err != nil {
		return nil, err
	}
	return &End{p}, nil
}

// Call begins a call with one channel and forgets the one before.
func (e *End) Call(c Call) error { return e.only('C', 0, c.text()) }

// HangUp ends the call; its cache is complete on the disk.
func (e *End) HangUp() error { return e.only('D', 0, nil) }

// AddChannel adds a channel, with the next number.
func (e *End) AddChannel(ssrc uint32) error {
	return e.only('A', 0, binary.BigEndian.AppendUint32(nil, ssrc))
}

// Start begins the discovery on a channel. The first of the others may only start when channel 0 is secure.
func (e *End) Start(channel int) ([]Event, error) { return e.events('S', channel, nil) }

// Tick tells the time since any beginning. The library expects it every few milliseconds.
func (e *End) Tick(now time.Duration) ([]Event, error) {
	return e.events('T', 0, binary.BigEndian.AppendUint64(nil, uint64(now.Milliseconds())))
}

// Receive hands over a ZRTP packet.
func (e *End) Receive(channel int, packet []byte) ([]Event, error) {
	return e.events('Z', channel, packet)
}

// Hash is the value for a=zrtp-hash.
func (e *End) Hash(channel int) (string, error) {
	b, err := e.result('H', channel, nil)
	return string(b), err
}

// PeerHash is the peer's value of a=zrtp-hash.
func (e *End) PeerHash(channel int, value string) error { return e.only('h', channel, []byte(value)) }

// Compared says what a person found who compared the SAS.
func (e *End) Compared(same bool) error {
	if same {
		return e.only('V', 0, nil)
	}
	return e.only('v', 0, nil)
}

// Protect makes SRTP of RTP, or SRTCP of RTCP.
func (e *End) Protect(channel int, rtcp bool, p []byte) ([]byte, error) {
	if rtcp {
		return e.result('P', channel, p)
	}
	return e.result('p', channel, p)
}

// Unprotect makes RTP of SRTP, or RTCP of SRTCP.
func (e *End) Unprotect(channel int, rtcp bool, p []byte) ([]byte, error) {
	if rtcp {
		return e.result('U', channel, p)
	}
	return e.result('u', channel, p)
}

func (e *End) only(operation byte, channel int, p []byte) error {
	_, _, err := e.do(operation, channel, p)
	return err
}

func (e *End) events(operation byte, channel int, p []byte) ([]Event, error) {
	events, _, err := e.do(operation, channel, p)
	return events, err
}

func (e *End) result(operation byte, channel int, p []byte) ([]byte, error) {
	_, result, err := e.do(operation, channel, p)
	return result, err
}

func (e *End) do(operation byte, channel int, p []byte) ([]Event, []byte, error) {
	status, records, err := e.Do(append([]byte{operation, byte(channel)}, p...))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("bzrtp filter, operation %c: %w", operation, err)
	case status != 0:
		return nil, nil, fmt.Errorf("bzrtp filter: operation %c on channel %d, status %#x", operation, channel, status)
	}
	return split(records)
}

// split reads the records of an answer.
func split(b []byte) (events []Event, result []byte, err error) {
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+int(binary.BigEndian.Uint16(b[2:])) {
			return nil, nil, errors.New("bzrtp filter: a record is cut short")
		}
		kind, ev, data := b[0], Event{Channel: int(b[1])}, b[4:4+binary.BigEndian.Uint16(b[2:])]
		b = b[4+len(data):]
		switch kind {
		case 's':
			ev.Send = data
		case 'r':
			ev.Receive = true
		case 't':
			ev.Transmit = true
		case 'e':
			ev.Secure = readSecure(string(data))
		case 'm':
			ev.Message = string(data)
		case 'd':
			result = data
			continue
		default:
			return nil, nil, fmt.Errorf("bzrtp filter: record %q", kind)
		}
		events = append(events, ev)
	}
	return events, result, nil
}

func readSecure(text string) *Secure {
	s := &Secure{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "sas":
			s.SAS = value
		case "hash":
			s.Hash = value
		case "cipher":
			s.Cipher = value
		case "auth":
			s.Auth = value
		case "agreement":
			s.Agreement = value
		case "rendering":
			s.SASType = strings.TrimSpace(value)
		case "verified":
			s.Verified = value != "0"
		case "mismatch":
			s.Mismatch = value != "0"
		}
	}
	return s
}
