package zrtp

import (
	"slices"
	"time"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// Session is one leg of one call.
type Session struct {
	config   Config
	streams  []*Stream // the first begins, the others follow in Multistream mode
	exchange *Stream   // in DH mode: one at a time (RFC 6189 section 4.4.1)

	key     alg.Secret // ZRTPSess, nil until one stream is secure
	report  Report     // of that stream
	nonces  map[[16]byte]struct{}
	cache   Key
	pending *Update // the new rs1 after a mismatch, until somebody compared the SAS

	former *bequest // of the session that this one may go on; nil: none, or it is known
	trial  *Stream  // the stream that tries to go on with it

	now     time.Time
	outputs []Output
	trace   func(st *Stream, name string, value []byte) // tests read what is overwritten afterwards
}

// NewSession checks the configuration.
func NewSession(c Config) (*Session, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Aux = c.Aux.Clone()
	return &Session{config: c, nonces: map[[16]byte]struct{}{}}, nil
}

// String keeps its secrets out of print.
func (s *Session) String() string { return "zrtp session" }

// GoString is String.
func (s *Session) GoString() string { return s.String() }

// Report is that of the stream which made the session secure.
func (s *Session) Report() (Report, bool) { return s.report, s.secure() }

// Confirm records what a person found who compared the SAS. True ends a mismatch: the new secret is stored.
func (s *Session) Confirm(now time.Time, same bool) []Output {
	if !s.secure() || s.cache == (Key{}) || len(s.streams) == 0 {
		return nil
	}
	u := Update{Verified: &same, Client: s.report.Client, Used: now}
	if s.pending != nil && same {
		u.Retained, u.Expires = s.pending.Retained, s.pending.Expires
		s.pending = nil
	}
	return []Output{{Stream: s.streams[0], Effect: StoreSecrets{Key: s.cache, Update: u}}}
}

// Close ends all streams and overwrites every secret.
func (s *Session) Close() {
	for _, st := range s.streams {
		st.stop()
	}
	s.forgetFormer()
	s.key.Wipe()
	s.config.Aux.Wipe()
	if s.pending != nil {
		s.pending.Retained.Wipe()
		s.pending = nil
	}
	s.outputs = nil
}

func (s *Session) secure() bool { return s.key != nil }

// mayBegin tells whether the stream may send a Commit.
func (s *Session) mayBegin(st *Stream) bool {
	if s.trial != nil {
		return s.trial == st
	}
	return s.secure() || s.first() == st && (s.exchange == nil || s.exchange == st)
}

// first is the stream that begins: the first one that was started and has not failed.
func (s *Session) first() *Stream {
	for _, st := range s.streams {
		if !st.state.is(idle, errorSent, dead) {
			return st
		}
	}
	return nil
}

// mayFollow tells whether the stream may answer a Commit in DH mode. An exchange of ours that has not been answered gives way:
// some peers begin on all streams at once, and go on with the one that we answer. Where it has been sent, it crosses the peer's on another
// stream: the larger one stays, as on one stream (RFC 6189 section 4.2), or both would wait. A peer that insists does not know that rule.
func (s *Session) mayFollow(st *Stream, theirs wire.CommitFields) bool {
	if s.secure() {
		return false
	}
	if other := s.exchange; other != nil && other != st {
		if other.role != alg.Initiator || other.state != preparing && other.state != commitSent {
			return false
		}
		if other.state == commitSent && other.wins(theirs) && st.putOff < maxPutOff {
			st.putOff++
			return false
		}
		other.yield()
	}
	s.exchange = st
	return true
}

// maxPutOff is how often a crossing Commit on another stream is put off: about a second of the peer's repetitions.
const maxPutOff = 3

// release lets another stream begin.
func (s *Session) release(st *Stream) {
	tried := s.trial == st
	if tried {
		s.disown()
	}
	if s.exchange == st || tried {
		s.exchange = nil
		s.wake()
	}
}

// wake lets the streams begin that wait for permission.
func (s *Session) wake() {
	for _, st := range s.streams {
		st.maybeBegin()
	}
}

// become takes what a stream in DH mode has agreed on.
func (s *Session) become(st *Stream, r Report) {
	s.key, s.report = st.keys.Session.Clone(), r
	s.exchange = nil
	s.forgetFormer()
	s.wake()
}

// useNonce remembers a nonce; false: it was used before, or there were too many.
func (s *Session) useNonce(n [16]byte) bool {
	if _, used := s.nonces[n]; used || len(s.nonces) >= maxNonces {
		return false
	}
	s.nonces[n] = struct{}{}
	return true
}

func (s *Session) forgetStream(st *Stream) {
	s.streams = slices.DeleteFunc(s.streams, func(other *Stream) bool { return other == st })
}
