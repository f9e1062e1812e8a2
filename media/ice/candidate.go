package ice

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Component of a stream (RFC 8445 section 4).
type Component uint8

// Components.
const (
	RTP  Component = 1
	RTCP Component = 2
)

// Candidate is one a=candidate line (RFC 8839 section 5.1).
type Candidate struct {
	Foundation string
	Component  Component
	Transport  string // "UDP", or as written
	Priority   uint32
	Host       string         // as written: an address, or a name
	Addr       netip.AddrPort // invalid for a name
	Type       string         // "host", "srflx", "prflx", "relay", or as written
}

// typeHost is the preference of host candidates (RFC 8445 section 5.1.2.2).
const typeHost = 126

// Host is a candidate of our own. local is its rank among the addresses of the component, 0 the most preferred.
func Host(c Component, at netip.AddrPort, local uint16) Candidate {
	return Candidate{
		Foundation: strconv.Itoa(int(local) + 1), Component: c, Transport: "UDP", Host: at.Addr().String(), Addr: at, Type: "host",
		Priority: typeHost<<24 | uint32(65535-local)<<8 | uint32(256-int(c)), // RFC 8445 section 5.1.2.1
	}
}

// Attribute is the value of the a= line.
func (c Candidate) Attribute() string {
	return fmt.Sprintf("%s %d %s %d %s %d typ %s", c.Foundation, c.Component, c.Transport, c.Priority, c.Host, c.Addr.Port(), c.Type)
}

// UDP tells whether the candidate is for plain UDP.
func (c Candidate) UDP() bool { return strings.EqualFold(c.Transport, "UDP") }

// ParseCandidate reads the value of a=candidate. What follows the type (raddr, rport, extensions) is passed over. A line that
// is none is not ok, and RFC 8839 section 5.1 wants it ignored, as those of unknown types and transports.
func ParseCandidate(s string) (c Candidate, ok bool) {
	if len(s) > maxCandidate {
		return Candidate{}, false
	}
	f := strings.Fields(s)
	if len(f) < 8 || !strings.EqualFold(f[6], "typ") || len(f[4]) > maxHost || len(f[0]) > 32 {
		return Candidate{}, false
	}
	component, err1 := strconv.ParseUint(f[1], 10, 8)
	priority, err2 := strconv.ParseUint(f[3], 10, 32)
	port, err3 := strconv.ParseUint(f[5], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil || component == 0 {
		return Candidate{}, false
	}
	c = Candidate{
		Foundation: f[0], Component: Component(component), Transport: f[2], Priority: uint32(priority), Host: f[4], Type: strings.ToLower(f[7]),
	}
	addr, err := netip.ParseAddr(f[4])
	if err != nil || addr.Zone() != "" {
		addr = netip.Addr{}
	}
	c.Addr = netip.AddrPortFrom(addr.Unmap(), uint16(port))
	return c, true
}

// Listed is where a peer says that it may be.
type Listed struct {
	Addr     netip.AddrPort
	Priority uint32
}

// List are the candidates for UDP that have an address, by component (RTP first). What lies beyond maxListed of a component is passed over.
func List(list []Candidate) (at [2][]Listed) {
	for _, c := range list {
		if c.Component < RTP || c.Component > RTCP || !c.UDP() || !c.Addr.IsValid() || c.Addr.Addr().IsUnspecified() || c.Addr.Port() == 0 {
			continue
		}
		if i := c.Component - RTP; len(at[i]) < maxListed {
			at[i] = append(at[i], Listed{c.Addr, c.Priority})
		}
	}
	return at
}
