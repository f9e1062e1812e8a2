package relay

import (
	"net/netip"
	"slices"
	"time"

	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

// keys protect one channel of a side, or both.
type keys struct {
	recv, old       *srtp.Receiver // old: under the key before, for what is in flight
	send            *srtp.Sender   // made, or one of those that the side remembers
	oldUntil        time.Time
	recvKey, oldKey fingerprint
	made            *srtp.Sender // under a key of a handshake: no other handshake makes it again
}

// wipe clears all that is the channel's own, and tells how many SSRCs were evicted under the former receiving key.
func (k *keys) wipe(f *formers) uint64 {
	if k.recv != nil {
		f.add(k.recvKey, k.recv)
		k.recv.Wipe()
	}
	evicted := k.dropOld(f)
	k.sendUnder(nil, nil)
	*k = keys{}
	return evicted
}

// sendUnder takes another sender; made is the same if it is one of a handshake. Under a key that is new each SSRC begins with the
// roll-over counter 0: RFC 3711 section 3.3.1 has it go on, but most peers make a new context for a new key, and would take the counter
// for 0 for ever. A key that comes back has the counters that it had. SDES keys of ours change with the suite only.
func (k *keys) sendUnder(send, made *srtp.Sender) {
	if k.made != nil && k.made != made {
		k.made.Wipe()
	}
	k.send, k.made = send, made
}

func (k *keys) dropOld(f *formers) (evicted uint64) {
	if k.old != nil {
		f.add(k.oldKey, k.old)
		evicted = k.old.Evicted()
		k.old.Wipe()
		k.old, k.oldKey = nil, fingerprint{}
	}
	return evicted
}

// receiveUnder keeps the state of a key that did not change, and of one that comes back, as after a failed re-INVITE or a transfer that
// went wrong, however late: starting its indices anew would open the window to replays.
func (k *keys) receiveUnder(now time.Time, p *Prepared, f *formers) (evicted uint64) {
	switch {
	case p.recvKey == k.recvKey:
		p.wipeRecv()
	case k.old != nil && p.recvKey == k.oldKey:
		p.wipeRecv()
		k.recv, k.old, k.recvKey, k.oldKey = k.old, k.recv, k.oldKey, k.recvKey
		k.oldUntil = now.Add(oldKeyFor)
	default:
		evicted = k.dropOld(f)
		if p.recv != nil {
			p.recv.Resume(f.take(p.recvKey))
			if k.recv != nil {
				p.recv.Follow(k.recv)
			}
		}
		k.old, k.oldKey, k.oldUntil = k.recv, k.recvKey, now.Add(oldKeyFor)
		k.recv, k.recvKey = p.recv, p.recvKey
		if k.recv == nil { // plain now: nothing is decrypted any more
			evicted += k.dropOld(f)
		}
	}
	return evicted
}

// applyKeys puts a side's negotiated keys in force. Those of DTLS and ZRTP come later, by Secure and Install; until then the ones of a former handshake
// stay, so that a re-INVITE leaves no gap.
func (s *side) applyKeys(now time.Time, p *Prepared) {
	was := s.late
	if s.late = sdp.None; p.agreed.Encryption == sdp.DTLS || p.agreed.Encryption == sdp.ZRTP {
		s.late = p.agreed.Encryption
	}
	s.dtls = s.late == sdp.DTLS
	s.split = s.dtls && !p.agreed.Mux
	if s.late != sdp.None && s.late != was {
		s.stats.Evicted += s.keys[RTP].wipe(&s.formers)
	}
	if !s.split {
		s.stats.Evicted += s.keys[RTCP].wipe(&s.formers)
	}
	if s.late == sdp.None {
		s.keys[RTP].sendUnder(s.sent.use(p), nil)
		s.stats.Evicted += s.keys[RTP].receiveUnder(now, p, &s.formers)
	}
}

// Secure puts the keys of a handshake with a peer at from in force on one channel. The receiving key before stays valid for a few
// seconds.
func (r *Relay) Secure(now time.Time, on Side, ch Channel, from netip.AddrPort, p *Prepared) {
	s := &r.sides[on]
	if r.closed || !s.dtls || ch == RTCP && !s.split {
		p.Wipe()
		return
	}
	p.share(r.scratch)
	another := s.keys[ch].recvKey != p.recvKey
	s.keys[ch].sendUnder(p.send, p.send)
	s.stats.Evicted += s.keys[ch].receiveUnder(now, p, &s.formers)
	if ch == RTP && s.latch.source.IsValid() && s.latch.source != from { // of another phone, which may send on for a while
		s.latch.reset(now, s.latch.signalled)
	} else if ch == RTCP && s.control.IsValid() {
		s.control = from
	}
	r.Prove(on, ch, from)
	if another && ch == RTP {
		s.unplace()
	}
	if s.keys[ch].old != nil {
		r.spare = slices.Grow(r.spare[:0], 4096)
	}
	r.notify(Event{Kind: Secured, Side: on, Channel: ch, Addr: from, Suite: p.suite})
}

// Prove tells where the handshake showed the peer to be: packets go there until its media is heard.
func (r *Relay) Prove(on Side, ch Channel, from netip.AddrPort) {
	if s := &r.sides[on]; ch == RTP {
		s.latch.proven = from
	} else if !s.control.IsValid() {
		s.control = from
	}
}

// Revoke takes the keys of a channel away: whoever has them is not the peer any more.
func (r *Relay) Revoke(on Side, ch Channel) {
	if s := &r.sides[on]; !r.closed && s.late != sdp.None {
		s.stats.Evicted += s.keys[ch].wipe(&s.formers)
	}
}

// Fail tells an exchange that failed, of DTLS or ZRTP. retried: it is tried further, and keys of a former one stay in force; else they
// are taken away.
func (r *Relay) Fail(on Side, ch Channel, err error, retried bool) {
	if r.closed || r.sides[on].late == sdp.None {
		return
	}
	if !retried {
		r.Revoke(on, ch)
	}
	r.notify(Event{Kind: SecureFailed, Side: on, Channel: ch, Err: err, Retried: retried})
}
