package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cucumber/godog"
)

// processSteps: the program as a process: signals, files it writes, how it ends, what it explains.
func (w *World) processSteps(sc *godog.ScenarioContext) {
	sc.Step(`^b2bua is given the arguments "([^"]*)"$`, func(arguments string) { w.arguments = arguments })
	sc.Step(`^b2bua gets SIGHUP$`, w.getsHangup)
	sc.Step(`^b2bua is told to stop$`, func() error { return w.isToldToStop(syscall.SIGTERM) })
	sc.Step(`^b2bua gets SIGINT$`, func() error { return w.isToldToStop(syscall.SIGINT) })
	sc.Step(`^b2bua ends$`, w.awaitEnd)
	sc.Step(`^the log file is renamed to "([^"]+)"$`, w.renamesLog)
	sc.Step(`^the file "([^"]+)" contains "([^"]*)"$`, w.fileContains)
	sc.Step(`^the file "([^"]+)" does not contain "([^"]*)"$`, w.fileDoesNotContain)
	sc.Step(`^no key is in the file "([^"]+)"$`, w.fileHoldsNoKey)
	sc.Step(`^the file "([^"]+)" is as it was written$`, w.fileUnchanged)
	sc.Step(`^the file "([^"]+)" holds the number of the process and nothing else$`, w.fileHoldsPID)
	sc.Step(`^there is no file "([^"]+)"$`, w.noFile)
	sc.Step(`^the JSON that it printed has$`, w.printedJSON)
}

func (w *World) running() error {
	if w.process == nil {
		return errors.New("b2bua was not started in this scenario")
	}
	return nil
}

func (w *World) getsHangup() error {
	if err := w.running(); err != nil {
		return err
	}
	return w.process.Signal(syscall.SIGHUP)
}

func (w *World) isToldToStop(by syscall.Signal) error {
	if err := w.running(); err != nil {
		return err
	}
	w.process.Tell(by)
	return nil
}

// awaitEnd waits for the end of a process that was told to stop, and wants status 0.
func (w *World) awaitEnd() error {
	if err := w.running(); err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	select {
	case <-w.process.Exited():
	case <-ctx.Done():
		return w.explain(errors.New("b2bua did not end in time"))
	}
	if end := w.process.End(); end.Status != 0 {
		return fmt.Errorf("it ended with %+v", end)
	}
	return nil
}

const logFile = "log/flexisip-b2bua.log"

func (w *World) renamesLog(name string) error {
	return os.Rename(filepath.Join(w.dir, logFile), filepath.Join(w.dir, name))
}

// fileContains waits: what is written to a file can't be waited for otherwise than by looking again.
func (w *World) fileContains(name, text string) error {
	text, err := w.expand(text)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return poll(ctx, func() error {
		content, err := os.ReadFile(filepath.Join(w.dir, name))
		if err == nil && !strings.Contains(string(content), text) {
			err = fmt.Errorf("the file %s does not contain %q:\n%s", name, text, content)
		}
		return err
	})
}

func poll(ctx context.Context, look func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := look()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

func (w *World) fileDoesNotContain(name, text string) error {
	text, err := w.expand(text)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err == nil && strings.Contains(string(content), text) {
		err = fmt.Errorf("the file %s contains %q:\n%s", name, text, content)
	}
	return err
}

// keyText is the key of a crypto line (RFC 4568 section 6.1), however it is spaced.
var keyText = regexp.MustCompile(`inline:\s*[A-Za-z0-9+/]{4}`)

func (w *World) fileHoldsNoKey(name string) error {
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		return err
	}
	if found := keyText.Find(content); found != nil {
		return fmt.Errorf("the file %s holds a key: %s…", name, found)
	}
	return nil
}

func (w *World) fileUnchanged(name string) error {
	written, ok := w.files[name]
	if !ok {
		return fmt.Errorf("no step of this scenario has written the file %q", name)
	}
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if err == nil && string(content) != written {
		err = fmt.Errorf("the file %s has become:\n%s", name, content)
	}
	return err
}

func (w *World) fileHoldsPID(name string) error {
	if err := w.running(); err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(w.dir, name))
	if want := strconv.Itoa(w.process.PID()); err == nil && string(content) != want {
		err = fmt.Errorf("the file %s holds %q instead of %q", name, content, want)
	}
	return err
}

func (w *World) noFile(name string) error {
	_, err := os.Stat(filepath.Join(w.dir, name))
	switch {
	case err == nil:
		return fmt.Errorf("the file %s is there", name)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// printedJSON compares members of the JSON object on standard output: `rules.0.matched`, and a value as fmt prints it.
func (w *World) printedJSON(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"member", "value"}})
	if err != nil {
		return err
	}
	var whole any
	if err := json.Unmarshal([]byte(w.ran.Stdout), &whole); err != nil {
		return fmt.Errorf("it did not print JSON: %w\n%s", err, w.ran.Output())
	}
	for _, r := range rows {
		got, err := member(whole, strings.Split(r.text("member"), "."))
		if err != nil {
			return fmt.Errorf("%s: %w in\n%s", r.text("member"), err, w.ran.Stdout)
		}
		if err := fits([]string{fmt.Sprint(got)}, r.text("value")); err != nil {
			return fmt.Errorf("%s: %w", r.text("member"), err)
		}
	}
	return nil
}

func member(value any, path []string) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	switch v := value.(type) {
	case map[string]any:
		if inner, ok := v[path[0]]; ok {
			return member(inner, path[1:])
		}
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(v) {
			return member(v[i], path[1:])
		}
	}
	return nil, fmt.Errorf("there is no %q", path[0])
}
