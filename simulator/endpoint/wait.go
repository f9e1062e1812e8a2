package endpoint

import (
	"context"
	"fmt"

	"b2bua/simulator/tone"
)

// This file waits. Each method returns nil at once if it has already happened, an error if it can't happen any more (the call is
// released) or the context ends.

func (c *Call) waitFor(ctx context.Context, what string, ok func() bool) error {
	return c.phone.wait(ctx, what, func() (bool, error) {
		switch {
		case ok():
			return true, nil
		case c.sum.State == Released:
			return false, c.over()
		}
		return false, nil
	})
}

// over tells how the call ended.
func (c *Call) over() error {
	return fmt.Errorf("the call is over: %d %s, ended by %s: %s %s", c.sum.Status, c.sum.Phrase, c.sum.EndedBy, c.sum.EndCause, c.sum.Reason)
}

// WaitRinging waits until the call was or is ringing.
func (c *Call) WaitRinging(ctx context.Context) error {
	return c.waitFor(ctx, "ringing", func() bool { return c.sum.Ringing })
}

// WaitEarlyMedia waits until 18x with SDP was exchanged and its media is set up.
func (c *Call) WaitEarlyMedia(ctx context.Context) error {
	return c.waitFor(ctx, "early media", func() bool { return c.sum.Early })
}

// WaitRunning waits until 200 and ACK were exchanged and media is set up.
func (c *Call) WaitRunning(ctx context.Context) error {
	return c.waitFor(ctx, "the call to run", func() bool { return c.sum.State == Running })
}

// WaitReleased waits for the end of the call.
func (c *Call) WaitReleased(ctx context.Context) error {
	return c.phone.wait(ctx, "the end of the call", func() (bool, error) { return c.sum.State == Released, nil })
}

// WaitFinal waits for the final response to the initial INVITE and returns its status; 0 and an error if the call ends without one.
func (c *Call) WaitFinal(ctx context.Context) (int, error) {
	status := 0
	err := c.waitFor(ctx, "a final response", func() bool {
		if c.sum.Status >= 200 {
			status = c.sum.Status
		}
		return status != 0
	})
	return status, err
}

// WaitAudio waits until the tone of that frequency is heard clearly now (Phone.Tone of the peer). 0: any tone.
func (c *Call) WaitAudio(ctx context.Context, hertz float64) error {
	return c.waitTone(ctx, "audio", hertz)
}

// WaitVideo waits until marked video packets of the peer with that tone have arrived. 0: any.
func (c *Call) WaitVideo(ctx context.Context, hertz float64) error {
	return c.waitTone(ctx, "video", hertz)
}

func (c *Call) waitTone(ctx context.Context, kind string, hertz float64) error {
	what := fmt.Sprintf("%s with a tone of %g Hz", kind, hertz)
	if hertz == 0 {
		what = kind + " with any tone"
	}
	return c.waitFor(ctx, what, func() bool {
		for i, a := range c.agreed {
			if !a.Enabled || kindName(a.Kind) != kind || i >= len(c.streams) || c.streams[i] == nil {
				continue
			}
			now := c.streams[i].Stats().Now
			if now.Confidence >= tone.Clear && (hertz == 0 || now.Hertz == hertz) {
				return true
			}
		}
		return false
	})
}

// WaitPackets waits until n more packets of kind "audio" or "video" than now have arrived.
func (c *Call) WaitPackets(ctx context.Context, kind string, n uint64) error {
	count := func(s Summary) (received uint64) {
		for _, m := range s.Streams {
			if m.Kind == kind {
				received += m.Received
			}
		}
		return received
	}
	goal := count(c.Summary()) + n
	return c.WaitSummary(ctx, fmt.Sprintf("%d %s packets", goal, kind), func(s Summary) bool { return count(s) >= goal })
}

// WaitSummary waits until ok accepts the summary; what names the condition in the error. It also sees the summary of a released call.
func (c *Call) WaitSummary(ctx context.Context, what string, ok func(Summary) bool) error {
	return c.waitFor(ctx, what, func() bool { return ok(c.summary()) })
}
