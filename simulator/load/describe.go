//go:build linux

package load

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"

	"b2bua/media/sdp"
)

// description is what the fast path needs of an SDP.
type description struct {
	addr  netip.AddrPort
	proto []byte
	pts   []byte // the format list
	tag   []byte // of the a=crypto line with the wanted suite
	key   []byte // its key and salt

	fingerprint, setup []byte
	mux                bool
	hello              []byte // the value of a=zrtp-hash
}

// read takes the first audio stream, which has to be encrypted as wanted: with a suite, by DTLS or ZRTP, or not at all.
func (d *description) read(b []byte, suite sdp.Suite, how method) error {
	*d = description{}
	var ip netip.Addr
	var port uint64
	audio, media := false, false
	for line := range bytes.SplitSeq(b, []byte("\n")) {
		line = bytes.TrimRight(line, "\r")
		switch {
		case bytes.HasPrefix(line, []byte("c=IN IP4 ")) && (audio || !media):
			ip, _ = netip.ParseAddr(string(line[9:])) // checked at the end
		case bytes.HasPrefix(line, []byte("m=")):
			f := bytes.SplitN(line[2:], []byte(" "), 4)
			media, audio = true, len(f) == 4 && string(f[0]) == "audio" && port == 0
			if audio {
				port, _ = strconv.ParseUint(string(f[1]), 10, 16) // checked at the end
				d.proto, d.pts = f[2], f[3]
			}
		case audio && bytes.HasPrefix(line, []byte("a=crypto:")) && d.key == nil && suite != sdp.NoSuite:
			d.crypto(line[9:], suite)
		case !media || audio:
			d.attribute(line)
		}
	}
	if port == 0 || !ip.Is4() {
		return errNoAudio
	}
	d.addr = netip.AddrPortFrom(ip, uint16(port))
	if suite != sdp.NoSuite && d.key == nil {
		return fmt.Errorf("no a=crypto line with %s", suite)
	}
	switch how {
	case byDTLS:
		if len(d.fingerprint) == 0 || !bytes.Contains(d.proto, []byte("SAVP")) {
			return fmt.Errorf("%s where DTLS-SRTP was wanted", d.proto)
		}
		return nil
	case byZRTP:
		if len(d.hello) == 0 {
			return fmt.Errorf("%s without a=zrtp-hash where ZRTP was wanted", d.proto)
		}
	case inline:
	}
	if suite == sdp.NoSuite && bytes.Contains(d.proto, []byte("SAVP")) {
		return fmt.Errorf("%s where plain RTP was wanted", d.proto)
	}
	return nil
}

// clone is independent of the message that was read.
func (d *description) clone() description {
	c := *d
	for _, f := range []*[]byte{&c.proto, &c.pts, &c.tag, &c.key, &c.fingerprint, &c.setup, &c.hello} {
		*f = bytes.Clone(*f)
	}
	return c
}

func (d *description) attribute(line []byte) {
	switch {
	case bytes.HasPrefix(line, []byte("a=fingerprint:")):
		d.fingerprint = line[14:]
	case bytes.HasPrefix(line, []byte("a=setup:")):
		d.setup = line[8:]
	case bytes.HasPrefix(line, []byte("a=zrtp-hash:")):
		d.hello = line[12:]
	case string(line) == "a=rtcp-mux":
		d.mux = true
	}
}

func (d *description) crypto(value []byte, suite sdp.Suite) {
	f := bytes.Fields(value)
	if len(f) < 3 || !bytes.HasPrefix(f[2], []byte("inline:")) {
		return
	}
	if s, err := sdp.ParseSuite(string(f[1])); err != nil || s != suite {
		return
	}
	text, _, _ := bytes.Cut(f[2][7:], []byte("|"))
	key, err := base64.RawStdEncoding.DecodeString(string(bytes.TrimRight(text, "=")))
	if err == nil && len(key) == suite.KeyLen()+suite.SaltLen() {
		d.tag, d.key = f[0], key
	}
}

// write is our description: the answer to an offer, or an offer.
func (s *side) write(offer *description) []byte {
	proto, tag := "RTP/AVP", "1"
	switch {
	case offer != nil:
		proto = string(offer.proto)
		if len(offer.tag) > 0 {
			tag = string(offer.tag)
		}
	case s.method == byDTLS:
		proto = "UDP/TLS/RTP/SAVP"
	case s.suite != sdp.NoSuite:
		proto = "RTP/SAVP"
	}
	name := "PCMU"
	if s.pt == 8 {
		name = "PCMA"
	}
	b := fmt.Appendf(nil, "v=0\r\no=load %d 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d %s %d\r\na=rtpmap:%d %s/8000\r\na=ptime:20\r\n",
		s.call*2+s.dir+1, s.sock.at.Addr(), s.sock.at.Addr(), s.sock.at.Port(), proto, s.pt, s.pt, name)
	switch {
	case s.method == byDTLS:
		b = s.writeDTLS(b, offer)
	case s.method == byZRTP:
		b = fmt.Appendf(b, "a=zrtp-hash:%s\r\n", sdp.ZRTPHash(s.zrtp.HelloHash()))
	case s.suite != sdp.NoSuite:
		b = fmt.Appendf(b, "a=crypto:%s %s inline:%s\r\n", tag, s.suite, base64.StdEncoding.EncodeToString(s.key))
	}
	return b
}

func (s *side) writeDTLS(b []byte, offer *description) []byte {
	setup := "actpass"
	switch {
	case offer == nil && s.first: // who waits for us has nothing to repeat meanwhile
		setup = "active"
	case offer == nil:
	case string(offer.setup) == "active":
		setup = "passive"
	default:
		setup = "active"
	}
	b = fmt.Appendf(b, "a=setup:%s\r\na=fingerprint:%s\r\n", setup, s.print)
	if offer == nil || offer.mux {
		b = append(b, "a=rtcp-mux\r\n"...)
	}
	return b
}
