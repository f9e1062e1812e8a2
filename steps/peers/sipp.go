package peers

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Load is a run of many short calls.
type Load struct {
	Caller, Callee, B2BUA netip.AddrPort
	Network               string // "udp" or "tcp"
	Rate                  int    // calls per second
	Calls                 int    // in all
	Hold                  time.Duration
	Dir                   string // statistics, errors, screens
}

// Outcome is what the calling sipp counted.
type Outcome struct {
	Created, Successful, Failed int
	Retransmissions             int
}

// Run places the calls and returns when all have ended, one way or the other.
func (l Load) Run(ctx context.Context) (Outcome, error) {
	uas, err := l.start("callee", "-sn", "uas", "-i", l.Callee.Addr().String(), "-p", port(l.Callee))
	if err != nil {
		return Outcome{}, err
	}
	defer uas.stop()
	if err := uas.awaitPort(ctx, l.Network, l.Callee); err != nil {
		return Outcome{}, err
	}
	stats := filepath.Join(l.Dir, "caller.csv")
	uac, err := l.start("caller", l.B2BUA.String(), "-sn", "uac", "-i", l.Caller.Addr().String(), "-p", port(l.Caller),
		"-r", strconv.Itoa(l.Rate), "-m", strconv.Itoa(l.Calls), "-l", strconv.Itoa(l.Calls), "-d", strconv.Itoa(int(l.Hold.Milliseconds())),
		"-trace_stat", "-stf", stats, "-fd", "1", "-recv_timeout", "40000")
	if err != nil {
		return Outcome{}, err
	}
	defer uac.stop()
	select {
	case <-uac.exited:
	case <-uas.exited:
		return Outcome{}, fmt.Errorf("the called sipp ended by itself:\n%s", uas.words())
	case <-ctx.Done():
		return Outcome{}, fmt.Errorf("the calling sipp did not end in time:\n%s", uac.words())
	}
	outcome, err := readOutcome(stats)
	if err != nil {
		return outcome, fmt.Errorf("%w\n%s", err, uac.words())
	}
	// sipp: 0 all calls succeeded, 1 at least one failed, 97 and above something internal
	if status := uac.cmd.ProcessState.ExitCode(); status != 0 {
		return outcome, fmt.Errorf("the calling sipp ended with status %d: %+v\n%s", status, outcome, uac.words())
	}
	return outcome, nil
}

func port(a netip.AddrPort) string { return strconv.Itoa(int(a.Port())) }

// readOutcome reads the last line of sipp's statistics.
func readOutcome(path string) (Outcome, error) {
	f, err := os.Open(path)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord = ';', -1
	lines, err := r.ReadAll()
	if err != nil {
		return Outcome{}, err
	}
	if len(lines) < 2 {
		return Outcome{}, errors.New("sipp wrote no statistics")
	}
	last := lines[len(lines)-1]
	value := func(name string) int {
		for i, column := range lines[0] {
			if column == name && i < len(last) {
				n, convErr := strconv.Atoi(last[i])
				err = errors.Join(err, convErr)
				return n
			}
		}
		err = errors.Join(err, fmt.Errorf("sipp's statistics have no column %s", name))
		return 0
	}
	o := Outcome{
		Created: value("TotalCallCreated"), Successful: value("SuccessfulCall(C)"), Failed: value("FailedCall(C)"),
		Retransmissions: value("Retransmissions(C)"),
	}
	return o, err
}

// sipp is one running program.
type sipp struct {
	cmd    *exec.Cmd
	exited chan struct{}
	errors string

	mu  sync.Mutex
	out bytes.Buffer
}

// Write keeps what the program prints.
func (s *sipp) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (l Load) start(name string, args ...string) (*sipp, error) {
	s := &sipp{exited: make(chan struct{}), errors: filepath.Join(l.Dir, name+".errors")}
	transport := map[string]string{"udp": "u1", "tcp": "t1"}[l.Network]
	args = append(args, "-t", transport, "-nostdin", "-trace_err", "-error_file", s.errors)
	s.cmd = exec.Command("sipp", args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = l.Dir, s, s
	s.cmd.Env = append(os.Environ(), "TERM=dumb")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	return s, nil
}

// awaitPort waits until the program has opened its port, which it does not announce.
func (s *sipp) awaitPort(ctx context.Context, network string, at netip.AddrPort) error {
	for {
		if inUse(network, at) {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("sipp ended at its start:\n%s", s.words())
		case <-ctx.Done():
			return fmt.Errorf("sipp did not open %s", at)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *sipp) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(3 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
}

// words are the errors it wrote and the end of its screen.
func (s *sipp) words() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs, _ := os.ReadFile(s.errors)
	return tail(string(errs)) + "\n" + tail(strings.ToValidUTF8(s.out.String(), ""))
}
