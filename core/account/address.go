package account

import (
	"errors"
	"regexp"
	"strings"

	"b2bua/core/sip"
)

// Protocol is the transport of an address that names a host alone.
type Protocol uint8

// Protocols.
const (
	UDP Protocol = iota
	TCP
	TLS
)

// String is the name in a providers file.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case TLS:
		return "tls"
	case UDP:
	}
	return "udp"
}

// ParseProtocol reads a protocol in any case; an empty one is udp.
func ParseProtocol(s string) (Protocol, bool) {
	switch strings.ToLower(s) {
	case "", "udp":
		return UDP, true
	case "tcp":
		return TCP, true
	case "tls":
		return TLS, true
	}
	return UDP, false
}

var fullAddress = regexp.MustCompile(`^(<|)(sip|sips):.+$`)

// Resolve reads an outbound proxy or registrar: a SIP address as it is, or a host with optional port, which the protocol makes
// an address of (spec 4.4).
func Resolve(text string, p Protocol) (sip.Address, error) {
	if fullAddress.MatchString(text) {
		return parseServer(text)
	}
	switch p {
	case TLS:
		text = "sips:" + text
	case TCP:
		text = "sip:" + text + ";transport=tcp"
	case UDP:
		text = "sip:" + text
	}
	return parseServer(text)
}

var errNoServer = errors.New("it is not the SIP address of a server")

// parseServer reads a SIP address; parameters without brackets belong to the URI, there being no header here.
func parseServer(text string) (sip.Address, error) {
	if strings.HasPrefix(text, "sip:") || strings.HasPrefix(text, "sips:") {
		u, err := sip.ParseURI(text)
		if err != nil {
			return sip.Address{}, errNoServer
		}
		return sip.Address{URI: u}, nil
	}
	a, err := sip.ParseAddress(text)
	if err != nil || a.URI.Scheme != "sip" && a.URI.Scheme != "sips" {
		return sip.Address{}, errNoServer
	}
	return a, nil
}

// ParseServer reads the SIP address of a server as pools and providers name it: <sip:host;transport=tls>, or without brackets.
func ParseServer(text string) (sip.Address, error) { return parseServer(text) }

// serverText is the form of an address that Spec keeps: parseServer reads it back.
func serverText(a sip.Address) string {
	if a.Display == "" && len(a.Params) == 0 {
		return a.URI.String()
	}
	return a.String()
}
