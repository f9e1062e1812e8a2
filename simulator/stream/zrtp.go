package stream

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// Leg is the ZRTP of one call: the session that its streams share. It is safe for concurrent use.
type Leg struct {
	cache   zrtp.Cache
	mu      sync.Mutex // taken before a stream's
	session *zrtp.Session
	ends    map[*Stream]*zrtp.Stream
	order   []*Stream // of the descriptions: the first one agrees on the key
	closed  bool
}

// NewLeg makes a session. The source of randomness may be nil: the system's.
func NewLeg(cfg zrtp.Config, cache zrtp.Cache) (*Leg, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	session, err := zrtp.NewSession(cfg)
	if err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	return &Leg{cache: cache, session: session, ends: map[*Stream]*zrtp.Stream{}}, nil
}

// Renew makes a session that has not begun able to go on with another one, if the peer does.
func (l *Leg) Renew(former *Leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	former.mu.Lock()
	defer former.mu.Unlock()
	l.session.Renew(former.session)
}

// Confirm tells what a person found who compared the SAS.
func (l *Leg) Confirm(same bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perform(l.session.Confirm(time.Now(), same))
}

// Close ends the session. Its streams are closed before.
func (l *Leg) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.session.Close()
}

// ZRTP is what a stream does when ZRTP is agreed.
type ZRTP struct {
	Leg    *Leg      // needed
	Hash   *[32]byte // a=zrtp-hash of the peer; nil: it gave none
	Silent bool      // it never says a word of ZRTP
	Mute   bool      // it says Hello and nothing else
	Forge  bool      // somebody sends Errors in its name while it agrees on keys
}

// ZRTPReport is what a stream knows of its ZRTP.
type ZRTPReport struct {
	zrtp.Report
	Secure bool
	Alerts []string // suspicions, in order
	Heard  uint64   // packets of ZRTP received
}

// handshake is the state of a stream's ZRTP, guarded by the stream's lock.
type handshake struct {
	own       ZRTP
	inputs    []zrtp.Input // for the sender's goroutine to hand in: the lock order forbids Set to
	started   bool
	told      *[32]byte // the peer's hash as the exchange knows it
	authentic bool      // a packet of the peer was, since the exchange began
	report    ZRTPReport
	failure   string
	forged    uint16
}

// maxAlerts are kept.
const maxAlerts = 32

// SetZRTP tells what is done in ZRTP from the next Set on.
func (s *Stream) SetZRTP(z ZRTP) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zrtp.own = z
}

// HelloHash is our value for a=zrtp-hash. It stays as long as the exchange; renew begins another one, as does another leg.
func (s *Stream) HelloHash(l *Leg, renew bool) ([32]byte, error) {
	s.mu.Lock()
	before := s.zrtp.own.Leg
	s.mu.Unlock()
	if before != nil && before != l {
		s.leave()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if z := l.ends[s]; z != nil && !renew {
		return z.HelloHash(), nil
	}
	if l.closed {
		return [32]byte{}, errors.New("stream: the session of ZRTP is closed")
	}
	s.mu.Lock()
	ssrc := s.tx.ssrc
	s.zrtp.inputs, s.zrtp.started, s.zrtp.told, s.zrtp.authentic = nil, false, nil, false
	s.mu.Unlock()
	if z := l.ends[s]; z != nil {
		l.perform(z.Handle(time.Now(), zrtp.Stop{}))
	}
	z, err := l.session.NewStream(ssrc)
	if err != nil {
		return [32]byte{}, fmt.Errorf("stream: %w", err)
	}
	l.ends[s] = z
	if !slices.Contains(l.order, s) {
		l.order = append(l.order, s)
	}
	return z.HelloHash(), nil
}

// meet starts or keeps the exchange after an agreement. The stream's lock is held.
func (s *Stream) meet(a sdp.Agreed) error {
	h := &s.zrtp
	switch {
	case !a.Enabled || a.Encryption != sdp.ZRTP || h.own.Silent:
		return nil
	case h.own.Leg == nil:
		return errors.New("stream: ZRTP without a session of ours")
	}
	if h.own.Hash != nil && (h.told == nil || *h.told != *h.own.Hash) {
		h.told = h.own.Hash
		h.inputs = append(h.inputs, zrtp.PeerHash{Hash: *h.own.Hash})
	}
	remote := s.remote(channelRTP, a)
	if !remote.IsValid() {
		return nil
	}
	switch {
	case !h.started:
		h.started = true
		h.inputs = append(h.inputs, zrtp.Start{})
	case remote != s.remote(channelRTP, s.agreed) && s.agent == nil:
		h.inputs = append(h.inputs, zrtp.Restart{})
	}
	return nil
}

// tick hands in what waits, and the time.
func (s *Stream) tick(now time.Time) {
	leg := s.lockLeg()
	if leg == nil {
		return
	}
	defer leg.mu.Unlock()
	leg.feed(now)
	if z := leg.end(s); z != nil {
		if at, ok := z.Deadline(); ok && !at.After(now) {
			leg.perform(z.Handle(now, zrtp.Tick{}))
		}
	}
}

// lockLeg gives the stream's leg with its lock held; nil: it has none.
func (s *Stream) lockLeg() *Leg {
	s.mu.Lock()
	leg := s.zrtp.own.Leg
	s.mu.Unlock()
	if leg != nil {
		leg.mu.Lock()
	}
	return leg
}

// end is a stream's exchange; nil: there is none, or not any more. The leg's lock is held.
func (l *Leg) end(s *Stream) *zrtp.Stream {
	if l.closed {
		return nil
	}
	return l.ends[s]
}

// feed hands in what waits on all streams, in their order, so that a quicker video does not come before the audio. The leg's lock is held.
func (l *Leg) feed(now time.Time) {
	for _, s := range l.order {
		s.mu.Lock()
		inputs := s.zrtp.inputs
		s.zrtp.inputs = nil
		s.mu.Unlock()
		for _, in := range inputs {
			if z := l.end(s); z != nil {
				l.perform(z.Handle(now, in))
			}
		}
	}
}

// agrees takes a datagram of ZRTP, and tells whether it was one.
func (s *Stream) agrees(now time.Time, b []byte) bool {
	if !wire.Is(b) {
		return false
	}
	s.mu.Lock()
	s.zrtp.report.Heard++
	leg, started := s.zrtp.own.Leg, s.zrtp.started
	s.mu.Unlock()
	if started { // else the peer repeats itself
		leg.deliver(s, now, zrtp.Packet{Data: b})
	}
	return true
}

func (l *Leg) deliver(s *Stream, now time.Time, in zrtp.Input) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feed(now)
	if z := l.end(s); z != nil {
		l.perform(z.Handle(now, in))
	}
}

