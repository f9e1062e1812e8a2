package steps

import (
	"context"
	"slices"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
)

// bundleSteps: streams on one transport (RFC 9143).
func (w *World) bundleSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+)'s audio and video share one path$`, func(name string) error { return w.paths(name, "on one path", true) })
	sc.Step(`^(\w+)'s audio and video have paths of their own$`, func(name string) error { return w.paths(name, "on two paths", false) })
	sc.Step(`^(\w+) switches audio off$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Audio = []string{} })
	})
	sc.Step(`^(\w+) switches audio on$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Audio = nil })
	})
	sc.Step(`^(\w+) unbundles the streams$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Bundle = "" })
	})
	sc.Step(`^(\w+) bundles the streams as "([^"]*)"$`, func(name, policy string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Bundle = policy })
	})
	sc.Step(`^(\w+)'s (audio|video) was secured by one handshake$`, func(name, kind string) error {
		return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
			return c.WaitSummary(ctx, "one handshake", func(s endpoint.Summary) bool {
				return s.Audio().Enabled == (kind == "audio") && (s.Audio().Handshakes == 1 || s.Video().Handshakes == 1)
			})
		})
	})
	sc.Step(`^(\w+) is not sent anything on (audio|video)$`, func(name, kind string) error {
		return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
			return c.WaitSummary(ctx, "no "+kind, func(s endpoint.Summary) bool {
				i := slices.IndexFunc(s.Streams, func(m endpoint.StreamSummary) bool { return m.Kind == kind })
				return i >= 0 && s.Streams[i].Received == 0
			})
		})
	})
}

// paths waits until audio and video came from addresses that are the same, or not.
func (w *World) paths(name, what string, one bool) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, "audio and video "+what, func(s endpoint.Summary) bool {
			a, v := s.Audio(), s.Video()
			return a.ReceivedFrom != "" && v.ReceivedFrom != "" && (a.ReceivedFrom == v.ReceivedFrom) == one && (a.Local == v.Local) == one
		})
	})
}
