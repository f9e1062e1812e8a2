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
	if !g.Enabled || g.Encryption != sdp.DTLS && g.Encryption != sdp.ZRTP {
		delete(l.secure, index)
		return
	}
	if _, known := l.secure[index]; !known {
		l.secure[index], l.call.expecting = false, true
	}
}

func (l *leg) secured(index int, suite sdp.Suite) {
	if _, expected := l.secure[index]; !expected {
		return
	}
	l.secure[index] = true
	kind, enc := "stream", sdp.None
	if index < len(l.agreed) {
		kind, enc = l.agreed[index].Kind.String(), l.agreed[index].Encryption
	}
	l.call.e.tell(event.Secured{Call: l.call.name(), Leg: l.side.String(), What: fmt.Sprintf("%s %s %s", kind, enc, suite)})
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
			return "its handshake never completed"
		}
		role, where := "passive: the peer begins", g.Remote.String()
		if g.DTLS.Active {
			role = "active: we begin"
		}
		if g.ICE != nil && !g.ICE.PeerLite {
			where = "the address that its ICE checks show"
		}
		text := fmt.Sprintf("its DTLS handshake never completed (we are %s; the peer is at %s)", role, where)
		if l.keyErr != nil {
			text += ", last: " + l.keyErr.Error()
		}
		return text + "; the peer or a firewall drops UDP between that address and ours"
	}
	return "its handshake never completed"
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
