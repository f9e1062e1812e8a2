package sdes

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// Limits on what a stranger writes into one line. The whole line is already bounded by media/sdp.
const (
	maxTagDigits     = 9   // RFC 4568 section 9.1: tag = 1*9DIGIT
	maxMKILength     = 128 // RFC 4568 section 9.1: mki-length 1..128
	maxMKIDigits     = 309 // 128 octets written in decimal
	maxParams        = 16  // session parameters of one line; seven exist
	maxLifetimePower = 48  // RFC 3711 section 9.2: at most 2^48 SRTP packets per key
)

// Crypto is one a=crypto line (RFC 4568 section 9.1). A lifetime is accepted and not kept: no call comes near 2^48 packets.
type Crypto struct {
	Tag   int
	Suite Suite
	Key   Secret
	MKI   []byte // master key identifier as it follows each packet, empty: none
	// Name is the suite's name as the peer wrote it, so that an answer repeats its spelling. Empty: the registered one.
	Name string
}

// Faults that an operator may want to tell apart; a *LineError wraps them.
var (
	ErrSyntax      = errors.New("malformed line")
	ErrKey         = errors.New("malformed key")
	ErrSeveralKeys = errors.New("several master keys in one line are not supported")
	ErrParameter   = errors.New("unsupported session parameter")
)

// LineError is an a=crypto line that cannot be used. It holds nothing of the key.
type LineError struct {
	Tag   int    // 0: not even the tag could be read
	Suite string // as written, if it looks like a name
	Err   error  // wraps one of the faults above, or *SuiteError
}

// Error implements error.
func (e *LineError) Error() string {
	if e.Tag == 0 {
		return fmt.Sprintf("a=crypto: %v", e.Err)
	}
	var suite *SuiteError
	if errors.As(e.Err, &suite) {
		return fmt.Sprintf("a=crypto tag %d (%s): unsupported suite", e.Tag, e.Suite)
	}
	return fmt.Sprintf("a=crypto tag %d (%s): %v", e.Tag, e.Suite, e.Err)
}

// Unwrap gives the fault.
func (e *LineError) Unwrap() error { return e.Err }

// Parse reads the value of an a=crypto attribute, what follows "a=crypto:". A line that asks for something that is not
// supported is an error: RFC 4568 section 6.3.7 forbids to use it without. Every error is *LineError.
func Parse(value string) (Crypto, error) {
	var c Crypto
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return c, &LineError{Err: fmt.Errorf("%w: want tag, suite and key", ErrSyntax)}
	}
	tag, err := parseTag(fields[0])
	if err != nil {
		return c, &LineError{Err: err}
	}
	fail := func(err error) (Crypto, error) {
		c.Key.Wipe()
		return Crypto{}, &LineError{Tag: tag, Suite: wordOf(fields[1]), Err: err}
	}
	suite, err := ParseSuite(fields[1])
	if err != nil {
		return fail(&SuiteError{Name: wordOf(fields[1])})
	}
	c = Crypto{Tag: tag, Suite: suite, Name: fields[1]}
	if err := checkParams(fields[3:]); err != nil {
		return fail(err)
	}
	if c.Key, c.MKI, err = parseKey(fields[2], suite); err != nil {
		return fail(err)
	}
	return c, nil
}

func parseTag(s string) (int, error) {
	if s == "" || len(s) > maxTagDigits || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%w: the tag is not a number of at most %d digits", ErrSyntax, maxTagDigits)
	}
	tag, err := strconv.Atoi(s)
	if err != nil || tag == 0 {
		return 0, fmt.Errorf("%w: the tag is not a positive number", ErrSyntax)
	}
	return tag, nil
}

