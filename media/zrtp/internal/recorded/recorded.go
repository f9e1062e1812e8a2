// Package recorded reads recorded ZRTP exchanges for tests.
//
// The exchanges are in testdata/transcripts.json.gz of media/zrtp: what real implementations said to each other, with their
// private inputs and every value they derived. The variable B2BUA_ZRTP_TRANSCRIPTS names another file in the same format,
// plain or compressed, to be read instead.
package recorded

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Variable is the environment variable that names another set.
const Variable = "B2BUA_ZRTP_TRANSCRIPTS"

// Hex is a binary value that is written in hexadecimal digits.
type Hex []byte

// UnmarshalJSON takes a string of digits, or null.
func (h *Hex) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := hex.DecodeString(s)
	*h = v
	return err
}

// Set is a file of exchanges.
type Set struct {
	Transcripts []Transcript `json:"transcripts"`
	Control     struct {
		Vectors []Control `json:"vectors"`
	} `json:"control_messages"`
	Constants struct {
		Words struct {
			Even []string `json:"even"`
			Odd  []string `json:"odd"`
		} `json:"pgp_words"`
		DH3k Hex `json:"dh3k_prime"`
	} `json:"constants"`
	SAS struct {
		Vectors []SAS `json:"vectors"`
	} `json:"sas_rendering"`
}

// Control is a request and its answer: Sent and Reply of a Ping, Error and ErrorACK of an Error.
type Control struct {
	Name     string `json:"name"`
	Origin   string `json:"origin"`
	Sent     Hex    `json:"sent"`
	Reply    Hex    `json:"reply"`
	Error    Hex    `json:"error"`
	ErrorACK Hex    `json:"errorack"`
}

// Datagrams are those that were recorded.
func (c Control) Datagrams() []Hex {
	if c.Sent != nil {
		return []Hex{c.Sent, c.Reply}
	}
	return []Hex{c.Error, c.ErrorACK}
}

// SAS is a value with its renderings.
type SAS struct {
	Value Hex    `json:"sasvalue"`
	B32   string `json:"b32"`
	B256  string `json:"b256"`
}

// Transcript is one or more calls between the same two ends, alice and bob.
type Transcript struct {
	ID     string                       `json:"id"`
	Config map[string]map[string]string `json:"config"`
	Calls  []Call                       `json:"calls"`
}

// Call has one channel for each stream.
type Call struct {
	Label    string    `json:"label"`
	Channels []Channel `json:"channels"`
}

// Channel is the exchange of one stream. Mode is DH, Mult, Prsh or empty.
type Channel struct {
	Number     int                        `json:"channel"`
	Mode       string                     `json:"mode"`
	Initiator  string                     `json:"initiator"`
	Contention bool                       `json:"contention"`
	Algorithms Algorithms                 `json:"algorithms"`
	Packets    []Packet                   `json:"packets"`
	Messages   map[string]Hex             `json:"messages"`
	HashChain  map[string]map[string]Hex  `json:"hash_chain"`
	HelloHash  map[string]Hex             `json:"hello_hash"`
	Private    map[string]json.RawMessage `json:"private"`
	Derived    map[string]json.RawMessage `json:"derived"`
	Confirm1   *Confirm                   `json:"confirm1"`
	Confirm2   *Confirm                   `json:"confirm2"`
	SASRelay   *SASRelay                  `json:"sasrelay"`
	KDFLog     map[string][]KDF           `json:"kdf_log"`
}

// SASRelay is a message of that name and what is in it.
type SASRelay struct {
	From      string `json:"from"`
	Message   Hex    `json:"message"`
	Plaintext Hex    `json:"plaintext"`
	SASHash   Hex    `json:"sashash"`
	Type      string `json:"sas_type"`
	Rendered  string `json:"rendered_b32"`
}

// KDF is one derivation.
type KDF struct {
	Label   string `json:"label"`
	Key     Hex    `json:"key"`
	Context Hex    `json:"context"`
	Bits    int    `json:"L_bits"`
	Out     Hex    `json:"out"`
}

// Algorithms are the codes of the Commit.
type Algorithms struct {
	Hash      string `json:"hash"`
	Cipher    string `json:"cipher"`
	AuthTag   string `json:"auth_tag"`
	Agreement string `json:"key_agreement"`
	SAS       string `json:"sas"`
}

// Confirm is a Confirm1 or Confirm2 and what is in it.
type Confirm struct {
	IV         Hex    `json:"cfb_iv"`
	Ciphertext Hex    `json:"ciphertext"`
	MAC        Hex    `json:"confirm_mac"`
	Plaintext  Hex    `json:"plaintext"`
	H0         Hex    `json:"h0"`
	Expiration Hex    `json:"cache_expiration"`
	Flags      string `json:"flags_EVAD"`
}

// Packet is a datagram at its time in milliseconds.
type Packet struct {
	At   int    `json:"t_ms"`
	From string `json:"from"`
	Type string `json:"type"`
	Data Hex    `json:"hex"`
}

// Value is a derived or private value in octets. The second result tells whether it was recorded.
func Value(from map[string]json.RawMessage, name string) ([]byte, bool) {
	var h Hex
	raw, ok := from[name]
	if !ok || json.Unmarshal(raw, &h) != nil {
		return nil, false
	}
	return h, true
}

// Text is a derived value that is not binary.
func Text(from map[string]json.RawMessage, name string) (string, bool) {
	var s string
	raw, ok := from[name]
	if !ok || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// Read reads the file that [Variable] names, else the given one.
func Read(file string) (*Set, error) {
	if other := os.Getenv(Variable); other != "" {
		file = other
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if b, err = io.ReadAll(z); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	var set Set
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(set.Transcripts) == 0 {
		return nil, errors.New(file + ": no transcripts")
	}
	return &set, nil
}
