package call

import (
	"fmt"
	"slices"
	"strings"

	"b2bua/core/sip"
	"b2bua/media/sdp"

	"github.com/stretchr/testify/require"
)

// key46 has the 46 octets that the AES_256 suites need (RFC 6188).
const key46 = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVzWVNfX19zZW1jdGwgKCkgew=="

const key30 = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" // the example of RFC 4568 section 9.1: 30 octets

const fingerprint = "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"

var offers = map[string]string{
	"pcma": "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
	"hold": "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n",
	"sdes": "m=audio 4000 RTP/SAVP 8 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n",
	"av":   "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
	// In mid-call: the same with video switched off, on hold, with other codecs, with what is not carried.
	"no-video":  "m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n",
	"no-audio":  "m=audio 0 RTP/AVP 8\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
	"av-hold":   "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n",
	"muted":     "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=recvonly\r\n",
	"inactive":  "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=inactive\r\n",
	"recvonly":  "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=recvonly\r\n",
	"zero":      "m=audio 4000 RTP/AVP 8 0 101\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:101 telephone-event/8000\r\n",
	"opus":      "m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n",
	"app":       "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\nm=application 4004 UDP/BFCP *\r\n",
	"app-video": "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\nm=application 0 UDP/BFCP *\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
	"two":       "m=audio 4000 RTP/AVP 8\r\nm=audio 4006 RTP/AVP 8\r\n",
	"other":     "m=video 4000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
	"sdes-av": "m=audio 4000 RTP/SAVP 8 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\nm=video 4002 RTP/SAVP 96\r\na=rtpmap:96 VP8/90000\r\n" +
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n",
	"sdes-plain-video": "m=audio 4000 RTP/SAVP 8 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
	"text":             "m=text 4000 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n",
	"plain-audio-secure-video": "m=audio 4000 RTP/AVP 8 0\r\nm=video 4002 RTP/SAVP 96\r\na=rtpmap:96 VP8/90000\r\n" +
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n",
	"dtls": "m=audio 4000 UDP/TLS/RTP/SAVP 8 0\r\na=setup:actpass\r\n" + fingerprint,
	// Of best effort: DTLS-SRTP, and SDES for who has only that.
	"dtls-or-sdes": "m=audio 4000 RTP/SAVP 8 0\r\na=setup:actpass\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n" + fingerprint,
	"no-dtls-yet":  "m=audio 4000 RTP/SAVP 8 0\r\na=setup:holdconn\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n" + fingerprint,
	"dtls-sdes-video": "m=audio 4000 UDP/TLS/RTP/SAVP 8 0\r\na=setup:actpass\r\n" + fingerprint + "m=video 4002 RTP/SAVP 96\r\na=rtpmap:96 VP8/90000\r\n" +
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n",
	// Audio and video on one transport, as a browser offers them; then video alone goes on, then two streams of one name.
	"bundle":           "a=group:BUNDLE a v\r\n" + bundled(8, 4000, "a") + bundled(96, 4000, "v"),
	"bundle-no-audio":  "a=group:BUNDLE v\r\n" + bundled(8, 0, "a") + bundled(96, 4000, "v"),
	"bundle-repeated":  "a=group:BUNDLE a\r\n" + bundled(8, 4000, "a") + bundled(96, 4000, "a"),
	"elsewhere":        "m=audio 4000 RTP/AVP 8 0\r\nc=IN IP4 192.0.2.20\r\n",
	"zrtp":             "m=audio 4000 RTP/AVP 8 0\r\n" + helloOf("a1"),
	"zrtp-av":          "m=audio 4000 RTP/AVP 8 0\r\n" + helloOf("a1") + "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n" + helloOf("a2"),
	"zrtp-avpf":        "m=audio 4000 RTP/AVPF 8 0\r\n" + helloOf("a1"),
	"zrtp-hold":        "m=audio 4000 RTP/AVP 8 0\r\na=sendonly\r\n" + helloOf("a1"),
	"zrtp-anew":        "m=audio 4100 RTP/AVP 8 0\r\n" + helloOf("c1"),
	"zrtp-or-sdes":     "m=audio 4000 RTP/AVP 8 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n" + helloOf("a1"),
	"sdes-or-zrtp":     "m=audio 4000 RTP/SAVP 8 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " + key30 + "\r\n" + helloOf("a1"),
	"zrtp-bad":         "m=audio 4000 RTP/AVP 8 0\r\na=zrtp-hash:1.10 zz\r\n",
	"zrtp-plain-video": "m=audio 4000 RTP/AVP 8 0\r\n" + helloOf("a1") + "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
	"nokey":            "m=audio 4000 RTP/SAVP 8 0\r\n",
	"garbage":          "this is no description",
}

