package relay

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

// oldKeyFor is how long packets under the receiving key before are still accepted after a change: what is in flight, and the
// peer's answer to our offer.
const oldKeyFor = 5 * time.Second

// fingerprint tells whether a key is the one in use without keeping it.
type fingerprint [sha256.Size]byte

func fingerprintOf(c sdp.Crypto) fingerprint {
	if c.Suite == sdp.NoSuite {
		return fingerprint{}
	}
	h := sha256.New()
	h.Write([]byte{byte(c.Suite), byte(len(c.MKI))})
	h.Write(c.MKI)
	h.Write(c.Key)
	return fingerprint(h.Sum(nil))
}

// Prepared is an Agreed whose keys are checked and derived. It is for one Apply.
type Prepared struct {
	agreed           sdp.Agreed
	recv             *srtp.Receiver
	send             *srtp.Sender
	recvKey, sendKey fingerprint
}

// Prepare derives the keys, which costs some microseconds: it is done outside of the packet loop. It keeps no reference to
// the keys in a. The error never shows a key.
func Prepare(a sdp.Agreed) (*Prepared, error) {
	p := &Prepared{agreed: a, recvKey: fingerprintOf(a.RecvKey), sendKey: fingerprintOf(a.SendKey)}
	p.agreed.Codecs = slices.Clone(a.Codecs)
	p.agreed.RecvKey, p.agreed.SendKey = sdp.Crypto{}, sdp.Crypto{}
	p.agreed.Remote, p.agreed.RemoteRTCP = unmap(a.Remote), unmap(a.RemoteRTCP)
	var err error
	if a.RecvKey.Suite != sdp.NoSuite {
		if p.recv, err = srtp.NewReceiver(a.RecvKey); err != nil {
			return nil, fmt.Errorf("relay: key of the peer: %w", err)
		}
	}
	if a.SendKey.Suite != sdp.NoSuite {
		if p.send, err = srtp.NewSender(a.SendKey); err != nil {
			return nil, fmt.Errorf("relay: our key: %w", err)
		}
	}
	return p, nil
}

// Wipe clears the keys of what was not applied.
func (p *Prepared) Wipe() {
	p.wipeRecv()
	p.wipeSend()
}

func (p *Prepared) wipeRecv() {
	if p.recv != nil {
		p.recv.Wipe()
	}
}

func (p *Prepared) wipeSend() {
	if p.send != nil {
		p.send.Wipe()
	}
}

// unmap makes ::ffff:192.0.2.1 an IPv4 address, as the sockets report it.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Apply (re)configures one side. Keys that did not change keep their state; a changed receiving key leaves the one before
// valid for a few seconds. A sending key that the side's Keyring does not admit mutes it. It restarts the side's supervision.
func (r *Relay) Apply(now time.Time, on Side, p *Prepared) {
	if r.closed {
		p.Wipe()
		return
	}
	s, a := &r.sides[on], p.agreed
	s.secure = a.Encryption != sdp.None || p.recv != nil || p.send != nil
	s.applyKeys(now, p)
	if a.Remote != s.latch.signalled {
		s.latch.reset(now, a.Remote)
		s.control = netip.AddrPort{}
	}
	s.rtcp = a.RemoteRTCP
	if !s.rtcp.IsValid() && a.Remote.IsValid() {
		s.rtcp = netip.AddrPortFrom(a.Remote.Addr(), a.Remote.Port()+1)
	}
	s.set, s.enabled, s.mux, s.direction = true, a.Enabled, a.Mux, a.Direction
	s.list = a.Codecs
	s.last, s.silences, s.unroutable, s.wayTold = now, 0, 0, false
	mapCodecs(&r.sides[A], &r.sides[B])
	mapCodecs(&r.sides[B], &r.sides[A])
	if r.sides[A].old != nil || r.sides[B].old != nil {
		r.spare = slices.Grow(r.spare[:0], 4096)
	}
}

// applyKeys keeps the state of keys that did not change, and of those that come back, as after a failed re-INVITE: starting
// their indices anew would use keystream twice and open the window to replays.
func (s *side) applyKeys(now time.Time, p *Prepared) {
	s.send = s.sent.use(p)
	switch {
	case p.recvKey == s.recvKey:
		p.wipeRecv()
	case s.old != nil && p.recvKey == s.oldKey:
		p.wipeRecv()
		s.recv, s.old, s.recvKey, s.oldKey = s.old, s.recv, s.oldKey, s.recvKey
		s.oldUntil = now.Add(oldKeyFor)
	default:
		s.dropOld()
		s.old, s.oldKey, s.oldUntil = s.recv, s.recvKey, now.Add(oldKeyFor)
		s.recv, s.recvKey = p.recv, p.recvKey
		if s.recv == nil { // plain now: nothing is decrypted any more
			s.dropOld()
		}
	}
}
