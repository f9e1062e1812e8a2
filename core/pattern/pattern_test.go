package pattern

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dlclark/regexp2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// generous is a limit that no match of a test reaches, unless it is meant to.
const generous = time.Minute

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		// full match, case-sensitive, on the whole URI (spec 3.2)
		{`.*@sip\.example\.org`, []string{"sip:a@sip.example.org"}, []string{
			"sip:a@sip.example.org;gr=x", "sip:a@SIP.example.org", "sip:a@sipxexample.org", "sip:a@sip.example.org.evil", "",
		}},
		{`.*@sip\.example\.org(;.*)?`, []string{"sip:a@sip.example.org", "sip:a@sip.example.org;gr=urn:uuid:f81d4fae"}, []string{"sip:a@sip.example.orgx"}},
		{`.*dtls@sip\.example\.org`, []string{"sip:bob-dtls@sip.example.org"}, []string{"sip:dtls2@sip.example.org"}},
		// alternatives are anchored as a whole
		{`a|ab`, []string{"a", "ab"}, []string{"b", "aab", ""}},
		{`sip:a|.*`, []string{"sip:a", "sip:b"}, nil},
		// quantifiers
		{`ab*`, []string{"a", "abbb"}, []string{"", "b"}},
		{`ab+`, []string{"ab", "abbb"}, []string{"a"}},
		{`ab?`, []string{"a", "ab"}, []string{"abb"}},
		{`a{2}`, []string{"aa"}, []string{"a", "aaa"}},
		{`a{2,}`, []string{"aa", "aaaa"}, []string{"a"}},
		{`a{2,3}`, []string{"aa", "aaa"}, []string{"a", "aaaa"}},
		{`a{0}`, []string{""}, []string{"a"}},
		{`a*?b`, []string{"b", "aab"}, []string{"a"}},
		// repeated quantifiers are a quirk of the original
		{`a**`, []string{"", "aaa"}, []string{"b"}},
		{`a++`, []string{"a", "aaa"}, []string{""}},
		{`a{2}{3}`, []string{"aaaaaa"}, []string{"aaa"}},
		{`a+?+`, []string{"a", "aa"}, []string{""}},
		// groups
		{`(ab)+`, []string{"ab", "abab"}, []string{"aba"}},
		{`(?:ab)+`, []string{"ab", "abab"}, []string{"aba"}},
		{`()`, []string{""}, []string{"a"}},
		{`(|a)b`, []string{"b", "ab"}, []string{"a"}},
		// the empty expression matches the empty string only
		{``, []string{""}, []string{"a"}},
		{`a||b`, []string{"", "a", "b"}, []string{"ab"}},
		// classes
		{`[abc]`, []string{"a", "c"}, []string{"d", "", "ab"}},
		{`[^abc]`, []string{"d", "é"}, []string{"a", ""}},
		{`[a-c]+`, []string{"abc"}, []string{"abd"}},
		{`[-a]`, []string{"-", "a"}, []string{"b"}},
		{`[a-]`, []string{"-", "a"}, []string{"b"}},
		{`[a^]`, []string{"a", "^"}, []string{"b"}},
		{`[.*+?(){}|$]`, []string{".", "*", "|", "$"}, []string{"a"}},
		{`[\]\\\-]+`, []string{`]\-`}, []string{"a"}},
		{`[[:alpha:]]+`, []string{"abZ"}, []string{"a1", "é"}},
		{`[[:digit:]]{3}`, []string{"123"}, []string{"12a"}},
		{`[^[:space:]]`, []string{"a"}, []string{" "}},
		{`[[:alnum:]_.]+`, []string{"a_1.b"}, []string{"a-b"}},
		{`[[:upper:][:digit:]]+`, []string{"A1"}, []string{"a"}},
		{`[[:xdigit:]]+`, []string{"09afAF"}, []string{"g"}},
		{`[[:punct:]]`, []string{"!", "@", "~"}, []string{"a", " "}},
		{`[[:blank:]]`, []string{" ", "\t"}, []string{"\n"}},
		{`[[:w:]]`, []string{"_"}, []string{"-"}},
		{`[[.a.]]`, []string{"a"}, []string{"b", "."}},
		{`[[.hyphen.]-[.slash.]]`, []string{"-", ".", "/"}, []string{"0"}},
		{`[[=a=]]`, []string{"a"}, []string{"b"}},
		{`[\d]+`, []string{"12"}, []string{"a"}},
		{`[\D]+`, []string{"ab"}, []string{"a1"}},
		{`[^\W]+`, []string{"ab_1"}, []string{"-"}},
		// escapes
		{`\d+`, []string{"0123"}, []string{"٣", "a"}},
		{`\D`, []string{"a"}, []string{"1"}},
		{`\w+`, []string{"aZ_9"}, []string{"é", "-"}},
		{`\W`, []string{"-", "é"}, []string{"a"}},
		{`a\sb`, []string{"a b", "a\tb"}, []string{"ab"}},
		{`\S+`, []string{"ab"}, []string{"a b"}},
		{`\bab\b.*`, []string{"ab", "ab cd"}, []string{"abc"}},
		{`a\Bb`, []string{"ab"}, []string{"a b"}},
		{`\.\*\+\?\(\)\[\]\{\}\|\^\$\\\/`, []string{`.*+?()[]{}|^$\/`}, nil},
		{`\x41\u0042`, []string{"AB"}, nil},
		{`\t\n\cA`, []string{"\t\n\x01"}, nil},
		{`a}b]`, []string{"a}b]"}, nil},
		// the dot stops at line breaks
		{`a.b`, []string{"axb", "aéb"}, []string{"a\nb", "a\rb", "ab"}},
		// redundant anchors
		{`^a$`, []string{"a"}, []string{"a\n", "ba"}},
		{`(^a|b$)`, []string{"a", "b"}, nil},
		{`a^b`, nil, []string{"ab", "a^b"}},
		// what only ECMAScript has
		{`(?!.*evil).*`, []string{"sip:good"}, []string{"sip:evil"}},
		{`sip:(?=.*@x\.org).*`, []string{"sip:a@x.org"}, []string{"sip:a@y.org"}},
		{`(a|b)\1`, []string{"aa", "bb"}, []string{"ab"}},
		{`sip:(.+)@\1`, []string{"sip:x@x"}, []string{"sip:x@y"}},
		{`(a)|b\1`, []string{"a"}, []string{"b"}},
		{`(?=a)[[:alpha:]]\b`, []string{"a"}, []string{"b"}},
		{`(?!a)[^\d]\Bx`, []string{"bx"}, []string{"1x"}},
		// sizes beyond the linear engine's own bound
		{`a{1500}`, []string{strings.Repeat("a", 1500)}, []string{strings.Repeat("a", 1499)}},
	} {
		p, err := Compile(tt.pattern, generous)
		require.NoError(t, err, tt.pattern)
		assert.Equal(t, tt.pattern, p.String())
		for _, s := range tt.yes {
			ok, err := p.Match(s)
			assert.NoError(t, err)
			assert.True(t, ok, "%s must match %q", tt.pattern, s)
		}
		for _, s := range tt.no {
			ok, err := p.Match(s)
			assert.NoError(t, err)
			assert.False(t, ok, "%s must not match %q", tt.pattern, s)
		}
	}
}

