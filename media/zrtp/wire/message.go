package wire

// Code names an algorithm in messages: ASCII, padded with blanks.
type Code = [4]byte

// Codes that decide about the form of a Commit (RFC 6189 section 5.4).
var (
	mult = Code{'M', 'u', 'l', 't'}
	prsh = Code{'P', 'r', 's', 'h'}
)

// Type is the type of a message.
type Type uint8

// The types of messages (RFC 6189 sections 5.2 to 5.16).
const (
	Unknown Type = iota
	Hello
	HelloACK
	Commit
	DHPart1
	DHPart2
	Confirm1
	Confirm2
	Conf2ACK
	Failure
	ErrorACK
	GoClear
	ClearACK
	SASrelay
	RelayACK
	Ping
	PingACK
)

type form struct {
	name string
	min  int // octets
	max  int
}

const (
	messageMin = 12                // preamble, length, type
	messageMax = 0xffff * wordSize // what the length field can say
	signature  = 511 * wordSize    // the longest signature block (RFC 6189 section 5.7)
	macSize    = 8                 // of every truncated MAC
	helloMin   = 88                // without any algorithm
	helloMax   = helloMin + 5*7*4  // at most seven in each of five lists
	commitMult = 100               // nonce
	commitPrsh = 108               // nonce, keyID
	commitDH   = 116               // hvi
	dhpartMin  = 76 + wordSize + macSize
	confirmMin = 76
)

// forms gives the name and the bounds of each type; what is inside Hello, Commit and Confirm narrows them further.
var forms = [...]form{
	Unknown:  {"unknown", 0, -1},
	Hello:    {"Hello   ", helloMin, helloMax},
	HelloACK: {"HelloACK", messageMin, messageMin},
	Commit:   {"Commit  ", commitMult, messageMax},
	DHPart1:  {"DHPart1 ", dhpartMin, messageMax},
	DHPart2:  {"DHPart2 ", dhpartMin, messageMax},
	Confirm1: {"Confirm1", confirmMin, confirmMin + signature},
	Confirm2: {"Confirm2", confirmMin, confirmMin + signature},
	Conf2ACK: {"Conf2ACK", messageMin, messageMin},
	Failure:  {"Error   ", 16, 16},
	ErrorACK: {"ErrorACK", messageMin, messageMin},
	GoClear:  {"GoClear ", 20, 20},
	ClearACK: {"ClearACK", messageMin, messageMin},
	SASrelay: {"SASrelay", confirmMin, confirmMin + signature},
	RelayACK: {"RelayACK", messageMin, messageMin},
	Ping:     {"Ping    ", 24, 24},
	PingACK:  {"PingACK ", 36, 36},
}

// String is the name of the type without its padding.
func (t Type) String() string {
	if int(t) >= len(forms) {
		t = Unknown
	}
	name := forms[t].name
	for name[len(name)-1] == ' ' {
		name = name[:len(name)-1]
	}
	return name
}

// Check tells the type of a message whose form is right as far as it can be seen without keys: after it the Parse function of
// that type cannot fail. A message that is not right has the type Unknown.
func Check(m []byte) (Type, error) {
	t, err := typeOf(m)
	if err != nil {
		return Unknown, err
	}
	if len(m) < forms[t].min || len(m) > forms[t].max {
		return Unknown, ErrTypeLength
	}
	switch t { //nolint:exhaustive // the others have one length
	case Hello:
		err = checkHello(m)
	case Commit:
		err = checkCommit(m)
	}
	if err != nil {
		return Unknown, err
	}
	return t, nil
}

func typeOf(m []byte) (Type, error) {
	if len(m) < messageMin || words(m)*wordSize != len(m) {
		return Unknown, ErrLength
	}
	if m[0] != 0x50 || m[1] != 0x5a {
		return Unknown, ErrPreamble
	}
	for t := Hello; int(t) < len(forms); t++ {
		if string(m[4:messageMin]) == forms[t].name {
			return t, nil
		}
	}
	return Unknown, ErrType
}

// MAC is the last field of a Hello, Commit or DHPart.
func MAC(m []byte) []byte { return m[len(m)-macSize:] }

// Covered is what that MAC is computed over.
func Covered(m []byte) []byte { return m[:len(m)-macSize] }

// AppendEmpty appends one of the messages that have no fields.
func AppendEmpty(dst []byte, t Type) []byte { return appendStart(dst, t, messageMin) }

func appendStart(dst []byte, t Type, size int) []byte {
	n := size / wordSize
	dst = append(dst, 0x50, 0x5a, byte(n>>8), byte(n))
	return append(dst, forms[t].name...)
}

func pad(n int) int { return (n + wordSize - 1) &^ (wordSize - 1) }
