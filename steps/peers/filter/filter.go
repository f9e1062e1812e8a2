// Package filter runs a small program in C around a library, which does one thing at a time for who drives it.
//
// A request is its length (32 bits, big endian) and its octets, an answer its length, a status that is 0 when all went well, and
// what came out.
package filter

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// maxAnswer bounds an answer, octets.
const maxAnswer = 1 << 16

// Compile makes the program at path of a source in C.
func Compile(ctx context.Context, path, source string, libraries ...string) error {
	args := append([]string{"-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, source}, libraries...)
	if text, err := exec.CommandContext(ctx, "gcc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", source, err, text)
	}
	return nil
}

// Program is a running one. Its methods are safe for concurrent use.
type Program struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Start starts what Compile made. It ends with this process.
func Start(path string) (*Program, error) {
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Program{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// Do has the program do one thing.
func (p *Program) Do(request []byte) (status byte, answer []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(request)))
	if _, err := p.in.Write(append(frame, request...)); err != nil {
		return 0, nil, err
	}
	var head [5]byte
	if _, err := io.ReadFull(p.out, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 1 || n > maxAnswer {
		return 0, nil, errors.New("answer of an impossible length")
	}
	answer = make([]byte, n-1)
	_, err = io.ReadFull(p.out, answer)
	return head[4], answer, err
}

// Close ends the program.
func (p *Program) Close() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