func TestLinearUnlessItCannotBe(t *testing.T) {
	for expr, want := range map[string]bool{
		`.*@sip\.example\.org(;.*)?`: true, `(a+)+b`: true, `a**`: true, `[[:alpha:]]+`: true, `\bx`: true, `(?:a)`: true,
		`(?=a)a`: false, `(?!a)b`: false, `(a)\1`: false, `a{1500}`: false,
	} {
		p, err := Compile(expr, generous)
		require.NoError(t, err)
		assert.Equal(t, want, p.Linear(), expr)
	}
}

func TestInvalid(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		at      int
		problem string
		fix     string
	}{
		{`*a`, 0, "nothing to repeat before *", `\*`},
		{`+33.*`, 0, "nothing to repeat before +", `\+`},
		{`?a`, 0, "nothing to repeat before ?", `\?`},
		{`a|*b`, 2, "nothing to repeat before *", `\*`},
		{`(+a)`, 1, "nothing to repeat before +", `\+`},
		{`^*a`, 1, "^ cannot be repeated", `\*`},
		{`a$+`, 2, "$ cannot be repeated", `\+`},
		{`\b*`, 2, `\b cannot be repeated`, `\*`},
		{`(?=a)*`, 5, "(?=a) cannot be repeated", `\*`},
		{`(a`, 0, "unbalanced (", `\(`},
		{`a)`, 1, "unbalanced )", `\)`},
		{`a(b(c)`, 1, "unbalanced (", `\(`},
		{`[a`, 0, "unbalanced [", `\[`},
		{`[`, 0, "unbalanced [", `\[`},
		{`[a-`, 0, "unbalanced [", `\[`},
		{`[[:alpha:]`, 0, "unbalanced [", `\[`},
		{`[[:alpha`, 0, "unbalanced [", `:]`},
		{`[[:alfa:]]`, 1, "unknown class [:alfa:]", "alpha"},
		{`[[.foo.]]`, 1, "unknown character name foo", "itself"},
		{`[]a]`, 0, "two ways", `\]`},
		{`[^]`, 0, "two ways", `[\s\S]`},
		{`[z-a]`, 1, "wrong order", "lower"},
		{`[a-\d]`, 1, "range", `\-`},
		{`(?i)a`, 0, "unknown group (?i)", "[Aa]"},
		{`(?<a>b)`, 0, "unknown group (?<a", "(?: )"},
		{`(?<=a)b`, 0, "unknown group (?<=", "(?= )"},
		{`(?`, 0, "unknown group (?", "(?: )"},
		{`a{,3}`, 1, "{ without a first count", `{m,n}`},
		{`a{3,1}`, 1, "the counts of {3,1} are in the wrong order", `{m,n}`},
		{`a{2`, 1, "{ without its }", `\{`},
		{`a{x}`, 1, "{ without a first count", `\{`},
		{`{2}`, 0, "nothing to repeat before {", `\{`},
		{`a\`, 1, "nothing follows the last backslash", `\\`},
		{`[\`, 1, "nothing follows the last backslash", `\\`},
		{`(a)[\1]`, 4, `\1 means nothing within a class`, "without"},
		{`[\B]`, 1, `\B means nothing within a class`, "without"},
		{`\1`, 0, `\1 refers to a group`, "number"},
		{`(a\1)`, 2, `\1 refers to a group`, "number"},
		{`\2(a)(b)`, 0, `\2 refers to a group`, "number"},
		{`\x4`, 0, "incomplete escape", "2 hexadecimal"},
		{`\u12`, 0, "incomplete escape", "4 hexadecimal"},
		{`\ud800`, 0, "no character", "itself"},
		{`\c1`, 0, `\c without a letter`, `\cA`},
		{"a\xff", 0, "UTF-8", "UTF-8"},
		{`a{1000}{1000}`, 0, "too large", "smaller"},
		{`a` + strings.Repeat("*", 20), 0, "too many repetitions", "one"},
		{strings.Repeat("(", 200) + strings.Repeat(")", 200), 100, "deeper", "fewer"},
		{strings.Repeat("(a)", 101), 300, "more than 100 groups", "(?: )"},
		{strings.Repeat("a", MaxPattern+1), 0, "at most", "shorter"},
	} {
		_, err := Compile(tt.pattern, generous)
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, tt.pattern)
		assert.Equal(t, tt.at, syntax.At, tt.pattern)
		assert.Contains(t, syntax.Problem, tt.problem, tt.pattern)
		assert.Contains(t, syntax.Fix, tt.fix, tt.pattern)
		assert.Contains(t, err.Error(), "write ")
	}
}

func TestTimeoutIsNoAnswer(t *testing.T) {
	t.Cleanup(regexp2.StopTimeoutClock)
	p, err := Compile(`((?:a*)*)*\1b`, time.Millisecond)
	require.NoError(t, err)
	_, err = p.Match(strings.Repeat("a", 200))
	var timeout *TimeoutError
	require.ErrorAs(t, err, &timeout)
	assert.Contains(t, err.Error(), "took longer than 1ms")
}

func TestLongTextIsNotLookedAt(t *testing.T) {
	p, err := Compile(`.*`, generous)
	require.NoError(t, err)
	ok, err := p.Match(strings.Repeat("a", MaxSubject))
	assert.NoError(t, err)
	assert.True(t, ok)
	_, err = p.Match(strings.Repeat("a", MaxSubject+1))
	var long *TooLongError
	require.ErrorAs(t, err, &long)
	assert.Equal(t, MaxSubject+1, long.Length)
}

// The original's engine is libstdc++; its answers to random expressions are recorded in testdata.
func TestAgreesWithLibstdcxx(t *testing.T) {
	t.Cleanup(regexp2.StopTimeoutClock)
	data, err := os.ReadFile("testdata/libstdcxx.txt")
	require.NoError(t, err)
	cases := 0
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var want, expr, text string
		_, err := fmt.Sscanf(line, "%s %q %q", &want, &expr, &text)
		require.NoError(t, err, line)
		cases++
		p, err := Compile(expr, generous)
		if want == "invalid" {
			assert.Error(t, err, line)
			continue
		}
		require.NoError(t, err, line)
		ok, err := p.Match(text)
		assert.NoError(t, err)
		assert.Equal(t, want == "yes", ok, line)
	}
	assert.Greater(t, cases, 1000)
}

func TestQuote(t *testing.T) {
	text := `a.b*c+d?(e)[f]{g}|^$\h`
	p, err := Compile(Quote(text), generous)
	require.NoError(t, err)
	ok, _ := p.Match(text)
	assert.True(t, ok)
}

// FuzzPattern compiles arbitrary expressions and compares both engines where both can run an expression.
func FuzzPattern(f *testing.F) {
	f.Cleanup(regexp2.StopTimeoutClock)
	f.Fuzz(func(t *testing.T, expr, subject string) {
		p, err := Compile(expr, 20*time.Millisecond)
		if err != nil {
			var syntax *SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.GreaterOrEqual(t, syntax.At, 0)
			require.LessOrEqual(t, syntax.At, len(expr))
			require.NotEmpty(t, syntax.Fix)
			return
		}
		got, err := p.Match(subject)
		if err != nil || !p.Linear() {
			return
		}
		tree, err := parse(expr)
		require.NoError(t, err)
		other, err := regexp2.Compile(`\A(?:`+emit(tree.root, backtrackDialect)+`)\z`, regexp2.None)
		require.NoError(t, err, "the backtracking engine takes what the linear one takes")
		other.MatchTimeout = 20 * time.Millisecond
		if want, err := other.MatchString(strings.ToValidUTF8(subject, "\ufffd")); err == nil && strings.ToValidUTF8(subject, "\ufffd") == subject {
			require.Equal(t, want, got, "%q on %q: the engines differ", expr, subject)
		}
	})
}
