package zrtp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// Two Commits that cross: the larger one stays, on the first stream and on the further ones.
func TestContention(t *testing.T) {
	for seed := range uint64(20) {
		w, a, b := pair(t, seed)
		closed := true // the further stream, until both ends want to be its initiator
		w.meddle = func(_ *end, stream int, data []byte) [][]byte {
			if p, _ := wire.Parse(data); stream == 1 && closed {
				if kind, _ := wire.Check(p.Message); kind == wire.Commit {
					return nil
				}
			}
			return [][]byte{data}
		}
		var commits [2]*[][]byte
		for i := range commits {
			commits[i] = w.sentBy(i, wire.Commit)
		}
		w.run(3 * time.Second)
		closed = false
		w.run(time.Minute)
		require.True(t, w.settle())
		for stream := range 2 {
			var own [2][]byte
			for i, all := range commits {
				for _, m := range *all {
					if (wire.ParseCommit(m).Agreement == codeMult) == (stream == 1) {
						own[i] = m[76:] // hvi or nonce
					}
				}
				require.NotNil(t, own[i], "both ends sent a Commit on stream %d", stream)
			}
			want := alg.Initiator
			if bytes.Compare(own[0], own[1]) < 0 {
				want = alg.Responder
			}
			assert.Equal(t, want, a.lines[stream].reports[0].Role)
		}
		assert.Equal(t, b.lines[0].reports[0].SAS, b.lines[1].reports[0].SAS)
	}
}

// A peer that begins on all of its streams at once: the one that is answered becomes the first.
func TestPeerThatBeginsOnAnotherStream(t *testing.T) {
	w := newWorld(t, 4)
	a := w.join(0, config(0), 2, nil)
	b := w.join(1, config(1), 2, nil)
	b.streams[0], b.streams[1] = b.streams[1], b.streams[0]
	w.alter(0, wire.Commit, func(l *line, m []byte) []byte {
		if l == a.lines[0] && !a.secure() {
			return nil
		}
		return m
	})
	w.start(0, 0)
	w.start(1, 0)
	w.run(time.Minute)
	assert.True(t, w.settle())
	assert.Equal(t, alg.X255, a.lines[1].reports[0].Suite.Agreement)
	assert.Equal(t, alg.Mult, a.lines[0].reports[0].Suite.Agreement)
}

// Each end begins on another stream, and the Commits cross: one gives way, whatever the network does.
func TestCommitsThatCrossOnTwoStreams(t *testing.T) {
	for seed := range uint64(60) {
		w := newWorld(t, seed)
		if seed >= 20 {
			w.sky.loss = 0.2
		}
		a, b := w.join(0, config(0), 2, nil), w.join(1, config(1), 2, nil)
		b.streams[0], b.streams[1] = b.streams[1], b.streams[0]
		w.start(0, 0)
		w.start(1, 0)
		w.run(8 * time.Second)
		require.True(t, w.settle(), "seed %d: %v %v", seed, a.lines, b.lines)
		for i := range 2 {
			require.True(t, a.lines[i].Secure() && b.lines[i].Secure(), "seed %d, stream %d", seed, i)
		}
	}
}

// The peer begins anew with another Hello, before or after we have one, and when it stopped in the middle.
func TestPeerRestarts(t *testing.T) {
	for _, at := range []time.Duration{5 * time.Millisecond, 15 * time.Millisecond, 35 * time.Millisecond, 45 * time.Millisecond} {
		w := newWorld(t, uint64(at))
		passive := config(1)
		passive.Passive = true
		a, b := w.join(0, config(0), 1, nil), w.join(1, passive, 1, nil)
		w.start(0, 0)
		w.start(1, 0)
		w.run(at)
		a.Close()
		a.lines[0].silenced = true
		w.run(15 * time.Second)
		assert.False(t, b.lines[0].Secure())
		w.join(0, config(0), 1, nil)
		w.start(0, 0)
		w.run(time.Minute)
		assert.True(t, w.settle(), "%v %v", at, b.lines[0])
	}
}

