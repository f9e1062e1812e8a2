package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"b2bua/media/sdp"
)

const (
	gcmNonce = 12
	gcmTag   = 16
)

// gcm is AES in Galois/counter mode (RFC 7714).
type gcm struct {
	rtp, rtcp         cipher.AEAD
	mki               []byte
	rtpSalt, rtcpSalt [gcmNonce]byte
}

func (t *gcm) init(c sdp.Crypto, p params) error {
	master, salt, err := masterKey(c, p)
	if err != nil {
		return err
	}
	t.mki = append([]byte(nil), c.MKI...)
	if t.rtp, err = sessionAEAD(master, salt, labelRTPKey, p.key); err != nil {
		return err
	}
	if t.rtcp, err = sessionAEAD(master, salt, labelRTCPKey, p.key); err != nil {
		return err
	}
	copy(t.rtpSalt[:], derive(master, salt, labelRTPSalt, p.salt))
	copy(t.rtcpSalt[:], derive(master, salt, labelRTCPSalt, p.salt))
	return nil
}

func sessionAEAD(master cipher.Block, salt []byte, label byte, n int) (cipher.AEAD, error) {
	k := derive(master, salt, label, n)
	defer clear(k)
	b, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return aead(b)
}

func aead(b cipher.Block) (cipher.AEAD, error) { return cipher.NewGCM(b) }

// setNonce is RFC 7714 section 8.1 for RTP, where low is the 48-bit index, and 9.1 for RTCP, where it is the SRTCP index.
func (x *Scratch) setNonce(salt *[gcmNonce]byte, ssrc uint32, low uint64) {
	x.nonce = *salt
	binary.BigEndian.PutUint32(x.nonce[2:], binary.BigEndian.Uint32(salt[2:])^ssrc)
	binary.BigEndian.PutUint16(x.nonce[6:], binary.BigEndian.Uint16(salt[6:])^uint16(low>>32))
	binary.BigEndian.PutUint32(x.nonce[8:], binary.BigEndian.Uint32(salt[8:])^uint32(low))
}

func (t *gcm) sealRTP(x *Scratch, b []byte, header int, ssrc uint32, index uint64) []byte {
	x.setNonce(&t.rtpSalt, ssrc, index)
	out := t.rtp.Seal(b[header:header], x.nonce[:], b[header:], b[:header])
	return append(b[:header+len(out)], t.mki...)
}

func (t *gcm) openRTP(x *Scratch, b []byte, header int, ssrc uint32, index uint64) ([]byte, error) {
	n := len(b) - len(t.mki)
	if n < header+gcmTag {
		return nil, ErrShort
	}
	x.setNonce(&t.rtpSalt, ssrc, index)
	out, err := t.rtp.Open(b[header:header], x.nonce[:], b[header:n], b[:header])
	if err != nil {
		return nil, ErrAuth
	}
	return b[:header+len(out)], nil
}

func (t *gcm) sealRTCP(x *Scratch, b []byte, ssrc, index uint32) []byte {
	x.setNonce(&t.rtcpSalt, ssrc, uint64(index))
	x.setRTCPData(b, index|eFlag)
	out := t.rtcp.Seal(b[rtcpClear:rtcpClear], x.nonce[:], b[rtcpClear:], x.aad[:])
	b = binary.BigEndian.AppendUint32(b[:rtcpClear+len(out)], index|eFlag)
	return append(b, t.mki...)
}

func (t *gcm) openRTCP(x *Scratch, b []byte, ssrc, index uint32) ([]byte, error) {
	n := len(b) - len(t.mki) - srtcpWord
	x.setNonce(&t.rtcpSalt, ssrc, uint64(index))
	x.setRTCPData(b, index|eFlag)
	out, err := t.rtcp.Open(b[rtcpClear:rtcpClear], x.nonce[:], b[rtcpClear:n], x.aad[:])
	if err != nil {
		return nil, ErrAuth
	}
	return b[:rtcpClear+len(out)], nil
}

// setRTCPData is the associated data: the clear octets, then E flag and index (RFC 7714 section 9.2).
func (x *Scratch) setRTCPData(b []byte, word uint32) {
	copy(x.aad[:], b[:rtcpClear])
	binary.BigEndian.PutUint32(x.aad[rtcpClear:], word)
}

func (t *gcm) wipe() {
	clear(t.rtpSalt[:])
	clear(t.rtcpSalt[:])
	t.rtp, t.rtcp = nil, nil
}

// touch cannot reach the library's key.
func (t *gcm) touch() uint64 { return uint64(t.rtpSalt[0]) }
