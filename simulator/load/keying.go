//go:build linux

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"b2bua/media/dtls"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/wire"

	"golang.org/x/sys/unix"
)

// keying makes the keys of the sides with DTLS-SRTP or ZRTP before the packets flow. One certificate serves all. A nil one does nothing.
type keying struct {
	handshaker  *dtls.Handshaker // nil: nobody has DTLS
	fingerprint string
	agreeing    *agreeing // nil: nobody has ZRTP
	sockets     []*socket
	started     int
	hold        bool // handshakes are kept in held, for a burst
	held        []func() error
	waiting     int // handshakes; this and what follows belong to the run's thread, like the sides
	failures    map[string]int

	mu   sync.Mutex
	news []keyed
}

// keyed is a result. rtcp: of the channel that carries no packets of ours.
type keyed struct {
	side   *side
	rtcp   bool
	result dtls.Result
	job    *zrtp.Job // done; nil: it is DTLS
}

// The bounds are the other end's: ours shall not be the limit.
const (
	handshakeRate   = 100_000
	handshakeFlight = time.Second // a slow product is no lost datagram
)

func newKeying(cfg *Config, sockets []*socket) (*keying, error) {
	for _, s := range sockets {
		_ = unix.SetsockoptInt(s.rtcp, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // handshakes of many calls come here now
	}
	k := &keying{sockets: sockets, failures: map[string]int{}}
	uses := func(m method) bool {
		return cfg.methods[0] == m || cfg.methods[1] == m || cfg.Burst > 0 && cfg.burstBy == m
	}
	if uses(byZRTP) {
		k.agreeing = newAgreeing(cfg, k)
	}
	if uses(byDTLS) {
		return k, k.certify()
	}
	return k, nil
}

// certify makes what DTLS needs.
func (k *keying) certify() error {
	cert, _, err := dtls.LoadCertificate("", time.Now())
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	h, err := dtls.New(dtls.Config{
		Certificate: cert, PerSecond: handshakeRate, Running: handshakeRate, Flight: handshakeFlight, Timeout: 20 * time.Second, Linger: 2 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	k.handshaker, k.fingerprint = h, h.Fingerprint().String()
	return nil
}

// equip gives a side what its description has to say about keys.
func (k *keying) equip(s *side) error {
	switch s.method {
	case byDTLS:
		s.print = k.fingerprint
	case byZRTP:
		return k.agreeing.equip(s)
	case inline:
	}
	return nil
}

func (k *keying) close() {
	if k == nil {
		return
	}
	if k.handshaker != nil {
		k.handshaker.Close()
	}
	if k.agreeing != nil {
		k.agreeing.close()
	}
}

// begin starts the handshakes of a side whose peer described itself, one for each port.
func (k *keying) begin(s *side, d description) error {
	if k == nil || s.method == inline {
		return nil
	}
	if s.method == byZRTP {
		return k.greet(s, d)
	}
	f, err := sdp.ParseFingerprint(string(d.fingerprint))
	if err != nil {
		return fmt.Errorf("description: %w", err)
	}
	// Answers say who is active (RFC 5763 section 5): ours does unless the offer claimed it.
	p := sdp.DTLSParams{Active: string(d.setup) != "active", Fingerprint: f}
	addr, mux := d.addr, d.mux
	if k.hold {
		k.held = append(k.held, func() error { return k.dial(s, p, addr, mux) })
		return nil
	}
	return k.dial(s, p, addr, mux)
}

// dial starts the handshakes of a side.
func (k *keying) dial(s *side, p sdp.DTLSParams, addr netip.AddrPort, mux bool) (err error) {
	if s.tls, err = k.start(s, false, p, s.sock.fd, addr); err != nil || mux {
		return err
	}
	at := netip.AddrPortFrom(addr.Addr(), addr.Port()+1)
	rtcp := raw(at)
	s.sock.rtcpSides[sourceKey(&rtcp)] = s
	s.tlsRTCP, err = k.start(s, true, p, s.sock.rtcp, at)
	return err
}

func (k *keying) start(s *side, rtcp bool, p sdp.DTLSParams, fd int, remote netip.AddrPort) (*dtls.Association, error) {
	a, err := k.handshaker.Start(dtls.Params{
		DTLS: p, Remote: remote,
		Send: func(b []byte, to netip.AddrPort) {
			sa := raw(to)
			_, _, _ = unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT,
				uintptr(unsafe.Pointer(&sa)), unix.SizeofSockaddrInet4) // what is lost is sent again
		},
		Done: func(r dtls.Result) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.news = append(k.news, keyed{side: s, rtcp: rtcp, result: r})
		},
	})
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	k.started++
	k.waiting++
	return a, nil
}

// poll takes what came on the sockets and what became of the handshakes.
func (k *keying) poll() {
	if k == nil {
		return
	}
	for _, s := range k.sockets {
		for n := batch; n == batch; {
			n = s.receive()
			for i := range n {
				d := s.sides[sourceKey(&s.rxName[i])]
				switch b := s.rxBuf[i][:s.rx[i].n]; {
				case d == nil:
				case d.tls != nil && handshakes(b):
					d.tls.Receive(b, addrOf(&s.rxName[i]))
				case d.zrtp != nil && wire.Is(b):
					k.agreeing.do(d, zrtp.Packet{Data: b})
				}
			}
		}
		k.control(s)
	}
	if k.agreeing != nil {
		k.agreeing.tick()
	}
	k.mu.Lock()
	news := k.news
	k.news = nil
	k.mu.Unlock()
	for _, n := range news {
		k.take(n)
	}
}

// control reads the RTCP port of a socket.
func (k *keying) control(s *socket) {
	var b [2048]byte
	var from unix.RawSockaddrInet4
	for {
		size := uint32(unix.SizeofSockaddrInet4)
		n, _, e := unix.Syscall6(unix.SYS_RECVFROM, uintptr(s.rtcp), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
		if e != 0 {
			return
		}
		if d := s.rtcpSides[sourceKey(&from)]; d != nil && handshakes(b[:n]) {
			d.tlsRTCP.Receive(b[:n], addrOf(&from))
		}
	}
}

// handshakes tells DTLS by its first octet (RFC 5764 section 5.1.2).
func handshakes(b []byte) bool { return len(b) > 0 && b[0] >= 20 && b[0] <= 63 }

func addrOf(sa *unix.RawSockaddrInet4) netip.AddrPort {
	p := (*[2]byte)(unsafe.Pointer(&sa.Port))
	return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(p[0])<<8|uint16(p[1]))
}

func (k *keying) take(n keyed) {
	if n.job != nil {
		k.agreeing.do(n.side, zrtp.KeysDone{Job: n.job})
		return
	}
	k.waiting--
	switch r := n.result; {
	case r.Err != nil:
		k.failures[fmt.Sprintf("handshake: %v", errors.Unwrap(r.Err))]++
	case !n.rtcp:
		n.side.suite, n.side.key, n.side.rkey = r.Send.Suite, bytes.Clone(r.Send.Key), bytes.Clone(r.Recv.Key)
	}
}

// busy: enough are running, so that what comes next waits. The product's own bound is not the question here.
func (k *keying) busy() bool { return k != nil && k.waiting >= 40 }

// rest ends the reading of the sockets: packets are about to come.
func (k *keying) rest() {
	if k != nil {
		k.sockets = nil
	}
}

// finish waits until all handshakes are over; step is what else has to be done.
func (k *keying) finish(ctx context.Context, limit time.Duration, step func(ms int)) error {
	if k == nil {
		return nil
	}
	for end := time.Now().Add(limit); k.waiting > 0 && ctx.Err() == nil; step(1) {
		if time.Now().After(end) {
			return fmt.Errorf("load: %d handshakes are not complete after %v", k.waiting, limit)
		}
	}
	if len(k.failures) > 0 {
		return fmt.Errorf("load: no media with a part of the calls: %v", k.failures)
	}
	return nil
}
