package peers

import "testing"

// TestInteropChromium: a browser and a phone without ICE, with every encryption, both ways round.
func TestInteropChromium(t *testing.T) {
	runPairs(t, []pair{
		{caller: "chromium dtls ice", callee: "linphone none"},
		{caller: "chromium dtls ice", callee: "linphone srtp", suite: "AES_256_CM_HMAC_SHA1_80"},
		{caller: "chromium dtls ice", callee: "linphone zrtp"},
		{caller: "linphone none", callee: "chromium dtls ice"},
		{caller: "linphone srtp", callee: "chromium dtls ice"},
		{caller: "linphone zrtp", callee: "chromium dtls ice"},
		{caller: "chromium dtls ice video", callee: "linphone none video"},
		{caller: "linphone srtp video", callee: "chromium dtls ice video"},
	})
}
