package trenscrypter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/core/app"
	"b2bua/core/sip"
	"b2bua/media/sdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var everything = []sdp.Encryption{sdp.None, sdp.SDES, sdp.DTLS, sdp.ZRTP}

// make builds an application from the lists as they stand in a file; every pair must be valid.
func build(t *testing.T, enc, suites, proxy string, supported ...sdp.Encryption) *App {
	t.Helper()
	cfg := Config{Supported: supported}
	var problems, more []Problem
	cfg.Encryption, problems = ParseEncryptionRules(strings.Fields(enc), time.Minute)
	cfg.Suites, more = ParseSuiteRules(strings.Fields(suites), time.Minute)
	require.Empty(t, append(problems, more...))
	if proxy != "" {
		a, err := sip.ParseAddress("<" + proxy + ">")
		require.NoError(t, err)
		cfg.OutboundProxy = &a
	}
	return New(cfg)
}

func facts(t *testing.T, to string, e sdp.Encryption) app.Facts {
	t.Helper()
	a, err := sip.ParseAddress(to)
	require.NoError(t, err)
	from, err := sip.ParseAddress(`"Alice A." <sip:alice@sip.example.org;x=1>;tag=a1;p=q`)
	require.NoError(t, err)
	return app.Facts{To: a, From: from, Encryption: e}
}

// The rules of the operator's documents, and of the original's own tests (ENV-CFG).
const (
	seedModes = `zrtp .*@sip\.secure-example\.org dtls-srtp .*dtls@sip\.example\.org zrtp .*zrtp@sip\.example\.org sdes .*@sip\.example\.org`
	seedSuite = `AES_256_CM_HMAC_SHA1_80;AES_256_CM_HMAC_SHA1_32 .*@sip\.secure-example\.org AES_CM_128_HMAC_SHA1_80 .*@sip\.example\.org`
	testModes = `zrtp .*b2bua_zrtp.*@sip\.example\.org(;.*)? sdes .*b2bua_srtp.*@sip\.example\.org(;.*)? dtls-srtp .*b2bua_dtls.*@sip\.example\.org(;.*)?`
	testSuite = `AEAD_AES_256_GCM .*b2bua_srtpgcm.*@sip\.example\.org(;.*)? AES_256_CM_HMAC_SHA1_80;AES_256_CM_HMAC_SHA1_32 .*b2bua_srtp256.*@sip\.example\.org(;.*)? AES_CM_128_HMAC_SHA1_80 .*b2bua_srtp.*@sip\.example\.org(;.*)?`
)

func TestModes(t *testing.T) {
	for _, tt := range []struct {
		rules, to string
		legA      sdp.Encryption
		want      sdp.Encryption
		why       string
	}{
		{seedModes, "<sip:bob@sip.secure-example.org>;tag=x", sdp.SDES, sdp.ZRTP, `outgoing-enc-regex rule 1 (zrtp .*@sip\.secure-example\.org)`},
		{seedModes, "<sip:bobdtls@sip.example.org>", sdp.SDES, sdp.DTLS, "rule 2"},
		{seedModes, "<sip:bobzrtp@sip.example.org>", sdp.SDES, sdp.ZRTP, "rule 3"},
		{seedModes, `"sip:bobzrtp@sip.example.org" <sip:bob@sip.example.org>`, sdp.None, sdp.SDES, "rule 4"},
		// a GRUU does not match without (;.*)?
		{seedModes, "<sip:bob@sip.example.org;gr=urn:uuid:f81d4fae>", sdp.None, sdp.None, "no rule of outgoing-enc-regex matches sip:bob@sip.example.org;gr=urn:uuid:f81d4fae: none as on leg A"},
		{`zrtp .*@sip\.secure-example\.org(;.*)?`, "<sip:bob@sip.secure-example.org;gr=urn:uuid:f81d4fae>", sdp.None, sdp.ZRTP, "rule 1"},
		// header parameters are not seen, the case of the host is
		{seedModes, "<sip:bob@SIP.example.org>", sdp.DTLS, sdp.DTLS, "no rule"},
		{`sdes .*tag.*`, "<sip:bob@a.org>;tag=1", sdp.None, sdp.None, "no rule"},
		{`sdes .*:5060.*`, "<sip:bob@a.org>", sdp.None, sdp.None, "no rule"},
		// ENV-CFG: order of the rules
		{testModes, "<sip:b2bua_srtpgcm@sip.example.org>", sdp.ZRTP, sdp.SDES, "rule 2"},
		{testModes, "<sip:b2bua_dtlsp@sip.example.org;gr=1>", sdp.SDES, sdp.DTLS, "rule 3"},
		{testModes, "<sip:pauline@sip.example.org>", sdp.ZRTP, sdp.ZRTP, "zrtp as on leg A"},
		{"", "<sip:pauline@sip.example.org>", sdp.SDES, sdp.SDES, "sdes as on leg A"},
		{`none .* sdes .*`, "<sip:a@b>", sdp.SDES, sdp.None, "rule 1"},
		// escapes can't be used to pass by a rule
		{`zrtp sip:bob@.* none .*`, "<sip:%62ob@x.org>", sdp.None, sdp.ZRTP, "rule 1"},
	} {
		d := build(t, tt.rules, "", "", everything...).Decide(facts(t, tt.to, tt.legA))
		require.Nil(t, d.Refusal, "%s", tt.to)
		assert.Equal(t, tt.want, d.Encryption, "%s by %s", tt.to, tt.rules)
		assert.Contains(t, d.Why, tt.why)
	}
}

