package zrtp

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// alter changes the messages of one type that an end sends. change works on a copy and returns what is sent instead, nil: nothing.
func (w *world) alter(of int, t wire.Type, change func(l *line, m []byte) []byte) {
	before := w.meddle
	w.meddle = func(from *end, stream int, data []byte) [][]byte {
		all := [][]byte{data}
		if before != nil {
			all = before(from, stream, data)
		}
		var out [][]byte
		for _, d := range all {
			p, err := wire.Parse(d)
			require.NoError(w.t, err)
			if kind, _ := wire.Check(p.Message); from.number != of || kind != t {
				out = append(out, d)
				continue
			}
			if m := change(from.lines[stream], bytes.Clone(p.Message)); m != nil {
				out = append(out, wire.AppendPacket(nil, p.Sequence, p.SSRC, m))
			}
		}
		return out
	}
}

// sentBy collects the messages of one type that an end sends.
func (w *world) sentBy(of int, t wire.Type) *[][]byte {
	var all [][]byte
	w.alter(of, t, func(_ *line, m []byte) []byte {
		all = append(all, m)
		return m
	})
	return &all
}

// inject gives an end a message that seems to come from the other one.
func (e *end) inject(stream int, m []byte) {
	other := e.world.ends[1-e.number].lines[stream]
	e.do(stream, Packet{Data: wire.AppendPacket(nil, 9000, other.ssrc, m)})
}

// put writes over a part of a message and seals it again with a key of its sender.
func put(at int, with string, image int) func(l *line, m []byte) []byte {
	return func(l *line, m []byte) []byte {
		copy(m[at:], with)
		return sealed(m, l.chain[image])
	}
}

// meet makes an initiator, end 0, and a responder, end 1.
func meet(t *testing.T, streams int) *world {
	w := newWorld(t, 11)
	responder := config(1)
	responder.Passive = true
	w.join(0, config(0), streams, nil)
	w.join(1, responder, streams, nil)
	w.start(0, 0)
	w.start(1, 0)
	return w
}

