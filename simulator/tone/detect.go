package tone

import "math"

const (
	block   = 400 // samples, 50 ms: bins of 20 Hz
	history = 20  // blocks, one second
	// quiet is the mean square below which a block is silence: about -60 dBm0, above the idle noise of both laws.
	quiet = 20 * 20
)

// Detector looks for the known tones in a stream of samples, block by block.
type Detector struct {
	coefficients [count]float64
	samples      [block]float64
	n            int
	heard        [history]Heard
	at, blocks   int
	mark         int // at, when Mark was called
}

// Heard is what a stretch of audio contains.
type Heard struct {
	Hertz      float64 // strongest known tone; 0: silence
	Confidence float64 // its share of the energy, 0..1; white noise gives a few hundredths
}

// NewDetector starts with silence.
func NewDetector() *Detector {
	d := &Detector{}
	for i, f := range Frequencies() {
		d.coefficients[i] = 2 * math.Cos(2*math.Pi*f/Rate)
	}
	return d
}

// Write feeds samples and tells how many blocks they completed.
func (d *Detector) Write(samples []int16) (blocks int) {
	for _, s := range samples {
		d.samples[d.n] = float64(s)
		if d.n++; d.n == block {
			d.n = 0
			d.heard[d.at%history] = d.analyse()
			d.at++
			d.blocks++
			blocks++
		}
	}
	return blocks
}

// analyse runs the Goertzel recurrence over one block for every known tone.
func (d *Detector) analyse() Heard {
	var energy float64
	for _, x := range d.samples {
		energy += x * x
	}
	if energy < quiet*block {
		return Heard{}
	}
	var best Heard
	for i, c := range d.coefficients {
		var s1, s2 float64
		for _, x := range d.samples {
			s1, s2 = x+c*s1-s2, s1
		}
		// A sine of amplitude A in the middle of the bin gives power (A*N/2)^2 and energy N*A^2/2.
		power := s1*s1 + s2*s2 - c*s1*s2
		if share := power * 2 / (block * energy); share > best.Confidence {
			best = Heard{lowest + float64(i)*step, math.Min(share, 1)}
		}
	}
	return best
}

// Blocks counts the blocks of 50 ms seen so far.
func (d *Detector) Blocks() int { return d.blocks }

// Second is the tone that held most of the last second, with its mean confidence over the whole of it: half a second of a
// clear tone gives about 0.5.
func (d *Detector) Second() Heard { return d.last(min(history, d.at), history) }

// Now is the same over the last 200 ms, since Mark.
func (d *Detector) Now() Heard { return d.last(min(4, d.at-d.mark), 4) }

// Mark begins Now with silence.
func (d *Detector) Mark() { d.mark, d.n = d.at, 0 }

// Clear is the confidence that a party's tone has on an unimpaired line, with a margin: what Now must reach to count as heard.
const Clear = 0.8

// last is what the newest blocks hold, of n that should be there.
func (d *Detector) last(blocks, n int) Heard {
	var sum [count]float64
	for i := 1; i <= blocks; i++ {
		if h := d.heard[(d.at-i)%history]; h.Hertz > 0 {
			sum[int(h.Hertz-lowest)/step] += h.Confidence
		}
	}
	var best Heard
	for i, s := range sum {
		if c := s / float64(n); c > best.Confidence {
			best = Heard{lowest + float64(i)*step, c}
		}
	}
	return best
}
