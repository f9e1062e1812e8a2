package impair

import "time"

// Config is how bad the network is. The zero value is a perfect one.
type Config struct {
	Seed      uint64        // same seed, same fate of packet n
	Loss      float64       // probability 0..1 that a packet vanishes
	Duplicate float64       // probability that it arrives twice
	Reorder   float64       // probability that it is held back behind the next packets
	Delay     time.Duration // added to every packet
	Late      float64       // probability that it is held for LateBy: older then than any replay window
	Jitter    time.Duration // uniformly distributed, 0..Jitter on top of Delay; may reorder
}

// Perfect tells that nothing would be changed.
func (c Config) Perfect() bool {
	return c.Loss <= 0 && c.Duplicate <= 0 && c.Reorder <= 0 && c.Late <= 0 && c.Delay <= 0 && c.Jitter <= 0
}
