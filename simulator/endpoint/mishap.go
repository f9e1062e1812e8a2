package endpoint

import (
	"context"
	"errors"
	"fmt"

	"b2bua/media/sdp"
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

// Replay sends the newest packets of every stream once more, as somebody on the wire could, and returns how many there were.
func (c *Call) Replay(n int) (sent int, err error) {
	err = c.eachStream(func(s *stream.Stream) error {
		sent += s.Replay(n)
		return nil
	})
	return sent, err
}

// Feedback sends one RTCP feedback packet about the video that is received: "pli", "fir" or "nack"; an error if it was not agreed on.
func (c *Call) Feedback(kind string) error {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	for i, a := range c.agreed {
		if a.Enabled && a.Kind == sdp.Video && i < len(c.streams) && c.streams[i] != nil {
			if err := c.streams[i].Feedback(kind); err != nil {
				return fmt.Errorf("phone %s: %w", c.phone.cfg.Name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("phone %s: %w: no video", c.phone.cfg.Name, errNotRunning)
}

// AskPicture asks for a whole picture by INFO, as phones without feedback do (RFC 5168).
func (c *Call) AskPicture(ctx context.Context) error {
	const body = `<?xml version="1.0" encoding="utf-8" ?><media_control><vc_primitive><to_encoder><picture_fast_update></picture_fast_update></to_encoder></vc_primitive></media_control>`
	m, err := c.Request(ctx, "INFO", nil, mediaControl, body)
	if err == nil && m.Status() != 200 {
		err = &StatusError{"INFO", m.Status(), m.StartLine()}
	}
	return err
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
