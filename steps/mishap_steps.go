package steps

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
	"b2bua/simulator/impair"
)

// mishapSteps: bad networks, NATs that forget, phones that change their mind or do it wrong.
func (w *World) mishapSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+)'s NAT gives other ports$`, func(name string) error { return w.withMedia(name, (*endpoint.Call).Rebind) })
	sc.Step(`^(\w+) sends from another source$`, func(name string) error {
		return w.withMedia(name, func(c *endpoint.Call) error { return c.Restart(false) })
	})
	sc.Step(`^(\w+) sends with the SSRC that is heard there$`, func(name string) error {
		return w.withMedia(name, func(c *endpoint.Call) error { return c.Restart(true) })
	})
	sc.Step(`^(\w+) negotiates again with (?:a new certificate|a new key)$`, w.renews)
	sc.Step(`^(\w+)'s audio was secured by (\d+) handshakes$`, w.handshakes)
	sc.Step(`^(\w+)'s call was ended with the Reason (.+)$`, w.endedWithReason)
	sc.Step(`^(\w+) received no audio$`, w.receivedNothing)
	sc.Step(`^(\w+) refuses the audio$`, w.refusesAudio)
	sc.Step(`^nothing can be heard on the wire of (\w+)'s leg$`, w.private)
	sc.Step(`^(\w+) missed between (\d+) and (\d+) percent of the audio$`, w.missed)
	sc.Step(`^(\w+) received nothing twice$`, w.nothingTwice)
	sc.Step(`^(\w+) received some packets twice$`, w.someTwice)
	sc.Step(`^(\w+) received one source without a gap$`, w.oneSource)
	sc.Step(`^(\w+)'s sequence numbers began again at 0$`, w.wrapped)
}

// network reads "loss=0.1 jitter=20ms seed=7".
func network(text string) (impair.Config, error) {
	var c impair.Config
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "loss":
			c.Loss, err = strconv.ParseFloat(value, 64)
		case "duplicate":
			c.Duplicate, err = strconv.ParseFloat(value, 64)
		case "reorder":
			c.Reorder, err = strconv.ParseFloat(value, 64)
		case "late":
			c.Late, err = strconv.ParseFloat(value, 64)
		case "delay":
			c.Delay, err = time.ParseDuration(value)
		case "jitter":
			c.Jitter, err = time.ParseDuration(value)
		case "seed":
			c.Seed, err = strconv.ParseUint(value, 10, 64)
		default:
			err = errors.New("write loss, duplicate, reorder, late, delay, jitter or seed")
		}
		if err != nil {
			return c, fmt.Errorf("network %q: %w", word, err)
		}
	}
	return c, nil
}

func (w *World) withMedia(name string, do func(*endpoint.Call) error) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	return do(call)
}

func (w *World) renews(name string) error {
	media, err := w.ownMedia(name)
	if err != nil {
		return err
	}
	media.Fault = endpoint.FaultRenewed
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.Reinvite(ctx, media) })
}

func (w *World) handshakes(name string, n int) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, fmt.Sprintf("%d handshakes", n), func(s endpoint.Summary) bool { return s.Audio().Handshakes == n })
	})
}

func (w *World) endedWithReason(name, reason string) error {
	err := w.isFree(name)
	if err != nil {
		return err
	}
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	return fits([]string{call.Summary().Reason}, reason)
}

// audio is what a softphone knows of its audio.
func (w *World) audio(name string) (endpoint.StreamSummary, error) {
	call, err := w.mediaCall(name)
	if err != nil {
		return endpoint.StreamSummary{}, err
	}
	audio := call.Summary().Audio()
	if !audio.Enabled {
		return audio, fmt.Errorf("%s's call has no audio", name)
	}
	return audio, nil
}

func (w *World) receivedNothing(name string) error {
	audio, err := w.audio(name)
	if err == nil && audio.Received > 0 {
		err = fmt.Errorf("%s received %d packets", name, audio.Received)
	}
	return err
}

func (w *World) refusesAudio(name string) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, "refused packets", func(s endpoint.Summary) bool { return s.Audio().Refused > 10 })
	})
}

func (w *World) private(name string) error {
	audio, err := w.audio(name)
	if err != nil {
		return err
	}
	own, err := netip.ParseAddrPort(audio.Local)
	if err != nil {
		return err
	}
	switch noticed, n := w.noticed("audio", own); {
	case n == 0:
		return fmt.Errorf("the capture holds no packet of %s's leg", name)
	case noticed:
		return fmt.Errorf("a tone can be heard in the packets of %s's leg", name)
	}
	return nil
}

func (w *World) missed(name string, low, high int) error {
	audio, err := w.audio(name)
	if err == nil && (audio.LossPercent < float64(low) || audio.LossPercent > float64(high)) {
		err = fmt.Errorf("%s missed %.1f %% (%d of %d packets)", name, audio.LossPercent, audio.Lost, audio.Lost+audio.Received)
	}
	return err
}

func (w *World) nothingTwice(name string) error {
	audio, err := w.audio(name)
	if err == nil && audio.Duplicates > 0 {
		err = fmt.Errorf("%s received %d packets twice", name, audio.Duplicates)
	}
	return err
}

func (w *World) someTwice(name string) error {
	audio, err := w.audio(name)
	if err == nil && audio.Duplicates == 0 {
		err = fmt.Errorf("%s received none of %d packets twice", name, audio.Received)
	}
	return err
}

func (w *World) oneSource(name string) error {
	audio, err := w.audio(name)
	if err == nil && (audio.SSRCs != 1 || audio.Lost > 0 || audio.Refused > 0) {
		err = fmt.Errorf("%s received %d packets of %d sources, %d lost, %d refused", name, audio.Received, audio.SSRCs, audio.Lost, audio.Refused)
	}
	return err
}

// wrapped looks for a number near the end and a small one in what the phone sent; they are in clear, in SRTP too.
func (w *World) wrapped(name string) error {
	audio, err := w.audio(name)
	if err != nil {
		return err
	}
	own, err := netip.ParseAddrPort(audio.Local)
	if err != nil {
		return err
	}
	end := false
	for _, p := range w.recorder.Packets(own) {
		if p.From != own || len(p.Payload) < 12 || p.Payload[0]>>6 != 2 || p.Payload[1] >= 192 && p.Payload[1] <= 223 {
			continue
		}
		switch p.Payload[2] {
		case 0xff:
			end = true
		case 0:
			if end {
				return nil
			}
		}
	}
	return fmt.Errorf("the sequence numbers of %s did not begin again", name)
}
