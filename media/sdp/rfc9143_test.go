package sdp

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const bundleHead = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\na=group:LS a v\r\na=group:BUNDLE a v\r\n"

func TestBundle(t *testing.T) {
	local := []Ports{iceAt[0], {Addr: iceAt[0].Addr, RTP: 30002, RTCP: 30003}}
	audio, video := "m=audio 4000 RTP/AVP 8\r\na=mid:a\r\na=rtcp-mux\r\n", "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=rtcp-mux\r\n"
	for name, c := range map[string]struct {
		offer, group string
		live         []bool
	}{
		"audio alone":           {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE a", 1) + audio, "a", []bool{true}},
		"each its own":          {bundleHead + audio + video, "a", []bool{true, true}},
		"bundle-only":           {bundleHead + audio + strings.Replace(video, "4002", "0", 1) + "a=bundle-only\r\n", "a", []bool{true, false}},
		"the same address":      {bundleHead + audio + strings.Replace(video, "4002", "4000", 1), "a", []bool{true, false}},
		"the first is refused":  {bundleHead + strings.Replace(audio, "4000", "0", 1) + video, "v", []bool{false, true}},
		"no addresses yet":      {strings.Replace(bundleHead, "c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0", 1) + strings.NewReplacer("4000", "9", "4002", "9").Replace(audio+video), "a", []bool{true, true}},
		"no group":              {strings.Replace(bundleHead, "a=group:BUNDLE a v\r\n", "", 1) + audio + video, "", []bool{true, true}},
		"a group of nobody":     {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE x y", 1) + audio + video, "", []bool{true, true}},
		"a group of too many":   {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE a v"+strings.Repeat(" z", 20), 1) + audio, "", []bool{true}},
		"same port, no group":   {strings.Replace(bundleHead, "a=group:BUNDLE a v\r\n", "", 1) + audio + strings.Replace(video, "4002", "4000", 1), "", []bool{true, true}},
		"a group without words": {strings.Replace(bundleHead, "BUNDLE a v", "BUNDLE", 1) + audio, "", []bool{true}},
	} {
		t.Run(name, func(t *testing.T) {
			offer, err := Parse([]byte(c.offer))
			require.NoError(t, err)
			ours, agreed, err := NewAnswer(offer, nil, AnswerPlan{Rand: rand.Reader}, local)
			require.NoError(t, err)
			text := string(ours.Marshal())
			if c.group == "" {
				assert.NotContains(t, text, "a=group")
			} else {
				assert.Equal(t, 1, strings.Count(text, "a=group:BUNDLE "+c.group+"\r\n"))
				assert.Contains(t, text, "a=mid:"+c.group+"\r\n")
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
