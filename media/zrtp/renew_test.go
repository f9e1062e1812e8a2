package zrtp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// How the peer of a call begins anew.
type renewal int

const (
	keeps   renewal = iota // other streams in the session that there is
	forgets                // another session
	mute                   // another session, which says Hello and nothing more
)

// secured is a call in which both ends are secure.
func secured(t testing.TB, seed uint64, streams int, c [2]Config) *world {
	w := newWorld(t, seed)
	for i := range c {
		w.join(i, c[i], streams, nil)
		w.start(i, 0)
	}
	w.run(time.Minute)
	require.True(t, w.settle())
	return w
}

// replace lets other streams take the place of those of an end; they are not started.
func (e *end) replace(s *Session, next func(old *Stream) (*Stream, error)) {
	old := e.lines
	e.lines = nil
	var outs []Output
	for _, l := range old {
		st, err := next(l.Stream)
		require.NoError(e.world.t, err)
		l.silenced = true
		outs = append(outs, l.Handle(e.world.now, Stop{})...)
		e.lines = append(e.lines, &line{Stream: st})
	}
	require.Empty(e.world.t, outs)
	if e.Session != s {
		e.Close()
	}
	e.Session = s
}

// renew lets end 1 begin anew and end 0 learn of it by the new a=zrtp-hash. What was under way before is gone.
func (w *world) renew(how renewal, c Config) {
	a, b := w.ends[0], w.ends[1]
	w.queue = nil
	s := b.Session
	if c.Rand = (random{w.rng}); how != keeps {
		var err error
		s, err = NewSession(c)
		require.NoError(w.t, err)
	}
	s.config.Passive = c.Passive
	n := uint32(0x500)
	b.replace(s, func(*Stream) (*Stream, error) { n++; return s.NewStream(n) })
	next, err := NewSession(a.config)
	require.NoError(w.t, err)
	next.Renew(a.Session)
	a.replace(next, next.Succeed)
	for i := range a.lines {
		a.do(i, PeerHash{Hash: b.lines[i].HelloHash()})
		b.do(i, PeerHash{Hash: a.lines[i].HelloHash()})
	}
	w.start(0, 0)
	w.start(1, 0)
}

func TestPeerBeginsAnew(t *testing.T) {
	for _, passive := range []bool{false, true} {
		for _, how := range []renewal{keeps, forgets} {
			for _, streams := range []int{1, 2} {
				t.Run(fmt.Sprintf("passive %t, %d, %d streams", passive, how, streams), func(t *testing.T) {
					c := [2]Config{config(0), config(1)}
					w := secured(t, 5, streams, c)
					a, b := w.ends[0], w.ends[1]
					before := a.lines[0].reports[0]
					c[1].Passive = passive
					w.renew(how, c[1])
					began := w.now
					for !w.settle() && w.now.Sub(began) < 10*time.Second {
						w.run(100 * time.Millisecond)
					}
					took := w.now.Sub(began)
					require.True(t, w.settle(), "%v %v", a.lines, b.lines)
					r := a.lines[0].reports[0]
					assert.Equal(t, before.Peer, r.Peer)
					assert.True(t, r.HashVerified)
					if how == keeps {
						assert.Equal(t, alg.Mult, r.Suite.Agreement)
						assert.Equal(t, before.SAS, r.SAS)
					} else {
						assert.Equal(t, alg.X255, r.Suite.Agreement)
						assert.True(t, r.Continuity)
					}
					switch {
					case !passive:
						assert.Less(t, took, time.Second)
						assert.Equal(t, alg.Responder, r.Role)
					case how == keeps:
						assert.Less(t, took, patience+time.Second)
					default:
						assert.Less(t, took, patience+trialEnd+time.Second)
					}
					assert.Nil(t, a.former)
					assert.Nil(t, a.trial)
				})
			}
		}
	}
}