func TestSuites(t *testing.T) {
	for _, tt := range []struct {
		to    string
		legA  sdp.Encryption
		rules string
		want  []sdp.Suite
	}{
		{"<sip:b2bua_srtpgcm@sip.example.org>", sdp.None, testSuite, []sdp.Suite{sdp.AEADAES256GCM}},
		{"<sip:b2bua_srtp256@sip.example.org>", sdp.None, testSuite, []sdp.Suite{sdp.AES256CMSHA180, sdp.AES256CMSHA132}},
		{"<sip:b2bua_srtp@sip.example.org>", sdp.None, testSuite, []sdp.Suite{sdp.AESCM128SHA180}},
		{"<sip:b2bua_srtp@sip.example.org>", sdp.None, "", sdp.DefaultSuites},
		{"<sip:b2bua_srtp@sip.example.org>", sdp.None, seedSuite, []sdp.Suite{sdp.AESCM128SHA180}},
		// the mode of leg A, taken over, is restricted by the suite rules too
		{"<sip:pauline@sip.example.org>", sdp.SDES, seedSuite, []sdp.Suite{sdp.AESCM128SHA180}},
		{"<sip:pauline@sip.example.org>", sdp.SDES, testSuite, sdp.DefaultSuites},
		// no suites for the other modes
		{"<sip:b2bua_dtls@sip.example.org>", sdp.SDES, seedSuite, nil},
		{"<sip:pauline@sip.example.org>", sdp.None, seedSuite, nil},
	} {
		d := build(t, testModes, tt.rules, "", everything...).Decide(facts(t, tt.to, tt.legA))
		require.Nil(t, d.Refusal)
		assert.Equal(t, tt.want, d.Suites, tt.to)
	}
	d := build(t, "sdes .*", "", "", everything...).Decide(facts(t, "<sip:a@b>", sdp.None))
	d.Suites[0] = sdp.NoSuite
	assert.Equal(t, sdp.AESCM128SHA180, sdp.DefaultSuites[0], "a decision does not share the default list")
}

func TestAddresses(t *testing.T) {
	a := build(t, "", "", "sip:127.0.0.1:5060;transport=tcp", sdp.None)
	d := a.Decide(facts(t, `"Bob" <sip:bob@sip.example.org;gr=urn:uuid:1?Subject=x>;tag=t;z=1`, sdp.None))
	require.Nil(t, d.Refusal)
	assert.Equal(t, `"Bob" <sip:bob@sip.example.org;gr=urn:uuid:1>`, d.Callee.String())
	assert.Equal(t, "Alice A.", d.From.Display)
	assert.Equal(t, "sip:alice@sip.example.org;x=1", d.From.URI.String())
	assert.Empty(t, d.From.Params, "neither tag nor other header parameters")
	require.Len(t, d.Route(), 1)
	assert.Equal(t, "sip:127.0.0.1:5060;transport=tcp;lr", d.Route()[0].URI.String())
	assert.False(t, a.cfg.OutboundProxy.URI.Params.Has("lr"), "the setting is not changed")
	assert.False(t, d.AVPF)
}

