package config

import (
	"fmt"
	"net/netip"
	"regexp"

	"b2bua/core/app/trenscrypter"
)

// crossCheck looks at settings that depend on each other.
func (l *loader) crossCheck(c *Config) {
	l.checkTLS(c)
	l.checkNAT(c)
	l.checkMedia(c)
	l.checkRedis(c)
	l.checkProxy(c)
	l.checkWebRTC(c)
	if c.Timers.T1 > c.Timers.T2 {
		l.fault(sectionTimers, "t1", "T1 is longer than T2", fmt.Sprintf("t1 up to %v, or a longer t2", c.Timers.T2))
	}
}

// fault reports something about a key, at the place where it was set.
func (l *loader) fault(section, key, problem, fix string) {
	l.report.add(l.finding(Fault, section, key, problem, fix))
}

func (l *loader) finding(s Severity, section, key, problem, fix string) Finding {
	f := Finding{Section: section, Key: key}
	if e, ok := l.merged[[2]string{section, key}]; ok {
		f = e.place()
	}
	f.Severity, f.Problem, f.Fix = s, problem, fix
	return f
}

func (l *loader) checkTLS(c *Config) {
	switch cert, key := c.TLS.Certificate != "", c.TLS.Key != ""; {
	case cert && !key:
		l.fault(sectionTLS, "certificate", "a certificate needs its key", "[b2bua::tls] key=<PEM file> beside it")
	case key && !cert:
		l.fault(sectionTLS, "key", "a key needs its certificate", "[b2bua::tls] certificate=<PEM file> beside it")
	case !cert:
		for _, t := range c.B2BUA.Transport {
			if t.Network == "tls" {
				l.fault(sectionB2BUA, "transport", "listening for TLS on "+t.URI+" needs a certificate", "[b2bua::tls] certificate=<PEM file> and key=<PEM file>")
			}
		}
	}
}

// hostName is RFC 1123 section 2.1; a last label of digits alone is a mistyped IPv4 address.
var hostName = regexp.MustCompile(`^([a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?\.)*[a-zA-Z0-9_-]*[a-zA-Z_][a-zA-Z0-9_-]*\.?$`)

func (l *loader) checkNAT(c *Config) {
	if len(c.B2BUA.NATAddresses) == 0 {
		if c.Own.NATInSDP {
			f := l.finding(Warning, sectionOwn, "nat-address-in-sdp", "it has no effect without b2bua-server/nat-addresses", "[b2bua-server] nat-addresses=<the public address>, or false")
			f.soft = true
			l.report.add(f)
		}
		return
	}
	invalid := func(reason, fix string) {
		f := l.finding(Fault, sectionB2BUA, "nat-addresses", "", fix)
		f.Problem = fmt.Sprintf("invalid value for parameter 'b2bua-server/nat-addresses' (%s): %s", shorten(f.Value), reason)
		l.report.add(f)
	}
	if !c.B2BUA.EnableICE {
		invalid("NAT addresses cannot be configured if ICE is not enabled", "enable-ice=true, or remove nat-addresses")
	}
	v4, v6 := 0, 0
	for _, text := range c.B2BUA.NATAddresses {
		switch a, err := netip.ParseAddr(text); {
		case err != nil && !hostName.MatchString(text): // a host name is resolved at the start
			invalid(text+" is neither an IP address nor a host name", "the public IP address alone, without brackets and port: the ports are those of audio-port and video-port")
		case err != nil:
		case a.IsUnspecified() || a.IsMulticast():
			invalid("nobody can send media to "+text, "the address that the NAT has on its public side")
		case a.Unmap().Is4():
			v4++
		default:
			v6++
		}
	}
	if v4 > 1 {
		invalid("only one IPv4 NAT address can be configured", "one IPv4 address")
	}
	if v6 > 1 {
		invalid("only one IPv6 NAT address can be configured", "one IPv6 address")
	}
}

