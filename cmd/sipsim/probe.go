package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

// probePatience is how long a B2BUA on this host may take to answer one request.
const probePatience = 2 * time.Second

// probe asks the device under test for any sign of life, so that a wrong address or transport is told at once and not after
// the time-out of every call.
func probe(ctx context.Context, network string, dut netip.AddrPort) error {
	err := ask(ctx, probePatience, network, dut)
	if err == nil {
		return nil
	}
	other := map[string]string{"tcp": "udp", "udp": "tcp"}[network]
	return failed(exitCall, fmt.Errorf("no B2BUA answers at %s over %s (%w): start it first (b2bua alone listens at 127.0.0.1:6067 over tcp), "+
		"name its address with --dut, or use --transport %s if its b2bua-server/transport says so", dut, network, err, other))
}

// ask sends an OPTIONS; every answer will do.
func ask(ctx context.Context, patience time.Duration, network string, dut netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, dut.String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()                         // nothing is left to send
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the wait for an answer
	defer stop()
	via := map[string]string{"tcp": "TCP", "udp": "UDP"}[network]
	id := rand.Uint64() //nolint:gosec // told apart from others on this host, no secret
	if _, err := fmt.Fprintf(conn, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%x;rport\r\nMax-Forwards: 70\r\nFrom: <sip:sipsim@%s>;tag=%x\r\n"+
		"To: <sip:%s>\r\nCall-ID: %x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", dut, via, conn.LocalAddr(), id, conn.LocalAddr(), id, dut, id); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 2000)); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("silence for %s", patience)
		}
		return err
	}
	return nil
}
