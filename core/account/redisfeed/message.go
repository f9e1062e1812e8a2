package redisfeed

import (
	"errors"
	"fmt"

	"b2bua/core/jsondoc"
	"b2bua/core/sip"
)

// Channel is where changes are announced.
const Channel = "flexisip/B2BUA/account"

// Key names an account that has changed.
type Key struct {
	URI        string // canonical (sip.URI.Canonical) of sip:<username>@<domain>
	Identifier string // what updateQuery gets as :identifier
}

// ParseMessage reads an announcement: a JSON object with the strings username, domain and identifier; others are ignored. The
// error says what is wrong without any value of the message, which may hold what is not meant for a log.
func ParseMessage(payload []byte) (Key, error) {
	if len(payload) > maxMessage {
		return Key{}, fmt.Errorf("it has %d bytes, more than %d", len(payload), maxMessage)
	}
	root, rest, faults := jsondoc.Parse(payload)
	switch {
	case root == nil && len(faults) == 0 || len(payload) == 0:
		return Key{}, errors.New("it is empty")
	case len(faults) > 0:
		return Key{}, fmt.Errorf("it is not JSON (at byte %d)", faults[0].Offset)
	case rest >= 0:
		return Key{}, fmt.Errorf("something follows the JSON object at byte %d", rest)
	case root.Kind != jsondoc.Object:
		return Key{}, fmt.Errorf("it is %v, not an object", root.Kind)
	}
	var text [3]string
	for i, name := range [3]string{"username", "domain", "identifier"} {
		v := root.Get(name)
		switch {
		case v == nil:
			return Key{}, fmt.Errorf("the member %q is missing", name)
		case v.Kind != jsondoc.String:
			return Key{}, fmt.Errorf("the member %q is %v, not a string", name, v.Kind)
		case v.Text == "" && i < 2:
			return Key{}, fmt.Errorf("the member %q is empty", name)
		}
		text[i] = v.Text
	}
	u, err := sip.ParseURI("sip:" + text[0] + "@" + text[1])
	if err != nil || u.User == "" || u.Host == "" {
		return Key{}, errors.New("username and domain make no SIP URI sip:<username>@<domain>")
	}
	return Key{URI: u.Canonical(), Identifier: text[2]}, nil
}