func TestNobodyAnswers(t *testing.T) {
	w := newWorld(t, 1)
	c := config(0)
	c.Required = false
	a := w.join(0, c, 1, nil)
	hellos := w.sentBy(0, wire.Hello)
	w.start(0, 0)
	w.run(time.Minute)
	assert.Len(t, *hellos, helloSends)
	assert.True(t, a.lines[0].nobody)
	a.do(0, Restart{})
	w.run(time.Minute)
	assert.Len(t, *hellos, 2*helloSends)
	w.join(1, config(1), 1, nil)
	w.start(1, 0)
	w.run(time.Minute)
	assert.True(t, w.settle(), "a late peer is answered")
}

// The use of the peer's key goes before the keys of other calls.
func TestSecondHalvesHaveBegun(t *testing.T) {
	w := meet(t, 2)
	w.run(time.Minute)
	require.True(t, w.settle())
	for _, e := range w.ends {
		require.Equal(t, []bool{false, true}, e.lines[0].jobs)
		require.Empty(t, e.lines[1].jobs)
	}
}

// A key pair whose exponent is too short for the winner's cipher is made again.
func TestKeyPairThatDoesNotSuitTheWinner(t *testing.T) {
	again := 0
	for seed := range uint64(8) {
		w := newWorld(t, seed)
		for i, ciphers := range [][]alg.Code{{alg.AES1, alg.AES3}, {alg.AES3, alg.AES1}} {
			c := config(i)
			c.Lists[alg.KindAgreement], c.Lists[alg.KindCipher] = []alg.Code{alg.DH3k}, ciphers
			w.join(i, c, 1, nil)
			w.start(i, 0)
		}
		w.run(time.Minute)
		require.True(t, w.settle())
		if w.ends[0].lines[0].reports[0].Suite.Cipher == alg.AES256 {
			again++
			assert.Contains(t, [][]bool{w.ends[0].lines[0].jobs, w.ends[1].lines[0].jobs}, []bool{false, true, true}, "its exchange had begun")
		}
	}
	assert.Positive(t, again)
	assert.Less(t, again, 8)
}

// A Commit in Preshared mode is answered with ours, which stays in force.
func TestPresharedCommit(t *testing.T) {
	w := meet(t, 1)
	a, b := w.ends[0], w.ends[1]
	acks := w.sentBy(1, wire.HelloACK)
	w.alter(1, wire.HelloACK, func(*line, []byte) []byte { return nil })
	w.run(200 * time.Millisecond)
	require.NotEmpty(t, *acks)
	require.Equal(t, discover, a.lines[0].state)
	c := wire.CommitFields{H2: b.lines[0].chain[2], ZID: b.config.ZID, Agreement: codePrsh}
	a.inject(0, sealed(wire.AppendCommit(nil, c), b.lines[0].chain[1]))
	w.run(time.Minute)
	assert.True(t, w.settle())
	assert.Equal(t, alg.Initiator, a.lines[0].reports[0].Role)
}

// Where the first stream fails, the next one agrees on the key.
func TestFirstStreamFails(t *testing.T) {
	w, a, b := pair(t, 1)
	w.meddle = func(_ *end, stream int, data []byte) [][]byte {
		if p, _ := wire.Parse(data); stream == 0 {
			if kind, _ := wire.Check(p.Message); kind == wire.Commit {
				return nil
			}
		}
		return [][]byte{data}
	}
	w.run(time.Minute)
	assert.False(t, w.settle())
	assert.True(t, a.lines[1].Secure() && b.lines[1].Secure())
	report, ok := a.Report()
	assert.True(t, ok)
	assert.Equal(t, a.lines[1].reports[0], report)
	a.do(1, Stop{})
	assert.False(t, a.lines[1].Secure())
	assert.Len(t, a.Confirm(w.now, false), 1)
}

// The media of the responder stands for a Conf2ACK, and the responder answers each Confirm2.
func TestLostConf2ACK(t *testing.T) {
	w := meet(t, 1)
	w.alter(1, wire.Conf2ACK, func(*line, []byte) []byte { return nil })
	confirms := w.sentBy(0, wire.Confirm2)
	w.run(time.Minute)
	assert.True(t, w.settle())
	assert.Len(t, *confirms, 1)

	w = meet(t, 1)
	w.ends[0].lines[0].media = true // the media is lost, too
	lost := 3
	w.alter(1, wire.Conf2ACK, func(_ *line, m []byte) []byte {
		if lost--; lost >= 0 {
			return nil
		}
		return m
	})
	w.run(time.Minute)
	assert.True(t, w.settle())
}

