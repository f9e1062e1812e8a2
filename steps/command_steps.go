package steps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"b2bua/steps/product"
)

// commandSteps: the program as a command: files, flags, what it prints, its exit status, the sockets it opens.
func (w *World) commandSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the file "([^"]+)"$`, w.theFile)
	sc.Step(`^the file with line ends of DOS "([^"]+)"$`, w.theFileOfDOS)
	sc.Step(`^a certificate for b2bua$`, w.certificate)
	sc.Step(`^nobody else uses 127\.0\.0\.1:6067$`, w.claimDefaultAddress)
	sc.Step(`^b2bua is run with$`, w.isRunWith)
	sc.Step(`^b2bua is run with "([^"]*)"$`, w.isRun)
	sc.Step(`^it exits with status (\d+)$`, w.exits)
	sc.Step(`^it prints "([^"]*)"$`, w.prints)
	sc.Step(`^it prints '(.*)'$`, w.prints) // a text with double quotes
	sc.Step(`^it prints exactly the faults$`, w.printsFaults)
	sc.Step(`^what it printed is kept in the file "([^"]+)"$`, w.keepOutput)
	sc.Step(`^b2bua is started with "([^"]*)"$`, w.isStarted)
	sc.Step(`^b2bua listens on exactly$`, w.listensOnExactly)
	sc.Step(`^b2bua listens on exactly (.+)$`, w.listensOn)
	sc.Step(`^b2bua starts with the setting ([^ ]+) = "([^"]*)"$`, w.startsWithSetting)
	sc.Step(`^b2bua refuses the setting ([^ ]+) = "([^"]*)", because "(.*)"$`, w.refusesSetting)
	sc.Step(`^b2bua refuses the setting ([^ ]+) = "([^"]*)"$`, func(name, value string) error { return w.refusesSetting(name, value, "") })
	sc.Step(`^b2bua stops while the call is up$`, w.stopsDuringCall)
}

func (w *World) theFile(name string, content *godog.DocString) error {
	text, err := w.expand(content.Content)
	if err != nil {
		return err
	}
	w.files[name] = text + "\n"
	return os.WriteFile(filepath.Join(w.dir, name), []byte(text+"\n"), 0o600)
}

func (w *World) theFileOfDOS(name string, content *godog.DocString) error {
	content.Content = strings.ReplaceAll(content.Content, "\n", "\r\n") + "\r"
	return w.theFile(name, content)
}

// claimDefaultAddress makes scenarios that need the one default address wait for each other, in whatever process they run.
func (w *World) claimDefaultAddress() error {
	w.b2bua = netip.MustParseAddrPort("127.0.0.1:6067")
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	for {
		lock, err := net.Listen("unix", "@b2bua-test-127.0.0.1:6067")
		if err == nil {
			w.closers = append(w.closers, func() { _ = lock.Close() })
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another scenario holds 127.0.0.1:6067: %w", err)
		case <-time.After(20 * time.Millisecond): // a name in the socket space can't be waited for
		}
	}
}

func (w *World) isRun(arguments string) error {
	text, err := w.expand(arguments)
	if err != nil {
		return err
	}
	return w.run(strings.Fields(text)...)
}

func (w *World) isRunWith(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"argument"}})
	if err != nil {
		return err
	}
	arguments := make([]string, 0, len(rows))
	for _, r := range rows {
		arguments = append(arguments, r.text("argument"))
	}
	return w.run(arguments...)
}

func (w *World) run(arguments ...string) error {
	ctx, cancel := w.wait()
	defer cancel()
	ran, err := w.binary.Run(ctx, w.dir, nil, arguments...)
	w.ran = ran
	if err == nil && strings.Contains(ran.Output(), "DATA RACE") {
		err = errors.New("data race:\n" + ran.Output())
	}
	return err
}

func (w *World) exits(status int) error {
	if w.ran.Status != status {
		return fmt.Errorf("exit status %d instead of %d; it printed:\n%s", w.ran.Status, status, w.ran.Output())
	}
	return nil
}

func (w *World) prints(text string) error {
	text, err := w.expand(text)
	if err != nil {
		return err
	}
	if !strings.Contains(w.ran.Output(), text) {
		return fmt.Errorf("it did not print %q, but:\n%s", text, w.ran.Output())
	}
	return nil
}

// fault is one finding as the program prints it: a line on what is wrong, and a line on what to write.
type fault struct{ what, write string }

func faults(output string) []fault {
	var out []fault
	lines := strings.Split(output, "\n")
	for i, line := range lines {
		if write, ok := strings.CutPrefix(strings.TrimSpace(line), "write: "); ok && i > 0 {
			out = append(out, fault{what: lines[i-1], write: write})
		}
	}
	return out
}