// parseKey reads "inline:" key-salt ["|" lifetime] ["|" MKI ":" length] (RFC 4568 section 6.1).
func parseKey(s string, suite Suite) (Secret, []byte, error) {
	if strings.Contains(s, ";") {
		return nil, nil, ErrSeveralKeys
	}
	const method = "inline:"
	if len(s) < len(method) || !strings.EqualFold(s[:len(method)], method) {
		return nil, nil, fmt.Errorf("%w: the key method is not inline", ErrSyntax)
	}
	parts := strings.Split(s[len(method):], "|")
	if len(parts) > 3 {
		return nil, nil, fmt.Errorf("%w: more than lifetime and MKI after the key", ErrSyntax)
	}
	var mki []byte
	for i, part := range parts[1:] {
		var err error
		switch {
		case strings.Contains(part, ":") && i == len(parts)-2:
			mki, err = parseMKI(part)
		case i == 0:
			err = checkLifetime(part)
		default:
			err = fmt.Errorf("%w: neither lifetime nor MKI after the key", ErrSyntax)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	key, err := decodeKey(parts[0], suite)
	return key, mki, err
}

// decodeKey accepts base64 without its padding too: some senders leave it out.
func decodeKey(s string, suite Suite) (Secret, error) {
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, fmt.Errorf("%w: not base64", ErrKey) // the decoder's own error would tell octets of the key
	}
	if want := suite.KeyLen() + suite.SaltLen(); len(key) != want {
		clear(key)
		return nil, fmt.Errorf("%w: %d octets of key and salt instead of %d", ErrKey, len(key), want)
	}
	return key, nil
}

// checkLifetime accepts "2^n" or a decimal number of packets.
func checkLifetime(s string) error {
	digits, power := strings.CutPrefix(s, "2^")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || power && n > maxLifetimePower || !power && (n == 0 || n > 1<<maxLifetimePower) {
		return fmt.Errorf("%w: the lifetime is not between 1 and 2^%d", ErrSyntax, maxLifetimePower)
	}
	return nil
}

// parseMKI turns "value:length" into the octets that packets carry, big-endian (RFC 4568 section 6.1).
func parseMKI(s string) ([]byte, error) {
	value, length, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n < 1 || n > maxMKILength {
		return nil, fmt.Errorf("%w: the MKI length is not between 1 and %d", ErrSyntax, maxMKILength)
	}
	if value == "" || len(value) > maxMKIDigits || strings.Trim(value, "0123456789") != "" {
		return nil, fmt.Errorf("%w: the MKI is not a number", ErrSyntax)
	}
	v, _ := new(big.Int).SetString(value, 10)
	if v.BitLen() > 8*n {
		return nil, fmt.Errorf("%w: the MKI does not fit its length", ErrSyntax)
	}
	return v.FillBytes(make([]byte, n)), nil
}

// checkParams refuses every parameter that changes how packets are protected. Names are compared without case (section 9.1).
func checkParams(params []string) error {
	if len(params) > maxParams {
		return fmt.Errorf("%w: more than %d of them", ErrParameter, maxParams)
	}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		switch strings.ToUpper(name) {
		case "WSH": // a hint for the replay window (section 6.3.6); ours is larger than its minimum of 64
		case "KDR": // 6.3.1: 0 is the default, one derivation
			if value != "0" {
				return fmt.Errorf("%w: KDR other than 0", ErrParameter)
			}
		default:
			if strings.HasPrefix(name, "-") { // 6.3.7: optional, ignored by those who do not know it
				continue
			}
			return fmt.Errorf("%w: %s", ErrParameter, wordOf(name))
		}
	}
	return nil
}

// Attribute is the value as it stands after "a=crypto:", with the key in clear. It is for the wire and for nothing else.
func (c Crypto) Attribute() string {
	name := c.Name
	if name == "" {
		name = c.Suite.String()
	}
	s := strconv.Itoa(c.Tag) + " " + name + " inline:" + base64.StdEncoding.EncodeToString(c.Key)
	if len(c.MKI) > 0 {
		s += "|" + new(big.Int).SetBytes(c.MKI).String() + ":" + strconv.Itoa(len(c.MKI))
	}
	return s
}

// String names tag and suite, never the key.
func (c Crypto) String() string {
	return fmt.Sprintf("%d %s inline:%s", c.Tag, c.Suite, redacted)
}

// Same tells whether two lines lead to the same SRTP context: suite, key and MKI. Tags do not matter.
func (c Crypto) Same(d Crypto) bool {
	return c.Suite == d.Suite && bytes.Equal(c.Key, d.Key) && bytes.Equal(c.MKI, d.MKI)
}

// Clone is a copy with memory of its own.
func (c Crypto) Clone() Crypto {
	c.Key = c.Key.Clone()
	c.MKI = bytes.Clone(c.MKI)
	return c
}

// New makes a line with a fresh key from rand.
func New(tag int, suite Suite, rand io.Reader) (Crypto, error) {
	n := suite.KeyLen() + suite.SaltLen()
	if n == 0 {
		return Crypto{}, &SuiteError{Name: suite.String()}
	}
	if rand == nil {
		return Crypto{}, errors.New("no source of randomness for SRTP keys")
	}
	key := make(Secret, n)
	if _, err := io.ReadFull(rand, key); err != nil {
		return Crypto{}, fmt.Errorf("no randomness for an SRTP key: %w", err)
	}
	return Crypto{Tag: tag, Suite: suite, Key: key}, nil
}

// wordOf is a name that a stranger wrote, fit for a message of ours. Names are upper-case; anything else may be a key that
// slipped into the wrong place.
func wordOf(s string) string {
	if len(s) > 48 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" {
		return "[unreadable]"
	}
	return s
}
