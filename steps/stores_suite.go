package steps

import (
	"context"
	"fmt"
	"os"

	"b2bua/steps/stores"
	"b2bua/steps/stores/docker"
	"b2bua/steps/stores/local"
)

// newStores makes the run's database and Redis servers, started when the first scenario asks. The way that serves is printed once.
func newStores() *stores.Run {
	return stores.NewRun(func(ctx context.Context) (stores.Provider, error) {
		return stores.Choose(ctx, os.Getenv(stores.Variable), docker.Way(), local.Way())
	}, func(provider string) { fmt.Printf("stores: %s\n", provider) })
}
