package steps

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
)

const threeScenarios = `Feature: report
  Scenario: good
    When it works
    Then it works
  Scenario: bad
    When it does not work
    Then it works
  Scenario: unknown
    When the moon is made of cheese
`

func report(t *testing.T, quiet bool, feature string) string {
	t.Helper()
	var out bytes.Buffer
	name := strings.ReplaceAll(t.Name(), "/", "-")
	godog.Format(name, "of a test", func(_ string, to io.Writer) godog.Formatter {
		p, clock := newPlain(to, quiet), time.Unix(0, 0)
		p.now = func() time.Time { clock = clock.Add(1500 * time.Millisecond); return clock }
		return p
	})
	godog.TestSuite{
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			sc.Step(`^it works$`, func() {})
			sc.Step(`^it does not work$`, func() error { return assert.AnError })
		},
		Options: &godog.Options{
			Strict: true, Format: name, NoColors: true, Output: &out,
			FeatureContents: []godog.Feature{{Name: "report.feature", Contents: []byte(feature)}},
		},
	}.Run()
	return out.String()
}

func TestPlainReport(t *testing.T) {
	failed := "FAILED: report.feature, scenario \"bad\": \"it does not work\" failed\n" +
		"FAILED: report.feature, scenario \"unknown\": \"the moon is made of cheese\" is undefined\n" +
		"scenarios: 1 passed, 2 failed (2 s)\n"
	t.Run("terminal", func(t *testing.T) { assert.Equal(t, ".FF 3\n"+failed, report(t, false, threeScenarios)) })
	t.Run("verbose", func(t *testing.T) { assert.Equal(t, failed, report(t, true, threeScenarios)) })
	t.Run("rows", func(t *testing.T) {
		many := "Feature: many\n" + strings.Repeat("  Scenario: one\n    When it works\n", 71)
		assert.Equal(t, strings.Repeat(".", 70)+" 70\n. 71\nscenarios: 71 passed, 0 failed (2 s)\n", report(t, false, many))
	})
	t.Run("no steps", func(t *testing.T) {
		assert.Contains(t, report(t, false, "Feature: empty\n  Scenario: nothing\n  Scenario: one\n    When it works\n"), "scenarios: 1 passed, ")
	})
}
