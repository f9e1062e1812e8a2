package call

import (
	"fmt"
	"slices"
	"strings"

	"b2bua/core/event"
	"b2bua/media/sdp"
)

// decideThrough: two phones that speak ZRTP on every stream may agree on keys with each other (b2bua/zrtp-transparent). It holds for the
// whole call, whatever the other side turns out to be: what comes and goes between the two ways makes phones warn their users.
func (c *call) decideThrough() {
	offer, support := c.a.theirs, c.e.cfg.Support
	if !c.e.cfg.Transparent || c.decision.Encryption != sdp.ZRTP || offer == nil {
		return
	}
	feedback := false
	for i := range offer.Media {
		m := &offer.Media[i]
		if !support.Usable(m) {
			continue
		}
		if enc, err := m.Choose(support); err != nil || enc != sdp.ZRTP {
			c.note(fmt.Sprintf("not transparent: stream %d (%s) of leg A's offer is %s (b2bua/zrtp-transparent)", i+1, m.Type, enc))
			return
		}
		feedback = feedback || strings.EqualFold(m.Proto, "RTP/AVPF")
	}
	c.through = true
	c.decision.AVPF = feedback // what nobody decrypts cannot be converted
}

// modeB is the encryption of leg B for the log.
func (c *call) modeB() string {
	if c.through {
		return "zrtp, passed through (b2bua/zrtp-transparent)"
	}
	return c.decision.Encryption.String()
}

// hashed are the ports of a leg for a description of ours, with the hash of the Hello where the stream has ZRTP or is to get it: ours, or that of
// the other leg's peer where the phones agree with each other. answers is the offer that is answered, nil: we offer.
func (l *leg) hashed(mode sdp.Encryption, answers *sdp.Session) []sdp.Ports {
	c := l.call
	if c.through {
		return l.relayedHashes()
	}
	for i := range l.ports {
		speaks := mode == sdp.ZRTP || l.runs(i) && l.agreed[i].Encryption == sdp.ZRTP ||
			answers != nil && i < len(answers.Media) && answers.Media[i].ZRTPHash != ""
		if speaks && l.ports[i].ZRTPHash == "" && i < len(c.streams) && c.streams[i] && c.e.cfg.Hello != nil {
			l.ports[i].ZRTPHash = c.e.cfg.Hello(c.number, i, l.side)
		}
	}
	return l.ports
}

// relayedHashes is hashed for transparent ZRTP.
func (l *leg) relayedHashes() []sdp.Ports {
	ports := slices.Clone(l.ports)
	for i := range ports {
		ports[i].ZRTPHash = l.other().hashOf(i)
	}
	return ports
}

// hashOf is what the far end of this leg wrote last, also in an offer that is not answered yet.
func (l *leg) hashOf(i int) string {
	if x := l.call.asking; x != nil && x.leg == l {
		if hash := hashIn(x.offer, i); hash != "" {
			return hash
		}
	}
	return hashIn(l.theirs, i)
}

func hashIn(s *sdp.Session, i int) string {
	if s == nil || i >= len(s.Media) || s.Media[i].Port == 0 {
		return ""
	}
	return s.Media[i].ZRTPHash
}

// keepHashes: a description that leaves the hash out goes on with the one of before, unless another branch of a fork sent it.
func (l *leg) keepHashes(theirs *sdp.Session) {
	if l.forked {
		return
	}
	for i := range theirs.Media {
		if m := &theirs.Media[i]; m.ZRTPHash == "" && m.Port != 0 && l.runs(i) {
			m.ZRTPHash = hashIn(l.theirs, i)
		}
	}
}

// misgreeted tells whether this leg was told another Hello than the one that comes to it, where the phones agree with each other.
func (l *leg) misgreeted() bool {
	if !l.call.through || l.ours == nil {
		return false
	}
	for i := range min(len(l.agreed), len(l.ours.Media)) {
		if o := l.other(); l.runs(i) && o.runs(i) && l.ours.Media[i].ZRTPHash != o.hashOf(i) {
			return true
		}
	}
	return false
}

// speaksZRTP tells whether keys of a running stream are made by ZRTP, as agreed on or because the phone began it.
func (l *leg) speaksZRTP(i int) bool {
	return l.runs(i) && (l.agreed[i].Encryption == sdp.ZRTP || l.began[i])
}

// mayBegin: a phone on a plain leg A may speak ZRTP although it wrote nothing of it (decision 12).
func (l *leg) mayBegin(g sdp.Agreed) bool {
	return l.side == SideA && g.Enabled && g.Encryption == sdp.None && slices.Contains(l.call.e.cfg.Support.Encryptions, sdp.ZRTP)
}

// otherHello tells whether a stream gets another Hello of its peer than before: another phone, or one that began anew.
func otherHello(before, now sdp.Agreed) bool {
	x, y := before.ZRTP, now.ZRTP
	return x != nil && y != nil && x.HasHash && y.HasHash && x.PeerHash != y.PeerHash
}

// Compared says that people compared the SAS of a leg.
func (e *Engine) Compared(number uint64, side Side, same bool) {
	if c := e.calls[number]; c != nil {
		e.tell(event.Compared{Call: c.name(), Leg: side.String(), SAS: c.leg(side).sas, Same: same})
	}
}

// SAS of a leg; empty: it has none.
func (e *Engine) SAS(number uint64, side Side) string {
	if c := e.calls[number]; c != nil {
		return c.leg(side).sas
	}
	return ""
}

// Suspicious tells what ZRTP finds odd on a stream. It ends nothing: whoever can cause it could end calls.
func (e *Engine) Suspicious(number uint64, index int, side Side, what string) {
	if c := e.calls[number]; c != nil {
		c.leg(side).suspicion = what
		e.tell(event.Suspicion{Call: c.name(), Stream: index, Leg: side.String(), What: what})
	}
}

// faultyHashes tells of what a phone wrote about its Hello and cannot be used; the call goes on without.
func (l *leg) faultyHashes() {
	for i := range l.agreed {
		if z := l.agreed[i].ZRTP; z != nil && z.Fault != "" {
			l.call.peerFault(l, fmt.Sprintf("stream %d: %s; the first Hello that comes counts", i, z.Fault))
		}
	}
}
