package steps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cucumber/godog"

	"b2bua/steps/product"
	"b2bua/steps/stores"
)

// settled is generous: ports drain before they are used again.
const settled = 60 * time.Second

// Suite is what the scenarios of one run share: the binary, built once, and database servers.
type Suite struct {
	builder   product.Builder
	simulator product.Builder // of sipsim, built when a scenario wants it as a process of its own
	stores    *stores.Run
	settled   time.Duration // how long media sockets may stay open after the last call
	crowd     sync.Mutex    // one crowd at a time: several of them starve each other, and each tests b2bua, not this machine
}

// NewSuite makes a suite; race builds the product with the race detector.
func NewSuite(race bool) *Suite {
	return &Suite{builder: product.Builder{Race: race}, simulator: product.Builder{Program: "sipsim"}, stores: newStores(), settled: settled}
}

// InitializeScenario registers steps and hooks for one scenario.
func (s *Suite) InitializeScenario(sc *godog.ScenarioContext) { register(sc, s) }

func (s *Suite) remove() error { return errors.Join(s.builder.Remove(), s.simulator.Remove()) }

// InitializeTestSuite ends the database servers and removes the built binary after the last scenario.
func (s *Suite) InitializeTestSuite(ts *godog.TestSuiteContext) {
	ts.AfterSuite(func() {
		if err := s.stores.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "end the database servers:", err)
		}
		if err := s.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "remove the built binaries:", err)
		}
	})
}

// underGodogCommand tells whether this process was built by the godog command: it links a program of this name.
func underGodogCommand(args []string) bool {
	return len(args) > 0 && filepath.Base(args[0]) == "godog.test"
}

// commandArguments are the arguments with which the godog command runs the same suite as `go test ./steps`: undefined, pending
// and ambiguous steps fail, and without a path all of features/ is run.
func commandArguments(args []string) []string {
	out := append([]string(nil), args...)
	strict, path, value := false, false, false
	for _, arg := range args[1:] {
		switch {
		case value:
			value = false
		case arg == "--strict" || strings.HasPrefix(arg, "--strict="):
			strict = true
		case takesValue(arg):
			value = true
		case !strings.HasPrefix(arg, "-"):
			path = true
		}
	}
	if !strict {
		out = append(out, "--strict")
	}
	if !path {
		out = append(out, "../features")
	}
	return out
}

// takesValue names godog's flags whose value is the next argument.
func takesValue(flag string) bool {
	switch flag {
	case "-c", "--concurrency", "-t", "--tags", "-f", "--format":
		return true
	}
	return false
}
