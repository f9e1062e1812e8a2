package zrtp

import (
	"slices"
	"time"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// state is where a stream is.
type state uint8

const (
	idle       state = iota
	discover         // asking by Hello
	quiet            // asked long enough, listening
	ready            // Hellos exchanged, waiting for permission or for the peer's Commit
	preparing        // our key pair or the retained secrets are not there yet
	commitSent       // initiator
	agreeing         // DHResult is not there yet
	dh1Sent          // responder
	dh2Sent          // initiator
	conf1Sent        // responder
	conf2Sent        // initiator
	secure
	errorSent
	dead
)

var states = [...]string{
	"idle", "discover", "quiet", "ready", "preparing", "Commit sent", "agreeing", "DHPart1 sent", "DHPart2 sent", "Confirm1 sent",
	"Confirm2 sent", "secure", "Error sent", "dead",
}

func (s state) String() string { return states[s] }

func (s state) is(one ...state) bool { return slices.Contains(one, s) }

// message is one of ours, frozen: a repetition is the same octets.
type message struct {
	data []byte
	id   uint16 // of its fragments, 0: not fragmented yet
}

// peer is what a Hello said.
type peer struct {
	hello []byte // nil: none yet
	ssrc  uint32
	zid   alg.ZID
	h3    alg.Image
	flags byte
	name  string
	lists Lists
}

// Stream is the exchange on one RTP port.
type Stream struct {
	session *Session
	ssrc    uint32
	state   state

	h0         alg.Image // kept for Succeed; whoever was secure with us knows it
	chain      alg.Chain
	hello      message
	sequence   uint16
	fragmentID uint16
	fragments  *wire.Reassembler // nil when the stream is secure: what comes then is short

	peer     peer
	peerHash *[32]byte
	vouched  bool      // by the path of the description
	acked    bool      // the peer has our Hello
	putOff   int       // how often a Commit waited for ours on another stream
	ackedBy  uint32    // SSRC of who said so, before its own Hello came
	seen     bool      // anything of ZRTP came
	heard    time.Time // when the peer last said something that fits

	role   alg.Role
	suite  alg.Suite
	job    *Job
	party  *alg.Party
	reused bool // the party was made for our own Commit
	worked bool // a job of this exchange has run

	key     Key // of the record
	asked   bool
	loaded  bool
	broken  bool // the cache could not be read
	record  Record
	secrets alg.Secrets
	shared  struct{ s1, s2 bool }

	commit, dhpart, confirm             message
	theirCommit, theirDHPart, theirConf []byte
	keys                                *alg.Keys
	body                                wire.ConfirmBody // the peer's, without H0

	helloAt, helloSince time.Time
	helloCount          int
	repeatAt            time.Time
	repeatCount         int
	repeatMax           int
	repeated            *message
	silentAt            time.Time
	graceAt             time.Time
	graceCode           Code
	decideAt            time.Time // see Renew
	confirmBad          bool
	nobody              bool // NoPeer was reported

	bad     int
	answers [answerKinds]rate
	alerts  uint32 // a bit for each suspicion that was reported
}

// NewStream makes a stream with its Hello. ssrc is that of the SRTP we will send on it. The first stream of a session, by
// custom the audio, is the one that agrees on the key.
func (s *Session) NewStream(ssrc uint32) (*Stream, error) {
	st := &Stream{session: s, ssrc: ssrc, fragments: wire.NewReassembler(maxMessage)}
	var h0 alg.Image
	var first [2]byte
	for _, b := range [][]byte{h0[:], first[:]} {
		if err := st.draw(b); err != nil {
			return nil, err
		}
	}
	st.h0, st.chain = h0, alg.NewChain(h0)
	// bzrtp drops what is not above the last number it saw, and does not wrap: so we begin low.
	st.sequence = (uint16(first[0])<<8|uint16(first[1]))&0x0fff + 1
	st.fragmentID = st.sequence
	st.hello.data = s.makeHello(st.chain)
	s.streams = append(s.streams, st)
	return st, nil
}

// Succeed makes a stream with the Hello of another one, whatever its session, which is to be stopped then: for a peer that takes the
// place of that one's, and has our a=zrtp-hash already. It comes before the Stop of the other. The former peer may know our hash images, so that the attribute
// alone does not prove to the new one who we are; the SAS and the retained secrets do.
func (s *Session) Succeed(old *Stream) (*Stream, error) {
	st, err := s.NewStream(old.ssrc)
	if err != nil {
		return nil, err
	}
	st.h0, st.chain = old.h0, alg.NewChain(old.h0)
	st.hello.data, st.sequence, st.fragmentID = old.hello.data, old.sequence, old.fragmentID
	return st, nil
}

func (s *Session) makeHello(chain alg.Chain) []byte {
	c := &s.config
	h := wire.HelloFields{
		Version: wire.Version, H3: chain[3], ZID: c.ZID,
		Hashes: c.Lists.wire(alg.KindHash), Ciphers: c.Lists.wire(alg.KindCipher), AuthTags: c.Lists.wire(alg.KindAuthTag),
		Agreements: c.Lists.withDH3k().wire(alg.KindAgreement), SAS: c.Lists.wire(alg.KindSAS),
	}
	copy(h.Client[:], c.Client)
	if c.Passive {
		h.Flags |= wire.FlagPassive
	}
	return sealed(wire.AppendHello(nil, h), chain[2])
}

// sealed fills the MAC in, keyed with the image below the one in the message.
func sealed(m []byte, key alg.Image) []byte {
	mac := key.MAC(wire.Covered(m))
	copy(wire.MAC(m), mac[:])
	return m
}

// fits checks the MAC of a message once the key is revealed.
func fits(m []byte, key alg.Image) bool {
	return key.MAC(wire.Covered(m)).Equal(alg.MAC8(wire.MAC(m)))
}

// String keeps its secrets out of print.
func (st *Stream) String() string { return "zrtp stream: " + st.state.String() }

// GoString is String.
func (st *Stream) GoString() string { return st.String() }

// Heard is when the peer last said something that fits; zero: never.
func (st *Stream) Heard() time.Time { return st.heard }

// PeerHello is the hash of the Hello that was accepted; false: none was.
func (st *Stream) PeerHello() ([32]byte, bool) {
	if st.peer.hello == nil {
		return [32]byte{}, false
	}
	return alg.HelloHash(st.peer.hello), true
}

// SSRC is ours.
func (st *Stream) SSRC() uint32 { return st.ssrc }

// HelloHash is the value for a=zrtp-hash, the same as long as the stream lives.
func (st *Stream) HelloHash() [32]byte { return alg.HelloHash(st.hello.data) }

// Secure tells whether the stream is secure in both directions.
func (st *Stream) Secure() bool { return st.state == secure }

// Handle takes one input. It returns what is to be done, in this order.
func (st *Stream) Handle(now time.Time, in Input) []Output {
	s := st.session
	s.now = now
	switch in := in.(type) {
	case Packet:
		st.receive(in.Data)
	case Tick:
		st.tick()
	case Start:
		if st.state == idle {
			st.ask()
		}
	case Restart:
		if st.state == discover || st.state == quiet {
			st.ask()
		}
	case Stop:
		st.stop()
		s.forgetStream(st)
		s.release(st)
	case Authenticated:
		if st.state == conf2Sent {
			st.finish()
		}
	case KeysDone:
		st.keysDone(in.Job)
	case SecretsLoaded:
		st.secretsLoaded(in)
	case PeerHash:
		st.setPeerHash(in)
	}
	out := s.outputs
	s.outputs = nil
	return out
}

func (st *Stream) out(e Effect) {
	st.session.outputs = append(st.session.outputs, Output{Stream: st, Effect: e})
}

func (st *Stream) alert(s Suspicion) {
	if st.alerts>>s&1 == 0 {
		st.alerts |= 1 << s
		st.out(Alert{Reason: s})
	}
}

func (st *Stream) trace(name string, v []byte) {
	if st.session.trace != nil {
		st.session.trace(st, name, v)
	}
}

func (st *Stream) stop() {
	st.state = dead
	st.quietTimers()
	st.wipe()
	st.chain.Wipe()
	clear(st.h0[:])
}

// wipe overwrites what is no longer needed after a success, a failure, or when the exchange is given up.
func (st *Stream) wipe() {
	if st.party != nil {
		st.party.Wipe()
		st.party = nil
	}
	st.job, st.worked = nil, false // wiped when it is given back
	st.wipeSecrets()
	if st.keys != nil {
		st.keys.Wipe()
		st.keys = nil
	}
}

func (st *Stream) wipeSecrets() {
	st.record.Wipe()
	st.secrets.Aux.Wipe()
	st.secrets = alg.Secrets{}
	st.loaded, st.asked = false, false
}

func (st *Stream) quietTimers() {
	st.helloAt, st.repeatAt, st.silentAt, st.graceAt, st.decideAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
}

// yield gives a Commit up that was not answered, in favour of another stream.
func (st *Stream) yield() {
	st.repeatAt = time.Time{}
	st.wipe()
	st.state = ready
}

// abandon gives an exchange up whose peer stopped, and listens for another Hello.
func (st *Stream) abandon() {
	if st.theirCommit != nil && st.suite.Agreement == alg.Mult {
		delete(st.session.nonces, wire.ParseCommit(st.theirCommit).Nonce)
	}
	st.quietTimers()
	st.wipe()
	st.theirCommit, st.theirDHPart, st.theirConf = nil, nil, nil
	st.peer, st.acked, st.confirmBad = peer{}, false, false
	st.state = quiet
	st.session.release(st)
}

func (st *Stream) fail(code Code, detail string) { st.failed(Failure{Code: code, Detail: detail}) }

func (st *Stream) failed(f Failure) {
	if st.state == dead || st.state == errorSent {
		return
	}
	st.quietTimers()
	st.wipe()
	st.chain.Wipe()
	st.state = dead
	st.out(Failed{Reason: f})
	st.session.release(st)
}

// refuse fails and tells the peer why.
func (st *Stream) refuse(code Code, detail string) {
	if st.state == dead || st.state == errorSent {
		return
	}
	st.fail(code, detail)
	st.state = errorSent
	st.repeat(&message{data: wire.AppendFailure(nil, uint32(code))})
	if st.peer.deaf() {
		st.repeatMax = repeatsDeaf
	}
}
