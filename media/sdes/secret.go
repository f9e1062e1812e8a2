package sdes

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is key material: master key followed by master salt. It prints redacted and is wiped when its leg closes.
//
// Keep it in exported fields: fmt cannot call methods of a value that it reaches through an unexported one.
type Secret []byte

// Format prints "[redacted]" whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String is "[redacted]".
func (s Secret) String() string { return redacted }

// GoString is "[redacted]".
func (s Secret) GoString() string { return redacted }

// LogValue is "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is "[redacted]", also in JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Clone is a copy with memory of its own.
func (s Secret) Clone() Secret {
	if s == nil {
		return nil
	}
	return append(Secret{}, s...)
}

// Wipe overwrites the key with zeros.
func (s Secret) Wipe() { clear(s) }
