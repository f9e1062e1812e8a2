package zrtp

import (
	"bytes"
	"time"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// sendConfirm freezes our Confirm. The initiator repeats its own, the responder waits for it.
func (st *Stream) sendConfirm(t wire.Type) {
	st.traceKeys()
	c := &st.session.config
	body := wire.ConfirmBody{H0: st.chain[0], Expiration: c.Expiration}
	verified := st.record.Verified && st.shared.s1
	if st.suite.Agreement == alg.Mult {
		body.Expiration = Forever // RFC 6189 section 5.7: ignored
		verified = st.session.report.Verified
	}
	if c.Disclosure {
		body.Flags |= wire.FlagDisclosure
	}
	if verified {
		body.Flags |= wire.FlagVerified
	}
	f := wire.ConfirmFields{Body: wire.AppendConfirmBody(nil, body)}
	if st.draw(f.IV[:]) != nil {
		st.fail(CodeSoftware, "no randomness")
		return
	}
	mac, err := st.keys.Sent(st.role).Seal(f.IV, f.Body)
	if err != nil {
		st.fail(CodeSoftware, "Confirm")
		return
	}
	f.MAC = mac
	st.confirm = message{data: wire.AppendConfirm(nil, t, f)}
	if t == wire.Confirm2 {
		st.state = conf2Sent
		st.repeat(&st.confirm)
		return
	}
	st.state = conf1Sent
	st.touch()
	st.send(&st.confirm)
}

// onConfirm1 takes the responder's: from here on its media can be read.
func (st *Stream) onConfirm1(m []byte) {
	if st.theirConf != nil && bytes.Equal(m, st.theirConf) && st.role == alg.Initiator {
		if st.state == conf2Sent || st.state == secure {
			st.resend(&st.confirm)
		}
		return
	}
	switch {
	case st.state == dh2Sent:
	case st.state == commitSent && st.suite.Agreement == alg.Mult:
		if st.keys == nil {
			st.deriveMultistream()
		}
	default:
		st.drop()
		return
	}
	if !st.open(m) {
		return
	}
	st.repeatAt = time.Time{}
	st.installReceive()
	st.sendConfirm(wire.Confirm2)
}

// onConfirm2 takes the initiator's: the responder is secure.
func (st *Stream) onConfirm2(m []byte) {
	if st.theirConf != nil && bytes.Equal(m, st.theirConf) && st.role == alg.Responder {
		if st.state == secure {
			st.answer(answerAgain, wire.Conf2ACK)
		}
		return
	}
	if st.state != conf1Sent {
		st.drop()
		return
	}
	if !st.open(m) {
		return
	}
	st.installReceive()
	st.sendEmpty(wire.Conf2ACK)
	st.finish()
}

// open checks a Confirm and everything that its H0 authenticates.
func (st *Stream) open(m []byte) bool {
	c := wire.ParseConfirm(m)
	text := bytes.Clone(c.Body)
	defer clear(text)
	if st.keys.Sent(st.role.Peer()).Open(c.MAC, c.IV, text) != nil {
		st.drop()
		st.confirmBad = true
		st.alert(ConfirmBad)
		return false
	}
	body, err := wire.ParseConfirmBody(text)
	if err != nil {
		st.drop()
		return false
	}
	if !st.authentic(body.H0) {
		st.drop()
		st.alert(MessageForged)
		return false
	}
	st.touch()
	st.body = wire.ConfirmBody{Flags: body.Flags, Expiration: body.Expiration}
	st.theirConf = bytes.Clone(m)
	st.session.settle()
	return true
}

// authentic follows H0 up to what the peer revealed before, and checks the MAC of the last message that has none yet
// (RFC 6189 section 9).
func (st *Stream) authentic(h0 alg.Image) bool {
	h1 := h0.Next()
	if st.suite.Agreement != alg.Mult {
		return h1.Equal(wire.ParseDHPart(st.theirDHPart).H1) && fits(st.theirDHPart, h0)
	}
	h2 := h1.Next()
	if st.role == alg.Responder {
		return h2.Equal(wire.ParseCommit(st.theirCommit).H2) && fits(st.theirCommit, h1)
	}
	return h2.Next().Equal(st.peer.h3) && fits(st.peer.hello, h2)
}

func (st *Stream) installReceive() {
	st.out(InstallReceive{Suite: st.suite.SRTP(), Master: st.keys.Sent(st.role.Peer()).Master()})
}

// finish makes the stream secure.
func (st *Stream) finish() {
	st.quietTimers()
	st.out(InstallSend{Suite: st.suite.SRTP(), Master: st.keys.Sent(st.role).Master()})
	r := st.report()
	st.state = secure
	if st.suite.Agreement != alg.Mult {
		st.retain(r)
		st.out(Secure{Report: r})
		st.session.become(st, r)
	} else {
		st.out(Secure{Report: r})
	}
	st.forgetKeys()
}

// forgetKeys overwrites what a secure stream does not need, and lets its messages go. It keeps what checks GoClear and SASrelay,
// and what answers a repetition.
func (st *Stream) forgetKeys() {
	st.commit, st.dhpart, st.theirCommit, st.theirDHPart = message{}, message{}, nil, nil
	st.fragments, st.repeated = nil, nil
	st.peer.lists = Lists{}
	st.wipeSecrets()
	st.chain.Wipe()
	k := st.keys
	for _, secret := range []alg.Secret{
		k.Session, k.Retained, k.SASHash, k.Exported, k.Initiator.SRTPKey, k.Initiator.SRTPSalt, k.Responder.SRTPKey, k.Responder.SRTPSalt,
	} {
		secret.Wipe()
	}
}

func (st *Stream) report() Report {
	if st.suite.Agreement == alg.Mult {
		r := st.session.report
		r.Suite, r.Role = st.suite, st.role
		r.PeerVerified = r.PeerVerified && st.body.Flags&wire.FlagVerified != 0
		r.Disclosure = r.Disclosure || st.body.Flags&wire.FlagDisclosure != 0
		r.HashVerified = st.peerHash != nil
		return r
	}
	peerVerified := st.body.Flags&wire.FlagVerified != 0
	known := st.secrets.RS1 != nil || st.secrets.RS2 != nil
	return Report{
		Suite: st.suite, Role: st.role, SAS: alg.SAS(st.suite.SAS, st.keys.SASHash),
		Peer: st.peer.zid, Client: st.peer.name,
		Continuity: st.shared.s1, Mismatch: known && !st.shared.s1,
		AuxMismatch: st.secrets.Aux != nil && !st.shared.s2,
		Verified:    st.record.Verified && st.shared.s1, PeerVerified: peerVerified,
		Disclosure: st.body.Flags&wire.FlagDisclosure != 0, PeerMitM: st.peer.flags&wire.FlagMitM != 0,
		HashVerified: st.peerHash != nil,
	}
}

// retain hands the new retained secret to the cache (RFC 6189 section 4.6.1). After a mismatch it waits until somebody compared
// the SAS, unless the description vouches for the peer.
func (st *Stream) retain(r Report) {
	s := st.session
	if st.key == (Key{}) || st.broken {
		return
	}
	s.cache = st.key
	u := Update{Client: r.Client, Used: s.now}
	seconds := min(s.config.Expiration, st.body.Expiration)
	if seconds == 0 && !r.Mismatch { // who does not have the secret does not decide about it: anybody can show this ZID
		u.Expire = true
		st.out(StoreSecrets{Key: st.key, Update: u})
		return
	}
	if seconds != Forever {
		u.Expires = s.now.Add(time.Duration(seconds) * time.Second)
	}
	u.Retained = st.keys.Retained.Clone()
	if r.Mismatch {
		st.alert(CacheMismatch)
		no := false
		u.Verified, u.Mismatch = &no, true
		switch {
		case seconds == 0: // there is nothing to replace it by
			u.Retained.Wipe()
			u.Retained = nil
		case !st.vouched || !r.HashVerified:
			waiting := u
			s.pending = &waiting
			u.Retained = nil
		}
	}
	st.out(StoreSecrets{Key: st.key, Update: u})
}

func (st *Stream) traceKeys() {
	if st.session.trace == nil {
		return
	}
	st.trace("commit", st.commit.data)
	st.trace("dhpart", st.dhpart.data)
	k := st.keys
	for name, v := range map[string][]byte{
		"zrtpsess": k.Session, "rs1_new": k.Retained, "sashash": k.SASHash, "exported_key": k.Exported,
		"srtpkeyi": k.Initiator.SRTPKey, "srtpsalti": k.Initiator.SRTPSalt, "mackeyi": k.Initiator.MACKey, "zrtpkeyi": k.Initiator.ZRTPKey,
		"srtpkeyr": k.Responder.SRTPKey, "srtpsaltr": k.Responder.SRTPSalt, "mackeyr": k.Responder.MACKey, "zrtpkeyr": k.Responder.ZRTPKey,
	} {
		st.trace(name, bytes.Clone(v))
	}
}
