package sdp

import (
	"errors"
	"fmt"
	"strings"
)

// Warn codes of RFC 3261 section 20.43.
const (
	warnAddress   = 301 // incompatible network address formats
	warnTransport = 302 // incompatible transport protocol
	warnMedia     = 304 // media type not available
	warnFormat    = 305 // incompatible media format
	warnOther     = 399 // miscellaneous
)

// ParseError is a description that cannot be read.
type ParseError struct {
	Line   int // from 1; 0: the description as a whole
	Reason string
}

// Error implements error.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return "SDP: " + e.Reason
	}
	return fmt.Sprintf("SDP line %d: %s", e.Line, e.Reason)
}

// NoStreamError is an offer or answer of which no stream can be used; Unwrap gives the reason of each.
type NoStreamError struct {
	What    string // "the offer", "the answer"
	Streams []error
}

// Error implements error.
func (e *NoStreamError) Error() string {
	if len(e.Streams) == 0 {
		return e.What + " has no audio or video stream that is not switched off (port 0)"
	}
	var reasons []string
	for _, err := range e.Streams {
		reasons = append(reasons, err.Error())
	}
	return e.What + " has no usable stream: " + strings.Join(reasons, "; ")
}

// Unwrap gives the reasons of the streams.
func (e *NoStreamError) Unwrap() []error { return e.Streams }

// StreamError is what is wrong with one m= section; Unwrap gives one of the kinds below.
type StreamError struct {
	Index int // of the section, from 0
	Type  string
	Err   error
}

// Error implements error.
func (e *StreamError) Error() string {
	return fmt.Sprintf("stream %d (%s): %v", e.Index+1, e.Type, e.Err)
}

// Unwrap gives the kind.
func (e *StreamError) Unwrap() error { return e.Err }

// NoCodecError is a stream without a codec in common.
type NoCodecError struct {
	Theirs, Ours []string // name/rate; Ours is empty when everything would do
	Setting      string   // the setting that restricts ours, empty: none
}

// Error implements error.
func (e *NoCodecError) Error() string {
	theirs := "none that can be relayed"
	if len(e.Theirs) > 0 {
		theirs = strings.Join(e.Theirs, ", ")
	}
	switch {
	case e.Setting != "":
		return fmt.Sprintf("no common codec: the peer has %s, and b2bua-server/%s permits %s only", theirs, e.Setting,
			strings.Join(e.Ours, ", "))
	case len(e.Ours) > 0:
		return fmt.Sprintf("no common codec: the peer has %s, ours are %s", theirs, strings.Join(e.Ours, ", "))
	}
	return "no codec: the peer has " + theirs
}

// NoSuiteError is an SDES stream without a usable crypto line.
type NoSuiteError struct {
	Lines []string // the peer's a=crypto lines and why each was passed over, without keys
}

// Error implements error.
func (e *NoSuiteError) Error() string {
	var have []string
	for _, s := range supportedSuites {
		have = append(have, s.String())
	}
	why := "the peer sent no a=crypto line"
	if len(e.Lines) > 0 {
		why = "the peer's lines: " + strings.Join(e.Lines, "; ")
	}
	return "no common SRTP crypto suite: " + why + ". Supported: " + strings.Join(have, ", ")
}

// EncryptionError is a stream that asks for an encryption which is not available here.
type EncryptionError struct {
	Asked     Encryption
	Supported []Encryption
}

// Error implements error.
func (e *EncryptionError) Error() string {
	var have []string
	for _, s := range e.Supported {
		have = append(have, s.String())
	}
	return fmt.Sprintf("media encryption %s is not supported here; supported: %s", e.Asked, strings.Join(have, ", "))
}

// ProfileError is a transport profile (RTP/SAVP, …) that is unknown, comes without keys, or is not the one that was offered.
type ProfileError struct {
	Theirs, Ours string // Ours is empty in an offer
	Reason       string
}

// Error implements error.
func (e *ProfileError) Error() string {
	if e.Ours == "" {
		return fmt.Sprintf("profile %s: %s", e.Theirs, e.Reason)
	}
	return fmt.Sprintf("profile %s in answer to %s: %s", e.Theirs, e.Ours, e.Reason)
}

// KeyError is an answer whose a=crypto line does not pick one that was offered (RFC 4568 section 5.1.3), or a peer whose key is
// our own: with one key for both directions the keystream is used twice (RFC 3711 section 9.1).
type KeyError struct {
	Offered []string // tag and suite of each line of ours
	Lines   []string // what was answered, without keys
	Echo    string   // tag and suite of the line with our own key, empty: none
}

// Error implements error.
func (e *KeyError) Error() string {
	if e.Echo != "" {
		return "the peer's a=crypto line " + e.Echo + " repeats the key that is ours; it has to make one of its own"
	}
	if len(e.Lines) == 0 {
		return "the answer has no a=crypto line; offered: " + strings.Join(e.Offered, ", ")
	}
	return fmt.Sprintf("the answer picks no offered a=crypto line: answered %s; offered: %s", strings.Join(e.Lines, ", "),
		strings.Join(e.Offered, ", "))
}

// DTLSError is a stream whose DTLS attributes (a=fingerprint, a=setup) cannot be used.
type DTLSError struct{ Reason string }

// Error implements error.
func (e *DTLSError) Error() string { return "DTLS-SRTP: " + e.Reason }

// errNoCertificate is a plan for DTLS without our fingerprint: a fault of the caller.
var errNoCertificate = errors.New("sdp: DTLS-SRTP without a certificate of ours: the plan has no Fingerprint")

// AddressError is a stream whose address cannot be sent to.
type AddressError struct{ Reason string }

// Error implements error.
func (e *AddressError) Error() string { return e.Reason }

// SectionError is an answer whose m= sections do not follow those of the offer (RFC 3264 section 6).
type SectionError struct{ Reason string }

// Error implements error.
func (e *SectionError) Error() string { return e.Reason }

// maxWarning bounds the text of a header; the log has the whole error.
const maxWarning = 300

// Warning turns an error of this package into code and text of a Warning header for a 488 (RFC 3261 section 20.43). The text
// is printable ASCII without quotes, so that it can be put between quotes, and of at most 300 characters.
func Warning(err error) (code int, text string) {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r >= 0x7f || r == '\\':
			return ' '
		}
		return r
	}, err.Error())
	if len(text) > maxWarning {
		text = text[:maxWarning-3] + "..."
	}
	return warnCode(err), text
}

func warnCode(err error) int {
	var (
		codec      *NoCodecError
		suite      *NoSuiteError
		key        *KeyError
		encryption *EncryptionError
		profile    *ProfileError
		dtls       *DTLSError
		address    *AddressError
		stream     *StreamError
		none       *NoStreamError
	)
	switch {
	case errors.As(err, &codec):
		return warnFormat
	case errors.As(err, &suite), errors.As(err, &key), errors.As(err, &encryption), errors.As(err, &profile),
		errors.As(err, &dtls):
		return warnTransport
	case errors.As(err, &address):
		return warnAddress
	case errors.As(err, &stream), errors.As(err, &none):
		return warnMedia
	}
	return warnOther
}
