package peers

import (
	"context"
	"fmt"
	"regexp"
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
		{caller: "linphone zrtp ice", callee: "linphone zrtp ice"},
		{caller: "baresip srtp", callee: "linphone zrtp"},
		{caller: "linphone zrtp", callee: "linphone zrtp", transparent: true},
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
	ours := pattern.FindStringSubmatch(line)[1]
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
