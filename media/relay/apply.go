package relay

import (
	"crypto/sha256"
	"errors"
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
	checks           bool // the peer makes ICE checks
	listed           [2][]netip.AddrPort
	recv             *srtp.Receiver
	send             *srtp.Sender
	recvKey, sendKey fingerprint
	suite            sdp.Suite
}

// Prepare derives the keys, which costs some microseconds: it is done outside of the packet loop. It keeps no reference to
// the keys in a. The error never shows a key.
func Prepare(a sdp.Agreed) (*Prepared, error) {
	if (a.Encryption == sdp.DTLS || a.Encryption == sdp.ZRTP) && (a.RecvKey.Suite != sdp.NoSuite || a.SendKey.Suite != sdp.NoSuite) {
		return nil, errors.New("relay: keys for a side that makes its own by DTLS or ZRTP")
	}
	p, err := PrepareKeys(a.SendKey, a.RecvKey)
	if err != nil {
		return nil, err
	}
	p.agreed = a
	p.agreed.Codecs = slices.Clone(a.Codecs)
	p.agreed.RecvKey, p.agreed.SendKey = sdp.Crypto{}, sdp.Crypto{}
	if p.agreed.ICE, p.checks = nil, a.ICE != nil && !a.ICE.PeerLite; p.checks {
		for ch, list := range a.ICE.Listed {
			for _, k := range list {
				p.listed[ch] = append(p.listed[ch], k.Addr)
			}
		}
	}
	p.agreed.Remote, p.agreed.RemoteRTCP = unmap(a.Remote), unmap(a.RemoteRTCP)
	return p, nil
}

// PrepareKeys is Prepare for Secure. NoSuite: none.
func PrepareKeys(send, recv sdp.Crypto) (*Prepared, error) { return prepareKeys(send, recv) }

func prepareKeys(send, recv sdp.Crypto, options ...srtp.Option) (*Prepared, error) {
	p := &Prepared{recvKey: fingerprintOf(recv), sendKey: fingerprintOf(send), suite: send.Suite}
	var err error
	if recv.Suite != sdp.NoSuite {
		if p.recv, err = srtp.NewReceiver(recv, options...); err != nil {
			return nil, fmt.Errorf("relay: key of the peer: %w", err)
		}
	}
	if send.Suite != sdp.NoSuite {
		if p.send, err = srtp.NewSender(send, options...); err != nil {
			return nil, fmt.Errorf("relay: our key: %w", err)
		}
	}
	return p, nil
}

// share makes the keys work with the Scratch of the thread; nil: with their own.
func (p *Prepared) share(x *srtp.Scratch) {
	if p.recv != nil {
		p.recv.Share(x)
	}
	if p.send != nil {
		p.send.Share(x)
	}
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

// Apply (re)configures one side. On a side that rides with another stream, what p says of the transport is left aside. Keys that did not change keep their state; a changed receiving key leaves the one before
// valid for a few seconds. A sending key that the side's Keyring does not admit mutes it. It restarts the side's supervision.
func (r *Relay) Apply(now time.Time, on Side, p *Prepared) {
	if r.closed {
		p.Wipe()
		return
	}
	s := &r.sides[on]
	s.zrtp.agree(&p.agreed)
	if s.rides() {
		p.Wipe()
	} else {
		key, at := s.keys[RTP].recvKey, s.latch.signalled
		r.applyTransport(now, s, p)
		if s.keys[RTP].recvKey != key || s.latch.signalled != at { // which may be another peer's
			s.unplace()
		}
	}
	a := p.agreed
	s.set, s.enabled, s.direction = true, a.Enabled, a.Direction
	s.expectMedia(now)
	s.list, s.feedback = a.Codecs, a.AVPF
	s.wished = s.wished && s.enabled && s.feedback
	s.last, s.silences, s.unroutable, s.wayTold = now, 0, 0, false
	mapCodecs(&r.sides[A], &r.sides[B])
	mapCodecs(&r.sides[B], &r.sides[A])
	if r.sides[A].keys[RTP].old != nil || r.sides[B].keys[RTP].old != nil {
		r.spare = slices.Grow(r.spare[:0], 4096)
	}
	if s.bundle == nil {
		s.name(Known(a.Group))
	}
	s.bundle.refresh()
}

// applyTransport puts in force what is agreed for the side's own transport.
func (r *Relay) applyTransport(now time.Time, s *side, p *Prepared) {
	p.share(r.scratch)
	a := p.agreed
	s.secure = a.Encryption != sdp.None || p.recv != nil || p.send != nil
	s.applyKeys(now, p)
	if a.Remote != s.latch.signalled {
		s.latch.reset(now, a.Remote)
		s.control = netip.AddrPort{}
	}
	switch {
	case !p.checks && s.path != nil:
		s.leavePath()
	case p.checks && s.path == nil: // else it stays until the peer nominates another, also in a restart (RFC 8445 section 9)
		s.path = new(path)
	}
	if p.checks {
		s.path.listed = p.listed
	}
	s.rtcp = a.RemoteRTCP
	if !s.rtcp.IsValid() && a.Remote.IsValid() {
		s.rtcp = netip.AddrPortFrom(a.Remote.Addr(), a.Remote.Port()+1)
	}
	s.mux = a.Mux
}
