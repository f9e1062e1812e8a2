package product

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Binary is the program under test.
type Binary struct {
	Path    string
	Version string // as printed by --version

	StopDeadline time.Duration // 0: what is sensible for a real one
}

// Builder builds the binary at most once.
type Builder struct {
	Program string // of cmd/; empty: b2bua
	Race    bool   // with the race detector; the tests that run with it want it too

	once   sync.Once
	binary *Binary
	dir    string
	err    error
}

// BinaryVariable names the environment variable that points at a ready binary.
const BinaryVariable = "B2BUA_BIN"

// Binary returns the program, building it at the first call. B2BUA_BIN names a ready one.
func (b *Builder) Binary(ctx context.Context) (*Binary, error) {
	b.once.Do(func() { b.binary, b.err = b.build(ctx) })
	return b.binary, b.err
}

// Remove deletes what was built.
func (b *Builder) Remove() error {
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}

func (b *Builder) build(ctx context.Context) (*Binary, error) {
	name, path := cmp.Or(b.Program, "b2bua"), ""
	if b.Program == "" {
		path = os.Getenv(BinaryVariable)
	}
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		path = abs
	} else {
		dir, err := os.MkdirTemp("", "b2bua-build-")
		if err != nil {
			return nil, err
		}
		b.dir, path = dir, filepath.Join(dir, name)
		args := []string{"build", "-o", path}
		if b.Race {
			args = append(args, "-race")
		}
		build := exec.CommandContext(ctx, "go", append(args, "b2bua/cmd/"+name)...)
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build b2bua/cmd/%s: %w\n%s", name, err, out)
		}
	}
	binary := &Binary{Path: path}
	if b.Program != "" {
		return binary, nil
	}
	ran, err := binary.Run(ctx, "", nil, "--version")
	if err != nil {
		return nil, err
	}
	if ran.Status != 0 {
		return nil, fmt.Errorf("%s --version: exit status %d\n%s%s", path, ran.Status, ran.Stdout, ran.Stderr)
	}
	if fields := strings.Fields(ran.Stdout); len(fields) > 0 {
		binary.Version = fields[len(fields)-1]
	}
	return binary, nil
}

// Ran is a finished run of the program.
type Ran struct {
	Status         int
	Stdout, Stderr string
}

// Output is everything that was printed.
func (r Ran) Output() string { return r.Stdout + r.Stderr }

// Run runs the program to its end, for flags that print and for configurations that are refused.
func (b *Binary) Run(ctx context.Context, dir string, env []string, args ...string) (Ran, error) {
	cmd := exec.CommandContext(ctx, b.Path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = dir, &stdout, &stderr, environment(env)
	cmd.SysProcAttr = dieWithParent()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Ran{}, fmt.Errorf("%s %s: %w", b.Path, strings.Join(args, " "), err)
	}
	if ctx.Err() != nil {
		return Ran{}, fmt.Errorf("%s %s did not end by itself in time; it printed:\n%s%s", b.Path, strings.Join(args, " "), &stdout, &stderr)
	}
	return Ran{Status: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, nil
}
