package trenscrypter

import (
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/stretchr/testify/require"

	"b2bua/core/app"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// FuzzDecide feeds arbitrary rules and callees: no panic, a reason for everything, the same answer twice, and never plain
// RTP unless a rule or leg A says so.
func FuzzDecide(f *testing.F) {
	f.Cleanup(regexp2.StopTimeoutClock)
	f.Fuzz(func(t *testing.T, enc, suites, callee string) {
		rules, problems := ParseEncryptionRules(strings.Fields(enc), 20*time.Millisecond)
		suiteRules, more := ParseSuiteRules(strings.Fields(suites), 20*time.Millisecond)
		for _, p := range append(problems, more...) {
			require.NotEmpty(t, p.Reason)
			require.NotEmpty(t, p.Fix)
			require.Positive(t, p.Pair)
		}
		to, err := sip.ParseURI(callee)
		if err != nil {
			return
		}
		require.Equal(t, Subject(to), Subject(to), "pure")
		a := New(Config{Encryption: rules, Suites: suiteRules, Supported: everything})
		d := a.Decide(app.Facts{To: sip.Address{URI: to}, Encryption: sdp.DTLS})
		require.NotEmpty(t, d.Why)
		if d.Refusal != nil {
			require.Equal(t, 488, d.Refusal.Status)
			return
		}
		if d.Encryption == sdp.None {
			require.Contains(t, d.Why, "(none ")
		}
		require.Equal(t, d.Encryption == sdp.SDES, len(d.Suites) > 0)
		require.NotContains(t, d.Suites, sdp.NoSuite)
	})
}
