package pattern

// node is one element of a parsed expression.
type node interface{ size() int }

type (
	alternation struct{ options []node }
	sequence    struct{ items []node }
	group       struct {
		of      node
		capture bool
	}
	look struct { // (?= ) and (?! )
		of      node
		negated bool
	}
	repeat struct {
		of       node
		min, max int // max -1: no limit
		lazy     bool
	}
	class   struct{ set set }    // one character out of a set
	literal struct{ r rune }     // one character
	anchor  struct{ kind byte }  // '^', '$', 'b', 'B'
	backref struct{ number int } // \1
)

func (n alternation) size() int { return 1 + sum(n.options) }
func (n sequence) size() int    { return 1 + sum(n.items) }
func (n group) size() int       { return 1 + n.of.size() }
func (n look) size() int        { return 1 + n.of.size() }
func (class) size() int         { return 1 }
func (literal) size() int       { return 1 }
func (anchor) size() int        { return 1 }
func (backref) size() int       { return 1 }

// size of a repetition is that of its copies, as the linear engine writes them out; it saturates above maxSize.
func (n repeat) size() int {
	times := max(n.min, n.max, 1)
	one := n.of.size()
	if times > maxSize || one > maxSize {
		return maxSize + 1
	}
	return 1 + times*one
}

func sum(nodes []node) int {
	total := 0
	for _, n := range nodes {
		if total += n.size(); total > maxSize {
			return maxSize + 1
		}
	}
	return total
}

// span is a range of characters, both ends included.
type span struct{ lo, hi rune }

// set is a class of characters.
type set struct {
	spans   []span
	negated bool
}

const lastRune = 0x10FFFF

// The named classes of POSIX in the C locale, with ECMAScript's d, w and s, which std::regex takes as names too.
var named = map[string][]span{
	"alnum":  {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}},
	"alpha":  {{'A', 'Z'}, {'a', 'z'}},
	"blank":  {{' ', ' '}, {'\t', '\t'}},
	"cntrl":  {{0, 0x1f}, {0x7f, 0x7f}},
	"digit":  {{'0', '9'}},
	"graph":  {{'!', '~'}},
	"lower":  {{'a', 'z'}},
	"print":  {{' ', '~'}},
	"punct":  {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}},
	"space":  {{' ', ' '}, {'\t', '\r'}},
	"upper":  {{'A', 'Z'}},
	"xdigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}},
	"d":      {{'0', '9'}},
	"w":      {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
	"s":      {{' ', ' '}, {'\t', '\r'}},
}

// anyChar is `.`: everything but line breaks (ECMA-262 section 22.2.2.7).
var anyChar = set{spans: []span{{'\n', '\n'}, {'\r', '\r'}}, negated: true}

// outside is the complement of spans, which must be in order and apart.
func outside(spans []span) []span {
	var out []span
	next := rune(0)
	for _, s := range ordered(spans) {
		if s.lo > next {
			out = append(out, span{next, s.lo - 1})
		}
		next = s.hi + 1
	}
	return append(out, span{next, lastRune})
}