func TestRouteIsLeftOutWhenItLeadsNowhereElse(t *testing.T) {
	for _, tt := range []struct {
		proxy, callee string
		route         bool
	}{
		{"sip:127.0.0.1:5060;transport=tcp", "sip:bob@127.0.0.1;transport=tcp", false},
		{"sip:127.0.0.1;transport=tcp", "sip:bob@127.0.0.1:5060;transport=TCP", false},
		{"sip:Proxy.example.org", "sip:bob@proxy.EXAMPLE.org:5060", false},
		{"sips:a.org", "sips:bob@a.org:5061", false},
		{"sip:a.org;transport=tls", "sip:bob@a.org:5061;transport=tls", false},
		{"sip:127.0.0.1:5060;transport=tcp", "sip:bob@127.0.0.1", true},
		{"sip:127.0.0.1:5060", "sip:bob@127.0.0.1:5062", true},
		{"sip:a.org", "sip:bob@b.org", true},
		{"sip:a.org;lr", "sip:bob@b.org", true},
		{"", "sip:bob@b.org", false},
	} {
		d := build(t, "", "", tt.proxy, sdp.None).Decide(facts(t, "<"+tt.callee+">", sdp.None))
		assert.Equal(t, tt.route, len(d.Route()) == 1, "%s to %s", tt.proxy, tt.callee)
		if len(d.Route()) == 1 {
			assert.Equal(t, 1, strings.Count(d.Route()[0].String(), ";lr"))
		}
	}
}

func TestUnsupportedModeIsRefused(t *testing.T) {
	a := build(t, seedModes, "", "", sdp.None, sdp.SDES)
	d := a.Decide(facts(t, "<sip:bob@sip.secure-example.org>", sdp.SDES))
	require.NotNil(t, d.Refusal)
	assert.Equal(t, 488, d.Refusal.Status)
	assert.Equal(t, `leg B to sip:bob@sip.secure-example.org needs zrtp (outgoing-enc-regex rule 1 (zrtp .*@sip\.secure-example\.org)), which this build does not support; it supports none, sdes`, d.Refusal.Why)
	d = a.Decide(facts(t, "<sip:bob@elsewhere.org>", sdp.DTLS))
	require.NotNil(t, d.Refusal)
	assert.Contains(t, d.Refusal.Why, "needs dtls-srtp (no rule")
}

func TestRuleThatCannotBeEvaluatedRefusesTheCall(t *testing.T) {
	t.Cleanup(regexp2.StopTimeoutClock)
	slow := `((?:x*)*)*\1y.*`
	rules, problems := ParseEncryptionRules([]string{"zrtp", "sip:" + slow, "none", ".*"}, time.Millisecond)
	require.Empty(t, problems)
	suiteRules, problems := ParseSuiteRules([]string{"AEAD_AES_128_GCM", "sip:" + slow}, time.Millisecond)
	require.Empty(t, problems)
	to := "<sip:" + strings.Repeat("x", 300) + "@a.org>"

	d := New(Config{Encryption: rules, Supported: everything}).Decide(facts(t, to, sdp.None))
	require.NotNil(t, d.Refusal, "never taken for no match")
	assert.Equal(t, 488, d.Refusal.Status)
	assert.Contains(t, d.Refusal.Why, "outgoing-enc-regex rule 1")
	assert.Contains(t, d.Refusal.Why, "took longer than 1ms")
	assert.Less(t, len(d.Refusal.Why), 500, "a stranger's long URI does not fill the log")

	d = New(Config{Suites: suiteRules, Supported: everything}).Decide(facts(t, to, sdp.SDES))
	require.NotNil(t, d.Refusal)
	assert.Contains(t, d.Refusal.Why, "outgoing-srtp-regex rule 1")
	d = New(Config{Suites: suiteRules, Supported: everything}).Decide(facts(t, to, sdp.None))
	assert.Nil(t, d.Refusal, "suite rules are looked at for SDES only")

	long := "<sip:" + strings.Repeat("x", 5000) + "@a.org>"
	d = build(t, "none .*", "", "", everything...).Decide(facts(t, long, sdp.SDES))
	require.NotNil(t, d.Refusal)
	assert.Contains(t, d.Refusal.Why, "at most 4096")
}

