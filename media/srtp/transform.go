package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"b2bua/media/sdp"
)

// transform is the cryptography of one master key without any packet state: it is told the index. All of it works in place;
// the slices that it returns share b's memory. A seal needs room for the tag, the SRTCP word and the MKI behind b.
type transform interface {
	sealRTP(b []byte, header int, ssrc uint32, index uint64) []byte
	openRTP(b []byte, header int, ssrc uint32, index uint64) ([]byte, error)
	sealRTCP(b []byte, ssrc, index uint32) []byte
	openRTCP(b []byte, ssrc, index uint32) ([]byte, error)
	wipe()
}

// rtcpClear is the part of an SRTCP packet that is never encrypted, octets; srtcpWord is E flag and index (RFC 3711
// section 3.4).
const (
	rtcpClear = 8
	srtcpWord = 4
	eFlag     = 1 << 31
)

// cm is AES counter mode with HMAC-SHA1.
type cm struct {
	rtp, rtcp         cipher.Block
	rtpMAC, rtcpMAC   mac
	rtpTag, rtcpTag   int
	mki               []byte
	rtpSalt, rtcpSalt [aes.BlockSize]byte
	iv, stream        [aes.BlockSize]byte
	roc               [4]byte
}

func newCM(c sdp.Crypto, p params) (*cm, error) {
	key, salt := c.Key[:p.key], c.Key[p.key:]
	master, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	t := &cm{rtpTag: p.rtpTag, rtcpTag: p.rtcpTag, mki: append([]byte(nil), c.MKI...)}
	if t.rtp, err = sessionCipher(master, salt, labelRTPKey, p.key); err != nil {
		return nil, err
	}
	if t.rtcp, err = sessionCipher(master, salt, labelRTCPKey, p.key); err != nil {
		return nil, err
	}
	h, ok := sha1.New().(resumable)
	if !ok {
		return nil, errors.New("srtp: this Go's SHA-1 cannot be resumed")
	}
	if t.rtpMAC, err = sessionMAC(h, master, salt, labelRTPAuth); err != nil {
		return nil, err
	}
	if t.rtcpMAC, err = sessionMAC(h, master, salt, labelRTCPAuth); err != nil {
		return nil, err
	}
	copy(t.rtpSalt[:], derive(master, salt, labelRTPSalt, p.salt))
	copy(t.rtcpSalt[:], derive(master, salt, labelRTCPSalt, p.salt))
	return t, nil
}

func sessionCipher(master cipher.Block, salt []byte, label byte, n int) (cipher.Block, error) {
	k := derive(master, salt, label, n)
	defer clear(k)
	return aes.NewCipher(k)
}

func sessionMAC(h resumable, master cipher.Block, salt []byte, label byte) (mac, error) {
	k := derive(master, salt, label, authKeyLen)
	defer clear(k)
	return newMAC(h, k)
}

// counter runs AES counter mode over b (RFC 3711 section 4.1.1). It goes block by block: the standard library's counter
// stream would cost an allocation for each packet.
func (t *cm) counter(block cipher.Block, salt *[aes.BlockSize]byte, b []byte, ssrc uint32, index uint64) {
	t.iv = *salt
	hi := binary.BigEndian.Uint32(t.iv[4:]) ^ ssrc
	lo := binary.BigEndian.Uint64(t.iv[8:]) ^ index<<16
	binary.BigEndian.PutUint32(t.iv[4:], hi)
	binary.BigEndian.PutUint64(t.iv[8:], lo)
	for n := uint16(0); len(b) > 0; n++ {
		binary.BigEndian.PutUint16(t.iv[14:], n)
		block.Encrypt(t.stream[:], t.iv[:])
		b = b[subtle.XORBytes(b, b, t.stream[:]):]
	}
}

func (t *cm) sealRTP(b []byte, header int, ssrc uint32, index uint64) []byte {
	t.counter(t.rtp, &t.rtpSalt, b[header:], ssrc, index)
	binary.BigEndian.PutUint32(t.roc[:], uint32(index>>16))
	tag := t.rtpMAC.sum(b, t.roc[:])[:t.rtpTag]
	return append(append(b, t.mki...), tag...)
}

func (t *cm) openRTP(b []byte, header int, ssrc uint32, index uint64) ([]byte, error) {
	n := len(b) - t.rtpTag - len(t.mki)
	if n < header {
		return nil, ErrShort
	}
	binary.BigEndian.PutUint32(t.roc[:], uint32(index>>16))
	tag := t.rtpMAC.sum(b[:n], t.roc[:])[:t.rtpTag]
	if subtle.ConstantTimeCompare(tag, b[n+len(t.mki):]) != 1 {
		return nil, ErrAuth
	}
	t.counter(t.rtp, &t.rtpSalt, b[header:n], ssrc, index)
	return b[:n], nil
}

func (t *cm) sealRTCP(b []byte, ssrc, index uint32) []byte {
	t.counter(t.rtcp, &t.rtcpSalt, b[rtcpClear:], ssrc, uint64(index))
	b = binary.BigEndian.AppendUint32(b, index|eFlag)
	tag := t.rtcpMAC.sum(b, nil)[:t.rtcpTag]
	return append(append(b, t.mki...), tag...)
}

func (t *cm) openRTCP(b []byte, ssrc, index uint32) ([]byte, error) {
	n := len(b) - t.rtcpTag - len(t.mki)
	tag := t.rtcpMAC.sum(b[:n], nil)[:t.rtcpTag]
	if subtle.ConstantTimeCompare(tag, b[n+len(t.mki):]) != 1 {
		return nil, ErrAuth
	}
	n -= srtcpWord
	t.counter(t.rtcp, &t.rtcpSalt, b[rtcpClear:n], ssrc, uint64(index))
	return b[:n], nil
}

// wipe clears what can be cleared; the standard library gives no access to the key schedules, they go with the object.
func (t *cm) wipe() {
	t.rtpMAC.wipe()
	t.rtcpMAC.wipe()
	clear(t.rtpSalt[:])
	clear(t.rtcpSalt[:])
	clear(t.stream[:])
	clear(t.iv[:])
	t.rtp, t.rtcp = nil, nil
}