// bundled is a section that a browser offers.
func bundled(pt, port int, mid string) string {
	kind, name := "audio", "PCMA/8000"
	if pt == 96 {
		kind, name = "video", "VP8/90000"
	}
	return fmt.Sprintf("m=%s %d UDP/TLS/RTP/SAVP %d\r\na=rtpmap:%d %s\r\na=mid:%s\r\na=rtcp-mux\r\n"+
		"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=setup:actpass\r\n%s", kind, port, pt, pt, name, mid, fingerprint)
}

// helloOf are the lines of a Hello that the name tells, with what LIME writes beside it.
func helloOf(name string) string {
	return "a=zrtp-hash:1.10 " + strings.Repeat(name, 32) + "\r\na=Ik:AAAA\r\na=lime-Iks:c255:AAAA\r\n"
}

func described(media string) string {
	return "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n" + media
}

func (w *world) body(m *sip.Message, name string) {
	if name == "" || name == "none" {
		return
	}
	text, ok := offers[name]
	require.True(w.t, ok, "sdp=%s?", name)
	if name != "garbage" {
		text = described(text)
	}
	m.Body = []byte(text)
	if m.ContentType == "" {
		m.ContentType = sdpType
	}
	if v, ok := m.Header("Content-Type"); ok {
		m.ContentType = v
		m.Del("Content-Type")
	}
}

// answer writes a callee's answer to the offer in req: plain "answer", or one of the ways to answer otherwise.
func (w *world) answer(m, req *sip.Message, how string) {
	if how == "" || how == "none" {
		return
	}
	if how == "garbage" {
		m.ContentType, m.Body = sdpType, []byte(offers["garbage"])
		return
	}
	offer, err := sdp.Parse(req.Body)
	require.NoError(w.t, err)
	var b strings.Builder
	for i, s := range offer.Media {
		port, proto, codecs := 5000, s.Proto, s.Codecs
		switch {
		case how == "no-video" && s.Kind == sdp.Video, how == "nothing", s.Port == 0:
			port = 0
		case how == "savp":
			proto = "RTP/SAVP"
		case how == "plain":
			proto = "RTP/AVP"
		case how == "pcmu" && len(codecs) > 1:
			codecs = codecs[1:2]
		case how == "no-events":
			codecs = slices.DeleteFunc(slices.Clone(codecs), sdp.Codec.IsEvents)
		}
		fmt.Fprintf(&b, "m=%s %d %s", s.Type, port, proto)
		for _, c := range codecs {
			fmt.Fprintf(&b, " %d", c.PT)
		}
		b.WriteString("\r\n")
		for _, c := range codecs {
			fmt.Fprintf(&b, "a=rtpmap:%d %s\r\n", c.PT, c)
		}
		if strings.Contains(proto, "SAVP") && len(s.Crypto) > 0 && port != 0 {
			key := key30
			if s.Crypto[0].Suite == sdp.AES256CMSHA180 {
				key = key46
			}
			fmt.Fprintf(&b, "a=crypto:%d %s %s\r\n", s.Crypto[0].Tag, s.Crypto[0].Suite, key)
		}
		if strings.Contains(proto, "TLS") && port != 0 {
			b.WriteString("a=setup:active\r\n" + fingerprint)
		}
		if name, ok := strings.CutPrefix(how, "hello-"); ok && port != 0 {
			b.WriteString(helloOf(name[:1] + string('1'+byte(i))))
		}
		switch how {
		case "sendonly", "inactive", "recvonly":
			b.WriteString("a=" + how + "\r\n")
		case "mirror":
			b.WriteString("a=" + s.Direction.Mirror().String() + "\r\n")
		}
	}
	m.ContentType, m.Body = sdpType, []byte(described(b.String()))
}
