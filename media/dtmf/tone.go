package dtmf

// chars in the order of their event numbers (RFC 4733 section 3.2).
const chars = "0123456789*#ABCD"

// Tone is a digit by its event number, 0 to 15.
type Tone uint8

// Parse reads one of 0-9 * # A-D, in either case.
func Parse(c byte) (Tone, bool) {
	if c >= 'a' && c <= 'd' {
		c -= 'a' - 'A'
	}
	for i := range len(chars) {
		if chars[i] == c {
			return Tone(i), true
		}
	}
	return 0, false
}

// Valid tells whether t is one of the sixteen.
func (t Tone) Valid() bool { return int(t) < len(chars) }

// String is the digit.
func (t Tone) String() string {
	if !t.Valid() {
		return "?"
	}
	return chars[t : t+1]
}
