package steps

import (
	"context"
	"fmt"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
)

// dtmfSteps: digits that softphones dial and receive, as telephone events in their media or as INFO.
func (w *World) dtmfSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) dials "([0-9*#A-D]+)"$`, w.dials)
	sc.Step(`^(\w+) dials "([0-9*#A-D]+)" by INFO$`, func(name, digits string) error { return w.dialsByInfo(name, digits, "") })
	sc.Step(`^(\w+) dials "([0-9*#A-D]+)" by INFO of type (\S+)$`, w.dialsByInfo)
	sc.Step(`^(\w+)'s phone answers INFO with (\d+)$`, w.answersInfoWith)
	sc.Step(`^(\w+) receives "([0-9*#A-D]*)" as telephone events and "([0-9*#A-D]*)" by INFO$`, w.receivesDigits)
	sc.Step(`^(\w+)'s phone has refused (\d+) INFOs?$`, w.refusedInfos)
	sc.Step(`^the stream from b2bua to (\w+) has no gap and one source$`, w.noGap)
}

func (w *World) dials(name, digits string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	return call.Dial(digits)
}

func (w *World) dialsByInfo(name, digits, kind string) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.DialInfo(ctx, digits, kind) })
}

func (w *World) answersInfoWith(name string, status int) error {
	phone, err := w.softphoneNamed(name)
	if err != nil {
		return err
	}
	phone.RefuseInfo(status)
	return nil
}

// receivesDigits waits for exactly these; that no more come shows when it is asked again later in the scenario.
func (w *World) receivesDigits(name, events, infos string) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		err := c.WaitSummary(ctx, fmt.Sprintf("digits %q as events and %q by INFO", events, infos), func(s endpoint.Summary) bool {
			return s.Audio().Events == events && s.Infos == infos
		})
		if err != nil {
			s := c.Summary()
			return fmt.Errorf("%w; received %q as telephone events and %q by INFO", err, s.Audio().Events, s.Infos)
		}
		return nil
	})
}

func (w *World) refusedInfos(name string, n int) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, fmt.Sprintf("%d refused INFOs", n), func(s endpoint.Summary) bool { return s.InfosRefused == n })
	})
}

// noGap: digits that were put into a stream or taken out of it moved the other packets' numbers, and lost none.
func (w *World) noGap(name string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	a := call.Summary().Audio()
	if a.Lost != 0 || a.Duplicates != 0 || a.SSRCs != 1 || a.Refused != 0 {
		return fmt.Errorf("%s's audio: lost %d, twice %d, sources %d, refused %d of %d packets", name, a.Lost, a.Duplicates, a.SSRCs, a.Refused, a.Received)
	}
	return nil
}
