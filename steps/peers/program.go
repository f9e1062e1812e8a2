package peers

import (
	"context"
	"errors"
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

// program is a running third-party program whose output is kept.
type program struct {
	name   string // for errors
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{}

	mu      sync.Mutex
	changed chan struct{}
	out     strings.Builder
}

// startProgram starts it in dir with more environment, as the leader of a process group. It dies with this process.
func startProgram(name, dir string, env []string, path string, args ...string) (*program, error) {
	p := &program{name: name, exited: make(chan struct{}), changed: make(chan struct{}), cmd: exec.Command(path, args...)}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = theirs, theirs
	err = errors.Join(p.cmd.Start(), theirs.Close())
	if err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go p.read(ours)
	return p, nil
}

func (p *program) read(out io.ReadCloser) {
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		if n > 0 {
			p.mu.Lock()
			p.out.Write(buf[:n])
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
		}
		if err != nil {
			break
		}
	}
	_ = out.Close()
	_ = p.cmd.Wait()
	text, _ := p.output()
	_ = os.WriteFile(filepath.Join(p.cmd.Dir, "output"), []byte(text), 0o600) // for who looks into the directory of a failed test
	close(p.exited)
}

// output is what it has printed, and a channel that is closed when there is more.
func (p *program) output() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String(), p.changed
}

// await waits until the output matches.
func (p *program) await(ctx context.Context, re *regexp.Regexp) error {
	for {
		text, changed := p.output()
		if re.MatchString(text) {
			return nil
		}
		select {
		case <-changed:
		case <-p.exited:
			return fmt.Errorf("%s ended without showing %q:\n%s", p.name, re, tail(text))
		case <-ctx.Done():
			return fmt.Errorf("%s did not show %q in time:\n%s", p.name, re, tail(text))
		}
	}
}

// stop waits for the end that the caller has asked for, or forces it.
func (p *program) stop() {
	select {
	case <-p.exited:
		return
	case <-time.After(5 * time.Second):
	}
	p.kill()
}

// kill ends it and what it has started.
func (p *program) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
