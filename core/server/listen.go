package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"time"

	"b2bua/core/config"
	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/core/transport"
)

// listen opens exactly the configured addresses; every transport stays available for outgoing requests.
func (s *server) listen(ctx context.Context, cfg *config.Config, timers transaction.Timers, names hosts) error {
	tc := transport.Config{
		TLSClient: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !cfg.TLS.VerifyPeer},
		Timers:    timers, ConnectTimeout: cfg.Timers.Connect, Log: s.log, OnPanic: s.panicked, Resolver: names,
		Attach: func(st *transport.Stack) { s.stack = st }, Tap: s.showMessage, OnFlowLost: s.flowLost,
	}
	if cfg.B2BUA.EnableKeepalive {
		tc.KeepAlive = cfg.Timers.Keepalive
	}
	tc.Limits.Outgoing = s.lines.connections()
	for _, l := range cfg.B2BUA.Transport {
		addr, err := resolveListen(ctx, names, l)
		if err != nil {
			return err
		}
		tc.Listen = append(tc.Listen, transport.Listener{Network: l.Network, Addr: addr})
		if l.Network == "tls" && cfg.TLS.Certificate == "" {
			return fmt.Errorf("b2bua-server/transport=%s needs a certificate: set [b2bua::tls] certificate and key to PEM files", l.URI)
		}
	}
	if err := certificates(&tc, cfg.TLS); err != nil {
		return err
	}
	if _, err := transport.New(tc, s); err != nil {
		return fmt.Errorf("b2bua-server/transport: %w", err)
	}
	return nil
}

func resolveListen(ctx context.Context, names hosts, l config.Listen) (netip.AddrPort, error) {
	if l.Addr.IsValid() {
		return l.Addr, nil
	}
	addrs, err := names.LookupNetIP(ctx, "ip", l.Host)
	if err != nil || len(addrs) == 0 {
		return netip.AddrPort{}, fmt.Errorf("b2bua-server/transport=%s: the host %s has no address (%w): write an IP address, or * for all", l.URI, l.Host, err)
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), l.Port), nil
}

// certificates reads what [b2bua::tls] names. The same certificate is shown to servers that ask for one.
func certificates(tc *transport.Config, t config.TLS) error {
	files, faults := loadTLS(t)
	if len(faults) > 0 {
		return &ConfigError{faults}
	}
	tc.TLSClient.RootCAs, tc.TLSClient.Certificates = files.roots, files.certificate
	if files.certificate != nil {
		tc.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: files.certificate}
	}
	return nil
}

// showMessage is -d or log-level=debug: every SIP message on one line, without keys and passwords.
func (s *server) showMessage(dir transport.Direction, flow transport.Flow, wire []byte, _ time.Time) {
	if !s.log.Enabled(context.Background(), slog.LevelDebug) { // the level may change while we run
		return
	}
	way := "received from"
	if dir == transport.Out {
		way = "sent to"
	}
	s.log.Debug(fmt.Sprintf("SIP %s %s %s: %s", way, flow.Network, flow.Remote, sip.RedactedWire(wire)))
}

// panicked ends the call in whose message a fault of ours came to light; all others go on.
func (s *server) panicked(callID string, value any) {
	s.log.Error(fmt.Sprintf("internal fault while handling a message of Call-ID %s, its call is ended: %v", callID, value), "stack", string(debug.Stack()))
	now := time.Now()
	s.engine.Fail(now, callID, fmt.Sprintf("internal fault: %v", value))
	s.drain(now)
}