// Any network: both are secure, or both have failed; and one that only loses some does not matter.
func TestPeerBeginsAnewInNetworks(t *testing.T) {
	n := min(seeds(t), 2000)
	good := 0
	for seed := range n {
		c := [2]Config{config(0), config(1)}
		w := secured(t, seed, 1+int(seed)&1, c)
		how := renewal(w.rng.IntN(2))
		w.sky.loss, w.sky.duplicate = w.rng.Float64()*0.3, w.rng.Float64()*0.2
		w.sky.jitter, w.sky.late, w.sky.lateness = 30*time.Millisecond, w.rng.Float64()*0.2, 150*time.Millisecond
		w.work = 20 * time.Millisecond
		c[1].Passive = w.rng.IntN(4) == 0
		w.renew(how, c[1])
		w.run(2 * time.Minute)
		if w.settle() {
			good++
		}
		a, b := w.ends[0], w.ends[1]
		secure := a.secure() && b.secure()
		if secure {
			require.Equal(t, []byte(a.key), []byte(b.key), "seed %d", seed)
		}
		a.Close()
		b.Close()
	}
	t.Log(good, "of", n)
	assert.Greater(t, good, int(n)*99/100)
}

// One Error is an answer to the Commit in Multistream mode: DH mode follows, once.
func TestRefusedRenewal(t *testing.T) {
	c := [2]Config{config(0), config(1)}
	c[1].Passive = true
	w := secured(t, 6, 1, [2]Config{config(0), config(1)})
	a, b := w.ends[0], w.ends[1]
	commits := w.sentBy(0, wire.Commit)
	w.renew(forgets, c[1])
	w.run(patience + 100*time.Millisecond)
	require.Len(t, *commits, 1)
	require.NotNil(t, a.trial)
	a.inject(0, wire.AppendFailure(nil, uint32(CodeSoftware)))
	w.run(grace + 500*time.Millisecond)
	require.True(t, w.settle(), "%v %v", a.lines, b.lines)
	require.Equal(t, codeMult, wire.ParseCommit((*commits)[0]).Agreement)
	require.Equal(t, alg.X255, a.lines[0].reports[0].Suite.Agreement)
}

// A forged Error does not: the peer answers.
func TestForgedErrorInARenewal(t *testing.T) {
	c := config(1)
	c.Passive = true
	w := secured(t, 7, 1, [2]Config{config(0), config(1)})
	w.renew(keeps, c)
	a := w.ends[0]
	w.run(patience + 25*time.Millisecond)
	require.NotNil(t, a.trial)
	a.inject(0, wire.AppendFailure(nil, uint32(CodeSoftware)))
	w.run(10 * time.Second)
	require.True(t, w.settle())
	require.Equal(t, alg.Mult, a.lines[0].reports[0].Suite.Agreement)
}

// Both refused: the stream fails.
func TestRenewalWithAPeerThatAnswersNothing(t *testing.T) {
	c := config(1)
	c.Passive = true
	w := secured(t, 8, 1, [2]Config{config(0), config(1)})
	commits := w.sentBy(0, wire.Commit)
	w.renew(mute, c)
	w.alter(1, wire.DHPart1, func(*line, []byte) []byte { return nil })
	w.run(time.Minute)
	a := w.ends[0]
	require.Len(t, a.lines[0].failures, 1)
	require.Equal(t, CodeTimeout, a.lines[0].failures[0].Code)
	modes := map[wire.Code]int{}
	for _, m := range *commits {
		modes[wire.ParseCommit(m).Agreement]++
	}
	require.Equal(t, map[wire.Code]int{codeMult: 6, wire.Code([]byte("X255")): repeats + 1}, modes)
}