func TestBrowsersAreOfferedFeedback(t *testing.T) {
	rules, problems := ParseWebRTCRules([]string{`(x`, `sip:.*@web\.example\.org`, `sip:room.*@.*`}, time.Minute)
	require.Len(t, problems, 1)
	assert.True(t, problems[0].Skipped)
	assert.Equal(t, 1, problems[0].Pair)
	a := New(Config{WebRTC: rules, Supported: everything})
	e := a.Explain(facts(t, "<sip:room7@sip.example.org>", sdp.DTLS))
	assert.True(t, e.Decision.AVPF)
	require.Len(t, e.Steps, 2)
	assert.Equal(t, WebRTCKey, e.Steps[1].Setting)
	assert.Equal(t, "no rule of outgoing-enc-regex matches sip:room7@sip.example.org: dtls-srtp as on leg A, webrtc-regex rule 3 (sip:room.*@.*)", e.Decision.Why)
	assert.False(t, a.Decide(facts(t, "<sip:bob@sip.example.org>", sdp.DTLS)).AVPF)
	for _, mode := range []sdp.Encryption{sdp.None, sdp.SDES, sdp.ZRTP} {
		assert.False(t, a.Decide(facts(t, "<sip:room7@sip.example.org>", mode)).AVPF, "a browser has DTLS-SRTP")
	}
}

func TestExplain(t *testing.T) {
	e := build(t, seedModes, seedSuite, "", everything...).Explain(facts(t, "<sip:bob@sip.example.org>", sdp.ZRTP))
	assert.Equal(t, "sip:bob@sip.example.org", e.Subject)
	var steps []string
	for _, s := range e.Steps {
		steps = append(steps, fmt.Sprintf("%s %d %v", s.Setting, s.Rule.Pair, s.Matched))
	}
	assert.Equal(t, []string{
		"outgoing-enc-regex 1 false", "outgoing-enc-regex 2 false", "outgoing-enc-regex 3 false", "outgoing-enc-regex 4 true",
		"outgoing-srtp-regex 1 false", "outgoing-srtp-regex 2 true",
	}, steps)
	assert.Equal(t, sdp.SDES, e.Decision.Encryption)
	assert.Equal(t, `outgoing-enc-regex rule 4 (sdes .*@sip\.example\.org), outgoing-srtp-regex rule 2 (AES_CM_128_HMAC_SHA1_80 .*@sip\.example\.org)`, e.Decision.Why)
}

func TestInvalidPairsAreSkipped(t *testing.T) {
	rules, problems := ParseEncryptionRules(strings.Fields(`dtsl-srtp a ZRTP b zrtp +c sdes d bogus (e none f zrtp`), time.Minute)
	require.Len(t, rules, 2)
	assert.Equal(t, []int{4, 6}, []int{rules[0].Pair, rules[1].Pair}, "numbers count skipped pairs")
	for i, want := range []Problem{
		{1, "dtsl-srtp", "list contains invalid encryption mode (dtsl-srtp)", "dtls-srtp", true},
		{2, "ZRTP", "list contains invalid encryption mode (ZRTP)", "zrtp", true},
		{3, "+c", "list contains invalid regex (+c): nothing to repeat before + at character 1", `\+ for a literal +, or .+ for any text`, true},
		{5, "bogus", "list contains invalid encryption mode (bogus)", "zrtp, dtls-srtp, sdes or none, in lower case", true},
		{5, "(e", "list contains invalid regex ((e): unbalanced ( at character 1", `\( for a literal parenthesis, or the missing )`, true},
		{7, "zrtp", "the list has an odd number of elements: the last one stands alone and is ignored", `pairs of a mode and a regex, separated by spaces; a space within a regex is written \s`, false},
	} {
		assert.Equal(t, want, problems[i])
	}
	_, problems = ParseEncryptionRules([]string{`.*@a\.org`, "zrtp"}, time.Minute)
	assert.Contains(t, problems[0].Fix, "a mode first")
}

