package product

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is one running b2bua.
type Process struct {
	Dir  string // working directory: configuration, log
	Args []string

	cmd      *exec.Cmd
	log      *os.File
	patience time.Duration
	exited   chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every new line
	lines   []Line
	told    bool // it was told to stop
	end     Ended
}

// stopDeadline is when a process that was told to stop counts as stuck. It is no assertion of the 5 s that the product promises:
// a loaded machine with the race detector on may take many times that.
const stopDeadline = 60 * time.Second

// dieWithParent ends the process should the tests themselves be killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// Start starts the program in dir; all that it prints goes to dir/b2bua.log as well.
func (b *Binary) Start(dir string, env []string, args ...string) (*Process, error) {
	log, err := os.OpenFile(filepath.Join(dir, "b2bua.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		_ = log.Close()
		return nil, err
	}
	p := &Process{Dir: dir, Args: args, log: log, exited: make(chan struct{}), changed: make(chan struct{}), patience: cmp.Or(b.StopDeadline, stopDeadline)}
	p.cmd = exec.Command(b.Path, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, in, in
	p.cmd.Env = environment(env)
	p.cmd.SysProcAttr = dieWithParent()
	err = p.cmd.Start()
	_ = in.Close()
	if err != nil {
		_, _ = out.Close(), log.Close()
		return nil, fmt.Errorf("start %s: %w", b.Path, err)
	}
	read := make(chan struct{})
	go p.read(out, read)
	go p.wait(read)
	return p, nil
}

// environment adds to ours. The race detector's runtime sleeps a second at every exit unless told not to.
func environment(more []string) []string {
	env := os.Environ()
	if os.Getenv("GORACE") == "" {
		env = append(env, "GORACE=atexit_sleep_ms=10")
	}
	return append(env, more...)
}

func (p *Process) read(out io.ReadCloser, done chan<- struct{}) {
	defer close(done)
	defer func() { _ = out.Close() }()
	r := bufio.NewReader(out)
	for {
		text, err := r.ReadString('\n')
		if text != "" {
			_, _ = p.log.WriteString(text)
			p.mu.Lock()
			p.lines = append(p.lines, readLine(time.Now(), strings.TrimRight(text, "\r\n")))
			p.tell()
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// tell wakes everyone who waits; the caller holds the lock.
func (p *Process) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Process) wait(read <-chan struct{}) {
	_ = p.cmd.Wait()
	<-read
	_ = p.log.Close()
	p.mu.Lock()
	p.end.BySelf = !p.told
	p.end.Status = p.cmd.ProcessState.ExitCode()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		p.end.Signal = status.Signal().String()
	}
	p.tell()
	p.mu.Unlock()
	close(p.exited)
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended and all of its output was read.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Lines are all lines so far.
func (p *Process) Lines() []Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Line(nil), p.lines...)
}

// AwaitLine waits for a line that matches and returns it.
func (p *Process) AwaitLine(ctx context.Context, want *regexp.Regexp) (Line, error) {
	next := 0
	for {
		p.mu.Lock()
		lines, changed := p.lines, p.changed
		p.mu.Unlock()
		for ; next < len(lines); next++ {
			if want.MatchString(lines[next].Text) {
				return lines[next], nil
			}
		}
		select {
		case <-changed:
		case <-p.exited:
			if p.lineCount() == next {
				return Line{}, fmt.Errorf("b2bua ended without the line %s; it printed:\n%s", want, p.Tail(15))
			}
		case <-ctx.Done():
			return Line{}, fmt.Errorf("b2bua did not print the line %s in time; its last lines:\n%s", want, p.Tail(15))
		}
	}
}

func (p *Process) lineCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// Tail is the end of what was printed.
func (p *Process) Tail(n int) string {
	lines := p.Lines()
	var b strings.Builder
	for _, line := range lines[max(0, len(lines)-n):] {
		b.WriteString("    " + line.Text + "\n")
	}
	return b.String()
}

// AwaitReady waits until the process has a socket that satisfies want, or fails when it ends before.
func (p *Process) AwaitReady(ctx context.Context, want func([]Socket) bool) error {
	return p.AwaitSockets(ctx, "listening", want)
}

// AwaitSockets waits until the sockets of the process satisfy want. Sockets can't be waited for, so they are looked at again and again.
func (p *Process) AwaitSockets(ctx context.Context, what string, want func([]Socket) bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		sockets, err := Sockets(p.PID())
		if err == nil && want(sockets) {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("b2bua ended with status %d before it was %s; it printed:\n%s", p.End().Status, what, p.Tail(30))
		case <-ctx.Done():
			return fmt.Errorf("b2bua is not %s in time; its sockets: %v; its last lines:\n%s", what, sockets, p.Tail(15))
		}
	}
}

// End is how the process ended; meaningful after Exited.
func (p *Process) End() Ended {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Tell tells the process to stop by a signal, once, and does not wait.
func (p *Process) Tell(by syscall.Signal) {
	p.mu.Lock()
	told := p.told
	select {
	case <-p.exited:
	default:
		p.told = true
	}
	p.mu.Unlock()
	if !told {
		_ = p.Signal(by)
	}
}

// Stop tells the process to stop and waits. One that does not stop is killed after a dump of its goroutines. It may be called again.
func (p *Process) Stop() Ended {
	p.Tell(syscall.SIGTERM)
	select {
	case <-p.exited:
		return p.End()
	case <-time.After(p.patience):
	}
	p.mu.Lock()
	p.end.Late = true
	p.mu.Unlock()
	_ = p.Signal(syscall.SIGQUIT) // the Go runtime prints all goroutines
	select {
	case <-p.exited:
	case <-time.After(p.patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	return p.End()
}
