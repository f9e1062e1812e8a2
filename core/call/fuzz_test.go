package call

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCalls runs any order of events over up to three calls: whatever peers do, nothing panics, no invariant breaks, and when all
// is over nothing is left.
func FuzzCalls(f *testing.F) {
	f.Add([]byte{0, 10, 13, 20})
	f.Add([]byte{0, 10, 2, 13, 20})
	f.Add([]byte{1, 11, 11, 13, 20, 22, 23, 24, 30, 31})
	f.Add([]byte{0, 3, 13, 4})
	f.Add([]byte{0, 10, 13, 43, 63, 13, 45, 63, 13})
	f.Add([]byte{1, 10, 13, 53, 13, 64, 46, 36, 72, 63, 49, 20})
	f.Add([]byte{0, 10, 13, 75, 43, 77, 70, 43, 77, 69, 35, 13})
	f.Add([]byte{103, 104, 109, 13, 113, 106, 13, 108, 13, 112})
	f.Add([]byte{103, 105, 108, 110, 13, 113, 107, 13, 112, 45, 13})
	f.Add([]byte{0, 111, 10, 13, 20, 0, 111, 3, 10, 0, 111, 112, 10})
	f.Add([]byte{0, 111, 15, 111, 10, 13, 43, 114, 63, 13, 20, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 64 {
			return
		}
		w := newWorld(t)
		w.quiet = true
		w.config(map[string]string{"zrtp": zrtpOf(program)})
		line := func() {}
		if len(program)%3 == 0 { // through an account: each call that is not over has one of its lines, and nobody else has
			a := w.line("pw")
			w.closed = len(program)%2 == 0
			line = func() { require.Equal(t, max(0, 2-w.e.Active()), a.FreeSlots(), "free lines") }
		}
		started := false
		for i, b := range program {
			cmd := events[int(b)%len(events)]
			if isInvite := cmd[:6] == "invite"; isInvite {
				cmd += fmt.Sprintf(" callid=c%d", i)
				started = true
			}
			if !started || needsB(cmd) && w.reqB == nil || needsRe(cmd) && w.reRef == 0 || cmd[:4] == "info" && w.ownReq[w.infoRef] == nil {
				continue
			}
			w.command(cmd)
			line()
		}
		w.finish()
		line()
	})
}

// zrtpOf lets half of the programs have transparent ZRTP.
func zrtpOf(program []byte) string {
	if len(program)%2 == 1 {
		return "transparent"
	}
	return "yes"
}

func needsB(cmd string) bool {
	return cmd[:2] == "b " || len(cmd) > 6 && cmd[:6] == "from-b" || cmd[:2] == "b-"
}
func needsRe(cmd string) bool { return cmd[:3] == "re " || cmd[:3] == "re-" }

// events of the program, one per byte.
var events = []string{
	"invite sdp=pcma", "invite sdp=av", "invite sdp=none", "cancel  ", "cancel 'Reason: Q.850;cause=16'", "invite sdp=sdes",
	"b 100 ", "b 180 ", "b 183 sdp=answer", "b 183 sdp=garbage",
	"b 200 sdp=answer", "b 200 sdp=answer tag=other", "b 200 sdp=plain", "ack   ", "ack sdp=pcma", "b 302 'Contact: <sip:c@d>'",
	"b 486 ", "b 488 ", "b 422 'Min-SE: 90'", "b 200 sdp=pcmu tag=third",
	"from-a BYE", "from-b BYE", "from-a INVITE sdp=pcma", "from-b INVITE", "from-a UPDATE sdp=hold", "from-a INFO", "from-b INVITE sdp=av",
	"from-a INVITE sdp=garbage", "b-fails timeout", "a-fails timeout", "advance 1s", "advance 32s", "advance 240s",
	"media-lost a", "media-lost b", "re 200 sdp=answer", "re 491 ", "re 488 ", "re 481 ", "re 200 sdp=garbage", "fault  ", "shutdown", "b-fails refused",
	// Streams and directions in mid-call.
	"from-a INVITE sdp=av", "from-a UPDATE sdp=av", "from-a INVITE sdp=no-video", "from-b INVITE sdp=no-video", "from-b UPDATE sdp=no-audio",
	"from-a INVITE", "from-b ACK   ", "from-b ACK sdp=av", "ack sdp=av", "ack sdp=no-video", "from-a INVITE sdp=hold", "from-b INVITE sdp=av-hold",
	"from-a INVITE sdp=inactive", "from-b INVITE sdp=pcma", "from-a INVITE sdp=recvonly", "from-a INVITE sdp=app-video", "from-b INVITE sdp=two",
	"from-a INVITE sdp=opus", "from-b INVITE sdp=sdes-av", "re 200 sdp=no-video", "re 200 sdp=mirror", "re 200 sdp=inactive", "re 200 sdp=plain",
	"re 200 sdp=nothing", "re 100 ", "re 487 ", "re-fails timeout", "cancel-re", "a-re-fails gone", "advance 3s", "advance 20s",
	"surroundings ports=none-free", "surroundings ports= slow=true", "surroundings slow=false", "opened",
	"b 200 sdp=no-events", "tone a 5", "tone b #", "info 200", "info 415", "picture a", "picture b",
	"from-a INFO type=application/media_control+xml body=<picture_fast_update/>", "info-fails timeout",
	`from-a INFO type=application/dtmf-relay body=Signal=5\r\nDuration=250\r\n`, "from-b INFO type=application/dtmf body=d",
	// Keys.
	"app enc=sdes suites=AES_CM_128_HMAC_SHA1_80", "invite sdp=sdes-av", "from-a INVITE sdp=sdes-av", "from-a INVITE sdp=av-hold", "b 200 sdp=no-video tag=other",
	// ZRTP.
	"app enc=zrtp", "invite sdp=zrtp", "invite sdp=zrtp-av", "from-a INVITE sdp=zrtp", "from-a INVITE sdp=zrtp-av", "from-b INVITE sdp=zrtp-anew",
	"b 183 sdp=hello-b", "b 200 sdp=hello-b", "b 200 sdp=hello-d tag=other", "re 200 sdp=hello-b", "secured a zrtp=again", "secured b zrtp=first",
	"insecure b", "suspicious a", "from-a UPDATE sdp=zrtp-anew", "ack sdp=zrtp-av", "advance 10s",
	// Challenges.
	"b 407 'Proxy-Authenticate: " + challenge + "'", "b 401 'WWW-Authenticate: " + challenge + ", stale=true'", "b 407 ",
	"re 407 'Proxy-Authenticate: " + challenge + "'", "re 401 'WWW-Authenticate: " + challenge + ", stale=true'", "info 407 'Proxy-Authenticate: " + challenge + "'",
	// Another peer on a secure leg.
	"unsecured b",
}
