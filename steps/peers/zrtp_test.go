package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestInteropZRTP: linphone with bzrtp on leg A, on leg B and on both, every other encryption opposite. The SAS that it shows is the one
// that b2bua logs for that leg.
func TestInteropZRTP(t *testing.T) {
	runPairs(t, []pair{
		{caller: "linphone zrtp", callee: "linphone none"},
		{caller: "linphone zrtp", callee: "linphone srtp", suite: "AES_CM_128_HMAC_SHA1_80"},
		{caller: "linphone zrtp", callee: "linphone dtls"},
		{caller: "linphone zrtp", callee: "linphone zrtp"},
		{caller: "linphone none", callee: "linphone zrtp"},
		{caller: "linphone srtp", callee: "linphone zrtp"},
		{caller: "linphone dtls", callee: "linphone zrtp"},
		{caller: "linphone zrtp", callee: "baresip srtp"},
		{caller: "baresip dtls", callee: "linphone zrtp"},
		{caller: "linphone zrtp", callerSuite: "AES_256_CM_HMAC_SHA1_80", callee: "linphone none"},
		{caller: "linphone zrtp", callerSuite: "AES_CM_128_HMAC_SHA1_32", callee: "linphone none"},
		{caller: "linphone zrtp ice", callee: "linphone zrtp ice"},
		{caller: "baresip srtp", callee: "linphone zrtp"},
		{caller: "linphone zrtp", callee: "linphone zrtp", transparent: true},
		{caller: "linphone zrtp video", callee: "linphone zrtp video"},
		{caller: "linphone zrtp video", callee: "linphone srtp video"},
		{caller: "linphone none video", callee: "linphone zrtp video"},
		{caller: "linphone zrtp video", callee: "linphone zrtp video", transparent: true},
	})
}

// sameSAS checks that b2bua and the peer of a leg saw the same in the n-th call, and returns b2bua's line.
func (l *inLab) sameSAS(ctx context.Context, t *testing.T, leg string, n int) string {
	t.Helper()
	pattern := regexp.MustCompile("leg " + leg + `: secured: audio zrtp \S+, SAS ([^ ,]+),`)
	var line string
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		count := 0
		for _, have := range l.process.Lines() {
			if pattern.MatchString(have.Message()) {
				if count++; count == n {
					line = have.Message()
				}
			}
		}
		assert.GreaterOrEqual(c, count, n)
	}, 20*time.Second, 20*time.Millisecond, "b2bua says nothing of leg %s becoming secure", leg)
	t.Log(line)
	ours := pattern.FindStringSubmatch(line)[1]
	if leg == "A" && l.pair.callerSuite == "AES_256_CM_HMAC_SHA1_80" {
		assert.Contains(t, line, l.pair.callerSuite, "the cipher that the phone asks for")
	}
	theirs, err := l.peerOf(leg).(Agreeing).AwaitSAS(ctx, n)
	require.NoError(t, err)
	assert.Equal(t, strings.ToLower(theirs), strings.ToLower(ours), "leg %s: the SAS that the peer shows and b2bua's", leg)
	l.row.Note += fmt.Sprintf("; SAS %s %s", leg, theirs)
	return line
}

func (l *inLab) peerOf(leg string) Peer {
	if leg == "A" {
		return l.alice
	}
	return l.bob
}

// endToEnd checks that the two have agreed with each other, and that b2bua has said so.
func (l *inLab) endToEnd(ctx context.Context, t *testing.T) {
	t.Helper()
	alice, err := l.alice.(Agreeing).AwaitSAS(ctx, 1)
	require.NoError(t, err)
	bob, err := l.bob.(Agreeing).AwaitSAS(ctx, 1)
	require.NoError(t, err)
	assert.Equal(t, alice, bob, "the SAS of both phones")
	l.row.Note += "; SAS of both " + alice
	for _, line := range l.process.Lines() {
		assert.NotContains(t, line.Message(), ": secured: ", "b2bua has no keys")
	}
}

// trafficOfVideo is b2bua's line at the end of a call.
var trafficOfVideo = regexp.MustCompile(`stream 1: leg A received (\d+).*sent (\d+).*; leg B received (\d+).*sent (\d+)`)

