package stream

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// socket is one channel's, and what the kernel calls it.
type socket struct {
	conn *net.UDPConn
	at   netip.AddrPort
}

func (s *Stream) socket(ch channel) socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at(ch)
}

// Rebind is a NAT that forgot its mappings: packets come from other ports from now on, and what is sent to the old ones is lost.
// The description keeps the old ones, as a phone behind a NAT knows no better.
func (s *Stream) Rebind() error {
	s.mu.Lock()
	rides, on := s.rides(), s.bundle.On
	s.mu.Unlock()
	if rides {
		return on.Rebind()
	}
	rtp, rtcp, err := bindPair(s.cfg.IP)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed() {
		s.mu.Unlock()
		_, _ = rtp.conn.Close(), rtcp.conn.Close() // nothing was sent on them
		return fmt.Errorf("stream: it is closed")
	}
	old := s.sockets
	s.sockets = [2]socket{rtp, rtcp}
	s.listen()
	s.mu.Unlock()
	for _, o := range old {
		_ = o.conn.Close() // its reader ends
	}
	return nil
}

// Restart makes the stream go on as another source (RFC 3550 section 8.1): new SSRC, sequence number and timestamp; 0: an SSRC by chance.
// One that the stream had before goes on where it was: SRTP's index must grow under one key (RFC 3711 section 9.1), and a receiver
// refuses smaller ones as replayed.
func (s *Stream) Restart(ssrc uint32) error {
	var seed [10]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("stream: random numbers: %w", err)
	}
	if ssrc == 0 {
		ssrc = binary.BigEndian.Uint32(seed[:])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx.former == nil {
		s.tx.former = map[uint32]place{}
	}
	s.tx.former[s.tx.ssrc] = s.tx.place
	at, again := s.tx.former[ssrc]
	if !again { // the lower half, as in Open
		at = place{seq: binary.BigEndian.Uint16(seed[4:]) >> 1, timestamp: binary.BigEndian.Uint32(seed[6:])}
	}
	s.tx.ssrc, s.tx.place = ssrc, at
	return nil
}

// maxRecent packets are kept to be sent once more: some more than SRTP's replay window of 64 (RFC 3711 section 3.3.2).
const maxRecent = 128

// keep remembers what is sent.
func (s *Stream) keep(packets [][]byte) {
	packets = packets[max(0, len(packets)-maxRecent):]
	s.recent = append(s.recent[max(0, len(s.recent)+len(packets)-maxRecent):], packets...)
}

// Replay sends the newest n packets once more, byte for byte, and returns how many there were.
func (s *Stream) Replay(n int) int {
	s.mu.Lock()
	packets := slices.Clone(s.recent[max(0, len(s.recent)-n):])
	to, from := s.remote(channelRTP, s.agreed), s.at(channelRTP)
	s.mu.Unlock()
	for _, p := range packets {
		s.write(from, to, p)
	}
	return len(packets)
}
