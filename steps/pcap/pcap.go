// Package pcap reads UDP datagrams out of a pcapng file, the way a packet analyser that knows nothing of us would.
package pcap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Datagram is one UDP packet of a capture.
type Datagram struct {
	From, To netip.AddrPort
	Payload  []byte
}

// Block types of draft-ietf-opsawg-pcapng and the link type of raw IP.
const (
	sectionHeader  = 0x0a0d0d0a
	interfaceBlock = 1
	enhancedPacket = 6
	linkRaw        = 101
	protocolUDP    = 17
)

// Read lists the UDP datagrams of a little-endian pcapng file of raw IP packets.
func Read(file []byte) ([]Datagram, error) {
	var out []Datagram
	for at := 0; at < len(file); {
		if len(file)-at < 12 {
			return nil, fmt.Errorf("a block at octet %d is cut off", at)
		}
		kind := binary.LittleEndian.Uint32(file[at:])
		size := int(binary.LittleEndian.Uint32(file[at+4:]))
		if size < 12 || size%4 != 0 || size > len(file)-at || int(binary.LittleEndian.Uint32(file[at+size-4:])) != size {
			return nil, fmt.Errorf("the block at octet %d has the impossible length %d", at, size)
		}
		body := file[at+8 : at+size-4]
		switch {
		case at == 0 && kind != sectionHeader:
			return nil, errors.New("the file does not begin with a section header block")
		case kind == interfaceBlock && (len(body) < 2 || binary.LittleEndian.Uint16(body) != linkRaw):
			return nil, errors.New("the interface is not one of raw IP packets")
		case kind == enhancedPacket:
			d, err := packet(body)
			if err != nil {
				return nil, fmt.Errorf("packet at octet %d: %w", at, err)
			}
			out = append(out, d)
		}
		at += size
	}
	return out, nil
}

func packet(body []byte) (Datagram, error) {
	if len(body) < 20 {
		return Datagram{}, errors.New("too short")
	}
	length := int(binary.LittleEndian.Uint32(body[12:]))
	if length > len(body)-20 {
		return Datagram{}, errors.New("longer than its block")
	}
	ip := body[20 : 20+length]
	if len(ip) < 1 {
		return Datagram{}, errors.New("empty")
	}
	switch ip[0] >> 4 {
	case 4:
		header := int(ip[0]&0x0f) * 4
		if len(ip) < header+8 || header < 20 || ip[9] != protocolUDP {
			return Datagram{}, errors.New("no UDP over IPv4")
		}
		return udp(netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20])), ip[header:])
	case 6:
		if len(ip) < 48 || ip[6] != protocolUDP {
			return Datagram{}, errors.New("no UDP over IPv6")
		}
		return udp(netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40])), ip[40:])
	}
	return Datagram{}, fmt.Errorf("IP version %d", ip[0]>>4)
}

func udp(from, to netip.Addr, b []byte) (Datagram, error) {
	size := int(binary.BigEndian.Uint16(b[4:]))
	if size < 8 || size > len(b) {
		return Datagram{}, fmt.Errorf("the UDP length is %d in %d octets", size, len(b))
	}
	return Datagram{
		From:    netip.AddrPortFrom(from, binary.BigEndian.Uint16(b)),
		To:      netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:])),
		Payload: b[8:size],
	}, nil
}
