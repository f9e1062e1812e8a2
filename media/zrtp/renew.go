package zrtp

import (
	"maps"
	"time"

	"b2bua/media/zrtp/alg"
)

const (
	// patience is how long a peer that has begun anew may take for its Commit, the fourth sending of it included: most send one at once.
	patience = 1200 * time.Millisecond
	// trialEnd is when a peer that does not answer a Commit in Multistream mode is taken for one that has lost the session: late enough for
	// six sendings, early enough for DH mode within the time in which a leg has to be secure.
	trialEnd = 4 * time.Second
)

// bequest is what a session had agreed on that another one may go on with.
type bequest struct {
	key     alg.Secret
	report  Report
	cache   Key
	pending *Update
}

func (b *bequest) clone() *bequest {
	c := *b
	c.key = b.key.Clone()
	if b.pending != nil {
		p := *b.pending
		p.Retained = p.Retained.Clone()
		c.pending = &p
	}
	return &c
}

func (b *bequest) wipe() {
	if b == nil {
		return
	}
	b.key.Wipe()
	if b.pending != nil {
		b.pending.Retained.Wipe()
	}
}

// Renew tells a new session which one it may take the place of: the descriptions say that the peer has another Hello, but not whether it
// has replaced a stream in the session that there is, and sends a Commit in Multistream mode, or has begun everything anew, and sends one
// in DH mode. If the new Hello has the ZID of the former peer, the first word is the peer's for a moment; then Multistream mode is tried
// (RFC 6189 section 4.4.3) and, if that is refused or not answered, DH mode. Another ZID is another peer, with which DH mode begins at
// once. It comes before the first Start; former is as it was, and may be closed.
func (s *Session) Renew(former *Session) {
	b := former.former
	if b == nil && former.secure() {
		b = &bequest{key: former.key, report: former.report, cache: former.cache, pending: former.pending}
	}
	if b == nil {
		return
	}
	b = b.clone()
	s.former.wipe()
	s.former, s.nonces = b, maps.Clone(former.nonces) // no nonce twice under one key
}

// hesitates tells whether a stream that could begin leaves the first word to its peer.
func (st *Stream) hesitates() bool {
	s := st.session
	if s.trial != nil || !s.mayBeFormer(st.peer.zid) || st.peer.zid == sharedZID {
		return false
	}
	if st.decideAt.IsZero() {
		st.decideAt = s.now.Add(patience)
	}
	return true
}

// mayBeFormer tells whether a peer can be the one of the former session.
func (s *Session) mayBeFormer(zid alg.ZID) bool {
	return s.former != nil && s.former.report.Peer == zid
}

// decide ends the wait for the peer's Commit, or for its answer to ours.
func (st *Stream) decide() {
	switch s := st.session; {
	case s.trial == st:
		s.disown()
		s.wake()
	case s.trial == nil && st.state == ready && s.mayBeFormer(st.peer.zid) && s.mayBegin(st):
		s.adopt(st)
		st.decideAt = s.now.Add(trialEnd)
		st.maybeBegin()
	}
}

// adopt goes on with the former session as far as one stream is concerned, the others wait.
func (s *Session) adopt(st *Stream) {
	b := s.former.clone()
	s.key, s.report, s.cache, s.pending = b.key, b.report, b.cache, b.pending
	s.trial = st
}

// settle notes that the peer goes on as well.
func (s *Session) settle() {
	if s.trial == nil {
		return
	}
	s.trial.decideAt = time.Time{}
	s.trial = nil
	s.forgetFormer()
	s.wake()
}

// disown notes that the peer does not: the session is a new one.
func (s *Session) disown() {
	st := s.trial
	s.trial = nil
	s.forgetFormer()
	s.key.Wipe()
	if s.pending != nil {
		s.pending.Retained.Wipe()
	}
	s.key, s.report, s.cache, s.pending = nil, Report{}, Key{}, nil
	st.decideAt, st.graceAt = time.Time{}, time.Time{}
	if st.state == commitSent {
		st.yield()
	}
}

func (s *Session) forgetFormer() {
	s.former.wipe()
	s.former = nil
}
