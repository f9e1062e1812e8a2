//go:build linux

package daemons

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// MariaDB starts a database server. Its users are those that Init makes: the root of mariadb-install-db has no password, but only
// the socket in Dir and 127.0.0.1 lead to it.
func (h *Home) MariaDB(ctx context.Context, o Options) (*Server, error) {
	h.prepare.Do(func() { h.unready = h.makeTemplate(ctx) })
	if h.unready != nil {
		return nil, h.unready
	}
	dir, err := h.room(o.Files)
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(h.template())); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "init.sql"), []byte(o.Init), 0o600); err != nil {
		return nil, err
	}
	program, err := Find("mariadbd")
	if err != nil {
		return nil, err
	}
	args := append([]string{ // --no-defaults is only heeded as the first one
		"--no-defaults", "--datadir={dir}/data", "--socket={dir}/s", "--pid-file={dir}/pid", "--init-file={dir}/init.sql",
		"--port=" + strconv.Itoa(int(o.Addr.Port())), "--bind-address=" + o.Addr.Addr().String(), "--skip-name-resolve",
		"--character-set-server=utf8mb4", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0", "--skip-log-bin", "--performance-schema=0",
		"--connect-timeout=120", // of logins, which scenarios slow down; 10 s by itself
		"--max-connections=500", "--secure-file-priv=",
	}, asRoot()...)
	return h.add(ctx, &Server{program: program, addr: o.Addr, dir: dir, answers: greets}, append(args, o.Args...))
}

func (h *Home) template() string { return filepath.Join(h.dir, "template") }

// makeTemplate prepares the data of an empty server once; each gets a copy.
func (h *Home) makeTemplate(ctx context.Context) error {
	program, err := Find("mariadb-install-db")
	if err != nil {
		return err
	}
	args := append([]string{
		"--no-defaults", "--datadir=" + h.template(), "--auth-root-authentication-method=normal", "--skip-test-db",
		"--innodb-log-file-size=8M", "--innodb-doublewrite=0", "--skip-log-bin", "--debug-no-sync",
	}, asRoot()...)
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput() //nolint:gosec // as launch
	if err != nil {
		return fmt.Errorf("prepare a database server: %w; it printed:\n%s", err, out[max(0, len(out)-logTail):])
	}
	return nil
}

// asRoot: the server wants to be told that root is meant.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// greets: the first packet is the server's; it comes when the init file was executed.
func greets(ctx context.Context, addr netip.AddrPort) error {
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = c.Read(make([]byte, 1))
	return err
}

// Find is the path of a program. It looks in the system's directory too, which a user's PATH may lack.
func Find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	path := "/usr/sbin/" + program
	if _, err := os.Stat(path); err != nil {
		return "", missing(program)
	}
	return path, nil
}

// ErrMissing is that programs are not installed.
var ErrMissing = errors.New("not installed")

func missing(programs ...string) error {
	return fmt.Errorf("%s: %w; apt-get install --no-install-recommends mariadb-server-core mariadb-client-core redis-server",
		strings.Join(programs, ", "), ErrMissing)
}

// Missing tells which of the programs that this package starts are not there; nil: none.
func Missing() error {
	var away []string
	for _, program := range []string{"mariadb-install-db", "my_print_defaults", "mariadbd", "redis-server"} {
		if _, err := Find(program); err != nil {
			away = append(away, program)
		}
	}
	if away == nil {
		return nil
	}
	return missing(away...)
}
