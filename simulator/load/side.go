//go:build linux

package load

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"b2bua/media/dtls"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"

	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"
)

const (
	payload = 160          // 20 ms of G.711
	rtpSize = 12 + payload // plain
	magic   = 0x4c4f4144   // first word of each payload
)

// side is one end of one call. The payload of its packets holds call, direction and index, so each is known when it arrives.
type side struct {
	call, dir int       // dir 0: caller
	suite     sdp.Suite // DTLS, ZRTP: known after the handshake
	method    method
	first     bool   // of a burst: we start the handshake
	print     string // our fingerprint
	sock      *socket
	remote    unix.RawSockaddrInet4
	key, rkey []byte
	encrypt   *srtp.Context
	decrypt   *srtp.Context
	ssrc      uint32
	pt        uint8
	packets   []byte
	length    int
	sentAt    []int64
	next      int

	received uint64 // of the measured window
	total    uint64
	verified uint64
	bad      uint64 // not decrypted
	altered  uint64 // decrypted, and not what was sent
	rtcp     uint64
	delta    uint16 // received sequence number less index, from the last verified packet
	known    bool   // delta is set

	tls, tlsRTCP *dtls.Association
	zrtp         *zrtp.Stream
}

var profiles = map[sdp.Suite]srtp.ProtectionProfile{
	sdp.AESCM128SHA180: srtp.ProtectionProfileAes128CmHmacSha1_80, sdp.AESCM128SHA132: srtp.ProtectionProfileAes128CmHmacSha1_32,
	sdp.AES256CMSHA180: srtp.ProtectionProfileAes256CmHmacSha1_80, sdp.AES256CMSHA132: srtp.ProtectionProfileAes256CmHmacSha1_32,
	sdp.AEADAES128GCM: srtp.ProtectionProfileAeadAes128Gcm, sdp.AEADAES256GCM: srtp.ProtectionProfileAeadAes256Gcm,
}

// newKey makes the key that this side sends with.
func (s *side) newKey() error {
	s.key = make([]byte, s.suite.KeyLen()+s.suite.SaltLen())
	if _, err := rand.Read(s.key); err != nil {
		return fmt.Errorf("load: random numbers: %w", err)
	}
	return nil
}

// peer takes what the other description says.
func (s *side) peer(d description) {
	s.remote, s.rkey = raw(d.addr), bytes.Clone(d.key)
	s.sock.sides[sourceKey(&s.remote)] = s
}

// build makes and encrypts all packets of the run.
func (s *side) build(n int) (err error) {
	if s.suite != sdp.NoSuite {
		k := s.suite.KeyLen()
		if s.encrypt, err = srtp.CreateContext(s.key[:k], s.key[k:], profiles[s.suite]); err == nil {
			s.decrypt, err = srtp.CreateContext(s.rkey[:k], s.rkey[k:], profiles[s.suite], srtp.SRTPNoReplayProtection())
		}
		if err != nil {
			return fmt.Errorf("load: suite %s: the library refused a key", s.suite) // its own text could hold the key
		}
	}
	s.packets, s.sentAt = make([]byte, n*stride), make([]int64, n)
	var plain [rtpSize]byte
	for i := range n {
		plain[0], plain[1] = 0x80, s.pt
		if i == 0 {
			plain[1] |= 0x80
		}
		binary.BigEndian.PutUint16(plain[2:], uint16(1000+i))
		binary.BigEndian.PutUint32(plain[4:], uint32(i*payload))
		binary.BigEndian.PutUint32(plain[8:], s.ssrc)
		fill(plain[12:], s.call, s.dir, i)
		out := plain[:]
		if s.encrypt != nil {
			if out, err = s.encrypt.EncryptRTP(nil, plain[:], nil); err != nil {
				return fmt.Errorf("load: encryption: %w", err)
			}
		}
		s.length = copy(s.packets[i*stride:(i+1)*stride], out)
	}
	return nil
}

func fill(p []byte, call, dir, index int) {
	binary.BigEndian.PutUint32(p[0:], magic)
	binary.BigEndian.PutUint32(p[4:], uint32(call))
	binary.BigEndian.PutUint32(p[8:], uint32(dir))
	binary.BigEndian.PutUint32(p[12:], uint32(index))
	for i := 16; i < payload; i++ {
		p[i] = byte(i*7 + call*13 + index)
	}
}