// What a peer does that knows its own keys but breaks the rules, and the Error that it is told.
func TestErrorsThatAreSent(t *testing.T) {
	zeros := string(make([]byte, 32))
	for _, c := range []struct {
		name   string
		code   Code
		victim int
		set    func(w *world)
		alive  bool // the stream goes on
	}{
		{"version", CodeVersion, 1, func(w *world) { w.alter(0, wire.Hello, put(12, "1.00", 2)) }, true},
		{"hash", CodeHash, 1, func(w *world) { w.alter(0, wire.Commit, put(56, "SKN2", 1)) }, false},
		{"hash that was not offered", CodeHash, 1, func(w *world) { w.alter(0, wire.Commit, put(56, "S384", 1)) }, false},
		{"cipher", CodeCipher, 1, func(w *world) { w.alter(0, wire.Commit, put(60, "2FS3", 1)) }, false},
		{"auth tag", CodeAuthTag, 1, func(w *world) { w.alter(0, wire.Commit, put(64, "SK32", 1)) }, false},
		{"agreement", CodeAgreement, 1, func(w *world) { w.alter(0, wire.Commit, put(68, "E414", 1)) }, false},
		{"EC38 without S384", CodeHash, 1, func(w *world) { w.alter(0, wire.Commit, put(68, "EC38", 1)) }, false},
		{"SAS", CodeSAS, 1, func(w *world) { w.alter(0, wire.Commit, put(72, "B10D", 1)) }, false},
		{"Preshared", CodeNoSecret, 1, func(w *world) {
			w.alter(0, wire.Commit, func(l *line, m []byte) []byte {
				c := wire.ParseCommit(m)
				c.Agreement = codePrsh
				return sealed(wire.AppendCommit(nil, c), l.chain[1])
			})
		}, false},
		{"pvr", CodePublicValue, 0, func(w *world) { w.alter(1, wire.DHPart1, put(76, zeros, 0)) }, false},
		{"hvi", CodeHVI, 1, func(w *world) { w.alter(0, wire.DHPart2, put(80, "another", 0)) }, false},
		{"pvi that was committed to", CodePublicValue, 1, func(w *world) {
			var part []byte
			w.alter(0, wire.Commit, func(l *line, m []byte) []byte {
				part = put(76, zeros, 0)(l, bytes.Clone(l.dhpart.data))
				hvi := alg.HVI(alg.SHA256, part, w.ends[1].lines[0].hello.data)
				return put(76, string(hvi[:]), 1)(l, m)
			})
			w.alter(0, wire.DHPart2, func(*line, []byte) []byte { return part })
		}, false},
		{"Confirm1", CodeConfirmMAC, 0, func(w *world) {
			w.alter(1, wire.Confirm1, func(_ *line, m []byte) []byte { m[40] ^= 1; return m })
		}, false},
		{"Confirm2", CodeConfirmMAC, 1, func(w *world) {
			w.alter(0, wire.Confirm2, func(_ *line, m []byte) []byte { m[41] ^= 1; return m })
		}, false},
		{"equal ZIDs", CodeZID, 1, func(w *world) {
			zid := w.ends[1].config.ZID
			w.alter(0, wire.Hello, put(64, string(zid[:]), 2))
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := meet(t, 1)
			c.set(w)
			errs := w.sentBy(c.victim, wire.Failure)
			w.run(time.Minute)
			require.NotEmpty(t, *errs)
			assert.Equal(t, c.code, Code(wire.ParseFailure((*errs)[0])))
			l := w.ends[c.victim].lines[0]
			assert.False(t, w.ends[0].lines[0].Secure() && w.ends[1].lines[0].Secure())
			assert.Empty(t, l.send)
			if c.alive {
				assert.Empty(t, l.failures)
				return
			}
			require.Len(t, l.failures, 1)
			assert.Equal(t, c.code, l.failures[0].Code)
			assert.False(t, l.failures[0].ByPeer)
			assert.Contains(t, l.failures[0].String(), codes[c.code])
		})
	}
}

// After an Error that the peer has acknowledged another one takes its place, with the Hello that our description has told.
func TestPeerAfterOneThatWasRefused(t *testing.T) {
	w := meet(t, 1)
	w.alter(0, wire.Commit, put(60, "2FS3", 1))
	w.run(time.Minute)
	refused := w.ends[1]
	require.Len(t, refused.lines[0].failures, 1)
	require.Equal(t, dead, refused.lines[0].state)

	next, other := newWorld(t, 12), config(0)
	next.join(0, other, 1, nil)
	second := next.join(1, config(1), 1, nil)
	heir, err := second.Succeed(refused.lines[0].Stream)
	require.NoError(t, err)
	require.Equal(t, refused.lines[0].HelloHash(), heir.HelloHash())
	second.do(0, Stop{})
	second.lines[0].Stream = heir
	next.ends[0].do(0, PeerHash{Hash: heir.HelloHash()})
	next.start(0, 0)
	next.start(1, 0)
	next.run(time.Minute)
	require.True(t, next.settle())
	require.True(t, heir.Secure())
}

// A stranger's HelloACK comes before the peer is there. The peer does not have our Hello, and must get it.
func TestForgedHelloACK(t *testing.T) {
	w := newWorld(t, 13)
	for i := range 2 {
		w.join(i, config(i), 1, nil)
	}
	w.start(0, 0)
	w.after(100*time.Millisecond, func() {
		w.ends[0].do(0, Packet{Data: wire.AppendPacket(nil, 1, 0xbad, wire.AppendEmpty(nil, wire.HelloACK))})
	})
	w.start(1, 3*time.Second)
	w.run(2 * time.Second)
	require.Zero(t, w.ends[0].lines[0].Heard())
	w.run(10 * time.Second)
	require.True(t, w.settle())
	for _, e := range w.ends {
		require.True(t, e.lines[0].Secure())
	}
}

