package call

import (
	"fmt"
	"slices"
	"time"

	"b2bua/core/event"
	"b2bua/media/sdp"
)

// expectKeys notes that a stream's keys come from a handshake. Once they were there, a new handshake is the media plane's matter:
// the old keys serve until it is done.
func (l *leg) expectKeys(index int, g sdp.Agreed) {
	if g.Rides(index) || !g.Enabled || g.Encryption != sdp.DTLS && g.Encryption != sdp.ZRTP || l.call.through {
		delete(l.secure, index)
		return
	}
	if _, known := l.secure[index]; !known && l.began[index] { // ZRTP runs already, and now the description says so
		l.secure[index] = true
	} else if !known {
		l.secure[index], l.call.expecting = false, true
	}
}

// newPhones: a stream whose far end is another phone than before, or begins anew, is not secure any more. A description that leaves the
// hash out goes on with the one of before, unless another branch of a fork sent it.
func (l *leg) newPhones(agreed []sdp.Agreed) {
	for i := range min(len(agreed), len(l.agreed)) {
		before, now := l.agreed[i].ZRTP, agreed[i].ZRTP
		if before != nil && now != nil && before.HasHash && !now.HasHash && !l.forked {
			now.PeerHash, now.HasHash = before.PeerHash, true
		}
		if _, expected := l.secure[i]; expected && otherHello(l.agreed[i], agreed[i]) {
			l.secure[i], l.call.expecting = false, true
		}
	}
}

func (l *leg) secured(index int, suite sdp.Suite, zrtp *event.ZRTP) {
	_, expected := l.secure[index]
	switch {
	case expected:
		l.secure[index] = true
	case zrtp != nil && l.runs(index): // on a plain leg A, by the phone's own wish
		l.began[index] = true
	default:
		return
	}
	kind, enc := "stream", l.encryption(index)
	if index < len(l.agreed) {
		kind = l.agreed[index].Kind.String()
	}
	if zrtp != nil {
		enc, l.sas = sdp.ZRTP, zrtp.SAS
	}
	l.call.e.tell(event.Secured{Call: l.call.name(), Leg: l.side.String(), What: fmt.Sprintf("%s %s %s", kind, enc, suite), ZRTP: zrtp})
	if zrtp != nil && zrtp.Mismatch && zrtp.Agreement != event.Multistream {
		l.call.e.Suspicious(l.call.number, index, l.side, fmt.Sprintf("the phone %q does not have the secret that it had in the last call: it was reset, or somebody is in the middle. "+
			"Ask its user for the SAS, which must be %s; after a reset: b2bua zrtp clear %s", zrtp.Client, zrtp.SAS, zrtp.ZID))
	}
}

func (l *leg) encryption(index int) sdp.Encryption {
	if index < len(l.agreed) {
		return l.agreed[index].Encryption
	}
	return sdp.None
}

// superviseKeys starts the patience of decision 10 once leg A is answered, and anew for a stream that is added later.
func (c *call) superviseKeys(now time.Time) {
	if c.expecting && (c.a.waitsForKeys() || c.b.waitsForKeys()) {
		c.expecting = false
		c.e.timers.stop(c.keyless)
		c.keyless = c.e.timers.after(now.Add(c.e.cfg.SecureTimeout), c, c.stillKeyless)
	}
}

func (l *leg) waitsForKeys() bool {
	for _, there := range l.secure {
		if !there {
			return true
		}
	}
	return false
}

func (c *call) stillKeyless(now time.Time) {
	c.keyless = nil
	for _, l := range []*leg{c.a, c.b} {
		if l.waitsForKeys() {
			c.notSecure(now, l, fmt.Sprintf("no keys within %s of the answer (b2bua::timers/secure-timeout): %s", c.e.cfg.SecureTimeout, l.keylessness()))
			return
		}
	}
}

// keylessness tells of the first stream whose handshake is not done who was to begin it, and where the peer was looked for.
func (l *leg) keylessness() string {
	for i := range l.agreed {
		g := &l.agreed[i]
		if there, expected := l.secure[i]; !expected || there {
			continue
		}
		if g.DTLS == nil {
			return l.noZRTP(g)
		}
		role, where := "passive: the peer begins", g.Remote.String()
		if g.DTLS.Active {
			role = "active: we begin"
		}
		if g.ICE != nil && !g.ICE.PeerLite {
			where = iceAddress
		}
		text := fmt.Sprintf("its DTLS handshake never completed (we are %s; the peer is at %s)", role, where)
		if l.keyErr != nil {
			text += ", last: " + l.keyErr.Error()
		}
		return text + "; the peer or a firewall drops UDP between that address and ours"
	}
	return "its handshake never completed"
}

const iceAddress = "the address that its ICE checks show"

// noZRTP is keylessness for ZRTP.
func (l *leg) noZRTP(g *sdp.Agreed) string {
	where := g.Remote.String()
	if g.ICE != nil && !g.ICE.PeerLite {
		where = iceAddress
	}
	text := fmt.Sprintf("its ZRTP exchange never completed (the peer is at %s", where)
	if g.ZRTP != nil && !g.ZRTP.HasHash {
		text += ", and its description has no a=zrtp-hash: it may not speak ZRTP"
	}
	text += ")"
	switch {
	case l.suspicion != "": // packets come and go
		return text + ": " + l.suspicion
	case l.keyErr != nil:
		text += ": " + l.keyErr.Error()
	}
	return text + "; it has ZRTP switched off, or a firewall drops UDP between that address and ours"
}

// notSecure ends a call one of whose legs must be secure and is not. Nothing was sent or accepted in clear on it.
func (c *call) notSecure(now time.Time, l *leg, why string) {
	enc := sdp.None
	if i := slices.IndexFunc(l.agreed, func(g sdp.Agreed) bool { return g.Enabled }); i >= 0 {
		enc = l.agreed[i].Encryption
	}
	status := 488
	c.end(now, ending{
		kind: endReleased, status: status, reasons: reasonSIP(status, "Media security failed"),
		why: fmt.Sprintf("%s must be %s and is not secure: %s", l.side, enc, why),
	})
}