// judgeVideo checks that pictures went both ways, which takes few packets because they stand still, and, on legs that b2bua ends, that their keys come from the audio's.
func (l *inLab) judgeVideo(ctx context.Context, t *testing.T) {
	t.Helper()
	line, err := l.process.AwaitLine(ctx, trafficOfVideo)
	require.NoError(t, err)
	t.Log(line.Message())
	for _, figure := range trafficOfVideo.FindStringSubmatch(line.Message())[1:] {
		n, err := strconv.Atoi(figure)
		require.NoError(t, err)
		assert.Positive(t, n, "packets of video: %s", line.Message())
	}
	for leg, s := range map[string]side{"A": l.pair.caller, "B": l.pair.callee} {
		if s.encryption() == "zrtp" && !l.pair.transparent {
			_, err := l.process.AwaitLine(ctx, regexp.MustCompile("leg "+leg+`: secured: video zrtp \S+, SAS \S+ as before`))
			require.NoError(t, err)
		}
	}
	for _, p := range []Peer{l.alice, l.bob} {
		v, err := p.(interface {
			AwaitVideo(ctx context.Context) (Counters, error)
		}).AwaitVideo(ctx)
		require.NoError(t, err)
		assert.Positive(t, min(v.Sent, v.Received), "%+v", v)
		l.row.Note += fmt.Sprintf("; video sent %d got %d", v.Sent, v.Received)
	}
}

// TestInteropZRTPContinuity: three calls of the same linphones. From the second on their secrets prove that it is the same b2bua, and its
// that they are the same phones. In the second one everybody compares the SAS, which both sides remember in the third.
func TestInteropZRTPContinuity(t *testing.T) {
	t.Parallel()
	p := pair{caller: "linphone zrtp", callee: "linphone zrtp"}
	l := &inLab{lab: newLab(t), pair: p, row: Row{Pair: p.String() + ", three calls", Wire: "SAS and secrets only"}}
	defer func() {
		l.row.Failed = t.Failed()
		table.Add(l.row)
		t.Log(l.row)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	l.open(ctx, t)
	for n, want := range []string{"continuity first call, verified no", "continuity yes, verified no", "continuity yes, verified yes"} {
		require.NoError(t, l.alice.Call("sip:bob@"+domain))
		for _, leg := range []string{"A", "B"} {
			line := l.sameSAS(ctx, t, leg, n+1)
			assert.Contains(t, line, want, "call %d, leg %s", n+1, leg)
			if n == 1 {
				l.compare(ctx, t, leg, n+1)
			}
		}
		require.NoError(t, l.bob.HangUp())
		for _, agent := range []Peer{l.alice, l.bob} {
			require.NoError(t, agent.(*Linphone).AwaitReleased(ctx, n+1))
		}
	}
	for _, name := range []string{"alice", "bob"} {
		log, err := os.ReadFile(filepath.Join(l.dir, name, "log"))
		require.NoError(t, err)
		assert.NotRegexp(t, "(?i)cache ?mismatch", string(log), "%s takes a call for an attack", name)
		assert.Equal(t, []string{"no", "no", "yes"}, verifiedBefore(string(log)), name)
	}
}

// compare is what people do: they tell both sides of a leg that the SAS is the same.
func (l *inLab) compare(ctx context.Context, t *testing.T, leg string, call int) {
	t.Helper()
	require.NoError(t, l.peerOf(leg).(*Linphone).Command("zrtp-set-verified"))
	binary, err := builder.Binary(ctx)
	require.NoError(t, err)
	ran, err := binary.Run(ctx, l.dir, nil, "ctl", "sas", strconv.Itoa(call), strings.ToLower(leg), "same", "--pid", strconv.Itoa(l.process.PID()))
	require.NoError(t, err)
	require.Zero(t, ran.Status, "%+v", ran)
}

var previously = regexp.MustCompile(`SAS is \S+ previously verified (yes|no)`)

// verifiedBefore tells for each call whether linphone took the SAS for compared.
func verifiedBefore(log string) (calls []string) {
	for _, m := range previously.FindAllStringSubmatch(log, -1) {
		calls = append(calls, m[1])
	}
	return calls
}