// checkProxy warns of a proxy that was taken away: the next hop is whatever the caller wrote then.
func (l *loader) checkProxy(c *Config) {
	if c.B2BUA.OutboundProxy != nil || c.B2BUA.Application != AppTrenscrypter {
		return
	}
	f := l.finding(Warning, sectionB2BUA, "outbound-proxy", "there is no outbound proxy: each call goes to the domain of its To header, which is looked up in DNS",
		"sip:127.0.0.1:5060;transport=tcp, or the address of your proxy")
	f.soft = true
	l.report.add(f)
}

// checkWebRTC warns of rules for browsers where accounts decide.
func (l *loader) checkWebRTC(c *Config) {
	if c.B2BUA.Application != AppSIPBridge || l.merged[[2]string{sectionOwn, trenscrypter.WebRTCKey}].value == "" {
		return
	}
	f := l.finding(Warning, sectionOwn, trenscrypter.WebRTCKey, "it is ignored with application=sip-bridge, where each provider says it for its calls",
		`"enableAvpf": true in the provider of the providers file, and remove this`)
	f.soft = true
	l.report.add(f)
}

// checkMedia warns of port ranges that cannot carry the calls: RTP takes an even port and RTCP the next (RFC 3550 section 11),
// on each leg.
func (l *loader) checkMedia(c *Config) {
	check := func(key string, r PortRange) {
		pairs := max(0, (int(r.Max)+1-int(r.Min)-int(r.Min)%2)/2)
		if r.Min == 0 || pairs >= 2*c.B2BUA.MaxCalls {
			return
		}
		problem := "a stream needs an even port and the next one, a call two such pairs: calls will fail for lack of ports"
		if pairs > 0 {
			problem = fmt.Sprintf("the range has ports for %d calls (%d when the two legs have different local addresses), and max-calls is %d: calls beyond them will fail for lack of ports",
				pairs/2, pairs, c.B2BUA.MaxCalls)
		}
		f := l.finding(Warning, sectionB2BUA, key, problem, roomy(c.B2BUA.MaxCalls, pairs/2))
		f.soft = true
		l.report.add(f)
	}
	check("audio-port", c.B2BUA.AudioPort)
	check("video-port", c.B2BUA.VideoPort)
	if a, v := c.B2BUA.AudioPort, c.B2BUA.VideoPort; a.Min > 0 && v.Min > 0 && a.Min <= v.Max && v.Min <= a.Max {
		f := l.finding(Warning, sectionB2BUA, "video-port", fmt.Sprintf("it overlaps with audio-port=%s: audio and video take each other's ports", rangeText(a)),
			"a range that has no port of audio-port")
		f.soft = true
		l.report.add(f)
	}
}

func rangeText(r PortRange) string {
	if r.Min == r.Max {
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d-%d", r.Min, r.Max)
}

// roomy is what to write for so many calls, or instead of so many.
func roomy(calls, now int) string {
	const first, ports = 20000, 4 // ports of a call when its legs share an address
	limit := fmt.Sprintf("max-calls=%d", now)
	switch last := first + ports*calls - 1; {
	case last <= 65535 && now > 0:
		return fmt.Sprintf("a range such as %d-%d, or %s", first, last, limit)
	case last <= 65535:
		return fmt.Sprintf("a range such as %d-%d", first, last)
	case now > 0:
		return limit
	default:
		return fmt.Sprintf("a range such as %d-65535", first)
	}
}

func (l *loader) checkRedis(c *Config) {
	r := c.Registrar
	if r.RedisConnection == "tcp" {
		return
	}
	if r.RedisTLSCAs == "" {
		l.fault(sectionRegistrar, "redis-connection", "TLS to Redis needs redis-tls-cafile", "redis-tls-cafile=<PEM file>, or redis-connection=tcp")
	}
	if r.RedisConnection == "tls-mutual" && (r.RedisTLSCertificate == "" || r.RedisTLSKey == "") {
		l.fault(sectionRegistrar, "redis-connection", "tls-mutual needs redis-tls-certificate and redis-tls-key", "both, or redis-connection=tls-server-auth")
	}
}
