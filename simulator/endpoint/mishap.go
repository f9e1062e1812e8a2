package endpoint

import (
	"errors"
	"fmt"

	"b2bua/simulator/stream"
)

// Rebind gives the phone's media other ports, without a word to the peer: its NAT forgot the old ones.
func (c *Call) Rebind() error { return c.eachStream((*stream.Stream).Rebind) }

// Restart makes the phone's media go on as other sources, with the SSRCs of its peer if collide.
func (c *Call) Restart(collide bool) error {
	return c.eachStream(func(s *stream.Stream) error {
		if !collide {
			return s.Restart(0)
		}
		heard := s.Stats().HeardSSRC
		if heard == 0 {
			return errors.New("nothing was heard yet")
		}
		return s.Restart(heard)
	})
}

func (c *Call) eachStream(do func(*stream.Stream) error) error {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	if c.sum.State == Released {
		return fmt.Errorf("phone %s: %w: it is %s", c.phone.cfg.Name, errNotRunning, c.sum.State)
	}
	for _, s := range c.streams {
		if s == nil {
			continue
		}
		if err := do(s); err != nil {
			return fmt.Errorf("phone %s: %w", c.phone.cfg.Name, err)
		}
	}
	return nil
}
