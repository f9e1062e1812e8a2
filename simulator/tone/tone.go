package tone

import (
	"hash/fnv"
	"math"
)

// Rate is the sampling rate of everything here, Hz.
const Rate = 8000

// The frequencies in use: 400, 520 … 3640 Hz. They fall on the middle of a bin of the detector (20 Hz) and lie six bins apart.
const (
	lowest = 400
	step   = 120
	count  = 28
)

// Frequencies are all tones that a Detector knows, Hz.
func Frequencies() []float64 {
	f := make([]float64, count)
	for i := range f {
		f[i] = lowest + float64(i)*step
	}
	return f
}

// Frequency chooses the tone of a party from its name: the same in every process. Different names may share one;
// who needs certainty sets tones by hand.
func Frequency(party string) float64 {
	h := fnv.New32a()
	h.Write([]byte(party))
	return lowest + float64(h.Sum32()%count)*step
}

// Known tells whether a Detector can recognise that frequency.
func Known(hertz float64) bool {
	n := (hertz - lowest) / step
	return n >= 0 && n < count && n == math.Trunc(n)
}

// Generator plays one tone for ever at a quarter of full scale (-15 dBm0 or so).
type Generator struct {
	hertz float64
	n     int
}

// NewGenerator starts a tone of that frequency at phase 0.
func NewGenerator(hertz float64) *Generator { return &Generator{hertz: hertz} }

const amplitude = 8000

// Fill writes the next len(out) samples.
func (g *Generator) Fill(out []int16) {
	for i := range out {
		out[i] = int16(amplitude * math.Sin(2*math.Pi*g.hertz*float64(g.n)/Rate))
		if g.n++; g.n == Rate { // all our frequencies are whole Hz: the phase is 0 again after one second
			g.n = 0
		}
	}
}