func TestSSRCCollision(t *testing.T) {
	w := meet(t, 1)
	w.ends[0].lines[0].ssrc = w.ends[1].lines[0].ssrc
	errs := w.sentBy(1, wire.Failure)
	w.run(time.Minute)
	require.NotEmpty(t, *errs)
	assert.Equal(t, CodeSSRC, Code(wire.ParseFailure((*errs)[0])))
	assert.Contains(t, w.ends[1].lines[0].alerts, SSRCCollision)
	assert.False(t, w.settle())
}

// multistream brings two streams to where the second Commit is about to be answered.
func TestErrorsOfFurtherStreams(t *testing.T) {
	for name, c := range map[string]struct {
		code   Code
		change func(l *line, m []byte) []byte
	}{
		"cipher": {CodeCipher, put(60, "AES3", 1)},
		"hash":   {CodeHash, put(56, "S384", 1)},
		"tag":    {CodeAuthTag, put(64, "GCM ", 1)},
		"nonce":  {CodeNonce, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3)
			first, second := config(0), config(1)
			for k, more := range map[alg.Kind]alg.Code{alg.KindCipher: alg.AES3, alg.KindHash: alg.S384} {
				first.Lists[k] = append(first.Lists[k], more)
				second.Lists[k] = append(second.Lists[k], more)
			}
			second.Passive = true
			a, b := w.join(0, first, 3, nil), w.join(1, second, 3, nil)
			w.start(0, 0)
			w.start(1, 0)
			var nonce []byte
			w.alter(0, wire.Commit, func(l *line, m []byte) []byte {
				switch {
				case l == a.lines[1] && nonce == nil:
					nonce = bytes.Clone(m[76:92])
				case l == a.lines[2] && c.change != nil:
					m = c.change(l, m)
				case l == a.lines[2]:
					m = put(76, string(nonce), 1)(l, m)
				}
				return m
			})
			w.run(time.Minute)
			assert.True(t, a.lines[1].Secure() && b.lines[1].Secure())
			require.Len(t, b.lines[2].failures, 1)
			assert.Equal(t, c.code, b.lines[2].failures[0].Code)
			assert.False(t, w.settle())
		})
	}
}

// A further stream may have another auth tag than the first one: bzrtp takes the first of its own list on each.
func TestFurtherStreamWithAnotherTag(t *testing.T) {
	w := newWorld(t, 3)
	second := config(1)
	second.Passive = true
	a, b := w.join(0, config(0), 1, nil), w.join(1, second, 1, nil)
	w.start(0, 0)
	w.start(1, 0)
	w.run(time.Minute)
	require.True(t, w.settle())
	a.report.Suite.AuthTag = alg.HS32
	for i, e := range w.ends {
		st, err := e.NewStream(uint32(i + 100))
		require.NoError(t, err)
		e.lines = append(e.lines, &line{Stream: st})
		e.do(1, Start{})
	}
	w.run(time.Minute)
	require.True(t, w.settle())
	assert.Equal(t, alg.HS32, b.lines[1].reports[0].Suite.AuthTag)
	assert.Equal(t, alg.HS80, b.lines[0].reports[0].Suite.AuthTag)
}

// DH mode against our own Multistream Commit is an error of the peer (RFC 6189 section 4.2).
func TestDHModeOnASecureSession(t *testing.T) {
	w := meet(t, 2)
	a, b := w.ends[0], w.ends[1]
	commits := w.sentBy(0, wire.Commit)
	w.alter(0, wire.Commit, func(l *line, m []byte) []byte {
		if l != a.lines[1] {
			return m
		}
		return nil // b does not answer
	})
	w.run(3 * time.Second)
	require.True(t, a.lines[0].Secure() && b.lines[0].Secure())
	require.Equal(t, commitSent, a.lines[1].state)
	c := wire.ParseCommit((*commits)[0])
	c.H2, c.ZID = b.lines[1].chain[2], b.config.ZID
	a.inject(1, sealed(wire.AppendCommit(nil, c), b.lines[1].chain[1]))
	require.Len(t, a.lines[1].failures, 1)
	assert.Equal(t, CodeSoftware, a.lines[1].failures[0].Code)
}

