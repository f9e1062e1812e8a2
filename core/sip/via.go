package sip

import (
	"strconv"
	"strings"
)

// MagicCookie begins the branch of everyone who follows RFC 3261 (section 8.1.1.7).
const MagicCookie = "z9hG4bK"

func appendVias(dst []Via, s string) ([]Via, *ParseError) {
	for {
		item, rest, more, err := cutItem(s)
		if err != nil {
			return dst, err
		}
		v, err := parseVia(item)
		if err != nil && err.Status != 505 {
			return dst, err
		}
		if dst = append(dst, v); err != nil {
			return dst, err
		}
		if len(dst) > MaxVia {
			return dst, faultf(400, "more than %d Via", MaxVia)
		}
		if !more {
			return dst, nil
		}
		s = rest
	}
}

func parseVia(s string) (Via, *ParseError) {
	var v Via
	// sent-protocol = protocol-name SLASH protocol-version SLASH transport, white space around the slashes allowed.
	name, rest, ok1 := strings.Cut(s, "/")
	version, rest, ok2 := strings.Cut(rest, "/")
	rest = trim(rest)
	end := strings.IndexAny(rest, " \t")
	if !ok1 || !ok2 || end < 0 || !strings.EqualFold(trim(name), "SIP") {
		return v, faultf(400, "Via without protocol, version, transport and host")
	}
	if v.Transport = strings.ToUpper(rest[:end]); !isToken(v.Transport) {
		return v, faultf(400, "Via transport is no token")
	}
	rest = trim(rest[end:])
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		var fault *ParseError
		if v.Params, fault = parseParams(rest[i:]); fault != nil {
			return v, fault
		}
		rest = trim(rest[:i])
	}
	if fault := v.sentBy(rest); fault != nil {
		return v, fault
	}
	if trim(version) != "2.0" {
		return v, faultf(505, "Via of another SIP version")
	}
	return v, nil
}

func (v *Via) sentBy(s string) *ParseError {
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host = trim(s[:i])
		port := trim(s[i+1:])
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > maxPort || port[0] == '+' {
			return faultf(400, "port of a Via is out of range")
		}
		v.Port = n
	}
	if !isHost(host) {
		return faultf(400, "host of a Via is no host name or address")
	}
	v.Host = host
	return nil
}

// Branch is the branch parameter, "" when there is none.
func (v Via) Branch() string {
	branch, _ := v.Params.Get("branch")
	return branch
}

// String is the Via as written on the wire.
func (v Via) String() string { return string(v.appendTo(make([]byte, 0, 96))) }

func (v *Via) appendTo(dst []byte) []byte {
	dst = append(dst, "SIP/2.0/"...)
	dst = appendText(dst, v.Transport)
	dst = append(dst, ' ')
	dst = appendText(dst, v.Host)
	if v.Port != 0 {
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(v.Port), 10)
	}
	return v.Params.appendTo(dst)
}

// String is number and method as written on the wire.
func (c CSeq) String() string {
	return strconv.FormatUint(uint64(c.Number), 10) + " " + string(c.Method)
}

func parseCSeq(s string) (CSeq, *ParseError) {
	end := strings.IndexAny(s, " \t")
	if end < 0 {
		return CSeq{}, faultf(400, "CSeq without number and method")
	}
	n, err := strconv.ParseUint(s[:end], 10, 32)
	if err != nil || n > MaxCSeq {
		return CSeq{}, faultf(400, "CSeq number is out of range")
	}
	method := trim(s[end:])
	if !isToken(method) {
		return CSeq{}, faultf(400, "CSeq method is no token")
	}
	return CSeq{Number: uint32(n), Method: methodOf(method)}, nil
}

// methodOf returns a method that does not refer to the message: transactions outlive messages.
func methodOf(s string) Method {
	for _, m := range [...]Method{INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO, UPDATE, PRACK, REFER, NOTIFY, SUBSCRIBE, MESSAGE, PUBLISH} {
		if string(m) == s {
			return m
		}
	}
	return Method(strings.Clone(s))
}
