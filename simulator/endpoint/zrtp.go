package endpoint

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"

	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/sqlcache"
	"b2bua/simulator/stream"
)

// zrtpClient is what a phone calls itself in ZRTP.
const zrtpClient = "sipsim"

// memory is what a phone remembers of its peers in ZRTP.
type memory struct {
	zid   alg.ZID
	cache zrtp.Cache
	file  *sqlcache.Store // nil: in memory
}

// lists are the algorithms of a phone in ZRTP, those of today where it names none.
func (z ZRTP) lists() (zrtp.Lists, error) {
	lists := zrtp.DefaultLists()
	for k, names := range [alg.Kinds][]string{alg.KindHash: z.Hashes, alg.KindCipher: z.Ciphers, alg.KindAuthTag: z.Tags, alg.KindAgreement: z.Agreements, alg.KindSAS: z.SAS} {
		if len(names) == 0 {
			continue
		}
		kind := alg.Kind(k)
		lists[k] = nil
		for _, name := range names {
			code := alg.ParseCode([]byte(fmt.Sprintf("%-4.4s", name)))
			if len(name) > 4 || !kind.Supports(code) {
				return lists, fmt.Errorf("media: ZRTP: %s %q is not known here", kind, name)
			}
			lists[k] = append(lists[k], code)
		}
	}
	// A list of hashes that fits the agreement (RFC 6189 section 5.1.5), unless there is one.
	if len(z.Hashes) == 0 && slices.Contains(lists[alg.KindAgreement], alg.EC38) && !slices.Contains(lists[alg.KindHash], alg.S384) {
		lists[alg.KindHash] = append([]alg.Code{alg.S384}, lists[alg.KindHash]...)
	}
	return lists, nil
}

// remember opens what the phone remembers. The phone's lock is held, as by what follows.
func (p *Phone) remember() (*memory, error) {
	if p.memory != nil {
		return p.memory, nil
	}
	m := &memory{cache: new(zrtp.Memory)}
	if _, err := io.ReadFull(rand.Reader, m.zid[:]); err != nil {
		return nil, fmt.Errorf("phone %s: random numbers: %w", p.cfg.Name, err)
	}
	if p.cfg.ZRTPCache != "" {
		var err error
		warn := func(err error) { p.cfg.Log.Warn("cache of ZRTP", "phone", p.cfg.Name, "error", err) }
		if m.file, err = sqlcache.Open(p.cfg.ZRTPCache, sqlcache.Options{Warn: warn}); err != nil {
			return nil, fmt.Errorf("phone %s: %w", p.cfg.Name, err)
		}
		m.cache, m.zid = m.file, m.file.ZID()
	}
	p.memory = m
	return m, nil
}

// Forget makes the phone lose what it remembers of its peers in ZRTP. Its ZID stays.
func (p *Phone) Forget(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, err := p.remember()
	if err != nil {
		return err
	}
	if m.file == nil {
		m.cache = new(zrtp.Memory)
		return nil
	}
	if _, err := m.file.ClearAll(ctx); err != nil {
		return fmt.Errorf("phone %s: %w", p.cfg.Name, err)
	}
	return nil
}

// zrtpLeg is the session of the call, made when it is needed first.
func (c *Call) zrtpLeg() (*stream.Leg, error) {
	if c.leg != nil {
		return c.leg, nil
	}
	m, err := c.phone.remember()
	if err != nil {
		return nil, err
	}
	lists, err := c.want.zrtp.lists()
	if err != nil {
		return nil, err
	}
	c.leg, err = stream.NewLeg(zrtp.Config{
		ZID: m.zid, Client: zrtpClient, Lists: lists, URI: c.phone.aor.String(), Expiration: zrtp.Forever,
		Passive: c.want.zrtp.Passive, Required: true, MTU: c.want.zrtp.MTU,
	}, m.cache)
	return c.leg, err
}

