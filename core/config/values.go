package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// valueError is a value that a type or a rule refuses, with what to write instead.
type valueError struct {
	reason string
	fix    string
}

func (e *valueError) Error() string { return e.reason }

func refuse(fix, reason string, args ...any) error {
	return &valueError{fmt.Sprintf(reason, args...), fix}
}

var errBoolean = errors.New("not a boolean")

// parseBool accepts exactly what the original does.
func parseBool(v string) (bool, error) {
	switch v {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errBoolean
}

var (
	leadingInteger  = regexp.MustCompile(`^\s*([+-]?[0-9]+)(.*)$`)
	durationPattern = regexp.MustCompile(`^([0-9]+)([a-z]*)$`)
)

// parseInt has the leniency of C's stoi: what follows the digits is dropped, and returned for a warning.
func parseInt(v string) (n int, junk string, err error) {
	m := leadingInteger.FindStringSubmatch(v)
	if m == nil {
		return 0, "", refuse("a whole number", "it is not a number")
	}
	n64, err := strconv.ParseInt(m[1], 10, 32)
	if err != nil {
		return 0, "", refuse("a number up to 2147483647", "the number is out of range")
	}
	return int(n64), strings.TrimSpace(m[2]), nil
}

// parsePorts reads n or min-max.
func parsePorts(v string) (PortRange, error) {
	const fix = "0 for any port, one port, or a range such as 20000-30000"
	lo, hi, isRange := strings.Cut(v, "-")
	if !isRange {
		hi = lo
	}
	first, err1 := strconv.ParseUint(strings.Trim(lo, blanks), 10, 16)
	last, err2 := strconv.ParseUint(strings.Trim(hi, blanks), 10, 16)
	switch {
	case err1 != nil || err2 != nil:
		return PortRange{}, refuse(fix, "it is not a port or a range of ports between 0 and 65535")
	case first > last:
		return PortRange{}, refuse(fmt.Sprintf("%d-%d", last, first), "the range ends before it begins")
	case first == 0 && last > 0:
		return PortRange{}, refuse(fix, "a range cannot begin with port 0")
	}
	return PortRange{uint16(first), uint16(last)}, nil
}

// Units of durations (spec 1.1.1). A month is a twelfth of a Gregorian year of 365.2425 days.
var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	"m": 2629746 * time.Second, "y": 31556952 * time.Second,
}

// parseDuration reads digits and a unit. The key's own unit is the default, and the finest that it accepts.
func parseDuration(v string, own time.Duration) (time.Duration, error) {
	m := durationPattern.FindStringSubmatch(v)
	if m == nil {
		return 0, refuse("digits and a unit without a space, such as 30s, 5min or 1h", "it is not a duration")
	}
	unit, ok := units[m[2]]
	switch {
	case m[2] == "":
		unit = own
	case !ok:
		return 0, refuse("one of the units ms, s, min, h, d, m (month), y", "%s is not a unit of time", m[2])
	case unit < own:
		return 0, refuse("whole "+unitName(own)+", such as 30"+unitName(own), "the unit %s is finer than this setting accepts", m[2])
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > math.MaxInt64/int64(unit) {
		return 0, refuse("a shorter duration (at most 292 years)", "the duration is out of range")
	}
	return time.Duration(n) * unit, nil
}

func unitName(d time.Duration) string {
	for name, unit := range units {
		if unit == d {
			return name
		}
	}
	return d.String()
}

// parseMediaAddresses reads at most one address of each family. A leg needs one that peers can send to, so none of a class
// that nobody sends to.
func parseMediaAddresses(v string) ([]netip.Addr, error) {
	const fix = "one IPv4 address, one IPv6 address, or one of each, such as 192.0.2.7 2001:db8::7"
	var list []netip.Addr
	for _, word := range tokens(v) {
		a, err := netip.ParseAddr(strings.Trim(word, "[]"))
		if err != nil {
			return nil, refuse(fix, "%s is no IP address", word)
		}
		a = a.Unmap()
		if a.IsUnspecified() || a.IsMulticast() {
			return nil, refuse(fix, "nobody can send media to %s", word)
		}
		if slices.ContainsFunc(list, func(o netip.Addr) bool { return o.Is4() == a.Is4() }) {
			return nil, refuse(fix, "only one address of each family can be used")
		}
		list = append(list, a)
	}
	return list, nil
}

// tokens splits a list. TAB counts as a blank here, unlike in the original.
func tokens(v string) []string { return strings.FieldsFunc(v, isBlank) }

var userAgentPattern = regexp.MustCompile("^[A-Za-z0-9.!%*_+`'~-]+(/([A-Za-z0-9.!%*_+`'~-]+|\\{version\\}))?$")

func parseUserAgent(v string) (string, error) {
	if !userAgentPattern.MatchString(v) {
		return "", refuse("for example Flexisip-B2BUA/{version}; letters, digits and -.!%*_+`'~ are allowed",
			"user-agent parameter is ill-formed, use the following syntax: <name>[/<version>]")
	}
	return strings.Replace(v, "{version}", Version, 1), nil
}

var (
	audioCodecPattern = regexp.MustCompile(`^([a-zA-Z0-9-]+)/([0-9]+)$`)
	videoCodecPattern = regexp.MustCompile(`^[a-zA-Z0-9-]+$`)
)

func parseAudioCodec(v string) (Codec, error) {
	if v == "" {
		return Codec{}, nil
	}
	m := audioCodecPattern.FindStringSubmatch(v)
	if m == nil {
		return Codec{}, refuse("<codec>/<rate in Hz>, such as opus/48000 or PCMU/8000", "it is not a codec with its rate")
	}
	rate, err := strconv.ParseUint(m[2], 10, 31)
	if err != nil || rate == 0 {
		return Codec{}, refuse("a rate in Hz, such as 8000 or 48000", "the rate is out of range")
	}
	return Codec{m[1], int(rate)}, nil
}

func parseVideoCodec(v string) (Codec, error) {
	if v != "" && !videoCodecPattern.MatchString(v) {
		return Codec{}, refuse("the name of a codec alone, such as VP8 or H264", "it is not a codec name")
	}
	return Codec{Name: v}, nil
}
