//go:build linux

package daemons

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	deserted = time.Minute      // age of a directory whose owner cannot still be on his way to lock it
	startup  = 60 * time.Second // patience with a server; they need a tenth of a second
	logTail  = 4096
)

func age(info os.FileInfo) time.Duration { return time.Since(info.ModTime()) }

// Options of one server.
type Options struct {
	Addr  netip.AddrPort    // loopback; the port is not 0
	Args  []string          // after our own; {dir} is the directory of Files
	Files map[string][]byte // name -> content
	Init  string            // SQL for a MariaDB's first start, a statement per line
}

// Server is one child process, or the place of one that is stopped. Its methods are not for concurrent use, but Log and Addr.
type Server struct {
	home    *Home
	program string
	args    []string
	addr    netip.AddrPort
	dir     string
	answers func(ctx context.Context, addr netip.AddrPort) error

	mu  sync.Mutex
	run *child
}

// child is one life of a server.
type child struct {
	process *os.Process
	ended   chan struct{}
	state   error // after ended
}

// Addr is where it listens.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Dir is its directory: of its Files, of a MariaDB's unix socket "s".
func (s *Server) Dir() string { return s.dir }

// add makes a server known to its home, and starts it.
func (h *Home) add(ctx context.Context, s *Server, args []string) (*Server, error) {
	s.home = h
	for _, a := range args {
		s.args = append(s.args, strings.ReplaceAll(a, "{dir}", s.dir))
	}
	h.mu.Lock()
	h.children[s] = true
	h.mu.Unlock()
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// Start starts it, again after Stop, and returns when it answers. More arguments are for this life only.
func (s *Server) Start(ctx context.Context, more ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		return fmt.Errorf("%s runs already", s)
	}
	run, err := launch(s.program, append(append([]string(nil), s.args...), more...), filepath.Join(s.dir, "log"))
	if err != nil {
		return fmt.Errorf("start %s: %w", s, err)
	}
	s.run = run
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		fault := s.answers(ctx, s.addr)
		if fault == nil {
			return nil
		}
		select {
		case <-run.ended:
			s.run = nil
			return fmt.Errorf("%s ended at its start (%w); it printed:\n%s", s, run.state, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w; it printed:\n%s", s, fault, s.Log())
		case <-tick.C:
		}
	}
}

// launch starts a program that dies with us. The kernel sends the signal when the thread that started the child ends, so one
// thread waits for it as long as it lives.
func launch(program string, args []string, log string) (*child, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...) //nolint:gosec // servers of a test, with arguments of its own
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c := &child{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = out.Close() }()
		err := cmd.Start()
		c.process = cmd.Process
		started <- err
		if err == nil {
			c.state = cmd.Wait()
			if c.state == nil {
				c.state = errors.New("exit status 0")
			}
			close(c.ended)
		}
	}()
	return c, <-started
}

// Stop kills it: its connections end at once. A MariaDB keeps what was committed, a Redis nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return nil
	}
	err := s.run.process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-s.run.ended
	s.run = nil
	return err
}

// Pause freezes it: its connections stay, and nobody answers.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(n syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return fmt.Errorf("%s is stopped", s)
	}
	return s.run.process.Signal(n)
}

// Log is the end of what it printed.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-logTail):])
}

// Remove ends it and deletes its data.
func (s *Server) Remove() error {
	s.home.mu.Lock()
	delete(s.home.children, s)
	s.home.mu.Unlock()
	return errors.Join(s.Stop(), os.RemoveAll(s.dir))
}

// String names it in errors.
func (s *Server) String() string { return fmt.Sprintf("%s at %v", filepath.Base(s.program), s.addr) }

// dial connects to loopback.
func dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	return c, nil
}