// What a stranger on the path can change is not used, or the stream fails; it is never secure with a forger.
func TestForgedMessages(t *testing.T) {
	flip := func(at int) func(*line, []byte) []byte {
		return func(_ *line, m []byte) []byte { m[at] ^= 1; return m }
	}
	for name, c := range map[string]struct {
		from int
		t    wire.Type
		at   int
	}{
		"Hello": {0, wire.Hello, 20}, "H3": {0, wire.Hello, 40}, "MAC of Hello": {0, wire.Hello, 90},
		"Hello of the responder": {1, wire.Hello, 20}, "MAC of the responder's Hello": {1, wire.Hello, 90},
		"H2": {0, wire.Commit, 13}, "ZID in Commit": {0, wire.Commit, 45}, "hvi": {0, wire.Commit, 77}, "MAC of Commit": {0, wire.Commit, 110},
		"H1": {1, wire.DHPart1, 13}, "rs1ID": {1, wire.DHPart1, 44}, "pvr": {1, wire.DHPart1, 80}, "MAC of DHPart1": {1, wire.DHPart1, 109},
		"H1 of the initiator": {0, wire.DHPart2, 13}, "pvi": {0, wire.DHPart2, 80}, "MAC of DHPart2": {0, wire.DHPart2, 109},
		"MAC of Confirm1": {1, wire.Confirm1, 12}, "IV": {1, wire.Confirm1, 20}, "H0": {1, wire.Confirm1, 40}, "flags": {1, wire.Confirm1, 71},
		"MAC of Confirm2": {0, wire.Confirm2, 12}, "IV of the initiator": {0, wire.Confirm2, 20}, "expiry": {0, wire.Confirm2, 75},
	} {
		t.Run(name, func(t *testing.T) {
			w := meet(t, 1)
			w.alter(c.from, c.t, flip(c.at))
			w.run(time.Minute)
			assert.False(t, w.settle())
			for _, e := range w.ends {
				assert.Empty(t, e.cache.records)
				assert.Empty(t, e.lines[0].send)
			}
		})
	}
}

// The same changes in one packet only cost a repetition.
func TestForgedOnce(t *testing.T) {
	for _, c := range []struct {
		from int
		t    wire.Type
		at   int
	}{
		{0, wire.Commit, 13}, {0, wire.Commit, 45}, {1, wire.DHPart1, 13}, {0, wire.DHPart2, 13}, {1, wire.Confirm1, 40}, {0, wire.Confirm2, 12},
	} {
		w := meet(t, 1)
		done := false
		w.alter(c.from, c.t, func(_ *line, m []byte) []byte {
			if !done {
				done = true
				m[c.at] ^= 1
			}
			return m
		})
		w.run(time.Minute)
		assert.True(t, w.settle(), "%s", c.t)
		assert.True(t, done)
	}
}

func TestReflectedPackets(t *testing.T) {
	w := meet(t, 1)
	w.meddle = func(from *end, stream int, data []byte) [][]byte {
		w.after(time.Millisecond, func() { from.do(stream, Packet{Data: data}) })
		return nil
	}
	w.run(time.Minute)
	for _, e := range w.ends {
		assert.False(t, e.lines[0].Secure())
		assert.NotContains(t, e.lines[0].alerts, EqualZIDs)
	}
}

