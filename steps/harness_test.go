package steps

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/steps/product"
)

// fakeVariable makes this test binary play the product, so that the harness itself can be tested against one that misbehaves.
const fakeVariable = "FAKE_B2BUA"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeVariable); mode != "" {
		os.Exit(fakeProduct(mode, os.Args[1:]))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if err := suite.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "remove the built binary:", err)
		}
		os.Exit(status)
	}))
}

var transport = regexp.MustCompile(`(?m)^transport=sip:([^;]+);transport=tcp$`)

const stamp = "2026-01-02 03:04:05:678 flexisip-"

// fakeProduct listens where its file says, misbehaves as mode says, and ends on SIGTERM.
func fakeProduct(mode string, args []string) int {
	if args[0] == "--version" {
		fmt.Println("fake 0.0.1")
		return 0
	}
	file, err := os.ReadFile(args[1])
	if err != nil {
		return 2
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	switch mode {
	case "error line":
		fmt.Println(stamp + "error- call - the sky fell down")
	case "fatal line":
		fmt.Println(stamp + "fatal- call - the end")
	case "data race":
		fmt.Fprintln(os.Stderr, "==================\nWARNING: DATA RACE\nRead at 0x00c000012345 by goroutine 7:")
	case "panic":
		fmt.Fprintln(os.Stderr, "panic: runtime error: index out of range [5] with length 2")
	case "caught panic":
		fmt.Println(stamp + "warning- loop - panic in a callback: runtime error: nil map")
	}
	address := string(transport.FindSubmatch(file)[1])
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer func() { _ = listener.Close() }()
	switch mode {
	case "leaked port":
		<-hangup // after the base was counted
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return 2
		}
		defer func() { _ = conn.Close() }() // until then the garbage collector must not close it
		fmt.Println(stamp + "message- call - a port was opened")
	case "early exit":
		return 3
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		select {}
	}
	<-told
	switch mode {
	case "leaked call":
		fmt.Println(stamp + "message- server - stopped: calls=1 streams=2 flows=0")
	case "no farewell":
	default:
		fmt.Println(stamp + "message- server - stopped: calls=0 streams=0 flows=0")
	}
	if mode == "bad status" {
		return 1
	}
	return 0
}

// play runs one feature text against the fake in a mode and returns godog's status and output.
func play(t *testing.T, mode, steps string) (status int, output string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	script := filepath.Join(dir, "fake")
	text := fmt.Sprintf("#!/bin/sh\n%s='%s' exec '%s' \"$@\"\n", fakeVariable, mode, self)
	require.NoError(t, os.WriteFile(script, []byte(text), 0o700))
	t.Setenv(product.BinaryVariable, script)
	t.Setenv("TMPDIR", dir)
	fake := NewSuite(false)
	fake.settled = 2 * time.Second
	var out bytes.Buffer
	status = godog.TestSuite{
		Name: "harness", ScenarioInitializer: func(sc *godog.ScenarioContext) {
			fake.InitializeScenario(sc)
			if mode == "deaf" {
				sc.Before(shortDeadline(fake))
			}
			sc.Step(`^this is pending$`, func() error { return godog.ErrPending })
			sc.Step(`^this fails$`, func() error { return fmt.Errorf("it failed") })
		},
		Options: &godog.Options{
			Strict: true, Format: "pretty", NoColors: true, Output: &out,
			FeatureContents: []godog.Feature{{Name: "harness.feature", Contents: []byte("Feature: harness\n  Scenario: one\n" + steps)}},
		},
	}.Run()
	kept, err := filepath.Glob(filepath.Join(dir, "b2bua-worlds", "*"))
	require.NoError(t, err)
	if unwritten := strings.Contains(out.String(), "undefined)") || strings.Contains(out.String(), "pending)"); status == 0 || unwritten {
		assert.Empty(t, kept, "the world of a scenario that passed, or that has nothing to show, is deleted")
	} else {
		assert.Len(t, kept, 1, "the world of a scenario that failed is kept")
		for _, world := range kept {
			assert.Contains(t, out.String(), world, "and its path is printed")
		}
	}
	return status, out.String()
}

