package peers

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// filterSource is a program in C around libsrtp2.
const filterSource = "libsrtp/filter.c"

// Suite is one of SDES (RFC 4568 section 6.2, RFC 6188, RFC 7714).
type Suite struct {
	Name   string
	Length int // octets of key and salt together
	Tag    int // octets that RTP grows by
}

// Suites are the filter's, in its order.
var Suites = []Suite{
	{"AES_CM_128_HMAC_SHA1_80", 30, 10},
	{"AES_CM_128_HMAC_SHA1_32", 30, 4},
	{"AES_256_CM_HMAC_SHA1_80", 46, 10},
	{"AES_256_CM_HMAC_SHA1_32", 46, 4},
	{"AEAD_AES_128_GCM", 28, 16},
	{"AEAD_AES_256_GCM", 44, 16},
}

// Operations of the filter.
const (
	opKeys          = 'K'
	opProtect       = 'p'
	opProtectRTCP   = 'P'
	opUnprotect     = 'u'
	opUnprotectRTCP = 'U'
)

// Filter is a running libsrtp2 with a key for each direction. Its methods are safe for concurrent use.
type Filter struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// BuildFilter compiles the filter into dir.
func BuildFilter(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "libsrtp-filter")
	compile := exec.CommandContext(ctx, "gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, filterSource, "-lsrtp2")
	if text, err := compile.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", filterSource, err, text)
	}
	return path, nil
}

// StartFilter starts one that was built.
func StartFilter(path string) (*Filter, error) {
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
	return &Filter{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// Keys sets both keys, each with its salt, and forgets all state.
func (f *Filter) Keys(suite string, send, receive []byte) error {
	i := slices.IndexFunc(Suites, func(s Suite) bool { return s.Name == suite })
	if i < 0 || len(send) != Suites[i].Length || len(receive) != Suites[i].Length {
		return fmt.Errorf("libsrtp filter: suite %s with keys of %d and %d octets", suite, len(send), len(receive))
	}
	_, _, err := f.do(opKeys, append(append([]byte{byte(i), byte(len(send))}, send...), receive...))
	return err
}

// do has the filter do one thing. The roll-over counter is that of the packet's source.
func (f *Filter) do(operation byte, p []byte) (out []byte, rollOver uint32, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(p)+1))
	if _, err := f.in.Write(append(append(frame, operation), p...)); err != nil {
		return nil, 0, fmt.Errorf("libsrtp filter: %w", err)
	}
	var head [9]byte
	if _, err := io.ReadFull(f.out, head[:]); err != nil {
		return nil, 0, fmt.Errorf("libsrtp filter: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 5 || n > 1<<16 {
		return nil, 0, errors.New("libsrtp filter: answer of an impossible length")
	}
	out = make([]byte, n-5)
	if _, err := io.ReadFull(f.out, out); err != nil {
		return nil, 0, fmt.Errorf("libsrtp filter: %w", err)
	}
	if head[4] != 0 {
		return nil, 0, fmt.Errorf("libsrtp: operation %c, status %d (srtp_err_status_t)", operation, head[4])
	}
	return out, binary.BigEndian.Uint32(head[5:]), nil
}

// Close ends the program.
func (f *Filter) Close() {
	_ = f.in.Close()
	_ = f.cmd.Wait()
}
