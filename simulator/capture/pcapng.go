package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
)

// Block and option numbers of draft-ietf-opsawg-pcapng.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockEnhanced  = 6
	byteOrderMagic = 0x1a2b3c4d
	linkRaw        = 101 // LINKTYPE_RAW: packets begin with the IP header
	optEnd         = 0
	optComment     = 1
	optUserAppl    = 4 // of the section header
	optName        = 2 // of the interface
	optResolution  = 9 // of the interface: 10^-value seconds
)

// maxDatagram keeps a message inside one IP packet: 65535 less 40 and 8 octets of headers.
const maxDatagram = 65535 - 48

// WritePcapng writes everything as a pcapng file, oldest first.
func (r *Recorder) WritePcapng(w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := appendBlock(nil, blockSection, sectionBody())
	out = appendBlock(out, blockInterface, interfaceBody())
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("capture: header: %w", err)
	}
	records := r.records()
	for _, rec := range records {
		if _, err := w.Write(appendBlock(nil, blockEnhanced, enhancedBody(rec))); err != nil {
			return fmt.Errorf("capture: packet of %v: %w", rec.at, err)
		}
	}
	return nil
}

type record struct {
	at      time.Time
	data    []byte // IP packet
	comment string
}

func (r *Recorder) records() []record {
	out := make([]record, 0, len(r.messages)+len(r.packets))
	for _, m := range r.sorted() {
		raw := m.Raw
		if !r.KeepKeys {
			raw = Redact(raw)
		}
		comment := fmt.Sprintf("%s -> %s over %s", r.party(m.From), r.party(m.To), m.Network)
		out = append(out, record{m.At, datagram(m.From, m.To, raw), comment})
	}
	for _, p := range r.packets {
		out = append(out, record{p.at, datagram(p.from, p.to, p.payload), ""})
	}
	slices.SortStableFunc(out, func(a, b record) int { return a.at.Compare(b.at) })
	return out
}

func sectionBody() []byte {
	b := binary.LittleEndian.AppendUint32(nil, byteOrderMagic)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // section length not given
	return appendOptions(b, option{optUserAppl, []byte("b2bua simulator")})
}

func interfaceBody() []byte {
	b := binary.LittleEndian.AppendUint16(nil, linkRaw)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint32(b, 0) // no snap length
	return appendOptions(b, option{optName, []byte("simulated")}, option{optResolution, []byte{9}})
}

func enhancedBody(rec record) []byte {
	ns := uint64(rec.at.UnixNano())
	b := binary.LittleEndian.AppendUint32(nil, 0) // interface
	b = binary.LittleEndian.AppendUint32(b, uint32(ns>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(ns))
	n := uint32(len(rec.data))
	b = binary.LittleEndian.AppendUint32(b, n)
	b = binary.LittleEndian.AppendUint32(b, n)
	b = pad(append(b, rec.data...))
	if rec.comment == "" {
		return b
	}
	return appendOptions(b, option{optComment, []byte(rec.comment)})
}

type option struct {
	code  uint16
	value []byte
}

func appendOptions(b []byte, options ...option) []byte {
	for _, o := range append(options, option{optEnd, nil}) {
		b = binary.LittleEndian.AppendUint16(b, o.code)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(o.value)))
		b = pad(append(b, o.value...))
	}
	return b
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func appendBlock(dst []byte, kind uint32, body []byte) []byte {
	size := uint32(len(body) + 12)
	dst = binary.LittleEndian.AppendUint32(dst, kind)
	dst = binary.LittleEndian.AppendUint32(dst, size)
	dst = append(dst, body...)
	return binary.LittleEndian.AppendUint32(dst, size)
}

// datagram wraps a payload into hand-made IP and UDP headers.
func datagram(from, to netip.AddrPort, payload []byte) []byte {
	payload = payload[:min(len(payload), maxDatagram)]
	src, dst := from.Addr().Unmap(), to.Addr().Unmap()
	udp := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(udp[0:], from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(8+len(payload)))
	udp = append(udp, payload...)
	if !src.Is4() || !dst.Is4() {
		return append(header6(src, dst, len(udp)), withChecksum6(src, dst, udp)...)
	}
	return append(header4(src, dst, len(udp)), udp...) // checksum 0: not computed, RFC 768
}

// header4 is an IPv4 header (RFC 791) for UDP.
func header4(src, dst netip.Addr, n int) []byte {
	h := make([]byte, 20)
	h[0], h[8], h[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(h[2:], uint16(20+n))
	s, d := src.As4(), dst.As4()
	copy(h[12:], s[:])
	copy(h[16:], d[:])
	binary.BigEndian.PutUint16(h[10:], ^sum(h, 0))
	return h
}

// header6 is an IPv6 header (RFC 8200) for UDP.
func header6(src, dst netip.Addr, n int) []byte {
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, 17, 64
	binary.BigEndian.PutUint16(h[4:], uint16(n))
	s, d := src.As16(), dst.As16()
	copy(h[8:], s[:])
	copy(h[24:], d[:])
	return h
}

// withChecksum6 fills in the UDP checksum, which IPv6 requires (RFC 8200 section 8.1).
func withChecksum6(src, dst netip.Addr, udp []byte) []byte {
	s, d := src.As16(), dst.As16()
	pseudo := append(append(s[:], d[:]...), 0, 0, udp[4], udp[5], 0, 0, 0, 17)
	c := ^sum(udp, uint32(sum(pseudo, 0)))
	if c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], c)
	return udp
}

// sum is the ones' complement sum of RFC 1071.
func sum(b []byte, acc uint32) uint16 {
	for i := 0; i < len(b); i += 2 {
		if i+1 < len(b) {
			acc += uint32(b[i])<<8 | uint32(b[i+1])
		} else {
			acc += uint32(b[i]) << 8
		}
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}
