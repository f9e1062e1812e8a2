package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever is put in, left out, lost or late: no number is used twice, what is put in and what comes in time goes on without a gap
// but for what was lost, and the order of the source is kept.
func TestSplice(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var l Line
		now, seq := start, uint16(65300)
		used := map[uint16]bool{}
		take := func(n uint16) {
			require.False(t, used[n], "seed %d: %d is used twice", seed, n)
			used[n] = true
		}
		first, _, _ := l.Map(now, Header{Seq: seq - 1, Timestamp: uint32(seq-1) * 160, SSRC: 7}, 8000)
		take(first)
		var held []Header
		lost := 0
		for range 600 {
			now = now.Add(20 * time.Millisecond)
			h := Header{Seq: seq, Timestamp: uint32(seq) * 160, SSRC: 7}
			seq++
			switch rnd.IntN(12) {
			case 0:
				l.Skip(h)
				continue
			case 1:
				take(l.Insert(now, l.Clock(now, 8000)))
			case 2:
				lost++
				continue
			case 3:
				held = append(held, h)
				continue
			}
			n, ts, fate := l.Map(now, h, 8000)
			require.Equal(t, Continue, fate)
			require.Equal(t, h.Timestamp, ts)
			take(n)
			for _, late := range held {
				n, ts, fate := l.Map(now, late, 8000)
				require.Equal(t, Continue, fate)
				require.Equal(t, late.Timestamp, ts)
				take(n)
			}
			held = held[:0]
		}
		lost += len(held)
		require.LessOrEqual(t, int(l.outSeq-first)+1-len(used), lost, "seed %d: gaps without a loss", seed)
	}
}

func TestLineOfOurOwn(t *testing.T) {
	var l Line
	l.Start(start, 99, 1000, 5000)
	require.EqualValues(t, 5000+800, l.Clock(start.Add(100*time.Millisecond), 8000))
	require.EqualValues(t, 1000, l.Insert(start, 5000))
	require.EqualValues(t, 1001, l.Insert(start, 5000))
	l.Start(start, 1, 1, 1) // once
	l.Skip(Header{SSRC: 0, Seq: 1})
	seq, ts, fate := l.Map(start.Add(time.Second), Header{SSRC: 0, Seq: 40000, Timestamp: 17}, 8000) // SSRC 0 is one like any other
	require.Equal(t, Switched, fate)
	require.EqualValues(t, 1002, seq)
	require.EqualValues(t, 5000+8000, ts)
	ssrc, ok := l.SSRC()
	require.True(t, ok)
	require.EqualValues(t, 99, ssrc)
	_, _, fate = l.Map(start.Add(time.Second), Header{SSRC: 0, Seq: 39999, Timestamp: 17}, 8000)
	require.Equal(t, Continue, fate)
}

// A source that takes over after an event goes on from the event's beginning in time, not from its timestamp.
func TestTakeOverAfterAnEvent(t *testing.T) {
	var l Line
	l.Map(start, Header{SSRC: 1, Seq: 1, Timestamp: 8000}, 8000)
	for i := range 50 { // one event of a second
		_, ts, _ := l.Map(start.Add(time.Duration(i)*20*time.Millisecond), Header{SSRC: 1, Seq: uint16(2 + i), Timestamp: 8160}, 8000)
		require.EqualValues(t, 8160, ts)
	}
	_, ts, _ := l.Map(start.Add(time.Second), Header{SSRC: 2, Seq: 9, Timestamp: 1}, 8000)
	require.EqualValues(t, 8160+8000, ts)
}

// Two packets that changed places keep their order on the line wherever in the cycle they are, however long ago something was put in
// or left out, and however the changes lie in between.
func TestReorderingLongAfterASplice(t *testing.T) {
	for _, apart := range []int{500, 10000, forgetMoves, 20000, 33000, 50000, 70000} {
		var l Line
		now, seq := start, uint16(100)
		say := func(n uint16) uint16 {
			out, _, fate := l.Map(now, Header{Seq: n, SSRC: 1, Timestamp: uint32(n) * 160}, 8000)
			require.Equal(t, Continue, fate)
			return out
		}
		say(seq)
		for i := range 200000 {
			seq++
			now = now.Add(20 * time.Millisecond)
			switch {
			case i%apart == 0:
				for range 7 {
					l.Insert(now, l.Clock(now, 8000))
				}
				l.Skip(Header{Seq: seq, SSRC: 1})
			case i%50 == 49:
				newer := say(seq + 1)
				require.Equal(t, newer-1, say(seq), "%d packets apart, after %d", apart, i)
				seq++
			default:
				say(seq)
			}
		}
	}
}

// Begin leaves the source's timestamps as they are, and is nothing special to the packets after it.
func TestBegin(t *testing.T) {
	var l Line
	h := Header{Seq: 65535, SSRC: 1, Timestamp: 1 << 31}
	l.Begin(h, 9, 32767)
	seq, ts, fate := l.Map(start, h, 8000)
	require.Equal(t, Continue, fate)
	require.EqualValues(t, 32767, seq)
	require.EqualValues(t, 1<<31, ts)
	seq, _, fate = l.Map(start, Header{Seq: 0, SSRC: 1, Timestamp: 1<<31 + 160}, 8000)
	require.Equal(t, Continue, fate)
	require.EqualValues(t, 32768, seq)
	ssrc, _ := l.SSRC()
	require.EqualValues(t, 9, ssrc)
	l.Begin(h, 8, 5)
	again, _ := l.SSRC()
	require.Equal(t, ssrc, again, "it has begun already")
}
