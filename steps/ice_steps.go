package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
)

// iceSteps: softphones with a full agent.
func (w *World) iceSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) is connected by ICE$`, func(name string) error {
		return w.untilStreams(name, "a path by ICE", func(s endpoint.StreamSummary) bool { return s.Path != "" })
	})
	sc.Step(`^(\w+) is connected by ICE once more$`, func(name string) error {
		return w.untilStreams(name, "a path by ICE after a restart", func(s endpoint.StreamSummary) bool { return s.Path != "" && s.Agents == 2 })
	})
	sc.Step(`^(\w+) is offered no candidates$`, w.noCandidates)
	sc.Step(`^(\w+) is offered a candidate at "([^"]*)"$`, func(name, addr string) error {
		return w.untilStreams(name, "a candidate at "+addr, func(s endpoint.StreamSummary) bool { return slices.Contains(s.Candidates, addr) })
	})
	sc.Step(`^(\w+) is told to send media to "([^"]*)"$`, func(name, addr string) error {
		return w.untilStreams(name, "to send to "+addr, func(s endpoint.StreamSummary) bool { return strings.HasPrefix(s.Remote, addr+":") })
	})
	sc.Step(`^(\w+)'s consent is renewed$`, func(name string) error {
		return w.untilStreams(name, "consent", func(s endpoint.StreamSummary) bool { return s.Consents >= 4 })
	})
	sc.Step(`^(\w+)'s checks are refused with (\d+)$`, func(name string, code int) error {
		return w.untilStreams(name, fmt.Sprintf("a check refused with %d", code), func(s endpoint.StreamSummary) bool { return s.ICERefused == code && s.Path == "" })
	})
	sc.Step(`^(\w+) restarts ICE$`, w.restartsICE)
	sc.Step(`^(\w+) is sent media on the nominated network alone$`, w.onlyWhereNominated)
}

// untilStreams waits for all live streams of a softphone.
func (w *World) untilStreams(name, what string, ok func(endpoint.StreamSummary) bool) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, what, func(s endpoint.Summary) bool {
			live := 0
			for _, m := range s.Streams {
				if m.Enabled && !ok(m) {
					return false
				}
				if m.Enabled {
					live++
				}
			}
			return live > 0
		})
	})
}

func (w *World) noCandidates(name string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	for i, s := range call.Summary().Streams {
		if len(s.Candidates) > 0 || s.Path != "" {
			return fmt.Errorf("stream %d of %s has ICE: candidates %v, path %q", i+1, name, s.Candidates, s.Path)
		}
	}
	return nil
}

func (w *World) restartsICE(name string) error {
	media, err := w.ownMedia(name)
	if err != nil {
		return err
	}
	media.Fault = endpoint.FaultRestart
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.Reinvite(ctx, media) })
}

// networks reads the column ice: a phone on two networks speaks from both of them, and nominates a pair of one.
func (w *World) networks(ice string) (second string, favours int, err error) {
	switch ice {
	case "", "no", "yes":
		return "", 0, nil
	case "second of two":
		favours = 1
	case "first of two":
	default:
		return "", 0, fmt.Errorf("ice: write yes, no, \"first of two\" or \"second of two\", not %q", ice)
	}
	addr, err := w.net.Next()
	return addr.String(), favours, err
}

// onlyWhereNominated waits for packets, which have to come on the network of the nominated pair.
func (w *World) onlyWhereNominated(name string) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		before := c.Summary().Streams
		return c.WaitSummary(ctx, "50 more packets on the nominated network alone", func(s endpoint.Summary) bool {
			for i, m := range s.Streams {
				if m.Enabled && (i >= len(before) || m.Received < before[i].Received+50 || m.Strays != before[i].Strays) {
					return false
				}
			}
			return true
		})
	})
}
