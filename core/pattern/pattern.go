// Package pattern matches whole strings against the regular expressions of the configuration.
//
// The dialect is what works in both readings of the documents, POSIX extended and ECMAScript as C++'s std::regex accepts it
// (spec 3.2): literals, `.`, `* + ? {m,n}` (also lazy, also repeated as in `a**`), `|`, `( )`, `(?: )`, classes with
// `[:alpha:]`, `[.x.]`, `[=x=]`, `\d \w \s \b` with their opposites, `^`, `$`, and from ECMAScript `(?= )`, `(?! )` and
// back-references. Classes are ASCII, letters are compared with their case.
//
// A pattern without look-ahead and back-reference runs in time linear in the length of the string; any other is given up
// after a time limit, which is an error and never "no match".
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// Limits. An operator writes patterns, a stranger the strings that they are matched with; both are bounded so that one
// match never holds up the other calls.
const (
	MaxPattern = 8192  // bytes of one expression; the original cuts lines at 20479
	MaxSubject = 4096  // bytes of the string; the longest real GRUUs are a tenth of it
	maxDepth   = 100   // nested groups
	maxStacked = 8     // repetitions of one element, as in a**; each nests
	maxSize    = 20000 // elements once {m,n} are written out
	maxGroups  = 100   // capturing groups
)

// Pattern is a compiled expression. It may be used by several goroutines.
type Pattern struct {
	text   string
	linear *regexp.Regexp  // nil: backtracking is needed
	back   *regexp2.Regexp // nil: linear
	limit  time.Duration
}

// TooLongError is a string longer than MaxSubject, which is not looked at.
type TooLongError struct{ Length int }

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the text has %d bytes, patterns are applied to at most %d", e.Length, MaxSubject)
}

// TimeoutError is a match that was given up.
type TimeoutError struct {
	Pattern string
	Limit   time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("pattern %s took longer than %v; write it without nested repetition, look-ahead and back-reference", e.Pattern, e.Limit)
}

// Compile parses an expression. The limit applies to each Match of an expression with look-ahead or back-reference; it must
// be positive. An invalid expression gives a *SyntaxError.
func Compile(text string, limit time.Duration) (*Pattern, error) {
	tree, err := parse(text)
	if err != nil {
		return nil, err
	}
	p := &Pattern{text: text, limit: limit}
	if !tree.backtracks {
		if p.linear, err = regexp.Compile(`\A(?:` + emit(tree.root, linearDialect) + `)\z`); err == nil {
			return p, nil
		}
		var se *syntax.Error // a repetition beyond RE2's own bound: the other engine takes it
		if !errors.As(err, &se) || (se.Code != syntax.ErrInvalidRepeatSize && se.Code != syntax.ErrLarge && se.Code != syntax.ErrNestingDepth) {
			return nil, &SyntaxError{Text: text, Problem: "cannot be compiled: " + err.Error(), Fix: "a simpler expression"}
		}
	}
	p.back, err = regexp2.Compile(`\A(?:`+emit(tree.root, backtrackDialect)+`)\z`, regexp2.None)
	if err != nil {
		return nil, &SyntaxError{Text: text, Problem: "cannot be compiled: " + err.Error(), Fix: "a simpler expression"}
	}
	p.back.MatchTimeout = limit
	return p, nil
}

// Match tells whether the whole string matches. The error is a *TooLongError or *TimeoutError: the answer is unknown then.
func (p *Pattern) Match(s string) (bool, error) {
	if len(s) > MaxSubject {
		return false, &TooLongError{len(s)}
	}
	if p.linear != nil {
		return p.linear.MatchString(s), nil
	}
	ok, err := p.back.MatchString(s)
	if err != nil { // regexp2 has no other error at match time
		return false, &TimeoutError{Pattern: p.text, Limit: p.limit}
	}
	return ok, nil
}

// String is the expression as written.
func (p *Pattern) String() string { return p.text }

// Linear tells whether a match takes time linear in the length of the string.
func (p *Pattern) Linear() bool { return p.linear != nil }

// SyntaxError says where an expression is invalid and what to write instead.
type SyntaxError struct {
	Text    string
	At      int    // byte offset of the fault, from 0
	Problem string // "nothing to repeat before +"
	Fix     string // what to write: `\+ for a literal plus`
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s (character %d of %s); write %s", e.Problem, e.At+1, e.Text, e.Fix)
}

// Quote escapes text so that it matches literally.
func Quote(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte(`\^$.|?*+()[]{}`, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