// again lets two ends with these caches have another call.
func again(t *testing.T, seed uint64, c [2]Config, caches [2]*Memory) *world {
	w := newWorld(t, seed)
	for i := range c {
		w.join(i, c[i], 1, caches[i])
		w.start(i, 0)
	}
	w.run(30 * time.Second)
	require.True(t, w.settle())
	return w
}

// Continuity over calls; a human who compares the SAS; a cache that is lost on one side.
func TestContinuity(t *testing.T) {
	caches := [2]*Memory{{}, {}}
	c := [2]Config{config(0), config(1)}
	r := func(w *world) [2]Report {
		return [2]Report{w.ends[0].lines[0].reports[0], w.ends[1].lines[0].reports[0]}
	}
	stored := func() (n int, same bool) {
		for _, x := range caches[0].records {
			for _, y := range caches[1].records {
				return len(caches[0].records), bytes.Equal(x.RS1, y.RS1)
			}
		}
		return 0, false
	}
	w := again(t, 1, c, caches)
	for i, rep := range r(w) {
		assert.False(t, rep.Continuity || rep.Mismatch || rep.Verified)
		w.ends[i].carry(w.ends[i].Confirm(w.now, true))
	}
	for seed := uint64(2); seed < 4; seed++ {
		for _, rep := range r(again(t, seed, c, caches)) {
			assert.True(t, rep.Continuity && rep.Verified && rep.PeerVerified)
			assert.False(t, rep.Mismatch)
		}
		n, same := stored()
		assert.True(t, same)
		assert.Equal(t, 1, n)
	}
	caches[1] = &Memory{}
	w = again(t, 5, c, caches)
	assert.True(t, r(w)[0].Mismatch)
	assert.Contains(t, w.ends[0].lines[0].alerts, CacheMismatch)
	assert.False(t, r(w)[0].Verified || r(w)[1].Mismatch)
	_, same := stored()
	assert.False(t, same, "the new secret waits for a human")
	w = again(t, 6, c, caches)
	assert.True(t, r(w)[0].Mismatch && r(w)[1].Mismatch, "and the next call as well, now on both sides")
	mismatches := func() (n int) {
		for _, record := range caches[0].records {
			n += record.Mismatches
		}
		return n
	}
	assert.Equal(t, 2, mismatches())
	for _, e := range w.ends {
		e.carry(e.Confirm(w.now, true))
	}
	assert.Zero(t, mismatches(), "a human has looked")
	_, same = stored()
	assert.True(t, same)
	assert.True(t, r(again(t, 7, c, caches))[0].Continuity)
}

// A description that vouches for the peer's Hello ends a mismatch without a human.
func TestMismatchWithAVouchedHello(t *testing.T) {
	caches := [2]*Memory{{}, {}}
	c := [2]Config{config(0), config(1)}
	again(t, 1, c, caches)
	caches[1] = &Memory{}
	w := newWorld(t, 2)
	for i := range c {
		w.join(i, c[i], 1, caches[i])
	}
	w.ends[0].do(0, PeerHash{Hash: w.ends[1].lines[0].HelloHash(), Protected: true})
	w.start(0, 0)
	w.start(1, 0)
	w.run(time.Minute)
	require.True(t, w.settle())
	assert.True(t, w.ends[0].lines[0].reports[0].Mismatch)
	assert.True(t, w.ends[0].lines[0].reports[0].HashVerified)
	assert.True(t, again(t, 3, c, caches).ends[0].lines[0].reports[0].Continuity)
}