// An Error that somebody forged does not end a stream whose peer goes on; each of the peer's messages outlives one.
func TestForgedErrors(t *testing.T) {
	for at := range 40 {
		w, a, b := pair(t, uint64(at))
		w.sky.loss = 0.05
		for _, e := range []*end{a, b} {
			w.after(time.Duration(at)*5*time.Millisecond, func() {
				for i := range e.lines {
					e.inject(i, wire.AppendFailure(nil, uint32(CodeConfirmMAC)))
				}
			})
		}
		w.run(time.Minute)
		assert.True(t, w.settle(), "%d: %v %v", at, a.lines, b.lines)
		for _, e := range []*end{a, b} {
			e.inject(0, wire.AppendFailure(nil, uint32(CodeSoftware)))
			assert.True(t, e.lines[0].Secure())
			_, waiting := e.lines[0].Deadline()
			assert.False(t, waiting)
		}
	}
}

// An Error of a peer that then is silent ends the stream two seconds later, with its code.
func TestErrorsThatAreTrue(t *testing.T) {
	for code := range codes {
		w := meet(t, 1)
		acks := w.sentBy(0, wire.ErrorACK)
		w.alter(1, wire.DHPart1, func(*line, []byte) []byte {
			w.after(0, func() { w.ends[0].inject(0, wire.AppendFailure(nil, uint32(code))) })
			return nil
		})
		w.run(200 * time.Millisecond)
		w.ends[1].lines[0].silenced = true
		w.run(3 * time.Second)
		l := w.ends[0].lines[0]
		require.Len(t, l.failures, 1)
		assert.Equal(t, Failure{Code: code, ByPeer: true, Detail: "in state Commit sent"}, l.failures[0])
		assert.NotEmpty(t, *acks)
		assert.Contains(t, l.failures[0].String(), "peer says")
	}
}

// Strangers who know a=zrtp-hash and the SSRC, but none of the keys, do not get in the way, whenever they try.
func TestInjectedPackets(t *testing.T) {
	for at := range 60 {
		w := newWorld(t, uint64(at))
		for i := range w.ends {
			w.join(i, config(i), 2, nil)
		}
		for i, e := range w.ends {
			for s, l := range w.ends[1-i].lines {
				e.do(s, PeerHash{Hash: l.HelloHash()})
			}
			w.start(i, 0)
		}
		w.after(time.Duration(at)*2*time.Millisecond, func() {
			for i, e := range w.ends {
				for s, l := range w.ends[1-i].lines {
					for _, m := range strangers(l) {
						e.inject(s, m)
					}
				}
			}
		})
		w.run(time.Minute)
		require.True(t, w.settle(), "%d ms: %v %v", 2*at, w.ends[0].lines, w.ends[1].lines)
	}
}

// Without a=zrtp-hash one forged Hello changes nothing as long as the peer is there.
func TestForgedHello(t *testing.T) {
	for at := 11; at < 120; at++ {
		w, a, b := pair(t, uint64(at))
		w.after(time.Duration(at)*time.Millisecond, func() {
			for i, e := range []*end{a, b} {
				for s, l := range w.ends[1-i].lines {
					e.inject(s, strangers(l)[0])
				}
			}
		})
		w.run(time.Minute)
		require.True(t, w.settle(), "%d ms: %v %v", at, a.lines, b.lines)
	}
}

// strangers are messages in the name of a stream, by somebody without its keys.
func strangers(l *line) [][]byte {
	hello := wire.ParseHello(bytes.Clone(l.hello.data))
	hello.Client[0]++
	return [][]byte{
		sealed(wire.AppendHello(nil, hello), alg.Image{}),
		wire.AppendEmpty(nil, wire.HelloACK),
		wire.AppendCommit(nil, wire.CommitFields{ZID: l.session.config.ZID, Agreement: codeMult}),
		wire.AppendDHPart(nil, wire.DHPart1, wire.DHPartFields{Public: make([]byte, 32)}),
		wire.AppendDHPart(nil, wire.DHPart2, wire.DHPartFields{Public: make([]byte, 32)}),
		wire.AppendConfirm(nil, wire.Confirm1, wire.ConfirmFields{Body: make([]byte, wire.BodySize)}),
		wire.AppendConfirm(nil, wire.Confirm2, wire.ConfirmFields{Body: make([]byte, wire.BodySize)}),
		wire.AppendGoClear(nil, [8]byte{}), wire.AppendEmpty(nil, wire.ErrorACK), wire.AppendEmpty(nil, wire.ClearACK),
		wire.AppendFailure(nil, uint32(CodeMalformed)),
	}
}

