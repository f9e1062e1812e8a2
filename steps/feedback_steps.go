package steps

import (
	"context"
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
)

// feedbackSteps: softphones that lost a picture, by RTCP feedback or by INFO.
func (w *World) feedbackSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) sends an? (PLI|FIR|NACK)$`, func(name, kind string) error {
		return w.withMedia(name, func(c *endpoint.Call) error { return c.Feedback(strings.ToLower(kind)) })
	})
	sc.Step(`^(\w+) asks for a whole picture by INFO$`, func(name string) error {
		return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.AskPicture(ctx) })
	})
	sc.Step(`^(\w+) may not send an? (PLI|FIR|NACK)$`, w.mayNotSend)
	sc.Step(`^(\w+) was asked for a whole picture (\d+) times? by RTCP and (\d+) times? by INFO$`, w.askedForPicture)
	sc.Step(`^(\w+)'s video has (\d+) packets? of feedback after 2 more reports$`, w.feedbackAfterReports)
	sc.Step(`^(\w+) is asked for (\d+) packets? that it sent$`, w.askedForPackets)
	sc.Step(`^(\w+)'s video has the profile (\S+)$`, w.hasProfile)
}

// mayNotSend: a phone that keeps to the descriptions has no leave for this feedback.
func (w *World) mayNotSend(name, kind string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	switch err = call.Feedback(strings.ToLower(kind)); {
	case err == nil:
		return fmt.Errorf("%s's description allows %s", name, kind)
	case !strings.Contains(err.Error(), "was not agreed on"):
		return err
	}
	return nil
}

func (w *World) askedForPicture(name string, byRTCP, byInfo int) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		err := c.WaitSummary(ctx, fmt.Sprintf("%d wishes for a picture by RTCP and %d by INFO", byRTCP, byInfo), func(s endpoint.Summary) bool {
			return s.Video().Pictures == byRTCP && s.PictureInfos == byInfo
		})
		if err != nil {
			s := c.Summary()
			return fmt.Errorf("%w; %s was asked %d times by RTCP and %d times by INFO", err, name, s.Video().Pictures, s.PictureInfos)
		}
		return nil
	})
}

// feedbackAfterReports: what was sent before those reports has come by then.
func (w *World) feedbackAfterReports(name string, n int) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		reports := c.Summary().Video().RTCP + 2
		err := c.WaitSummary(ctx, "two more reports", func(s endpoint.Summary) bool { return s.Video().RTCP >= reports })
		if err != nil {
			return err
		}
		if got := c.Summary().Video().Feedback; got != n {
			return fmt.Errorf("%s's video has %d packets of feedback", name, got)
		}
		return nil
	})
}

// askedForPackets: by NACK, in the numbers of who sent them.
func (w *World) askedForPackets(name string, n int) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, fmt.Sprintf("a NACK for %d packets", n), func(s endpoint.Summary) bool { return s.Video().Nacked == n })
	})
}

func (w *World) hasProfile(name, profile string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	if got := call.Summary().Video().Profile; got != profile {
		return fmt.Errorf("%s's video has the profile %s", name, got)
	}
	return nil
}