// proven notes that a packet of the peer was authentic. The stream's lock is held.
func (s *Stream) proven() {
	if h := &s.zrtp; h.started && !h.authentic && s.agreed.Encryption == sdp.ZRTP {
		h.authentic = true
		h.inputs = append(h.inputs, zrtp.Authenticated{})
		s.hurry()
	}
}

// leave ends the exchange of a stream that is being closed.
func (s *Stream) leave() {
	leg := s.lockLeg()
	if leg == nil {
		return
	}
	defer leg.mu.Unlock()
	if z := leg.end(s); z != nil {
		leg.perform(z.Handle(time.Now(), zrtp.Stop{}))
		delete(leg.ends, s)
		leg.order = slices.DeleteFunc(leg.order, func(other *Stream) bool { return other == s })
	}
}

// perform does what an exchange wants done, in order. The leg's lock is held.
func (l *Leg) perform(out []zrtp.Output) {
	for _, o := range out {
		for s, z := range l.ends {
			if z == o.Stream {
				l.effect(s, z, o.Effect)
			}
		}
	}
}

func (l *Leg) effect(s *Stream, z *zrtp.Stream, effect zrtp.Effect) {
	switch e := effect.(type) {
	case zrtp.Send:
		s.say(e.Data, z.SSRC())
	case zrtp.NeedKeys:
		s.wg.Go(func() {
			e.Job.Run()
			l.deliver(s, time.Now(), zrtp.KeysDone(e))
		})
	case zrtp.LookupSecrets:
		s.wg.Go(func() {
			r, err := l.cache.Load(e.Key)
			l.deliver(s, time.Now(), zrtp.SecretsLoaded{Key: e.Key, Record: r, Failed: err != nil})
			r.Wipe()
		})
	case zrtp.StoreSecrets:
		if err := l.cache.Store(e.Key, e.Update); err != nil {
			s.suspect(err.Error())
		}
	case zrtp.InstallReceive:
		s.install(e.Suite, e.Master, false)
	case zrtp.InstallSend:
		s.install(e.Suite, e.Master, true)
	default:
		s.tell(effect)
	}
}

// tell notes how the exchange goes.
func (s *Stream) tell(effect zrtp.Effect) {
	s.mu.Lock()
	h := &s.zrtp
	switch e := effect.(type) {
	case zrtp.Secure:
		h.report.Report, h.report.Secure, h.failure = e.Report, true, ""
		s.handshakes++
	case zrtp.Failed:
		h.failure = e.Reason.String()
	case zrtp.NoPeer:
		h.alert("nobody answered")
	case zrtp.Alert:
		h.alert(e.Reason.String())
	}
	s.mu.Unlock()
	s.changed()
}

func (s *Stream) suspect(text string) {
	s.mu.Lock()
	s.zrtp.alert(text)
	s.mu.Unlock()
}

func (h *handshake) alert(text string) {
	if len(h.report.Alerts) < maxAlerts {
		h.report.Alerts = append(h.report.Alerts, text)
	}
}

// install puts the keys of one direction in force, for both channels: they have the same master key.
func (s *Stream) install(suite sdp.Suite, master alg.Secret, send bool) {
	defer master.Wipe()
	n := suite.KeyLen()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[channelRTP]
	ctx, err := rawContext(master[:n], master[n:], suite, nil)
	if err != nil {
		s.zrtp.failure = err.Error()
		return
	}
	if k.suite = suite; send {
		k.encrypt = ctx
	} else {
		k.decrypt = ctx
	}
	s.keys = [2]contexts{k, k}
}

// say sends a message, over the same bad network as media.
func (s *Stream) say(b []byte, ssrc uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.zrtp
	p, err := wire.Parse(b)
	if h.own.Mute && (err != nil || !greets(p.Message)) {
		return
	}
	s.tx.path.Push(time.Now(), b)
	if h.own.Forge && !h.report.Secure {
		h.forged++
		s.tx.path.Push(time.Now(), wire.AppendPacket(nil, 0x8000+h.forged, ssrc, wire.AppendFailure(nil, forgeries[int(h.forged)%len(forgeries)])))
	}
	s.hurry()
}

// forgeries are the codes of Errors that somebody else sends: each ends an exchange if it is believed.
var forgeries = []uint32{0x10, 0x20, 0x51, 0x62, 0x70, 0xb0}

// greets tells whether a message belongs to the discovery.
func greets(message []byte) bool {
	t, err := wire.Check(message)
	return err == nil && slices.Contains([]wire.Type{wire.Hello, wire.HelloACK}, t)
}