// Floods: each kind of answer is bounded per second, and no repetition causes another key agreement.
func TestFloods(t *testing.T) {
	w := meet(t, 1)
	commits, parts := w.sentBy(0, wire.Commit), w.sentBy(0, wire.DHPart2)
	w.run(100 * time.Millisecond)
	b, a := w.ends[1], w.ends[0]
	for name, m := range map[string][]byte{
		"Hello": a.lines[0].hello.data, "Error": wire.AppendFailure(nil, 0x70), "Commit": (*commits)[0],
		"Ping":    wire.AppendPing(nil, wire.PingFields{Version: wire.Version}),
		"Confirm": a.lines[0].confirm.data, "DHPart2": (*parts)[0],
	} {
		b.sends = 0
		for range 1000 {
			b.inject(0, m)
		}
		assert.LessOrEqual(t, b.sends, answersPerSecond, name)
		w.run(time.Second)
	}
	for range 1000 {
		b.do(0, Packet{Data: []byte("garbage")})
	}
	assert.Equal(t, 1, countOf(b.lines[0].alerts, ManyBadPackets))
	w.run(time.Minute)
	assert.True(t, w.settle())
}

func countOf(list []Suspicion, s Suspicion) (n int) {
	for _, have := range list {
		if have == s {
			n++
		}
	}
	return n
}

// A number of Commits with the right preimage cause one key pair.
func TestOneKeyPairForManyCommits(t *testing.T) {
	w := meet(t, 1)
	w.work = time.Second
	jobs := 0
	var commit []byte
	w.alter(0, wire.Commit, func(_ *line, m []byte) []byte { commit = m; return m })
	w.run(1200 * time.Millisecond)
	require.NotNil(t, commit)
	b := w.ends[1]
	for range 100 {
		for _, out := range b.lines[0].Handle(w.now, Packet{Data: wire.AppendPacket(nil, 1, w.ends[0].lines[0].ssrc, commit)}) {
			if _, ok := out.Effect.(NeedKeys); ok {
				jobs++
			}
		}
	}
	assert.LessOrEqual(t, jobs, 1)
}

// A peer that is secure and sends GoClear is told that it is not allowed; the stream stays secure. A SASrelay is acknowledged,
// and changes nothing.
func TestMessagesOfASecurePeer(t *testing.T) {
	w := meet(t, 1)
	w.run(5 * time.Second)
	require.True(t, w.settle())
	a, b := w.ends[0], w.ends[1]
	errs, relays := w.sentBy(1, wire.Failure), w.sentBy(1, wire.RelayACK)
	b.inject(0, wire.AppendGoClear(nil, [8]byte{1}))
	assert.Empty(t, *errs)
	b.inject(0, wire.AppendGoClear(nil, a.lines[0].keys.Initiator.ClearMAC()))
	require.Len(t, *errs, 1)
	assert.Equal(t, CodeNoClear, Code(wire.ParseFailure((*errs)[0])))
	relay := wire.AppendConfirm(nil, wire.SASrelay, wire.ConfirmFields{Body: make([]byte, wire.BodySize)})
	b.inject(0, relay)
	assert.Empty(t, *relays)
	f := wire.ConfirmFields{Body: make([]byte, wire.BodySize)}
	direction := alg.Direction{Hash: alg.SHA256, MACKey: a.lines[0].keys.Initiator.MACKey, ZRTPKey: make([]byte, 16)}
	f.MAC, _ = direction.Seal(f.IV, f.Body)
	before := b.lines[0].reports[0]
	b.inject(0, wire.AppendConfirm(nil, wire.SASrelay, f))
	assert.Len(t, *relays, 1)
	assert.Equal(t, []Report{before}, b.lines[0].reports)
	assert.True(t, w.settle())
}