const starts = "    When b2bua starts with the setting b2bua-server/max-calls = \"1\"\n"

func TestQuietProductPasses(t *testing.T) {
	status, output := play(t, "quiet", starts)
	assert.Zero(t, status, output)
}

// TestWhatAScenarioCannotHide: all steps pass, and the scenario fails all the same.
func TestWhatAScenarioCannotHide(t *testing.T) {
	for mode, complaint := range map[string]string{
		"error line":   "the sky fell down",
		"fatal line":   "the end",
		"data race":    "WARNING: DATA RACE",
		"panic":        "index out of range",
		"caught panic": "panic caught",
		"leaked call":  "stopped: calls=1 streams=2 flows=0",
		"no farewell":  "no farewell line",
		"bad status":   "exit status 1",
		"deaf":         "did not stop in time",
	} {
		t.Run(mode, func(t *testing.T) {
			status, output := play(t, mode, starts)
			assert.NotZero(t, status)
			assert.Contains(t, output, complaint)
		})
	}
}

func TestEarlyExitFails(t *testing.T) {
	status, output := play(t, "early exit", starts)
	assert.NotZero(t, status)
	assert.Contains(t, output, "status 3")
}

func TestLeakedPortFails(t *testing.T) {
	status, output := play(t, "leaked port", starts+"    And b2bua gets SIGHUP\n    Then b2bua logs a message /a port was opened/\n")
	assert.NotZero(t, status)
	assert.Contains(t, output, "rid of the media sockets")
}

func TestAnnouncedErrorPasses(t *testing.T) {
	status, output := play(t, "error line", "    Given the error line /sky fell/ is expected\n"+starts)
	assert.Zero(t, status, output)
}

func TestAnnouncedErrorThatDoesNotComeFails(t *testing.T) {
	status, output := play(t, "quiet", "    Given the error line /sky fell/ is expected\n"+starts)
	assert.NotZero(t, status)
	assert.Contains(t, output, "did not appear")
}

func TestStepsThatAreNotThereFail(t *testing.T) {
	for name, step := range map[string]string{
		"undefined": "    When the moon is made of cheese\n",
		"pending":   "    When this is pending\n",
		"failing":   "    When this fails\n",
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := play(t, "quiet", step)
			assert.NotZero(t, status)
		})
	}
}

func TestKeptWorldHoldsTheEvidence(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	w := newWorld(NewSuite(false))
	w.dir = dir
	w.keep(assert.AnError)
	for _, name := range []string{"ladder.txt", "capture.pcapng", "failure.txt"} {
		assert.FileExists(t, filepath.Join(dir, name))
	}
}

func TestArgumentsUnderTheGodogCommand(t *testing.T) {
	for _, test := range []struct{ given, want string }{
		{"godog.test", "godog.test --strict ../features"},
		{"godog.test ../features/calls", "godog.test ../features/calls --strict"},
		{"godog.test --tags @x", "godog.test --tags @x --strict ../features"},
		{"godog.test --tags=@x --strict -c 4", "godog.test --tags=@x --strict -c 4 ../features"},
	} {
		assert.Equal(t, test.want, strings.Join(commandArguments(strings.Fields(test.given)), " "))
	}
	assert.True(t, underGodogCommand([]string{"/x/godog.test"}))
	assert.False(t, underGodogCommand([]string{"/x/steps.test"}))
}

// shortDeadline keeps the test of a product that does not stop short; no other is measured by it, since a loaded machine is slow.
func shortDeadline(s *Suite) godog.BeforeScenarioHook {
	return func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
		binary, err := s.builder.Binary(ctx)
		if err == nil {
			binary.StopDeadline = time.Second
		}
		return ctx, err
	}
}
