package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNotFound says that no running server was found.
var ErrNotFound = errors.New("no running server was found")

// SeveralError says that more than one server runs. It wraps ErrNotFound: none was found that is the only one.
type SeveralError struct{ PIDs []int }

// Error names the processes.
func (e *SeveralError) Error() string {
	var list []string
	for _, pid := range e.PIDs {
		list = append(list, fmt.Sprintf("--pid %d", pid))
	}
	return fmt.Sprintf("%d servers run; say which: %s", len(e.PIDs), strings.Join(list, " or "))
}

// Unwrap is ErrNotFound.
func (e *SeveralError) Unwrap() error { return ErrNotFound }

// RefusedError is an answer that begins with "Error".
type RefusedError string

// Error is the answer.
func (e RefusedError) Error() string { return string(e) }

// Find is the socket of the process that --pid or a pid file names, else of the only one that is there.
func Find(pid int, pidFile string) (string, error) {
	if pid > 0 {
		return Path(pid), nil
	}
	if text, err := os.ReadFile(pidFile); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && n > 0 {
			return Path(n), nil
		}
	}
	return only(Path(0))
}

// only looks for sockets named like one whose number is 0.
func only(pattern string) (string, error) {
	base := strings.TrimSuffix(pattern, "0")
	list, err := filepath.Glob(base + "[1-9]*")
	if err != nil {
		return "", err
	}
	list = slices.DeleteFunc(list, func(path string) bool {
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err != nil {
			return true
		}
		_ = conn.Close() // it was a question
		return false
	})
	switch len(list) {
	case 0:
		return "", fmt.Errorf("%w: there is no socket %sPID that answers this user; start b2bua, or run this as its user", ErrNotFound, base)
	case 1:
		return list[0], nil
	}
	several := &SeveralError{}
	for _, path := range list {
		if pid, err := strconv.Atoi(strings.TrimPrefix(path, base)); err == nil {
			several.PIDs = append(several.PIDs, pid)
		}
	}
	slices.Sort(several.PIDs)
	return "", several
}

// Ask sends one request and returns the answer. The error is a RefusedError when the server says no.
func Ask(ctx context.Context, path string, words ...string) (string, error) {
	request := strings.Join(words, " ")
	if len(request) > maxRequest {
		return "", fmt.Errorf("the request has %d bytes, more than the %d that the server reads", len(request), maxRequest)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return "", fmt.Errorf("the server does not take the question: %w", err)
	}
	defer func() { _ = conn.Close() }() // all is read
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a failure shows at once
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write([]byte(request)); err != nil {
		return "", fmt.Errorf("the server does not read the question: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	switch {
	case err != nil:
		return "", fmt.Errorf("the server does not answer: %w", err)
	case len(text) == 0:
		return "", errors.New("the server hung up without an answer: it answers its own user and root only, and not while it stops")
	case strings.HasPrefix(string(text), "Error"):
		return "", RefusedError(text)
	}
	return string(text), nil
}
