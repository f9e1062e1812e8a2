package zrtp

import (
	"bytes"
	"errors"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

var (
	codeMult = wire.Code([]byte("Mult"))
	codePrsh = wire.Code([]byte("Prsh"))
)

// begin prepares a Commit in DH mode.
func (st *Stream) begin() {
	st.session.exchange = st
	st.role, st.reused = alg.Initiator, false
	st.state = preparing
	st.suite = choose(st.session.config.Lists, st.peer.lists)
	st.loadSecrets()
	st.prepare(alg.Initiator, st.suite, nil)
}

// keysDone takes a job back.
func (st *Stream) keysDone(j *Job) {
	if j != st.job || j == nil {
		if j != nil {
			j.Wipe()
		}
		return
	}
	st.job, st.worked = nil, true
	st.party = j.party
	switch {
	case errors.Is(j.err, alg.ErrPublicValue):
		st.refuse(CodePublicValue, "key agreement "+st.suite.Agreement.String())
	case j.err != nil:
		st.refuse(CodeSoftware, "key agreement "+st.suite.Agreement.String())
	case st.state == agreeing:
		st.agreed(j.result)
	case st.state == preparing:
		st.advance()
	}
}

// advance goes on when both the key pair and the retained secrets are there.
func (st *Stream) advance() {
	if st.party == nil || !st.loaded {
		return
	}
	if st.role == alg.Initiator {
		st.sendCommit()
		return
	}
	if st.reused && !st.party.Suits(st.suite.Cipher) {
		st.party.Wipe()
		st.party, st.reused = nil, false
		st.prepare(alg.Responder, st.suite, nil)
		return
	}
	st.sendDHPart1()
}

func (st *Stream) makeDHPart(t wire.Type) bool {
	ids, err := alg.NewIDs(st.suite.Hash, st.role, st.chain[3], st.secrets, st.session.config.Rand)
	if err != nil {
		st.refuse(CodeSoftware, "no randomness")
		return false
	}
	m := wire.AppendDHPart(nil, t, wire.DHPartFields{
		H1: st.chain[1], RS1: ids.RS1, RS2: ids.RS2, Aux: ids.Aux, PBX: ids.PBX, Public: st.party.Public,
	})
	st.dhpart = message{data: sealed(m, st.chain[0])}
	return true
}

// commitFields are those that do not depend on the mode.
func (st *Stream) commitFields() wire.CommitFields {
	c := wire.CommitFields{H2: st.chain[2], ZID: st.session.config.ZID}
	to := [...]*wire.Code{&c.Hash, &c.Cipher, &c.AuthTag, &c.Agreement, &c.SAS}
	for i, code := range st.suite.Codes() {
		*to[i] = wire.Code(code.Append(nil))
	}
	return c
}

// sendCommit freezes DHPart2, to which the Commit commits.
func (st *Stream) sendCommit() {
	if !st.makeDHPart(wire.DHPart2) {
		return
	}
	c := st.commitFields()
	c.HVI = alg.HVI(st.suite.Hash, st.dhpart.data, st.peer.hello)
	c.Public = st.party.Commit
	st.commit = message{data: sealed(wire.AppendCommit(nil, c), st.chain[1])}
	st.state = commitSent
	st.repeat(&st.commit)
}

// onCommit takes a Commit: the peer wants to be the initiator.
func (st *Stream) onCommit(m []byte) {
	if st.theirCommit != nil && bytes.Equal(m, st.theirCommit) {
		st.commitAgain()
		return
	}
	if st.peer.hello == nil || !st.mayTakeCommit() {
		st.drop()
		return
	}
	c := wire.ParseCommit(m)
	h2 := alg.Image(c.H2)
	if alg.ZID(c.ZID) != st.peer.zid || !h2.Next().Equal(st.peer.h3) {
		st.drop()
		return
	}
	if !fits(st.peer.hello, h2) {
		st.drop()
		st.alert(MessageForged)
		return
	}
	st.touch()
	suite, ok := st.follows(c)
	if !ok || st.state == commitSent && st.wins(c) {
		return
	}
	if suite.Agreement == alg.Mult {
		st.followMultistream(m, c, suite)
	} else {
		st.follow(m, c, suite)
	}
}

func (st *Stream) mayTakeCommit() bool {
	return st.state.is(discover, quiet, ready, commitSent) || st.state == preparing && st.role == alg.Initiator
}

// commitAgain answers a repeated Commit.
func (st *Stream) commitAgain() {
	st.touch()
	switch {
	case st.state == dh1Sent:
		st.resend(&st.dhpart)
	case st.state == conf1Sent && st.suite.Agreement == alg.Mult:
		st.resend(&st.confirm)
	}
}

// follows checks the choice of a Commit.
func (st *Stream) follows(c wire.CommitFields) (alg.Suite, bool) {
	if c.Agreement == codePrsh {
		// Our own Commit in DH mode stays in force (RFC 6189 section 4.2); without one the peer has to send another.
		if st.session.config.Passive {
			st.refuse(CodeNoSecret, "")
			return alg.Suite{}, false
		}
		st.acked = true // who commits has our Hello
		st.stopAsking()
		st.maybeBegin()
		return alg.Suite{}, false
	}
	var codes [alg.Kinds]alg.Code
	for k, code := range [alg.Kinds]wire.Code{c.Hash, c.Cipher, c.AuthTag, c.Agreement, c.SAS} {
		codes[k] = alg.ParseCode(code[:])
	}
	suite, err := alg.NewSuite(codes)
	if unsupported := (*alg.UnsupportedError)(nil); errors.As(err, &unsupported) {
		st.refuse(Code(unsupported.Alarm()), unsupported.Code.String())
		return suite, false
	}
	for k, code := range codes {
		if !st.session.config.Lists.allows(alg.Kind(k), code) && code != alg.Mult {
			refused := alg.UnsupportedError{Kind: alg.Kind(k), Code: code}
			st.refuse(Code(refused.Alarm()), code.String())
			return suite, false
		}
	}
	if suite.Agreement == alg.Mult {
		return suite, st.followsMultistream(c, suite)
	}
	if st.session.trial != nil { // the peer has begun everything anew
		st.session.disown()
	}
	if st.state == commitSent && st.suite.Agreement == alg.Mult {
		st.refuse(CodeSoftware, "DH mode on a further stream") // RFC 6189 section 4.2
		return suite, false
	}
	if !st.session.mayFollow(st, c) {
		st.drop()
		return suite, false
	}
	return suite, true
}

// wins decides between two Commits that crossed: the larger one stays (RFC 6189 section 4.2).
func (st *Stream) wins(theirs wire.CommitFields) bool {
	ours := wire.ParseCommit(st.commit.data)
	if ours.Agreement == codeMult {
		return bytes.Compare(ours.Nonce[:], theirs.Nonce[:]) > 0
	}
	return bytes.Compare(ours.HVI[:], theirs.HVI[:]) > 0
}

// follow becomes the responder in DH mode. A key pair for our own Commit serves in this role as well.
func (st *Stream) follow(m []byte, c wire.CommitFields, suite alg.Suite) {
	agreement, _ := alg.AgreementOf(suite.Agreement)
	reuse := st.role == alg.Initiator && (st.job != nil || st.party != nil) && st.suite.Agreement == suite.Agreement &&
		!agreement.KEM()
	if len(c.Public) != agreement.Sizes().Commit {
		st.refuse(CodePublicValue, "key agreement "+suite.Agreement.String())
		return
	}
	st.respond(m, suite)
	st.state = preparing
	st.loadSecrets()
	if st.reused = reuse; reuse {
		st.advance()
		return
	}
	if st.party != nil {
		st.party.Wipe()
		st.party = nil
	}
	st.job = nil
	st.prepare(alg.Responder, suite, c.Public)
}

// respond takes the role of the responder.
func (st *Stream) respond(m []byte, suite alg.Suite) {
	st.acked = true // who commits has our Hello
	st.quietTimers()
	st.theirCommit = bytes.Clone(m)
	st.role, st.suite = alg.Responder, suite
}

func (st *Stream) sendDHPart1() {
	if !st.makeDHPart(wire.DHPart1) {
		return
	}
	st.state = dh1Sent
	st.touch()
	st.send(&st.dhpart)
}
