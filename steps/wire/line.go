package wire

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"b2bua/simulator/tone"
)

// Line is a literal media end: it sends PCMU packets with a tone, or any octets, from one UDP port, and listens for tones.
type Line struct {
	conn *net.UDPConn
	addr netip.AddrPort
	tap  PacketTap

	readers sync.WaitGroup
	players sync.WaitGroup
	done    chan struct{}

	mu       sync.Mutex
	changed  chan struct{}
	packets  []Packet
	detector *tone.Detector
	closed   bool
}

// PacketTap sees every packet of a line.
type PacketTap func(at time.Time, sent bool, from, to netip.AddrPort, payload []byte)

// Packet is one received packet.
type Packet struct {
	From    netip.AddrPort
	Payload []byte
}

// frame is 20 ms of PCMU.
const frame = 160

// OpenLine opens a media port at addr (port 0: any).
func OpenLine(addr netip.AddrPort, tap PacketTap) (*Line, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	l := &Line{conn: conn, tap: tap, done: make(chan struct{}), changed: make(chan struct{}), detector: tone.NewDetector()}
	l.addr = unmapped(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	l.readers.Add(1)
	go l.read()
	return l, nil
}

// Addr is the media port.
func (l *Line) Addr() netip.AddrPort { return l.addr }

// Close stops everything and waits. It may be called twice.
func (l *Line) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	close(l.done)
	l.mu.Unlock()
	l.players.Wait()
	_ = l.conn.Close()
	l.readers.Wait()
}

func (l *Line) read() {
	defer l.readers.Done()
	buf := make([]byte, 2048)
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			select {
			case <-l.done:
				return
			default:
				continue // an ICMP error of an earlier packet
			}
		}
		from = unmapped(from)
		payload := append([]byte(nil), buf[:n]...)
		if l.tap != nil {
			l.tap(time.Now(), false, from, l.addr, payload)
		}
		l.mu.Lock()
		l.packets = append(l.packets, Packet{From: from, Payload: payload})
		if n > 12 && payload[0]>>6 == 2 && payload[1]&0x7f == 0 { // RTP version 2, payload type 0: PCMU
			samples := make([]int16, 0, n)
			for _, b := range payload[12:] {
				samples = append(samples, tone.DecodeMulaw(b))
			}
			l.detector.Write(samples)
		}
		close(l.changed)
		l.changed = make(chan struct{})
		l.mu.Unlock()
	}
}

// Send puts octets on the wire.
func (l *Line) Send(to netip.AddrPort, payload []byte) error {
	if l.tap != nil {
		l.tap(time.Now(), true, l.addr, to, payload)
	}
	_, err := l.conn.WriteToUDPAddrPort(payload, to)
	return err
}

// Play sends a tone as PCMU packets of 20 ms under one SSRC, until the line is closed or stop is called.
func (l *Line) Play(to netip.AddrPort, hertz float64, payloadType byte) (stop func()) {
	quit := make(chan struct{})
	l.players.Add(1)
	go func() {
		defer l.players.Done()
		generator, samples := tone.NewGenerator(hertz), make([]int16, frame)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint32(0); ; n++ {
			generator.Fill(samples)
			_ = l.Send(to, rtpPacket(payloadType, n, samples))
			select {
			case <-tick.C:
			case <-quit:
				return
			case <-l.done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit) })
}

// PlaySome sends n packets of silence without waiting between them.
func (l *Line) PlaySome(to netip.AddrPort, payloadType byte, n int) error {
	samples := make([]int16, frame)
	for i := range n {
		if err := l.Send(to, rtpPacket(payloadType, uint32(i), samples)); err != nil {
			return err
		}
	}
	return nil
}

// rtpPacket is packet n of a stream (RFC 3550 section 5.1).
func rtpPacket(payloadType byte, n uint32, samples []int16) []byte {
	p := make([]byte, 12, 12+len(samples))
	p[0], p[1] = 0x80, payloadType
	binary.BigEndian.PutUint16(p[2:], uint16(1000+n))
	binary.BigEndian.PutUint32(p[4:], 5000+n*frame)
	binary.BigEndian.PutUint32(p[8:], 0x11223344)
	for _, s := range samples {
		p = append(p, tone.EncodeMulaw(s))
	}
	return p
}

// Packets are all packets received so far.
func (l *Line) Packets() []Packet {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Packet(nil), l.packets...)
}

// Await waits until ok accepts what was received so far, looking again after every packet.
func (l *Line) Await(ctx context.Context, what string, ok func(packets []Packet, heard tone.Heard) bool) error {
	for {
		l.mu.Lock()
		packets, heard, changed := l.packets, l.detector.Now(), l.changed
		l.mu.Unlock()
		if ok(packets, heard) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("the media port %s did not get %s in time; it got %d packets and hears %.0f Hz", l.addr, what, len(packets), heard.Hertz)
		}
	}
}

// AwaitMore waits for n more packets than were received until now.
func (l *Line) AwaitMore(ctx context.Context, n int) error {
	goal := len(l.Packets()) + n
	return l.Await(ctx, fmt.Sprintf("%d packets", goal), func(packets []Packet, _ tone.Heard) bool { return len(packets) >= goal })
}