// printsFaults compares all faults with the rows: same number, and each row's texts in the fault of the same place.
func (w *World) printsFaults(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"line", "setting", "says", "write"}})
	if err != nil {
		return err
	}
	got := faults(w.ran.Output())
	if len(got) != len(rows) {
		return fmt.Errorf("%d faults instead of %d; it printed:\n%s", len(got), len(rows), w.ran.Output())
	}
	for _, r := range rows {
		place := ".conf:" + r.text("line") + ":"
		i := slices.IndexFunc(got, func(f fault) bool {
			return strings.Contains(f.what, place) && strings.Contains(f.what, r.text("setting"))
		})
		if i < 0 {
			return fmt.Errorf("no fault for %s on line %s; it printed:\n%s", r.text("setting"), r.text("line"), w.ran.Output())
		}
		if !strings.Contains(got[i].what, r.text("says")) {
			return fmt.Errorf("the fault %q does not say %q", got[i].what, r.text("says"))
		}
		if !strings.Contains(got[i].write, r.text("write")) {
			return fmt.Errorf("for %q it says to write %q, not %q", got[i].what, got[i].write, r.text("write"))
		}
		got = slices.Delete(got, i, i+1)
	}
	return nil
}

func (w *World) keepOutput(name string) error {
	return os.WriteFile(filepath.Join(w.dir, name), []byte(w.ran.Stdout), 0o600)
}

// isStarted starts the product with literal arguments and waits until it listens on w.b2bua.
func (w *World) isStarted(arguments string) error {
	text, err := w.expand(arguments)
	if err != nil {
		return err
	}
	w.process, err = w.binary.Start(w.dir, nil, strings.Fields(text)...)
	if err != nil {
		return err
	}
	return w.awaitListening(func(s []product.Socket) bool { return listens(s, w.b2bua) })
}

func (w *World) listensOnExactly(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"network", "address"}})
	if err != nil {
		return err
	}
	var want []string
	for _, r := range rows {
		want = append(want, fmt.Sprintf("%s %s listening", r.text("network"), r.text("address")))
	}
	return w.compareSockets(want)
}

// listensOn is for outlines: `udp 127.0.0.1:5060`, several separated by commas.
func (w *World) listensOn(list string) error {
	list, err := w.expand(list)
	if err != nil {
		return err
	}
	var want []string
	for _, one := range strings.Split(list, ",") {
		want = append(want, strings.TrimSpace(one)+" listening")
	}
	return w.compareSockets(want)
}

// compareSockets waits until the product has exactly these sockets: listeners are opened one after the other.
func (w *World) compareSockets(want []string) error {
	if w.process == nil {
		return errors.New("b2bua was not started in this scenario")
	}
	slices.Sort(want)
	ctx, cancel := w.wait()
	defer cancel()
	return w.process.AwaitSockets(ctx, "listening on exactly "+strings.Join(want, ", "), func(sockets []product.Socket) bool {
		var got []string
		for _, s := range sockets {
			got = append(got, s.String())
		}
		slices.Sort(got)
		w.base = countUDP(sockets)
		return slices.Equal(got, want)
	})
}

// startsWithSetting starts with one more setting and waits for any socket, since the setting may be the address itself.
func (w *World) startsWithSetting(name, value string) error {
	if err := w.oneSetting(name, value); err != nil {
		return err
	}
	path, err := w.settings.write(w.dir)
	if err != nil {
		return err
	}
	if w.process, err = w.binary.Start(w.dir, nil, "-c", path); err != nil {
		return err
	}
	return w.awaitListening(func(s []product.Socket) bool {
		return slices.ContainsFunc(s, func(one product.Socket) bool { return one.Listening })
	})
}

// oneSetting sets a value, and an address to listen on unless the setting is that address.
func (w *World) oneSetting(name, value string) error {
	value, err := w.expand(value)
	if err != nil {
		return err
	}
	if name != "b2bua-server/transport" {
		if err := w.settings.set("b2bua-server/transport", fmt.Sprintf("sip:%s;transport=tcp", w.b2bua)); err != nil {
			return err
		}
	}
	return w.settings.set(name, value)
}

func (w *World) refusesSetting(name, value, because string) error {
	if err := w.oneSetting(name, value); err != nil {
		return err
	}
	if _, err := w.settings.write(w.dir); err != nil {
		return err
	}
	if err := w.run("-c", "b2bua.conf"); err != nil {
		return err
	}
	if err := w.exits(255); err != nil {
		return err
	}
	_, key, _ := strings.Cut(name, "/")
	got := faults(w.ran.Output())
	if len(got) != 1 || !strings.Contains(got[0].what, key) || !strings.Contains(got[0].what, because) {
		return fmt.Errorf("it did not print exactly one fault about %s that says %q, but:\n%s", key, because, w.ran.Output())
	}
	return nil
}

// stopsDuringCall announces that a call is up when the product is told to stop: the farewell line may count it.
func (w *World) stopsDuringCall() error {
	w.announced.Left = true
	if end := w.process.Stop(); end.Late || end.Status != 0 {
		return fmt.Errorf("it ended with %+v", end)
	}
	return nil
}