// Two calls at once with the same peer: one secret of each survives.
func TestParallelCalls(t *testing.T) {
	caches := [2]*Memory{{}, {}}
	c := [2]Config{config(0), config(1)}
	again(t, 1, c, caches)
	var worlds []*world
	for seed := range uint64(2) {
		w := newWorld(t, 10+seed)
		for i := range c {
			w.join(i, c[i], 1, caches[i])
			w.start(i, 0)
		}
		w.run(40 * time.Millisecond) // both have read the secrets
		worlds = append(worlds, w)
	}
	for _, w := range worlds {
		w.run(time.Minute)
		require.True(t, w.settle())
		assert.True(t, w.ends[0].lines[0].reports[0].Continuity)
	}
	assert.True(t, again(t, 20, c, caches).ends[1].lines[0].reports[0].Continuity)
}

func TestExpirationOfSecrets(t *testing.T) {
	caches := [2]*Memory{{}, {}}
	c := [2]Config{config(0), config(1)}
	c[1].Expiration = 60
	w := again(t, 1, c, caches)
	for _, r := range caches[0].records {
		assert.WithinDuration(t, w.now.Add(30*time.Second), r.Expires, time.Minute)
		assert.False(t, r.Expires.IsZero())
	}
	w = newWorld(t, 2)
	for i := range c {
		w.join(i, c[i], 1, caches[i])
		w.start(i, 0)
	}
	w.run(40 * time.Millisecond)
	w.ends[1].config.Expiration = 0 // it has the secret, and will keep none
	w.run(time.Minute)
	require.True(t, w.settle())
	require.True(t, w.ends[0].lines[0].reports[0].Continuity)
	for _, r := range caches[0].records {
		assert.False(t, r.Expires.After(w.now), "nothing is kept any more")
	}
	caches, c[1].Expiration = [2]*Memory{{}, {}}, 0
	again(t, 3, c, caches)
	assert.Empty(t, caches[0].records)
	assert.Empty(t, caches[1].records)
}

// A ZID is no secret: who shows that of a phone without having its secret does not end what is remembered of the phone, nor renames it.
func TestStrangerWithTheZIDOfAPhone(t *testing.T) {
	caches := [2]*Memory{{}, {}}
	c := [2]Config{config(0), config(1)}
	again(t, 1, c, caches)
	stranger := c
	stranger[1].Expiration, stranger[1].Client = 0, "stranger"
	w := again(t, 2, stranger, [2]*Memory{caches[0], {}})
	require.True(t, w.ends[0].lines[0].reports[0].Mismatch)
	w.ends[0].carry(w.ends[0].Confirm(w.now, false))
	require.Len(t, caches[0].records, 1)
	for _, r := range caches[0].records {
		assert.True(t, r.Expires.IsZero())
		assert.Equal(t, 1, r.Mismatches)
		assert.Equal(t, c[1].Client, r.Client)
	}
	assert.True(t, again(t, 3, c, caches).ends[0].lines[0].reports[0].Continuity)
}

// Peers that keep a secret for each URI get a record for each; the constant ZID of FreeSWITCH gets none.
func TestKeysOfTheCache(t *testing.T) {
	for _, x := range []struct {
		client string
		zid    alg.ZID
		want   int
	}{{"BZRTPv1.1", alg.ZID{9}, 2}, {"other", alg.ZID{9}, 1}, {"FreeSWITCH", sharedZID, 0}} {
		caches := [2]*Memory{{}, {}}
		c := [2]Config{config(0), config(1)}
		c[1].Client, c[1].ZID = x.client, x.zid
		for i, uri := range []string{"sip:alice@example.org", "sip:bob@example.org"} {
			c[0].URI = uri
			again(t, uint64(i), c, caches)
		}
		assert.Len(t, caches[0].records, x.want, x.client)
	}
}

func TestCacheThatCannotBeRead(t *testing.T) {
	w := meet(t, 1)
	w.ends[0].lines[0].Handle(w.now, Start{})
	st := w.ends[0].lines[0].Stream
	w.run(15 * time.Millisecond)
	st.loaded = false
	w.ends[0].do(0, SecretsLoaded{Key: st.key, Failed: true})
	w.run(time.Minute)
	require.True(t, w.settle())
	assert.Empty(t, w.ends[0].cache.records)
}

