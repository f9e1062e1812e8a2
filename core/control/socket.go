package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Path is where the original's client looks for the socket of a process.
func Path(pid int) string { return "/tmp/flexisip-b2bua-" + strconv.Itoa(pid) }

// Config of a Socket.
type Config struct {
	Path   string
	Handle func(command string, args []string) Answer // runs by Do
	// Do runs a function where the commands' data belongs; it need not wait for it. An error means that it will not run.
	Do  func(func()) error
	Log *slog.Logger
}

// Socket serves clients until Close.
type Socket struct {
	cfg      Config
	listener *net.UnixListener
	file     fs.FileInfo
	work     sync.WaitGroup
	ctx      context.Context
	stop     context.CancelFunc
	once     sync.Once

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// Open listens. The error says what to do.
func Open(cfg Config) (*Socket, error) {
	l, err := listen(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("no control socket %s: %w; `b2bua ctl` and flexisip_cli.py will not find this process", cfg.Path, err)
	}
	s := &Socket{cfg: cfg, listener: l, conns: map[net.Conn]bool{}}
	s.file, _ = os.Lstat(cfg.Path) // nil is no file of ours
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.work.Add(1)
	go s.accept()
	return s, nil
}

// listen makes the socket in a directory that nobody else can enter, so that it never is open to others, and then moves it. What
// stands at its place is replaced if it is ours.
func listen(path string) (*net.UnixListener, error) {
	private, err := os.MkdirTemp(filepath.Dir(path), ".flexisip-b2bua-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }() // empty by then
	within := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: within, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(within, 0o600); err == nil {
		err = os.Rename(within, path)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// Close ends everything, waits, and removes the file if it still is the socket.
func (s *Socket) Close() {
	s.once.Do(func() {
		s.stop()
		_ = s.listener.Close() // ends accept
		s.mu.Lock()
		for c := range s.conns {
			hurry(c)
		}
		s.mu.Unlock()
		s.work.Wait()
		if now, err := os.Lstat(s.cfg.Path); err == nil && s.file != nil && os.SameFile(now, s.file) {
			_ = os.Remove(s.cfg.Path) // a dead socket misleads nobody for long
		}
	})
}

func (s *Socket) accept() {
	defer s.work.Done()
	places := make(chan struct{}, clients)
	for {
		select {
		case places <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			<-places
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.cfg.Log.Warn("the control socket can't take a client: " + err.Error())
			select {
			case <-time.After(100 * time.Millisecond): // out of descriptors: must not spin
			case <-s.ctx.Done():
			}
			continue
		}
		s.work.Add(1)
		go func() {
			defer s.work.Done()
			s.serve(conn)
			<-places
		}()
	}
}

// serve is one client.
func (s *Socket) serve(conn *net.UnixConn) {
	s.mu.Lock()
	s.conns[conn] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		_ = conn.Close() // all is said
	}()
	if s.ctx.Err() != nil {
		return
	}
	if uid, err := peer(conn); err != nil || uid != 0 && uid != os.Geteuid() {
		s.cfg.Log.Warn(fmt.Sprintf("control socket: a client of user %d was refused; only user %d and root are answered", uid, os.Geteuid()))
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(readPatience)) // a failure shows at once
	buf := make([]byte, maxRequest+3)                      // and a line end
	n, err := conn.Read(buf)
	if n == 0 || err != nil {
		return
	}
	text := s.answer(buf[:n])
	_ = conn.SetWriteDeadline(time.Now().Add(writePatience))
	if s.ctx.Err() != nil { // Close may have come before the line above
		hurry(conn)
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		s.cfg.Log.Debug("control socket: a client went away: " + err.Error())
		return
	}
	s.partFrom(conn)
}

// partFrom reads what else the client has sent, and waits a moment for it to close: what is not read when a socket is closed takes the
// answer with it (ECONNRESET).
func (s *Socket) partFrom(conn *net.UnixConn) {
	_ = conn.CloseWrite() // the answer ends here; a client that is gone shows below
	_ = conn.SetReadDeadline(time.Now().Add(partPatience))
	if s.ctx.Err() != nil { // Close may have come before the line above
		hurry(conn)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(conn, maxIgnored)) // whatever it is
}

// hurry ends what a client is waited for.
func hurry(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Unix(1, 0)) // a failure shows at once
	_ = conn.SetWriteDeadline(time.Now().Add(lastWrite))
}

// answer has the loop look the command up.
func (s *Socket) answer(request []byte) string {
	if request = bytes.TrimRight(request, "\r\n\x00"); len(request) > maxRequest {
		return errorPrefix + fmt.Sprintf("a request has at most %d bytes", maxRequest)
	}
	command, args := parse(request)
	s.cfg.Log.Debug(fmt.Sprintf("control socket: %.100q", command))
	found := make(chan Answer, 1)
	if err := s.cfg.Do(func() { found <- s.cfg.Handle(command, args) }); err != nil {
		return errorPrefix + "the server is stopping"
	}
	patience := time.NewTimer(workPatience)
	defer patience.Stop()
	select {
	case a := <-found:
		return a()
	case <-patience.C:
		return errorPrefix + "the server is too busy to answer"
	case <-s.ctx.Done():
		return errorPrefix + "the server is stopping"
	}
}
