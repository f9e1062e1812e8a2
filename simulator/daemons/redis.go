//go:build linux

package daemons

import (
	"context"
	"net/netip"
	"strconv"
)

// Redis starts a Redis server that keeps nothing on a disk.
func (h *Home) Redis(ctx context.Context, o Options) (*Server, error) {
	dir, err := h.room(o.Files)
	if err != nil {
		return nil, err
	}
	program, err := Find("redis-server")
	if err != nil {
		return nil, err
	}
	args := []string{
		"--bind", o.Addr.Addr().String(), "--port", strconv.Itoa(int(o.Addr.Port())),
		"--save", "", "--appendonly", "no", "--dir", "{dir}", "--repl-diskless-sync-delay", "0",
	}
	return h.add(ctx, &Server{program: program, addr: o.Addr, dir: dir, answers: pongs}, append(args, o.Args...))
}

// pongs: any answer to PING will do, that of a server that wants a password too.
func pongs(ctx context.Context, addr netip.AddrPort) error {
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}
