package zrtp

import (
	"bytes"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// onDHPart1 takes the responder's public value.
func (st *Stream) onDHPart1(m []byte) {
	if st.state != commitSent || st.suite.Agreement == alg.Mult {
		if !bytes.Equal(m, st.theirDHPart) {
			st.drop()
		}
		return
	}
	agreement, _ := alg.AgreementOf(st.suite.Agreement)
	d := wire.ParseDHPart(m)
	h2 := alg.Image(d.H1).Next()
	if len(d.Public) != agreement.Sizes().DHPart1 || !h2.Next().Equal(st.peer.h3) {
		st.drop()
		return
	}
	if !fits(st.peer.hello, h2) {
		st.drop()
		st.alert(MessageForged)
		return
	}
	st.agreeOn(m, d.Public)
}

// onDHPart2 takes the initiator's public value, and checks that it is the one that was committed to: without that a man in the
// middle could choose a value that fits the SAS.
func (st *Stream) onDHPart2(m []byte) {
	if st.theirDHPart != nil && bytes.Equal(m, st.theirDHPart) {
		st.touch()
		if st.state == conf1Sent {
			st.resend(&st.confirm)
		}
		return
	}
	if st.state != dh1Sent {
		st.drop()
		return
	}
	agreement, _ := alg.AgreementOf(st.suite.Agreement)
	d, c := wire.ParseDHPart(m), wire.ParseCommit(st.theirCommit)
	h1 := alg.Image(d.H1)
	if len(d.Public) != agreement.Sizes().DHPart2 || !h1.Next().Equal(c.H2) {
		st.drop()
		return
	}
	if !fits(st.theirCommit, h1) {
		st.drop()
		st.alert(MessageForged)
		return
	}
	if alg.HVI(st.suite.Hash, m, st.hello.data) != c.HVI {
		st.alert(MessageForged)
		st.refuse(CodeHVI, "")
		return
	}
	st.agreeOn(m, d.Public)
}

func (st *Stream) agreeOn(m, public []byte) {
	st.quietTimers()
	st.theirDHPart = bytes.Clone(m)
	st.state = agreeing
	st.agree(public)
}

// agreed derives all keys from DHResult.
func (st *Stream) agreed(result alg.Secret) {
	st.trace("dh_result", result)
	st.derive(result)
	result.Wipe()
	st.party.Wipe()
	st.party = nil
	if st.role == alg.Responder {
		st.sendConfirm(wire.Confirm1)
		return
	}
	st.state = dh2Sent
	st.repeat(&st.dhpart)
}

func (st *Stream) derive(result alg.Secret) {
	h := st.suite.Hash
	d := wire.ParseDHPart(st.theirDHPart)
	shared := alg.Match(h, st.role, st.secrets, st.peer.h3, alg.IDs{RS1: d.RS1, RS2: d.RS2, Aux: d.Aux, PBX: d.PBX})
	st.shared.s1, st.shared.s2 = shared.S1 != nil, shared.S2 != nil
	c := st.context()
	if st.role == alg.Initiator {
		c.TotalHash = alg.TotalHash(h, st.peer.hello, st.commit.data, st.theirDHPart, st.dhpart.data)
	} else {
		c.TotalHash = alg.TotalHash(h, st.hello.data, st.theirCommit, st.dhpart.data, st.theirDHPart)
	}
	s0 := alg.S0(h, result, c, shared)
	st.keys = alg.Derive(st.suite, s0, c)
	st.trace("s0", s0)
	st.trace("s1", shared.S1)
	st.trace("s2", shared.S2)
	st.trace("s3", shared.S3)
	st.trace("total_hash", c.TotalHash)
	s0.Wipe()
}

// context has no total hash yet.
func (st *Stream) context() alg.Context {
	ours := st.session.config.ZID
	if st.role == alg.Initiator {
		return alg.Context{Initiator: ours, Responder: st.peer.zid}
	}
	return alg.Context{Initiator: st.peer.zid, Responder: ours}
}