// greet puts the hash of our Hello into a line of ours. theirs is the peer's line that it answers, nil in an offer.
func (c *Call) greet(i int, m, theirs *sdp.Media) error {
	fault := c.want.fault
	renew := fault == FaultRenewed || fault == FaultReplaced
	if theirs != nil && c.peer != nil && i < len(c.peer.Media) { // another Hello of the peer is another exchange
		before, now := c.peer.Media[i].ZRTPHash, theirs.ZRTPHash
		renew = renew || before != "" && now != "" && !strings.EqualFold(before, now)
	}
	var former *stream.Leg
	if renew && i == 0 && c.leg != nil && fault != FaultReplaced { // who begins the first stream anew has begun all anew
		former = c.leg
		c.former, c.leg = append(c.former, c.leg), nil
	}
	leg, err := c.zrtpLeg()
	if err != nil {
		return err
	}
	if former != nil && fault != FaultRenewed { // the peer has, or it goes on with the session that there is
		leg.Renew(former)
	}
	hello, err := c.streams[i].HelloHash(leg, renew)
	if err != nil {
		return err
	}
	switch fault {
	case FaultNoHash:
		return nil
	case FaultWrongHash:
		hello[0] ^= 1
	}
	m.ZRTPHash = sdp.ZRTPHash(hello)
	return nil
}

// zrtp is what stream i does when ZRTP is agreed.
func (c *Call) zrtp(i int, peer *sdp.Session) stream.ZRTP {
	z := stream.ZRTP{Leg: c.leg, Silent: c.want.fault == FaultSilent, Mute: c.want.fault == FaultMute, Forge: c.want.fault == FaultForge}
	if i < len(peer.Media) {
		if hash, err := sdp.ParseZRTPHash(peer.Media[i].ZRTPHash); err == nil {
			z.Hash = &hash
		}
	}
	return z
}

// ConfirmSAS tells the phone what its user found who compared the short authentication string with the other side's.
func (c *Call) ConfirmSAS(same bool) error {
	c.phone.mu.Lock()
	leg := c.leg
	c.phone.mu.Unlock()
	if leg == nil {
		return fmt.Errorf("phone %s: %w: no ZRTP", c.phone.cfg.Name, errNotRunning)
	}
	leg.Confirm(same)
	return nil
}

// ZRTPSummary is what a stream knows of its ZRTP.
type ZRTPSummary struct {
	SAS          string   `json:"sas,omitempty"` // the same for all streams of the call; empty: not secure
	Agreement    string   `json:"agreement,omitempty"`
	Hash         string   `json:"hash,omitempty"`
	Cipher       string   `json:"cipher,omitempty"`
	Tag          string   `json:"auth_tag,omitempty"`
	Initiator    bool     `json:"initiator,omitempty"`     // our Commit was in force
	Continuity   bool     `json:"continuity,omitempty"`    // the peer is the one of an earlier call
	Mismatch     bool     `json:"mismatch,omitempty"`      // it is not, though it should be
	Verified     bool     `json:"verified,omitempty"`      // the SAS was compared in an earlier call, as this phone remembers
	PeerVerified bool     `json:"peer_verified,omitempty"` // as its peer does
	HashVerified bool     `json:"hash_verified,omitempty"` // the peer's Hello was that of its description
	Peer         string   `json:"peer_zid,omitempty"`
	Client       string   `json:"peer_client,omitempty"`
	Alerts       []string `json:"alerts,omitempty"` // suspicions
	Heard        uint64   `json:"packets"`          // of ZRTP that came
}

func summarize(r stream.ZRTPReport) *ZRTPSummary {
	z := &ZRTPSummary{Alerts: r.Alerts, Heard: r.Heard}
	if !r.Secure {
		return z
	}
	codes := r.Suite.Codes()
	z.SAS, z.Agreement, z.Hash = r.SAS, codes[alg.KindAgreement].String(), codes[alg.KindHash].String()
	z.Cipher, z.Tag = codes[alg.KindCipher].String(), codes[alg.KindAuthTag].String()
	z.Initiator, z.Continuity, z.Mismatch = r.Role == alg.Initiator, r.Continuity, r.Mismatch
	z.Verified, z.PeerVerified, z.HashVerified = r.Verified, r.PeerVerified, r.HashVerified
	z.Peer, z.Client = fmt.Sprintf("%x", r.Peer[:]), r.Client
	return z
}
