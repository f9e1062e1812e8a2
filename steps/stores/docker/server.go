package docker

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"b2bua/steps/stores"
)

const (
	startup = 2 * time.Minute // patience with a server; they need a second
	ending  = 30 * time.Second
	logTail = 4096
	files   = "/stores" // {dir} in arguments
)

// server is one container.
type server struct {
	home    *provider
	spec    stores.Spec
	id      string
	answers func(ctx context.Context, addr netip.AddrPort) error
	removal sync.Once
	fault   error // of the removal
}

// Start makes and starts a container.
func (p *provider) Start(ctx context.Context, s stores.Spec) (stores.Server, error) {
	out := &server{home: p, spec: s, answers: greets}
	command, env := database(s), map[string]string{"MYSQL_ROOT_PASSWORD": rand.Text()}
	if s.Kind == stores.Redis {
		out.answers, command, env = pongs, redis(s), nil
	}
	for _, a := range s.Args {
		command = append(command, strings.ReplaceAll(a, "{dir}", files))
	}
	c, err := testcontainers.Run(
		ctx, p.images[s.Kind], testcontainers.WithCmd(command...), testcontainers.WithEnv(env), testcontainers.WithFiles(content(s)...),
		testcontainers.WithLabels(map[string]string{label: p.lock.Addr().String()}),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) { c.NetworkMode = "host" }),
	)
	if c != nil {
		out.id = c.GetContainerID()
		p.mu.Lock()
		p.servers[out] = true
		p.mu.Unlock()
	}
	if err == nil {
		err = out.await(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w; it printed:\n%s", out, err, out.Log()), out.Remove())
	}
	return out, nil
}

// database are the arguments of a server for tests: small, and in no hurry to reach the disk. It waits for a login longer than its usual
// 10 s, which is what slow networks take for each answer: b2bua's patience is tested, not the server's. All are known to MariaDB and MySQL.
func database(s stores.Spec) []string {
	return []string{
		"--port=" + strconv.Itoa(int(s.Addr.Port())), "--bind-address=" + s.Addr.Addr().String(), "--skip-name-resolve",
		"--character-set-server=utf8mb4", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=2",
		"--innodb-doublewrite=0", "--skip-log-bin", "--performance-schema=0", "--max-connections=500", "--connect-timeout=120",
		"--secure-file-priv=", "--loose-mysqlx=OFF",
	}
}

func redis(s stores.Spec) []string {
	return []string{
		"redis-server", "--bind", s.Addr.Addr().String(), "--port", strconv.Itoa(int(s.Addr.Port())),
		"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
	}
}

// content are the files that go into a container. Its server has a user of its own, who must be able to read them.
func content(s stores.Spec) []testcontainers.ContainerFile {
	var list []testcontainers.ContainerFile
	add := func(path string, text []byte) {
		list = append(list, testcontainers.ContainerFile{Reader: bytes.NewReader(text), ContainerFilePath: path, FileMode: 0o644})
	}
	for name, text := range s.Files {
		add(files+"/"+name, text)
	}
	if s.Init != "" {
		add("/docker-entrypoint-initdb.d/stores.sql", []byte(s.Init))
	}
	return list
}

// String names it in errors.
func (s *server) String() string {
	return fmt.Sprintf("container of %s at %v", s.home.images[s.spec.Kind], s.spec.Addr)
}

// await returns when the server answers, or why it never will.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		fault := s.answers(ctx, s.spec.Addr)
		if fault == nil {
			return nil
		}
		if n%25 == 0 {
			if c, err := s.home.client.ContainerInspect(ctx, s.id, client.ContainerInspectOptions{}); err == nil && !c.Container.State.Running {
				return fmt.Errorf("it ended at its start, with status %d", c.Container.State.ExitCode)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", fault)
		case <-tick.C: // nobody tells
		}
	}
}

// greets: the first packet is the server's. While the init SQL runs, the images' servers have no port.
func greets(ctx context.Context, addr netip.AddrPort) error { return answered(ctx, addr, "") }

// pongs: any answer to PING will do.
func pongs(ctx context.Context, addr netip.AddrPort) error { return answered(ctx, addr, "PING\r\n") }

func answered(ctx context.Context, addr netip.AddrPort, question string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // all was said
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, question); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

// Addr is where it listens.
func (s *server) Addr() netip.AddrPort { return s.spec.Addr }

// Stop kills the server in its container. The data of a database is in a volume and stays.
func (s *server) Stop(ctx context.Context) error {
	ended := s.home.client.ContainerWait(ctx, s.id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	if _, err := s.home.client.ContainerKill(ctx, s.id, client.ContainerKillOptions{Signal: "KILL"}); err != nil && !strings.Contains(err.Error(), "is not running") {
		return fmt.Errorf("stop %s: %w", s, err)
	}
	select {
	case <-ended.Result:
		return nil
	case err := <-ended.Error:
		return fmt.Errorf("stop %s: %w", s, err)
	}
}

// Start starts it again.
func (s *server) Start(ctx context.Context) error {
	_, err := s.home.client.ContainerStart(ctx, s.id, client.ContainerStartOptions{})
	if err == nil {
		err = s.await(ctx)
	}
	if err != nil {
		return fmt.Errorf("start %s again: %w; it printed:\n%s", s, err, s.Log())
	}
	return nil
}

// Pause freezes it.
func (s *server) Pause() error {
	ctx, cancel := context.WithTimeout(context.Background(), ending)
	defer cancel()
	_, err := s.home.client.ContainerPause(ctx, s.id, client.ContainerPauseOptions{})
	return err
}

// Resume ends Pause.
func (s *server) Resume() error {
	ctx, cancel := context.WithTimeout(context.Background(), ending)
	defer cancel()
	_, err := s.home.client.ContainerUnpause(ctx, s.id, client.ContainerUnpauseOptions{})
	return err
}

// Log is the end of what it printed; of no interest to anybody when it cannot be had.
func (s *server) Log() string {
	ctx, cancel := context.WithTimeout(context.Background(), ending)
	defer cancel()
	r, err := s.home.client.ContainerLogs(ctx, s.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "60"})
	if err != nil {
		return err.Error()
	}
	defer func() { _ = r.Close() }() // all is read
	text := unframed(r)
	return string(text[max(0, len(text)-logTail):])
}

// unframed joins the two streams of a container: each piece has a header of eight bytes, the last four of which are its length.
func unframed(r io.Reader) []byte {
	var text []byte
	for head := make([]byte, 8); ; {
		if _, err := io.ReadFull(r, head); err != nil {
			return text
		}
		piece, err := io.ReadAll(io.LimitReader(r, int64(head[4])<<24|int64(head[5])<<16|int64(head[6])<<8|int64(head[7])))
		text = append(text, piece...)
		if err != nil {
			return text
		}
	}
}

// Remove ends it and deletes its data.
func (s *server) Remove() error {
	s.removal.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), ending)
		defer cancel()
		if s.id != "" {
			s.fault = s.home.remove(ctx, s.id)
		}
		s.home.mu.Lock()
		delete(s.home.servers, s)
		s.home.mu.Unlock()
	})
	return s.fault
}
