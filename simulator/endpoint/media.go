package endpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"b2bua/core/sip"
	"b2bua/media/sdp"
	"b2bua/simulator/stream"
)

const sdpType = "application/sdp"

// open opens the sockets of m-line i, once.
func (c *Call) open(i int, k sdp.Kind) error {
	for len(c.streams) <= i {
		c.streams = append(c.streams, nil)
	}
	if c.streams[i] != nil {
		return nil
	}
	p := c.phone
	bad := p.cfg.Impair
	bad.Seed += uint64(i)
	arriving := p.cfg.Arriving
	arriving.Seed += uint64(i) + 1<<32
	cfg := stream.Config{Kind: k, IP: p.mediaIP, Second: p.secondIP, Favours: p.cfg.Favours, Tone: p.cfg.Tone, Impair: bad, Arriving: arriving, Rand: p.rand, Sequence: p.cfg.Sequence, Notify: p.changed.fire}
	if p.cfg.SSRC != 0 {
		cfg.SSRC = p.cfg.SSRC + uint32(i)
	}
	if p.cfg.Record != nil {
		cfg.Record = p.cfg.Record.Packet
	}
	s, err := stream.Open(cfg)
	if err != nil {
		return fmt.Errorf("phone %s: %w", p.cfg.Name, err)
	}
	c.streams[i] = s
	return nil
}

func (c *Call) port(i int) sdp.Ports {
	if i < len(c.streams) && c.streams[i] != nil {
		return c.streams[i].Ports()
	}
	return sdp.Ports{Addr: c.phone.mediaIP}
}

// session is the frame of our next description: same identity, version one higher (RFC 3264 section 8).
func (c *Call) session() (*sdp.Session, error) {
	if c.local != nil {
		return &sdp.Session{User: c.local.User, ID: c.local.ID, Version: c.local.Version + 1, Addr: c.local.Addr, Name: c.local.Name}, nil
	}
	var id [8]byte
	if _, err := io.ReadFull(c.phone.rand, id[:]); err != nil {
		return nil, fmt.Errorf("phone %s: random numbers: %w", c.phone.cfg.Name, err)
	}
	return &sdp.Session{User: "sipsim", ID: binary.BigEndian.Uint64(id[:]) >> 2, Version: 1, Addr: c.phone.mediaIP, Name: "-"}, nil
}

// makeOffer builds our offer: the m-lines of before stay in their places (RFC 3264 section 8), new kinds come after them.
func (c *Call) makeOffer() error {
	s, err := c.session()
	if err != nil {
		return err
	}
	placed := map[sdp.Kind]bool{}
	if c.local != nil {
		for i := range c.local.Media {
			old := &c.local.Media[i]
			if err := c.offerLine(s, old.Kind, old, placed[old.Kind]); err != nil {
				return err
			}
			placed[old.Kind] = true
		}
	}
	for _, k := range []sdp.Kind{sdp.Audio, sdp.Video} {
		if !placed[k] && len(c.want.codecs(k)) > 0 {
			if err := c.offerLine(s, k, nil, false); err != nil {
				return err
			}
		}
	}
	if len(s.Media) == 0 {
		return fmt.Errorf("phone %s: neither audio nor video is to be offered", c.phone.cfg.Name)
	}
	c.group(s)
	c.offer, c.local, c.ours = s, s, true
	return nil
}

func (c *Call) offerLine(s *sdp.Session, k sdp.Kind, old *sdp.Media, again bool) error {
	i := len(s.Media)
	if old != nil && (again || k == sdp.Other || len(c.want.codecs(k)) == 0) {
		off := *old
		off.Port, off.Crypto, off.BundleOnly = 0, nil, false
		s.Media = append(s.Media, off)
		return nil
	}
	if err := c.open(i, k); err != nil {
		return err
	}
	if err := c.identify(); err != nil {
		return err
	}
	at, old := c.transportOf(i, s, old)
	m, err := c.want.line(k, at, old, c.phone.rand)
	if err != nil {
		return err
	}
	if err := c.connect(&m, old); err != nil {
		return err
	}
	if c.want.encryption == sdp.ZRTP {
		if err := c.greet(i, &m, nil); err != nil {
			return err
		}
	}
	s.Media = append(s.Media, m)
	return nil
}