// a=zrtp-hash: another Hello is ignored; a hash that is known later begins anew; a matching one is reported.
func TestHelloHash(t *testing.T) {
	w := meet(t, 1)
	a, b := w.ends[0], w.ends[1]
	a.do(0, PeerHash{Hash: [32]byte{1}})
	acks := w.sentBy(0, wire.HelloACK)
	w.run(2 * time.Second)
	assert.Empty(t, *acks)
	assert.Contains(t, a.lines[0].alerts, HelloHashMismatch)
	a.do(0, PeerHash{Hash: b.lines[0].HelloHash()})
	w.run(time.Minute)
	require.True(t, w.settle())
	assert.True(t, a.lines[0].reports[0].HashVerified)
	assert.False(t, b.lines[0].reports[0].HashVerified)

	w = meet(t, 1)
	a = w.ends[0]
	w.run(25 * time.Millisecond)
	require.NotNil(t, a.lines[0].peer.hello)
	a.do(0, PeerHash{Hash: [32]byte{1}})
	assert.Nil(t, a.lines[0].peer.hello)
	w.run(time.Minute)
	assert.False(t, w.settle())
}

func TestAuxiliarySecret(t *testing.T) {
	for _, same := range []bool{true, false} {
		c := [2]Config{config(0), config(1)}
		c[0].Aux, c[1].Aux = alg.Secret("one"), alg.Secret("two")
		if same {
			c[1].Aux = alg.Secret("one")
		}
		w := again(t, 1, c, [2]*Memory{{}, {}})
		assert.Equal(t, !same, w.ends[0].lines[0].reports[0].AuxMismatch)
	}
}

func TestBothPassive(t *testing.T) {
	c := [2]Config{config(0), config(1)}
	c[0].Passive, c[1].Passive = true, true
	w := newWorld(t, 1)
	for i := range c {
		w.join(i, c[i], 1, nil)
		w.start(i, 0)
	}
	w.run(time.Minute)
	assert.False(t, w.settle())
	assert.Equal(t, CodeUnavailable, w.ends[0].lines[0].failures[0].Code)
}

func TestOtherZIDOnAFurtherStream(t *testing.T) {
	w := meet(t, 2)
	w.alter(1, wire.Hello, func(l *line, m []byte) []byte {
		if l == w.ends[1].lines[1] && !w.ends[0].secure() {
			return nil
		}
		if l == w.ends[1].lines[1] {
			return put(64, "another zid!", 2)(l, m)
		}
		return m
	})
	w.run(time.Minute)
	assert.True(t, w.ends[0].lines[0].Secure())
	assert.False(t, w.ends[0].lines[1].Secure())
	assert.Contains(t, w.ends[0].lines[1].alerts, OtherZID)
}

func TestConfigurationFaults(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"no randomness":    func(c *Config) { c.Rand = nil },
		"client":           func(c *Config) { c.Client = strings.Repeat("x", 17) },
		"no ZID":           func(c *Config) { c.ZID = alg.ZID{} },
		"MTU":              func(c *Config) { c.MTU = 100 },
		"unknown":          func(c *Config) { c.Lists[alg.KindCipher] = []alg.Code{1} },
		"EC38 and no S384": func(c *Config) { c.Lists[alg.KindAgreement] = []alg.Code{alg.EC38} },
		"eight":            func(c *Config) { c.Lists[alg.KindSAS] = make([]alg.Code, 8) },
	} {
		c := config(0)
		c.Rand = random{newWorld(t, 1).rng}
		change(&c)
		_, err := NewSession(c)
		assert.ErrorIs(t, err, errConfig, name)
	}
	c := config(0)
	c.Rand, c.Lists = random{newWorld(t, 1).rng}, DefaultLists()
	_, err := NewSession(c)
	assert.NoError(t, err)
}

type empty struct{}

var errEmpty = errors.New("empty")

func (empty) Read([]byte) (int, error) { return 0, errEmpty }