// The peer's Commit in DH mode and ours in Multistream mode cross: the peer knows what it has begun.
func TestContentionInARenewal(t *testing.T) {
	w := secured(t, 9, 2, [2]Config{config(0), config(1)})
	held := true
	w.alter(1, wire.Commit, func(_ *line, m []byte) []byte {
		if held {
			return nil
		}
		return m
	})
	w.renew(forgets, config(1))
	a, b := w.ends[0], w.ends[1]
	w.run(patience + 30*time.Millisecond)
	require.Equal(t, commitSent, a.lines[0].state)
	require.Equal(t, commitSent, b.lines[0].state)
	require.Same(t, a.lines[0].Stream, a.trial)
	require.Equal(t, ready, a.lines[1].state, "the others wait")
	held = false
	w.run(20 * time.Second)
	require.True(t, w.settle(), "%v %v", a.lines, b.lines)
	require.Equal(t, alg.X255, a.lines[0].reports[0].Suite.Agreement)
	require.Equal(t, alg.Mult, a.lines[1].reports[0].Suite.Agreement)
}

// Both in Multistream mode: the larger nonce, as ever.
func TestContentionOfNoncesInARenewal(t *testing.T) {
	for seed := range uint64(4) {
		w := secured(t, 10+seed, 1, [2]Config{config(0), config(1)})
		held := true
		w.alter(1, wire.Commit, func(_ *line, m []byte) []byte {
			if held {
				return nil
			}
			return m
		})
		w.alter(0, wire.Commit, func(_ *line, m []byte) []byte {
			if held {
				return nil
			}
			return m
		})
		w.renew(keeps, config(1))
		w.run(patience + 30*time.Millisecond)
		require.Equal(t, commitSent, w.ends[0].lines[0].state)
		held = false
		w.run(20 * time.Second)
		require.True(t, w.settle())
		require.Equal(t, alg.Mult, w.ends[0].lines[0].reports[0].Suite.Agreement)
		require.Nil(t, w.ends[0].trial)
	}
}

// Another phone answers: DH mode at once, as in any call.
func TestAnotherPeerTakesOver(t *testing.T) {
	other := config(1)
	other.ZID, other.Passive = alg.ZID{9, 9, 9}, true
	w := secured(t, 20, 1, [2]Config{config(0), config(1)})
	w.renew(forgets, other)
	w.run(500 * time.Millisecond)
	require.True(t, w.settle())
	r := w.ends[0].lines[0].reports[0]
	require.Equal(t, other.ZID, r.Peer)
	require.False(t, r.Continuity)
	require.Nil(t, w.ends[0].former)
}

// Again before it was decided: what can be gone on with is the same.
func TestRenewedTwice(t *testing.T) {
	c := config(1)
	for _, at := range []time.Duration{200 * time.Millisecond, patience + 15*time.Millisecond} {
		w := secured(t, 21, 1, [2]Config{config(0), config(1)})
		sas := w.ends[0].report.SAS
		c.Passive = true
		w.renew(keeps, c)
		w.run(at)
		require.NotNil(t, w.ends[0].former)
		c.Passive = false
		w.renew(keeps, c)
		w.run(10 * time.Second)
		require.True(t, w.settle())
		require.Equal(t, sas, w.ends[0].lines[0].reports[0].SAS)
	}
}

// What is not used any more is overwritten, and what was not secure leaves nothing.
func TestFormerSecretsAreOverwritten(t *testing.T) {
	for name, end := range map[string]func(s *Session){
		"closed": (*Session).Close, "new": func(s *Session) { s.trial = s.streams[0]; s.disown() }, "renewed again": func(s *Session) { s.Renew(s) },
	} {
		t.Run(name, func(t *testing.T) {
			w := secured(t, 22, 1, [2]Config{config(0), config(1)})
			w.ends[0].pending = &Update{Retained: alg.Secret{1, 2, 3}}
			w.renew(keeps, config(1))
			s := w.ends[0].Session
			require.NotNil(t, s.former)
			key, retained := s.former.key, s.former.pending.Retained
			end(s)
			require.Equal(t, alg.Secret(make([]byte, len(key))), key)
			require.Equal(t, alg.Secret{0, 0, 0}, retained)
		})
	}
	a, err := NewSession(configured())
	require.NoError(t, err)
	b, err := NewSession(configured())
	require.NoError(t, err)
	b.Renew(a)
	require.Nil(t, b.former)
}

func configured() Config {
	c := config(0)
	c.Rand = random{newWorld(nil, 1).rng}
	return c
}
