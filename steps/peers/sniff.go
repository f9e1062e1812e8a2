package peers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// Sniffer reads every UDP packet of the loopback interface, so that what was on the wire is known from nobody's word. It needs the
// right to open raw sockets (root, or CAP_NET_RAW).
type Sniffer struct {
	file *os.File
	raw  syscall.RawConn
	done chan struct{}

	mu    sync.Mutex
	flows map[flow]*Wire
}

type flow struct{ from, to netip.AddrPort }

// maxFlows bounds what is kept of a busy machine.
const maxFlows = 50000

// Wire is what went over one or several flows, told apart by the first octets (RFC 7983 section 7, RFC 5761 section 4).
type Wire struct {
	STUN, DTLS, ZRTP, RTP, RTCP int // packets
	// Clear are the packets of RTP and RTCP that nobody has encrypted: RTP as long as 20 ms of G.711 are, which every cipher makes
	// longer, and RTCP whose lengths add up to its end.
	ClearRTP, ClearRTCP int
	clear, other        histogram
}

// clearLength is a packet of 20 ms of G.711 with a fixed header.
const clearLength = 12 + 160

// histogram counts the octets of RTP payloads.
type histogram struct {
	octets [256]int
	sum    int
}

func (h *histogram) add(p []byte) {
	for _, b := range p {
		h.octets[b]++
	}
	h.sum += len(p)
}

// entropy in bits per octet: a cipher's output has 8, speech and tones in G.711 clearly less.
func (h *histogram) entropy() float64 {
	sum := 0.0
	for _, n := range h.octets {
		if n > 0 {
			p := float64(n) / float64(h.sum)
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

// ErrNotAllowed tells that the wire can't be read here.
var ErrNotAllowed = errors.New("the wire can't be read: raw sockets need root or CAP_NET_RAW")

func networkOrder(n uint16) uint16 { return n<<8 | n>>8 }

// Sniff starts to read.
func Sniff() (*Sniffer, error) {
	const ip = syscall.ETH_P_IP
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, int(networkOrder(ip)))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return nil, ErrNotAllowed
	}
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "loopback")
	lo, err := net.InterfaceByName("lo")
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: networkOrder(ip), Ifindex: lo.Index})
	}
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<20)
	}
	s := &Sniffer{file: file, done: make(chan struct{}), flows: map[flow]*Wire{}}
	if err == nil {
		s.raw, err = file.SyscallConn()
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	go s.read()
	return s, nil
}

func (s *Sniffer) read() {
	defer close(s.done)
	buf := make([]byte, 1<<16)
	for {
		n, outgoing := 0, false
		var fault error
		err := s.raw.Read(func(fd uintptr) bool {
			var from syscall.Sockaddr
			n, from, fault = syscall.Recvfrom(int(fd), buf, 0)
			link, ok := from.(*syscall.SockaddrLinklayer)
			outgoing = ok && link.Pkttype == syscall.PACKET_OUTGOING // loopback shows every packet twice
			return !errors.Is(fault, syscall.EAGAIN)
		})
		if err != nil || fault != nil && !errors.Is(fault, syscall.EINTR) {
			return
		}
		if fault == nil && !outgoing {
			s.take(buf[:n])
		}
	}
}

// take sorts one IPv4 packet.
func (s *Sniffer) take(p []byte) {
	f, payload, ok := datagram(p)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.flows[f]
	if w == nil {
		if len(s.flows) >= maxFlows {
			return
		}
		w = &Wire{}
		s.flows[f] = w
	}
	w.take(payload)
}

// datagram takes an unfragmented UDP datagram out of an IPv4 packet (RFC 791 section 3.1, RFC 768).
func datagram(p []byte) (flow, []byte, bool) {
	if len(p) < 20 || p[0]>>4 != 4 || p[9] != syscall.IPPROTO_UDP {
		return flow{}, nil, false
	}
	header, total := int(p[0]&15)*4, int(binary.BigEndian.Uint16(p[2:]))
	if header < 20 || total > len(p) || total < header+8 {
		return flow{}, nil, false
	}
	udp := p[header:total]
	from, to := netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20]))
	return flow{
		from: netip.AddrPortFrom(from, binary.BigEndian.Uint16(udp)), to: netip.AddrPortFrom(to, binary.BigEndian.Uint16(udp[2:])),
	}, udp[8:], true
}

func (w *Wire) take(p []byte) {
	switch {
	case len(p) < 12:
	case p[0] < 4:
		w.STUN++
	case p[0] >= 16 && p[0] < 20 && string(p[4:8]) == "ZRTP":
		w.ZRTP++
	case p[0] >= 20 && p[0] < 64:
		w.DTLS++
	case p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223:
		if w.RTCP++; clearRTCP(p) {
			w.ClearRTCP++
		}
	case p[0]>>6 == 2 && len(p) == clearLength && (p[1]&0x7f == 0 || p[1]&0x7f == 8): // RFC 3551 section 6: PCMU, PCMA
		w.RTP++
		w.ClearRTP++
		w.clear.add(p[12:])
	case p[0]>>6 == 2:
		w.RTP++
		w.other.add(p[12:])
	}
}

// clearRTCP walks over the packets of a compound (RFC 3550 section 6.1); behind an encrypted one's first there are only ciphers.
func clearRTCP(p []byte) bool {
	for len(p) >= 4 && p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223 {
		n := 4 * (int(binary.BigEndian.Uint16(p[2:])) + 1)
		if n == len(p) {
			return true
		}
		if n > len(p) {
			return false
		}
		p = p[n:]
	}
	return false
}

// cipherText is between speech and ciphers: 10 000 random octets have 7.98 bits each in the mean.
const (
	cipherText = 7.9
	enough     = 10000
)

// Entropy of what was encrypted, or of what was not, in bits per octet.
func (w *Wire) Entropy(encrypted bool) float64 {
	if encrypted {
		return w.other.entropy()
	}
	return w.clear.entropy()
}

// Check tells whether the audio was as it should be. Few packets in clear are nothing to complain of here.
func (w *Wire) Check(encrypted bool) error {
	h := &w.clear
	if encrypted {
		h = &w.other
	}
	if h.sum < enough {
		return fmt.Errorf("%d packets of audio, %d of them in clear: too few that are encrypted=%v", w.RTP, w.ClearRTP, encrypted)
	}
	if e := h.entropy(); e > cipherText != encrypted {
		return fmt.Errorf("%.2f bits per octet do not look like encrypted=%v", e, encrypted)
	}
	return nil
}

// Between sums up what arrived where to accepts and what left from there.
func (s *Sniffer) Between(of func(netip.AddrPort) bool) (to, from Wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f, w := range s.flows {
		if of(f.to) {
			to.add(w)
		}
		if of(f.from) {
			from.add(w)
		}
	}
	return to, from
}

func (w *Wire) add(more *Wire) {
	w.STUN += more.STUN
	w.DTLS += more.DTLS
	w.ZRTP += more.ZRTP
	w.RTP += more.RTP
	w.RTCP += more.RTCP
	w.ClearRTP += more.ClearRTP
	w.ClearRTCP += more.ClearRTCP
	w.clear.merge(&more.clear)
	w.other.merge(&more.other)
}

func (h *histogram) merge(more *histogram) {
	h.sum += more.sum
	for i, n := range more.octets {
		h.octets[i] += n
	}
}

// Close stops reading. A nil sniffer may be closed.
func (s *Sniffer) Close() {
	if s != nil {
		_ = s.file.Close()
		<-s.done
	}
}
