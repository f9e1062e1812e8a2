package sdp

import (
	"fmt"
	"strings"

	"b2bua/media/sdes"
)

var kindWords = [...]string{Audio: "audio", Video: "video", Other: "other"}

// String is "audio", "video" or "other".
func (k Kind) String() string { return word(kindWords[:], uint8(k), "Kind") }

var directionWords = [...]string{SendRecv: "sendrecv", SendOnly: "sendonly", RecvOnly: "recvonly", Inactive: "inactive"}

// String is the attribute's name: "sendrecv", "sendonly", "recvonly", "inactive".
func (d Direction) String() string { return word(directionWords[:], uint8(d), "Direction") }

// Sends tells whether the one who writes d sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives tells whether the one who writes d receives.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Mirror is the same stream seen from the other end.
func (d Direction) Mirror() Direction { return direction(d.Receives(), d.Sends()) }

// And is what remains when both d and e must permit it, both seen from the same end.
func (d Direction) And(e Direction) Direction {
	return direction(d.Sends() && e.Sends(), d.Receives() && e.Receives())
}

func direction(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}

func parseDirection(s string) (Direction, bool) {
	for d, w := range directionWords {
		if s == w {
			return Direction(d), true
		}
	}
	return SendRecv, false
}

var encryptionWords = [...]string{None: "none", SDES: "sdes", DTLS: "dtls-srtp", ZRTP: "zrtp"}

// String is the word of the configuration: "none", "sdes", "dtls-srtp", "zrtp".
func (e Encryption) String() string { return word(encryptionWords[:], uint8(e), "Encryption") }

// ParseEncryption reads a word of the configuration, exactly as String writes it (spec 3.3).
func ParseEncryption(s string) (Encryption, error) {
	for e, w := range encryptionWords {
		if s == w {
			return Encryption(e), nil
		}
	}
	return None, fmt.Errorf("unknown media encryption %q: write one of %s", s, strings.Join(encryptionWords[:], ", "))
}

// ParseSuite finds an SRTP suite by its name, in either spelling of the 256-bit ones; names are compared with case.
func ParseSuite(s string) (Suite, error) { return sdes.ParseSuite(s) }

func word(words []string, i uint8, kind string) string {
	if int(i) >= len(words) {
		return fmt.Sprintf("%s(%d)", kind, i)
	}
	return words[i]
}
