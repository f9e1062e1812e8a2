package steps

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cucumber/godog"
)

// register gives a scenario its world, its steps and the hooks that no scenario can escape.
func register(sc *godog.ScenarioContext, suite *Suite) {
	w := newWorld(suite)
	sc.Before(func(ctx context.Context, scenario *godog.Scenario) (context.Context, error) {
		return ctx, w.begin(scenario.Name)
	})
	sc.After(func(ctx context.Context, _ *godog.Scenario, failure error) (context.Context, error) {
		return ctx, w.finish(failure)
	})
	w.settingsSteps(sc)
	w.commandSteps(sc)
	w.signallingSteps(sc)
	w.answerSteps(sc)
	w.inviteSteps(sc)
	w.softphoneSteps(sc)
	w.iceSteps(sc)
	w.mediaSteps(sc)
	w.dtmfSteps(sc)
	w.processSteps(sc)
	w.dialogSteps(sc)
	w.transferSteps(sc)
	w.reofferSteps(sc)
	w.bundleSteps(sc)
	w.crowdSteps(sc)
	w.matrixSteps(sc)
	w.mishapSteps(sc)
	w.zrtpSteps(sc)
	w.feedbackSteps(sc)
	w.bridgeSteps(sc)
	w.registrarSteps(sc)
	w.trunkSteps(sc)
	w.faultSteps(sc)
	w.infoSteps(sc)
	w.challengeSteps(sc)
	w.databaseSteps(sc)
	w.redisSteps(sc)
	w.lineSteps(sc)
	w.sqliteSteps(sc)
	w.accountSteps(sc)
	w.outageSteps(sc)
	w.floodSteps(sc)
}

// finish ends the world after the last step. A scenario whose steps all passed fails here if the product misbehaved; the world
// of a failed one stays on the disk.
func (w *World) finish(failure error) error {
	unannounced := w.end()
	cause := errors.Join(failure, unannounced)
	if cause == nil || unannounced == nil && unwritten(failure) {
		return os.RemoveAll(w.dir)
	}
	kept := w.keep(cause)
	if unannounced == nil {
		return fmt.Errorf("the world of this scenario is kept in %s", kept)
	}
	return fmt.Errorf("%w\nthe world of this scenario is kept in %s", unannounced, kept)
}

// unwritten tells a scenario that fails only because its steps are not written: its world holds nothing to look at.
func unwritten(failure error) bool {
	return errors.Is(failure, godog.ErrUndefined) || errors.Is(failure, godog.ErrPending) || errors.Is(failure, godog.ErrAmbiguous)
}