func TestNoRandomness(t *testing.T) {
	c := config(0)
	c.Rand = empty{}
	s, err := NewSession(c)
	require.NoError(t, err)
	_, err = s.NewStream(1)
	assert.ErrorIs(t, err, errEmpty)
	for after := range 3 {
		w := meet(t, 1)
		w.run(time.Duration(after*20+5) * time.Millisecond)
		w.ends[0].config.Rand = empty{}
		w.run(time.Minute)
		assert.False(t, w.settle())
		assert.Equal(t, CodeSoftware, w.ends[0].lines[0].failures[0].Code)
	}
}

// Nothing that is printed has a secret in it, and what is not needed any more is overwritten.
func TestSecretsAreNotPrintedAndOverwritten(t *testing.T) {
	w := newWorld(t, 9)
	c := [2]Config{config(0), config(1)}
	caches := [2]*Memory{{}, {}}
	for i := range c {
		w.join(i, c[i], 1, caches[i])
		w.start(i, 0)
	}
	seen := map[string][]byte{}
	w.ends[0].trace = func(_ *Stream, name string, v []byte) { seen[name] = bytes.Clone(v) }
	var printed strings.Builder
	w.meddle = func(from *end, _ int, data []byte) [][]byte {
		fmt.Fprintf(&printed, "%v %+v %#v %v %#v", from.lines[0].Stream, from.lines[0].Stream, from.Session, from.Session, from.lines[0].Stream)
		return [][]byte{data}
	}
	w.run(time.Minute)
	require.True(t, w.settle())
	a := w.ends[0].lines[0]
	for _, v := range []any{
		a.reports[0],
		InstallSend{Master: a.send[0]},
		StoreSecrets{Update: Update{Retained: a.send[0]}},
		Record{RS1: a.send[0]},
		NeedKeys{Job: &Job{result: a.send[0]}},
	} {
		fmt.Fprintf(&printed, "%v %+v %#v", v, v, v)
	}
	for name, v := range seen {
		if len(v) < 16 || name == "total_hash" || name == "sashash" {
			continue
		}
		for _, form := range []string{fmt.Sprintf("%x", v), fmt.Sprintf("%v", v), fmt.Sprintf("%#v", v), string(v)} {
			assert.NotContains(t, printed.String(), strings.Trim(form, "[]"), name)
		}
	}
	assert.Equal(t, alg.Chain{}, a.chain)
	assert.Nil(t, a.party)
	for _, s := range []alg.Secret{a.keys.Session, a.keys.Retained, a.keys.SASHash, a.keys.Initiator.SRTPKey, a.keys.Responder.SRTPSalt} {
		assert.Equal(t, make([]byte, len(s)), []byte(s))
	}
	key := w.ends[0].key
	w.ends[0].Close()
	assert.Equal(t, make([]byte, len(key)), []byte(key))
	assert.Nil(t, a.keys)
	assert.Empty(t, a.Handle(w.now, Tick{}))
	assert.Empty(t, a.Handle(w.now, Packet{Data: wire.AppendPacket(nil, 1, 2, wire.AppendPing(nil, wire.PingFields{}))}))
}

// The recorded Pings are answered as they were.
func TestRecordedPings(t *testing.T) {
	for _, v := range transcripts(t).Control.Vectors {
		if v.Sent == nil {
			continue
		}
		w := meet(t, 1)
		want, err := wire.Parse(v.Reply)
		require.NoError(t, err)
		theirs := wire.ParsePingACK(want.Message)
		w.ends[0].config.ZID = alg.ZID(append(bytes.Clone(theirs.Endpoint[:]), 0, 0, 0, 0))
		acks := w.sentBy(0, wire.PingACK)
		w.run(time.Millisecond)
		w.ends[0].do(0, Packet{Data: v.Sent})
		require.Len(t, *acks, 1)
		theirs.Version = wire.Version // libzrtp writes 0.10
		assert.Equal(t, theirs, wire.ParsePingACK((*acks)[0]))
	}
}

func TestSequenceNumbersBeginLowAndEnd(t *testing.T) {
	w := meet(t, 1)
	st := w.ends[0].lines[0].Stream
	assert.LessOrEqual(t, st.sequence, uint16(0x1000))
	assert.NotZero(t, st.sequence)
	st.sequence = lastSequence
	w.run(time.Second)
	assert.Zero(t, w.ends[0].sends, "a peer that compares without wrapping would drop it")
}
