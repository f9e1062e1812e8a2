package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tap sees every message of a peer, in the order of the wire as far as one peer can tell.
type Tap func(at time.Time, sent bool, from, to netip.AddrPort, network string, raw []byte)

// Peer is one literal phone on one address.
type Peer struct {
	Name    string
	Network string // "udp" or "tcp"
	addr    netip.AddrPort
	tap     Tap

	packet   *net.UDPConn
	listener net.Listener
	readers  sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	conns   map[netip.AddrPort]net.Conn
	inbox   []*Received
	seen    map[string]int // raw message -> times received: retransmissions are counted, not delivered
	auto    []func(*Received) bool
	closed  bool
}

// Received is a message with the way to answer it.
type Received struct {
	*Message
	From  netip.AddrPort
	taken bool
}

// Listen opens a phone at addr (port 0: any), over "udp" or "tcp".
func Listen(name, network string, addr netip.AddrPort, tap Tap) (*Peer, error) {
	p := &Peer{
		Name: name, Network: network, tap: tap, changed: make(chan struct{}), conns: map[netip.AddrPort]net.Conn{}, seen: map[string]int{},
	}
	switch network {
	case "udp":
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			return nil, fmt.Errorf("phone %s: %w", name, err)
		}
		p.packet, p.addr = conn, unmapped(conn.LocalAddr().(*net.UDPAddr).AddrPort())
		p.readers.Add(1)
		go p.readPackets()
	case "tcp":
		listener, err := net.Listen("tcp", addr.String())
		if err != nil {
			return nil, fmt.Errorf("phone %s: %w", name, err)
		}
		p.listener, p.addr = listener, unmapped(listener.Addr().(*net.TCPAddr).AddrPort())
		p.readers.Add(1)
		go p.accept()
	default:
		return nil, fmt.Errorf("phone %s: no transport %q, use udp or tcp", name, network)
	}
	return p, nil
}

// unmapped makes an IPv4 address of one that the kernel reports as IPv6.
func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// Addr is where the phone listens.
func (p *Peer) Addr() netip.AddrPort { return p.addr }

// Close ends the phone and waits for its readers. It may be called twice.
func (p *Peer) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	if p.packet != nil {
		_ = p.packet.Close()
	}
	if p.listener != nil {
		_ = p.listener.Close()
	}
	p.readers.Wait()
}

// Hangup drops every TCP connection of the phone, as a crash or a lost network does.
func (p *Peer) Hangup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for remote, c := range p.conns {
		_ = c.Close()
		delete(p.conns, remote)
	}
}

// Auto installs an automatic reaction that is asked before a message reaches the inbox; it tells whether it took the message.
func (p *Peer) Auto(react func(*Received) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.auto = append(p.auto, react)
}

func (p *Peer) readPackets() {
	defer p.readers.Done()
	buf := make([]byte, 65536)
	for {
		n, from, err := p.packet.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error of an earlier packet
		}
		if len(strings.TrimSpace(string(buf[:n]))) > 0 {
			p.deliver(append([]byte(nil), buf[:n]...), unmapped(from))
		}
	}
}

func (p *Peer) accept() {
	defer p.readers.Done()
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.adopt(conn)
	}
}

func (p *Peer) adopt(conn net.Conn) {
	remote := unmapped(conn.RemoteAddr().(*net.TCPAddr).AddrPort())
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		_ = conn.Close()
		return
	}
	p.conns[remote] = conn
	p.readers.Add(1)
	p.mu.Unlock()
	go p.readStream(conn, remote)
}

func (p *Peer) readStream(conn net.Conn, remote netip.AddrPort) {
	defer p.readers.Done()
	defer func() {
		_ = conn.Close()
		p.mu.Lock()
		if p.conns[remote] == conn { // a later connection may have taken its place
			delete(p.conns, remote)
		}
		p.mu.Unlock()
	}()
	r := bufio.NewReader(conn)
	for {
		raw, err := readFramed(r)
		if err != nil {
			return
		}
		p.deliver(raw, remote)
	}
}

// readFramed reads one message of a stream: leading CRLF are keep-alives, Content-Length frames the body (RFC 3261 18.3).
func readFramed(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if len(raw) == 0 && strings.TrimSpace(line) == "" {
			continue
		}
		raw = append(raw, line...)
		if strings.TrimSpace(line) == "" {
			break
		}
		if name, value, ok := strings.Cut(line, ":"); ok && canonical(name) == "content-length" {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, fmt.Errorf("bad Content-Length: %w", err)
			}
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return append(raw, body...), nil
}

func (p *Peer) deliver(raw []byte, from netip.AddrPort) {
	now := time.Now()
	if p.tap != nil {
		p.tap(now, false, from, p.addr, p.Network, raw)
	}
	m, err := Parse(raw)
	if err != nil {
		m = &Message{Start: "UNREADABLE " + err.Error()}
	}
	m.At = now
	got := &Received{Message: m, From: from}
	p.mu.Lock()
	p.seen[string(raw)]++
	repeated := p.seen[string(raw)] > 1
	reactions := p.auto
	p.mu.Unlock()
	if repeated {
		return
	}
	for _, react := range reactions {
		if react(got) {
			got.taken = true
			break
		}
	}
	p.mu.Lock()
	p.inbox = append(p.inbox, got)
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
}

// Send puts raw bytes on the wire towards a SIP address. Over TCP a live connection is used again.
func (p *Peer) Send(to netip.AddrPort, raw []byte) error {
	if p.tap != nil {
		p.tap(time.Now(), true, p.addr, to, p.Network, raw)
	}
	if p.packet != nil {
		_, err := p.packet.WriteToUDPAddrPort(raw, to)
		return err
	}
	p.mu.Lock()
	conn := p.conns[to]
	p.mu.Unlock()
	if conn == nil {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: p.addr.Addr().AsSlice()}, Timeout: 5 * time.Second}
		fresh, err := dialer.Dial("tcp", to.String())
		if err != nil {
			return fmt.Errorf("phone %s: %w", p.Name, err)
		}
		p.adopt(fresh)
		conn = fresh
	}
	_, err := conn.Write(raw)
	return err
}

// Await waits for the first message that was not taken yet and matches, and takes it.
func (p *Peer) Await(ctx context.Context, what string, match func(*Received) bool) (*Received, error) {
	for {
		p.mu.Lock()
		for _, m := range p.inbox {
			if !m.taken && match(m) {
				m.taken = true
				p.mu.Unlock()
				return m, nil
			}
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s did not get %s in time; it got: %s", p.Name, what, p.Heard())
		}
	}
}

// Find waits like Await for a message, whether something took it already or not, and leaves it as it is.
func (p *Peer) Find(ctx context.Context, what string, match func(*Received) bool) (*Received, error) {
	for {
		p.mu.Lock()
		for _, m := range p.inbox {
			if match(m) {
				p.mu.Unlock()
				return m, nil
			}
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s did not get %s in time; it got: %s", p.Name, what, p.Heard())
		}
	}
}

// All are the messages received so far that match, retransmissions left out.
func (p *Peer) All(match func(*Received) bool) []*Received {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*Received
	for _, m := range p.inbox {
		if match(m) {
			out = append(out, m)
		}
	}
	return out
}

// Heard is a one-line list of everything received, for error messages.
func (p *Peer) Heard() string {
	all := p.All(func(*Received) bool { return true })
	if len(all) == 0 {
		return "nothing"
	}
	lines := make([]string, 0, len(all))
	for _, m := range all {
		lines = append(lines, m.Summary())
	}
	return strings.Join(lines, ", ")
}
