package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// product is a running b2bua.
type product struct {
	cmd  *exec.Cmd
	uri  string
	done chan struct{}
	err  error // after done
	once sync.Once
	out  bytes.Buffer
}

// startProduct runs b2bua with the demo's configuration and waits until it listens.
func startProduct(ctx context.Context, program, dir, proxyURI string) (*product, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "demo.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, port, proxyURI, dir), 0o600); err != nil {
		return nil, err
	}
	p := &product{cmd: exec.Command(program, "-c", file), uri: fmt.Sprintf("sip:127.0.0.1:%d;transport=tcp", port), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = dieWithUs()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting b2bua: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.ready(ctx, port); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w\n%s", err, p.out.Bytes())
	}
	return p, nil
}

func freePort() (int, error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, fmt.Errorf("a free port: %w", err)
	}
	defer func() { _ = l.Close() }() // only its number was wanted
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("a free port: %v is no TCP address", l.Addr())
	}
	return addr.Port, nil
}

// ready tries to connect until somebody listens.
func (p *product) ready(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("b2bua ended at once: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("b2bua does not listen: %w", err)
		case <-tick.C:
		}
	}
}

// stop ends b2bua and waits.
func (p *product) stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			_ = p.cmd.Process.Kill() // it did not obey
			<-p.done
		}
	})
}
