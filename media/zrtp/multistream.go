package zrtp

import (
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// multistream is the suite of a further stream: the first one's, without a key agreement.
func (s *Session) multistream() alg.Suite {
	suite := s.report.Suite
	suite.Agreement = alg.Mult
	return suite
}

// beginMultistream sends a Commit for a further stream (RFC 6189 section 4.4.3).
func (st *Stream) beginMultistream() {
	st.role, st.suite = alg.Initiator, st.session.multistream()
	c := st.commitFields()
	if st.draw(c.Nonce[:]) != nil || !st.session.useNonce(c.Nonce) {
		st.fail(CodeSoftware, "no fresh nonce")
		return
	}
	st.commit = message{data: sealed(wire.AppendCommit(nil, c), st.chain[1])}
	st.state = commitSent
	st.repeat(&st.commit)
}

// followsMultistream checks a Commit for a further stream.
func (st *Stream) followsMultistream(c wire.CommitFields, suite alg.Suite) bool {
	s := st.session
	if !s.secure() && s.exchange == nil && s.mayBeFormer(st.peer.zid) { // the peer goes on
		s.adopt(st)
	}
	if !s.secure() {
		// The peer may be secure a moment before us; a peer whose session we lost gives up by itself.
		st.drop()
		return false
	}
	if alg.ZID(c.ZID) != s.report.Peer {
		st.drop()
		st.alert(OtherZID)
		return false
	}
	first := s.multistream()
	switch {
	case suite.Hash != first.Hash:
		st.refuse(CodeHash, suite.Hash.String())
	case suite.Cipher != first.Cipher:
		st.refuse(CodeCipher, suite.Cipher.String())
	default:
		// The auth tag need not be the first stream's: bzrtp takes the first of its own list on each stream, whatever the Commit of
		// the first one named (measured with 5.1.64). We offered it, and the keys are derived for it.
		return true
	}
	return false
}

// followMultistream becomes the responder of a further stream.
func (st *Stream) followMultistream(m []byte, c wire.CommitFields, suite alg.Suite) {
	if !st.session.useNonce(c.Nonce) {
		st.refuse(CodeNonce, "")
		return
	}
	st.respond(m, suite)
	st.deriveMultistream()
	st.sendConfirm(wire.Confirm1)
	st.session.settle()
}

func (st *Stream) deriveMultistream() {
	h, c := st.suite.Hash, st.context()
	if st.role == alg.Initiator {
		c.TotalHash = alg.TotalHash(h, st.peer.hello, st.commit.data)
	} else {
		c.TotalHash = alg.TotalHash(h, st.hello.data, st.theirCommit)
	}
	s0 := alg.MultistreamS0(h, st.session.key, c)
	st.keys = alg.Derive(st.suite, s0, c)
	st.trace("s0", s0)
	st.trace("total_hash", c.TotalHash)
	s0.Wipe()
}