func TestInvalidSuites(t *testing.T) {
	for list, want := range map[string]string{
		"AES_192_CM_HMAC_SHA1_80":                         "known but not supported",
		"AES_CM_128_HMAC_SHA1_80;AES_192_CM_HMAC_SHA1_32": "known but not supported",
		"AES_CM_128_HMAC_SHA1_80;BOGUS":                   "list contains unknown SRTP suite (BOGUS)",
		"aes_cm_128_hmac_sha1_80":                         "list contains unknown SRTP suite (aes_cm_128_hmac_sha1_80)",
		"AES_CM_128_HMAC_SHA1_80;":                        "empty element",
		"AEAD_AES_128_GCM;AEAD_AES_128_GCM":               "listed twice",
	} {
		rules, problems := ParseSuiteRules([]string{list, ".*"}, time.Minute)
		assert.Empty(t, rules, list)
		require.Len(t, problems, 1, list)
		assert.Contains(t, problems[0].Reason, want)
		assert.True(t, problems[0].Skipped)
	}
	_, problems := ParseSuiteRules([]string{"AES_CM_256_HMAC_SHA1_80", ".*"}, time.Minute)
	assert.Equal(t, "AES_256_CM_HMAC_SHA1_80", problems[0].Fix)
	_, problems = ParseSuiteRules([]string{"aead-aes-128-gcm", ".*"}, time.Minute)
	assert.Equal(t, "AEAD_AES_128_GCM", problems[0].Fix)
}

func TestSubject(t *testing.T) {
	for in, want := range map[string]string{
		"sip:alice@a.org":                   "sip:alice@a.org",
		"sip:%61lice@a.org":                 "sip:alice@a.org",
		"sip:a%2Db%2fc@a.org":               "sip:a-b/c@a.org",
		"sip:a%20b%C3%A9@a.org":             "sip:a%20b%c3%a9@a.org",
		"sip:a%@a.org":                      "sip:a%@a.org",
		"sip:a%4@a.org":                     "sip:a%4@a.org",
		"sip:a%zz@a.org":                    "sip:a%zz@a.org",
		"sip:a%40b@a.org":                   "sip:a%40b@a.org",
		"sip:A@A.ORG:5060;TRANSPORT=TCP;lr": "sip:A@A.ORG:5060;TRANSPORT=TCP;lr",
		"sip:a@a.org;gr=urn%3Auuid%3A1":     "sip:a@a.org;gr=urn:uuid:1",
		"sip:a@a.org;x=%3B?Subject=hello":   "sip:a@a.org;x=%3b",
		"sips:a@[::1]:7":                    "sips:a@[::1]:7",
	} {
		u, err := sip.ParseURI(in)
		require.NoError(t, err, in)
		got := Subject(u)
		assert.Equal(t, want, got, in)
		again, err := sip.ParseURI(got)
		require.NoError(t, err)
		assert.Equal(t, got, Subject(again), "stable")
	}
}

func TestNames(t *testing.T) {
	for _, e := range everything {
		parsed, ok := ParseMode(ModeName(e))
		assert.True(t, ok)
		assert.Equal(t, e, parsed)
	}
	assert.Equal(t, "unknown", ModeName(99))
	assert.Equal(t, "AEAD_AES_256_GCM", SuiteName(sdp.AEADAES256GCM))
	assert.Equal(t, "unknown", SuiteName(sdp.NoSuite))
}

func BenchmarkDecide(b *testing.B) {
	rules, _ := ParseEncryptionRules(strings.Fields(seedModes), time.Second)
	proxy, _ := sip.ParseAddress("<sip:127.0.0.1:5060;transport=tcp>")
	to, _ := sip.ParseAddress("<sip:bob@sip.example.org>")
	a := New(Config{Encryption: rules, OutboundProxy: &proxy, Supported: everything})
	b.ReportAllocs()
	for b.Loop() {
		a.Decide(app.Facts{To: to, From: to})
	}
}
