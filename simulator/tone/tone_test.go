package tone

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Values of the tables of G.711: extremes, zero and segment ends.
func TestG711Tables(t *testing.T) {
	for code, want := range map[byte]int16{0x00: -32124, 0x80: 32124, 0xff: 0, 0x7f: 0, 0x8f: 16764, 0x9f: 8316, 0xef: 132} {
		assert.Equal(t, want, DecodeMulaw(code), "PCMU %#x", code)
	}
	for code, want := range map[byte]int16{0xd5: 8, 0x55: -8, 0xaa: 32256, 0x2a: -32256, 0x80: 5504, 0x00: -5504} {
		assert.Equal(t, want, DecodeAlaw(code), "PCMA %#x", code)
	}
}

func TestG711EveryCodeSurvives(t *testing.T) {
	for i := range 256 {
		b := byte(i)
		assert.Equal(t, b, EncodeAlaw(DecodeAlaw(b)), "PCMA %#x", b)
		if b != 0x7f { // minus zero, which is encoded as plus zero
			assert.Equal(t, b, EncodeMulaw(DecodeMulaw(b)), "PCMU %#x", b)
		}
	}
}

func TestG711ErrorIsBoundedBySegment(t *testing.T) {
	for s := -32768; s <= 32767; s++ {
		m := int(DecodeMulaw(EncodeMulaw(int16(s))))
		a := int(DecodeAlaw(EncodeAlaw(int16(s))))
		bound := max(16, abs(s)/24)
		if s < -32124 || s > 32124 {
			bound = 1024
		}
		require.LessOrEqual(t, abs(m-s), bound, "PCMU of %d is %d", s, m)
		require.LessOrEqual(t, abs(a-s), bound, "PCMA of %d is %d", s, a)
	}
}

func abs(n int) int { return max(n, -n) }

func TestEveryToneIsRecognisedThroughBothLaws(t *testing.T) {
	for _, law := range []Law{Mulaw, Alaw} {
		for _, f := range Frequencies() {
			d, g := NewDetector(), NewGenerator(f)
			var frame [160]int16
			for range 50 {
				g.Fill(frame[:])
				for i, s := range frame {
					frame[i] = law.Decode(law.Encode(s))
				}
				d.Write(frame[:])
			}
			assert.Equal(t, f, d.Second().Hertz)
			assert.Greater(t, d.Second().Confidence, 0.95, "%v Hz", f)
			assert.Equal(t, 20, d.Blocks())
			assert.True(t, Known(f))
		}
	}
	assert.False(t, Known(441))
	assert.False(t, Known(0))
}

func TestToneInNoise(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range []float64{400, 1000, 3640} {
		for noise, want := range map[float64]float64{2000: 0.8, 8000: 0.25} { // standard deviation against an amplitude of 8000
			d, g := NewDetector(), NewGenerator(f)
			var frame [160]int16
			for range 50 {
				g.Fill(frame[:])
				for i, s := range frame {
					frame[i] = clip(float64(s) + random.NormFloat64()*noise)
				}
				d.Write(frame[:])
			}
			h := d.Second()
			assert.Equal(t, f, h.Hertz, "noise %v", noise)
			assert.Greater(t, h.Confidence, want, "noise %v", noise)
			assert.Less(t, h.Confidence, 0.95, "noise %v", noise)
		}
	}
}

func clip(f float64) int16 { return int16(max(-32768, min(32767, f))) }

func TestNoiseAndSilenceAreNoTone(t *testing.T) {
	d := NewDetector()
	d.Write(make([]int16, Rate))
	assert.Zero(t, d.Second())
	random := rand.New(rand.NewPCG(3, 4))
	noise := make([]int16, Rate)
	for i := range noise {
		noise[i] = clip(random.NormFloat64() * 3000)
	}
	d.Write(noise)
	assert.Less(t, d.Second().Confidence, 0.1)
	assert.Less(t, d.Now().Confidence, 0.1)
}

func TestToneThatStops(t *testing.T) {
	d, g := NewDetector(), NewGenerator(1000)
	half := make([]int16, Rate/2)
	g.Fill(half)
	d.Write(half)
	assert.InDelta(t, 1, d.Now().Confidence, 0.05)
	assert.InDelta(t, 0.5, d.Second().Confidence, 0.05, "half a second of it")
	d.Write(make([]int16, Rate/2))
	assert.Zero(t, d.Now())
	assert.Equal(t, 1000.0, d.Second().Hertz)
}

func TestMOS(t *testing.T) {
	assert.InDelta(t, 4.41, MOS(0, 0, 0), 0.01)
	assert.InDelta(t, 4.37, MOS(0, 100*time.Millisecond, 0), 0.05)
	worse := 5.0
	for _, loss := range []float64{0, 0.01, 0.03, 0.1, 0.3, 1} {
		m := MOS(loss, 20*time.Millisecond, time.Millisecond)
		assert.Less(t, m, worse)
		worse = m
	}
	assert.Equal(t, 1.0, MOS(1, time.Second, 0))
	assert.Greater(t, MOS(0, 20*time.Millisecond, 0), MOS(0, 20*time.Millisecond, 100*time.Millisecond))
	assert.GreaterOrEqual(t, MOS(7, -1, 0), 1.0, "nonsense is bounded")
}

func TestPartiesOfTheScenariosHaveTonesOfTheirOwn(t *testing.T) {
	seen := map[float64]string{}
	for _, party := range []string{"marie", "pauline", "laure", "alice", "bob"} {
		f := Frequency(party)
		assert.True(t, Known(f))
		assert.Empty(t, seen[f], "%s and %s share %v Hz", party, seen[f], f)
		seen[f] = party
	}
}
