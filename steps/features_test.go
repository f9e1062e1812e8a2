package steps

import (
	"flag"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/cucumber/godog"
)

// options of `go test ./steps`: -godog.tags, -godog.format, -godog.concurrency, -godog.random and the rest of godog's own.
var options = godog.Options{
	Output:      os.Stdout,
	Format:      plainFormat,
	Strict:      true,
	Concurrency: 3 * runtime.NumCPU(),
}

// suite is shared by TestFeatures and by the godog command, which calls the two functions below in a program of its own.
var suite = NewSuite(raceEnabled || os.Getenv("B2BUA_RACE") == "1")

var _ = parseBefore()

// parseBefore runs before any main: it adds godog's flags to `go test`, and gives the godog command our arguments.
func parseBefore() bool {
	if underGodogCommand(os.Args) {
		os.Args = commandArguments(os.Args)
		return true
	}
	godog.BindFlags("godog.", flag.CommandLine, &options)
	return false
}

// InitializeTestSuite is called by the godog command; under `go test` other tests use the binary too, so TestMain removes it.
func InitializeTestSuite(ts *godog.TestSuiteContext) { suite.InitializeTestSuite(ts) }

// InitializeScenario is called by the godog command, and by TestFeatures.
func InitializeScenario(sc *godog.ScenarioContext) { suite.InitializeScenario(sc) }

func TestFeatures(t *testing.T) {
	run := options
	run.TestingT = t
	run.Strict = true
	if run.Paths = flag.Args(); len(run.Paths) == 0 {
		run.Paths = []string{"../features"}
	}
	if suite.builder.Race && run.Tags == "" {
		run.Tags = "~@million"
		t.Log("scenarios @million are not run: with the race detector they take minutes. Without it, make features and make stores run them")
	}
	terminal := isTerminal(os.Stdout)
	if testing.Verbose() && terminal && run.Format == plainFormat {
		run.Format = "pretty"
	}
	run.NoColors = run.NoColors || !terminal
	godog.Format(plainFormat, "Prints a dot per scenario, and their number at the end.", func(_ string, out io.Writer) godog.Formatter {
		return newPlain(out, testing.Verbose())
	})
	if _, err := suite.builder.Binary(t.Context()); err != nil { // once, not for each scenario
		t.Fatal(err)
	}
	defer func() {
		if err := suite.stores.Close(); err != nil {
			t.Error("end the database servers:", err)
		}
	}()
	status := godog.TestSuite{
		Name: "b2bua", ScenarioInitializer: InitializeScenario, Options: &run,
	}.Run()
	if status != 0 {
		t.Fatalf("the suite ended with status %d", status)
	}
}

// isTerminal tells whether somebody looks on: colours are not for files and pipes.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
