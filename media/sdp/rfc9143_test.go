package sdp

import (
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const bundleHead = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\na=group:LS a v\r\na=group:BUNDLE a v\r\n"

func TestBundle(t *testing.T) {
	local := []Ports{iceAt[0], {Addr: iceAt[0].Addr, RTP: 30002, RTCP: 30003}, {Addr: iceAt[0].Addr, RTP: 30004, RTCP: 30005}}
	audio, video := "m=audio 4000 RTP/AVP 8\r\na=mid:a\r\na=rtcp-mux\r\n", "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=rtcp-mux\r\n"
	for name, c := range map[string]struct {
		offer, group string
		live         []bool
	}{
		"audio alone":            {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE a", 1) + audio, "a", []bool{true}},
		"each its own":           {bundleHead + audio + video, "a v", []bool{true, true}},
		"bundle-only":            {bundleHead + audio + strings.Replace(video, "4002", "0", 1) + "a=bundle-only\r\n", "a v", []bool{true, true}},
		"the same address":       {bundleHead + audio + strings.Replace(video, "4002", "4000", 1), "a v", []bool{true, true}},
		"nobody has a transport": {bundleHead + strings.Replace(audio, "4000", "0", 1) + strings.Replace(video, "4002", "0", 1) + "a=bundle-only\r\nm=audio 4010 RTP/AVP 8\r\na=mid:x\r\n", "", []bool{false, false, true}},
		"without rtcp-mux":       {bundleHead + audio + strings.Replace(video, "a=rtcp-mux\r\n", "", 1), "a", []bool{true, true}},
		"another profile":        {bundleHead + audio + strings.Replace(video, "AVP", "AVPF", 1), "a", []bool{true, true}},
		"a shared one without":   {bundleHead + audio + strings.Replace(strings.Replace(video, "AVP", "AVPF", 1), "4002", "0", 1) + "a=bundle-only\r\n", "a", []bool{true, false}},
		"the first is refused":   {bundleHead + strings.Replace(audio, "4000", "0", 1) + video, "v", []bool{false, true}},
		"no addresses yet":       {strings.Replace(bundleHead, "c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0", 1) + strings.NewReplacer("4000", "9", "4002", "9").Replace(audio+video), "a v", []bool{true, true}},
		"no group":               {strings.Replace(bundleHead, "a=group:BUNDLE a v\r\n", "", 1) + audio + video, "", []bool{true, true}},
		"a group of nobody":      {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE x y", 1) + audio + video, "", []bool{true, true}},
		"a group of too many":    {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE a v"+strings.Repeat(" z", 20), 1) + audio, "", []bool{true}},
		"same port, no group":    {strings.Replace(bundleHead, "a=group:BUNDLE a v\r\n", "", 1) + audio + strings.Replace(video, "4002", "4000", 1), "", []bool{true, true}},
		"a group without words":  {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE", 1) + audio, "", []bool{true}},
	} {
		t.Run(name, func(t *testing.T) {
			offer, err := Parse([]byte(c.offer))
			require.NoError(t, err)
			ours, agreed, err := NewAnswer(offer, nil, AnswerPlan{Rand: rand.Reader, Support: Support{Bundle: true}}, local)
			require.NoError(t, err)
			text := string(ours.Marshal())
			if c.group == "" {
				assert.NotContains(t, text, "a=group")
			} else {
				assert.Equal(t, 1, strings.Count(text, "a=group:BUNDLE "+c.group+"\r\n"))
				for _, mid := range strings.Fields(c.group) {
					assert.Contains(t, text, "a=mid:"+mid+"\r\n")
				}
			}
			for i, live := range c.live {
				assert.Equal(t, live, agreed[i].Enabled, i)
				assert.Equal(t, live, ours.Media[i].Port != 0, i)
			}
			again, err := Parse([]byte(text))
			require.NoError(t, err)
			assert.Equal(t, ours.Bundle, again.Bundle)
			next, err := NewOffer(offer, OfferPlan{Previous: ours, SessionID: 1}, local)
			require.NoError(t, err)
			assert.Equal(t, ours.Bundle, next.Bundle, "our own offer on that leg keeps it")
		})
	}
}

const (
	midLine    = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
	dtlsLines  = "a=fingerprint:sha-256 " + testPrint + "\r\na=setup:actpass\r\n"
	testPrint  = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	iceLines   = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=candidate:1 1 UDP 1 192.0.2.9 4000 typ host\r\n"
	cryptoLine = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
)

// browser is an offer of audio and video as a browser writes it with the policy max-bundle.
func browser(profile, keys string) string {
	return bundleHead + "m=audio 4000 " + profile + " 8\r\na=mid:a\r\na=rtcp-mux\r\n" + midLine + keys + iceLines +
		"m=video 0 " + profile + " 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=bundle-only\r\na=rtcp-mux\r\na=ssrc:77 cname:x\r\na=ssrc:77 msid:y\r\na=ssrc:78 cname:x\r\n" + midLine
}

var bundleSupport = Support{Bundle: true, ICE: true, Encryptions: []Encryption{None, SDES, DTLS}}

func bundlePorts() []Ports {
	at := iceAt[0].Addr
	return []Ports{{Addr: at, RTP: 30000, RTCP: 30001}, {Addr: at, RTP: 30002, RTCP: 30003}, {Addr: at, RTP: 30004, RTCP: 30005}}
}

func answerTo(t *testing.T, text string, previous *Session) (*Session, *Session, []Agreed) {
	t.Helper()
	offer, err := Parse([]byte(text))
	require.NoError(t, err)
	plan := AnswerPlan{Rand: rand.Reader, Support: bundleSupport, Fingerprint: FingerprintOf([]byte("ours")), Previous: previous}
	ours, agreed, err := NewAnswer(offer, nil, plan, bundlePorts())
	require.NoError(t, err)
	return offer, ours, agreed
}

func TestTransportOfTheGroupIsDescribedOnce(t *testing.T) {
	for name, c := range map[string]struct{ offer, only string }{
		"DTLS": {browser("UDP/TLS/RTP/SAVPF", dtlsLines), "a=fingerprint:"},
		"SDES": {browser("RTP/SAVPF", cryptoLine), "a=crypto:"},
		"none": {browser("RTP/AVPF", ""), "a=ice-pwd:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ours, agreed := answerTo(t, c.offer, nil)
			text := string(ours.Marshal())
			head, video, _ := strings.Cut(text, "m=video ")
			assert.Contains(t, head, c.only)
			assert.True(t, strings.HasPrefix(video, "30000 "), video)
			for _, word := range []string{"crypto", "fingerprint", "setup", "ice-", "candidate", "bundle-only", "ssrc"} {
				assert.NotContains(t, video, word)
			}
			assert.Contains(t, video, "a=rtcp-mux\r\n")
			assert.Contains(t, video, midLine)
			assert.Equal(t, &Group{Tagged: 0, MID: "a", Extension: 4}, agreed[0].Group)
			assert.Equal(t, &Group{Tagged: 0, MID: "v", Extension: 4, Sources: []uint32{77, 78}}, agreed[1].Group)
			assert.False(t, agreed[0].Rides(0))
			assert.True(t, agreed[1].Rides(1))
			assert.Equal(t, agreed[0].Encryption, agreed[1].Encryption)
			assert.Equal(t, agreed[0].Remote, agreed[1].Remote)
			assert.Nil(t, agreed[1].ICE)
			assert.Zero(t, agreed[1].SendKey.Suite)
			_, again, _ := answerTo(t, c.offer, ours)
			assert.Equal(t, text, string(again.Marshal()), "the same offer, the same answer")
		})
	}
}

// The offer of mid-call without the tagged section: the other one has the transport, its port, credentials and role.
func TestTransportFollowsTheTag(t *testing.T) {
	_, before, _ := answerTo(t, browser("UDP/TLS/RTP/SAVPF", dtlsLines), nil)
	next := strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE v", 1) + "m=audio 0 UDP/TLS/RTP/SAVPF 8\r\na=mid:a\r\n" +
		"m=video 4000 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=rtcp-mux\r\n" + midLine + dtlsLines + iceLines
	_, ours, agreed := answerTo(t, next, before)
	assert.Equal(t, []string{"v"}, ours.Bundle)
	assert.False(t, agreed[0].Enabled)
	assert.Equal(t, uint16(30000), ours.Media[1].Port)
	assert.Equal(t, before.Media[0].ICE.Ufrag, ours.Media[1].ICE.Ufrag)
	assert.Equal(t, before.Media[0].Setup, ours.Media[1].Setup)
	assert.Equal(t, 1, agreed[1].Group.Tagged)
	assert.False(t, agreed[1].Rides(1))

	// The first one comes back, in the group: the transport is described by it again, and is the same.
	audio := "m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\na=mid:a\r\na=rtcp-mux\r\n" + midLine + dtlsLines + iceLines
	video := "m=video 4000 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=rtcp-mux\r\n" + midLine
	plan := AnswerPlan{Rand: rand.Reader, Support: bundleSupport, Fingerprint: FingerprintOf([]byte("ours")), Previous: ours}
	back, err := Parse([]byte(bundleHead + audio + video))
	require.NoError(t, err)
	ports := bundlePorts()
	ports[0], ports[1] = ports[1], ports[0] // as they are since
	again, agreed, err := NewAnswer(back, nil, plan, ports)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "v"}, again.Bundle)
	assert.Equal(t, uint16(30000), again.Media[0].Port)
	assert.Equal(t, before.Media[0].ICE.Ufrag, again.Media[0].ICE.Ufrag)
	assert.Equal(t, before.Media[0].Setup, again.Media[0].Setup)
	assert.Equal(t, 0, agreed[1].Group.Tagged)
	assert.True(t, agreed[1].Rides(1))

	// The first one comes back, outside of the group: with a transport of its own, and keys that nobody had.
	apart := strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE v", 1) + "m=audio 4010 UDP/TLS/RTP/SAVPF 8\r\na=mid:a\r\na=rtcp-mux\r\n" + dtlsLines +
		"m=video 4000 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=rtcp-mux\r\n" + midLine + dtlsLines + iceLines
	_, split, agreed := answerTo(t, apart, before)
	assert.Equal(t, uint16(30002), split.Media[0].Port)
	assert.Equal(t, uint16(30000), split.Media[1].Port)
	assert.Nil(t, agreed[0].Group)
	assert.Equal(t, netip.MustParseAddrPort("192.0.2.9:4010"), agreed[0].Remote)
}

func TestOurOfferKeepsTheGroup(t *testing.T) {
	offer, before, _ := answerTo(t, browser("RTP/SAVPF", cryptoLine), nil)
	more, err := Parse([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
		"m=audio 6000 RTP/AVP 8\r\nm=video 6002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\nm=video 6004 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"))
	require.NoError(t, err)
	plan := OfferPlan{Encryption: SDES, AVPF: true, Rand: rand.Reader, Support: bundleSupport, Previous: before}
	ours, err := NewOffer(more, plan, bundlePorts())
	require.NoError(t, err)
	text := string(ours.Marshal())
	assert.Equal(t, []string{"a", "v", "b2"}, ours.Bundle)
	assert.Equal(t, 3, strings.Count(text, midLine))
	assert.Equal(t, 1, strings.Count(text, "a=ice-pwd:"))
	assert.Equal(t, 3, strings.Count(text, " 30000 RTP/SAVPF"))
	head, _, _ := strings.Cut(text, "m=video")
	assert.Equal(t, strings.Count(text, "a=crypto:"), strings.Count(head, "a=crypto:"))

	answer := strings.Replace(text, "BUNDLE a v b2", "BUNDLE a v", 1)
	answer = strings.Replace(answer, "m=video 30000 RTP/SAVPF 96", "m=video 0 RTP/SAVPF 96\r\na=bundle-only", 1)
	at := strings.LastIndex(answer, "m=video 30000")
	answer = answer[:at] + "m=video 0 RTP/SAVPF 96\r\n"
	theirs, err := Parse([]byte(strings.ReplaceAll(answer, keyText(before.Media[0].Crypto[0]), "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz")))
	require.NoError(t, err)
	agreed, err := Accept(ours, theirs)
	require.NoError(t, err)
	assert.True(t, agreed[1].Rides(1))
	assert.False(t, agreed[2].Enabled)
	assert.Equal(t, []string{"a", "v"}, ours.Bundle)
	_ = offer
}

// Our offer's tagged section is refused: its transport is the next one's.
func TestTaggedSectionIsRefusedByTheAnswer(t *testing.T) {
	offer, before, _ := answerTo(t, browser("UDP/TLS/RTP/SAVPF", dtlsLines), nil)
	plan := OfferPlan{Encryption: DTLS, AVPF: true, Rand: rand.Reader, Support: bundleSupport, Previous: before, Fingerprint: FingerprintOf([]byte("ours"))}
	ours, err := NewOffer(offer, plan, bundlePorts())
	require.NoError(t, err)
	ufrag := ours.Media[0].ICE.Ufrag
	answer := strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE v", 1) + "m=audio 0 UDP/TLS/RTP/SAVPF 8\r\na=mid:a\r\n" +
		"m=video 4000 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=rtcp-mux\r\n" + midLine +
		strings.Replace(dtlsLines, "actpass", "passive", 1) + iceLines
	theirs, err := Parse([]byte(answer))
	require.NoError(t, err)
	agreed, err := Accept(ours, theirs)
	require.NoError(t, err)
	assert.False(t, agreed[0].Enabled)
	assert.Equal(t, 1, agreed[1].Group.Tagged)
	assert.Equal(t, []string{"v"}, ours.Bundle)
	assert.Equal(t, ufrag, ours.Media[1].ICE.Ufrag)
	assert.Equal(t, ufrag, agreed[1].ICE.Local.Ufrag)
	assert.Equal(t, 1, ours.tagged())
}

func keyText(c Crypto) string { return base64.StdEncoding.EncodeToString(c.Key) }

// Two streams with one a=mid: the second one is refused, with a reason, wherever it wants to be.
func TestRepeatedMID(t *testing.T) {
	local := []Ports{iceAt[0], {Addr: iceAt[0].Addr, RTP: 30002, RTCP: 30003}, {Addr: iceAt[0].Addr, RTP: 30004, RTCP: 30005}}
	audio, video := "m=audio 4000 RTP/AVP 8\r\na=mid:a\r\na=rtcp-mux\r\n", "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=mid:a\r\na=rtcp-mux\r\n"
	for name, second := range map[string]string{
		"own port":     video,
		"same address": strings.Replace(video, "4002", "4000", 1),
		"bundle-only":  strings.Replace(video, "4002", "0", 1) + "a=bundle-only\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			offer, err := Parse([]byte(bundleHead + audio + second))
			require.NoError(t, err)
			plan := AnswerPlan{Rand: rand.Reader, Support: Support{Bundle: true}}
			ours, agreed, err := NewAnswer(offer, nil, plan, local)
			require.NoError(t, err)
			require.Equal(t, []string{"a"}, ours.Bundle)
			require.True(t, agreed[0].Enabled)
			require.False(t, agreed[1].Enabled)
			require.Zero(t, ours.Media[1].Port)

			_, _, err = NewAnswer(offer, []Agreed{{}, {Kind: Video, Enabled: true, Codecs: offer.Media[1].Codecs}}, plan, local)
			require.ErrorIs(t, err, errRepeated)
		})
	}
	offer, err := Parse([]byte(strings.Replace(bundleHead, "a=group:BUNDLE a v\r\n", "", 1) + audio + video))
	require.NoError(t, err)
	_, agreed, err := NewAnswer(offer, nil, AnswerPlan{Rand: rand.Reader}, local)
	require.NoError(t, err)
	require.True(t, agreed[1].Enabled, "without a group nothing depends on it")
}
