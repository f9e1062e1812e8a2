package srtp

import (
	"crypto/subtle"
	"encoding/binary"

	"b2bua/media/sdp"
)

// transform is the cryptography of one master key without any packet state: it is told the index. All of it works in place;
// the slices that it returns share b's memory. A seal needs room for the tag, the SRTCP word and the MKI behind b.
type transform interface {
	sealRTP(x *Scratch, b []byte, header int, ssrc uint32, index uint64) []byte
	openRTP(x *Scratch, b []byte, header int, ssrc uint32, index uint64) ([]byte, error)
	sealRTCP(x *Scratch, b []byte, ssrc, index uint32) []byte
	openRTCP(x *Scratch, b []byte, ssrc, index uint32) ([]byte, error)
	wipe()
	touch() uint64
}

// rtcpClear is the part of an SRTCP packet that is never encrypted, octets; srtcpWord is E flag and index (RFC 3711
// section 3.4).
const (
	rtcpClear = 8
	srtcpWord = 4
	eFlag     = 1 << 31
	rocLen    = 4 // octets of the roll-over counter that are authenticated behind the packet (section 4.2)
)

// cm is AES counter mode with HMAC-SHA1. What RTP needs lies together.
type cm struct {
	rtp, rtcp cmKeys
	mki       []byte
}

// cmKeys are the session keys of RTP or RTCP.
type cmKeys struct {
	tag  int
	salt [16]byte // and two octets for the block counter
	mac  mac
	ctr  ctrKey
}

func (t *cm) init(c sdp.Crypto, p params) error {
	master, salt, err := masterKey(c, p)
	if err != nil {
		return err
	}
	x := NewScratch()
	t.mki = append([]byte(nil), c.MKI...)
	t.rtp.tag, t.rtcp.tag = p.rtpTag, p.rtcpTag
	for _, k := range []struct {
		keys                *cmKeys
		encr, auth, salting byte
	}{{&t.rtp, labelRTPKey, labelRTPAuth, labelRTPSalt}, {&t.rtcp, labelRTCPKey, labelRTCPAuth, labelRTCPSalt}} {
		session, auth := derive(master, salt, k.encr, p.key), derive(master, salt, k.auth, authKeyLen)
		k.keys.mac = newMAC(x, auth)
		copy(k.keys.salt[:], derive(master, salt, k.salting, p.salt))
		k.keys.ctr, err = newCTRKey(session)
		clear(session)
		clear(auth)
		if err != nil {
			return err
		}
	}
	return nil
}

// counter runs AES counter mode over b (RFC 3711 section 4.1.1).
func (k *cmKeys) counter(x *Scratch, b []byte, ssrc uint32, index uint64) {
	x.iv = k.salt
	hi := binary.BigEndian.Uint32(x.iv[4:]) ^ ssrc
	lo := binary.BigEndian.Uint64(x.iv[8:]) ^ index<<16
	binary.BigEndian.PutUint32(x.iv[4:], hi)
	binary.BigEndian.PutUint64(x.iv[8:], lo)
	k.ctr.xor(x, b)
}

func (t *cm) sealRTP(x *Scratch, b []byte, header int, ssrc uint32, index uint64) []byte {
	t.rtp.counter(x, b[header:], ssrc, index)
	tag := t.rtp.mac.sum(x, b, uint32(index>>16), rocLen)[:t.rtp.tag]
	return append(append(b, t.mki...), tag...)
}

func (t *cm) openRTP(x *Scratch, b []byte, header int, ssrc uint32, index uint64) ([]byte, error) {
	n := len(b) - t.rtp.tag - len(t.mki)
	if n < header {
		return nil, ErrShort
	}
	tag := t.rtp.mac.sum(x, b[:n], uint32(index>>16), rocLen)[:t.rtp.tag]
	if subtle.ConstantTimeCompare(tag, b[n+len(t.mki):]) != 1 {
		return nil, ErrAuth
	}
	t.rtp.counter(x, b[header:n], ssrc, index)
	return b[:n], nil
}

func (t *cm) sealRTCP(x *Scratch, b []byte, ssrc, index uint32) []byte {
	t.rtcp.counter(x, b[rtcpClear:], ssrc, uint64(index))
	b = binary.BigEndian.AppendUint32(b, index|eFlag)
	tag := t.rtcp.mac.sum(x, b, 0, 0)[:t.rtcp.tag]
	return append(append(b, t.mki...), tag...)
}

func (t *cm) openRTCP(x *Scratch, b []byte, ssrc, index uint32) ([]byte, error) {
	n := len(b) - t.rtcp.tag - len(t.mki)
	tag := t.rtcp.mac.sum(x, b[:n], 0, 0)[:t.rtcp.tag]
	if subtle.ConstantTimeCompare(tag, b[n+len(t.mki):]) != 1 {
		return nil, ErrAuth
	}
	n -= srtcpWord
	t.rtcp.counter(x, b[rtcpClear:n], ssrc, uint64(index))
	return b[:n], nil
}

func (t *cm) wipe() {
	for _, k := range []*cmKeys{&t.rtp, &t.rtcp} {
		k.mac.wipe()
		k.ctr.wipe()
		clear(k.salt[:])
	}
}

func (t *cm) touch() uint64 {
	return uint64(t.rtp.tag) + uint64(t.rtp.mac.inner[0]) + uint64(t.rtp.mac.outer[0]) + t.rtp.ctr.touch()
}
