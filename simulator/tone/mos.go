package tone

import (
	"math"
	"time"
)

// MOS estimates the mean opinion score of a G.711 conversation without loss concealment by the E-model (ITU-T G.107, all
// parameters not given here at their defaults). loss is 0..1; delay is mouth to ear without the jitter buffer, which is
// taken as twice the jitter. The result lies between 1 and 4.41.
func MOS(loss float64, delay, jitter time.Duration) float64 {
	const (
		noImpairment = 93.2 // R of the default connection
		robustness   = 4.3  // Bpl of G.711 without concealment, G.113 appendix I
	)
	d := float64(delay+2*jitter) / float64(time.Millisecond)
	delayed := 0.024 * d
	if d > 177.3 {
		delayed += 0.11 * (d - 177.3)
	}
	percent := 100 * math.Min(math.Max(loss, 0), 1)
	lossy := 95 * percent / (percent + robustness)
	r := noImpairment - delayed - lossy
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return math.Max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