// makeAnswer answers offer with what this side wants. It changes nothing when it fails.
func (c *Call) makeAnswer(offer *sdp.Session) error {
	s, err := c.session()
	if err != nil {
		return err
	}
	var agreed []sdp.Agreed
	var last error
	taken := map[sdp.Kind]bool{}
	if err := c.identify(); err != nil {
		return err
	}
	for i := range offer.Media {
		offered := offer.Media[i]
		want := c.want
		if taken[offered.Kind] { // one stream of each kind
			want.audio, want.video = nil, nil
		}
		if offered.Port != 0 && offered.Kind != sdp.Other && len(want.codecs(offered.Kind)) > 0 {
			if err := c.open(i, offered.Kind); err != nil {
				return err
			}
		}
		var before *sdp.Media
		if c.local != nil && i < len(c.local.Media) {
			before = &c.local.Media[i]
		}
		at, before := c.transportOf(i, s, before)
		m, a, err := want.answerLine(&offered, at, before, c.phone.rand)
		if err != nil {
			last = err
		}
		taken[offered.Kind] = taken[offered.Kind] || a.Enabled
		if a.Enabled && offered.ICE != nil {
			if err := c.connect(&m, before); err != nil {
				return err
			}
		}
		if a.Enabled && a.Encryption == sdp.ZRTP {
			if err := c.greet(i, &m, &offered); err != nil {
				return err
			}
		}
		s.Media, agreed = append(s.Media, m), append(agreed, a)
	}
	if !taken[sdp.Audio] && !taken[sdp.Video] {
		if last == nil {
			last = errNothingCommon
		}
		return last
	}
	c.groupAnswer(offer, s, agreed)
	c.offer, c.local, c.ours = offer, s, false
	return c.apply(agreed, offer)
}

// identify gives the wish its certificate: the phone's, or from now on a new one.
func (c *Call) identify() (err error) {
	if c.want.identity != nil || c.want.encryption != sdp.DTLS && !slices.Contains(c.want.accept, sdp.DTLS) {
		return nil
	}
	p := c.phone
	if p.identity == nil || c.want.fault == FaultRenewed {
		if p.identity, err = stream.NewIdentity(time.Now()); err != nil {
			return fmt.Errorf("phone %s: %w", p.cfg.Name, err)
		}
	}
	c.want.identity, c.want.shown = p.identity, p.identity.Fingerprint()
	if c.want.fault == FaultFingerprint {
		c.want.shown = sdp.FingerprintOf([]byte("another certificate"))
	}
	return nil
}

// spoil makes the keys of a phone with FaultKey wrong, in both directions, though not those of its description.
func (w wish) spoil(a sdp.Agreed) sdp.Agreed {
	if w.fault == FaultKey && a.Encryption == sdp.SDES {
		a.SendKey, a.RecvKey = a.SendKey.Clone(), a.RecvKey.Clone()
		a.SendKey.Key[0] ^= 1
		a.RecvKey.Key[0] ^= 1
	}
	return a
}

// apply tells the streams what was agreed.
func (c *Call) apply(agreed []sdp.Agreed, peer *sdp.Session) error {
	c.agreed, c.peer = agreed, peer
	for i, a := range agreed {
		if c.want.begins(a.Encryption) {
			agreed[i].Encryption = sdp.ZRTP
		}
	}
	for i, a := range c.share(agreed) {
		if i >= len(c.streams) || c.streams[i] == nil {
			continue
		}
		c.streams[i].SetDTLS(stream.DTLS{Identity: c.want.identity, Suites: c.want.profiles, Silent: c.want.fault == FaultSilent})
		c.streams[i].SetZRTP(c.zrtp(i, peer))
		path := i
		if c.bundle.agreed && i == c.bundle.carrier {
			path = c.bundle.tag
		}
		c.streams[i].SetICE(c.path(path, peer))
		if err := c.streams[i].Set(c.want.spoil(a)); err != nil {
			return fmt.Errorf("phone %s: %w", c.phone.cfg.Name, err)
		}
	}
	return nil
}

// takeAnswer takes the peer's answer to our offer.
func (c *Call) takeAnswer(body []byte) error {
	answer, err := sdp.Parse(body)
	if err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	agreed, err := sdp.Accept(c.offer, answer)
	if err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	return c.apply(agreed, answer)
}

func hasSDP(m *sip.Message) bool {
	return len(m.Body) > 0 && m.ContentType != "" && isSDP(m.ContentType)
}

func isSDP(contentType string) bool {
	return len(contentType) >= len(sdpType) && contentType[:len(sdpType)] == sdpType
}
