package sip

import (
	"net/netip"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// ParseURI reads a URI as it stands in a Request-URI or between < and >.
// Schemes other than sip and sips keep what follows the colon in User, apart from the parameters of tel.
func ParseURI(s string) (URI, error) {
	u, err := parseURI(s)
	if err != nil {
		return URI{}, err
	}
	return u, nil
}

func parseURI(s string) (URI, *ParseError) {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return URI{}, faultf(400, "character 0x%02x in a URI", c)
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) || rest == "" {
		return URI{}, faultf(400, "URI without scheme")
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "sip", "sips":
		return parseSIPURI(scheme, rest)
	case "tel":
		number, params, _ := strings.Cut(rest, ";")
		if number == "" {
			return URI{}, faultf(400, "tel URI without a number")
		}
		u := URI{Scheme: scheme, User: number}
		return u, u.parseParams(params, number != rest)
	}
	return URI{Scheme: scheme, User: rest}, nil
}

// parseSIPURI leaves user, password, host and port to the library. Parameters and headers are ours: the library merges
// equal names, drops the difference between flag and empty value, and takes ; and ? of a user part for them.
func parseSIPURI(scheme, rest string) (URI, *ParseError) {
	u := URI{Scheme: scheme}
	host := strings.IndexByte(rest, '@') + 1
	end := strings.IndexAny(rest[host:], ";?")
	if end < 0 {
		end = len(rest)
	} else {
		end += host
	}
	tail := rest[end:]
	var lib sipgo.Uri
	// The library takes a bracket of a user part for an IPv6 host, so it gets user and host each by itself.
	if err := sipgo.ParseUri("sip:"+rest[host:end], &lib); err != nil {
		return URI{}, faultf(400, "host or port of a URI can't be read")
	}
	if host > 0 {
		u.User, u.Password, _ = strings.Cut(rest[:host-1], ":")
		if u.User == "" {
			return URI{}, faultf(400, "URI with an empty user part")
		}
	}
	u.Host, u.Port = lib.Host, lib.Port
	if !isHost(u.Host) || u.hostPortLen() != end-host {
		return URI{}, faultf(400, "host or port of a URI is no host name, address or port")
	}
	tail, u.Headers, _ = strings.Cut(tail, "?")
	if tail == "" {
		return u, nil
	}
	return u, u.parseParams(tail[1:], true)
}

// hostPortLen is the length of host and port as written; a difference means that the library skipped something.
func (u *URI) hostPortLen() int {
	if u.Port == 0 {
		return len(u.Host)
	}
	if u.Port < 0 || u.Port > maxPort {
		return -1
	}
	return len(u.Host) + 1 + len(strconv.Itoa(u.Port))
}

func (u *URI) parseParams(s string, present bool) *ParseError {
	if !present || strings.Trim(s, ";") == "" {
		return nil
	}
	u.Params = make(Params, 0, strings.Count(s, ";")+1)
	for one := range strings.SplitSeq(s, ";") {
		if one == "" {
			continue
		}
		if len(u.Params) == MaxParams {
			return faultf(400, "more than %d parameters in a URI", MaxParams)
		}
		name, value, has := strings.Cut(one, "=")
		if name == "" {
			return faultf(400, "URI parameter without a name")
		}
		u.Params = append(u.Params, Param{Name: name, Value: value, HasValue: has})
	}
	return nil
}

func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || (s[i] < '0' || s[i] > '9') && s[i] != '+' && s[i] != '-' && s[i] != '.') {
			return false
		}
	}
	return s != ""
}

// isHost accepts host names (with the underscore that some networks use), IPv4 and bracketed IPv6 addresses.
func isHost(s string) bool {
	if strings.HasPrefix(s, "[") {
		a, err := netip.ParseAddr(strings.TrimSuffix(s[1:], "]"))
		return err == nil && a.Is6() && s[len(s)-1] == ']'
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return s != ""
}

// HostPort is the host, followed by a colon and the port when one is written.
func (u URI) HostPort() string {
	if u.Port == 0 {
		return u.Host
	}
	return u.Host + ":" + strconv.Itoa(u.Port)
}

// IsZero tells the URI that nobody set.
func (u URI) IsZero() bool {
	return u.Scheme == "" && u.Host == "" && u.User == ""
}

// String is the URI as written on the wire. It shows the password of a URI that has one.
func (u URI) String() string { return string(u.appendTo(make([]byte, 0, 96))) }

func (u *URI) appendTo(dst []byte) []byte {
	scheme := u.Scheme
	if scheme == "" {
		scheme = "sip"
	}
	dst = append(dst, scheme...)
	dst = append(dst, ':')
	if u.User != "" {
		dst = appendText(dst, u.User)
		if u.Password != "" {
			dst = append(dst, ':')
			dst = appendText(dst, u.Password)
		}
		if scheme == "sip" || scheme == "sips" {
			dst = append(dst, '@')
		}
	}
	dst = appendText(dst, u.Host)
	if u.Port != 0 {
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(u.Port), 10)
	}
	dst = u.Params.appendTo(dst)
	if u.Headers != "" {
		dst = append(dst, '?')
		dst = appendText(dst, u.Headers)
	}
	return dst
}
