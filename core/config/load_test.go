package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
)

// load reads one file and wants no fault.
func load(t *testing.T, text string, sets ...string) *Config {
	t.Helper()
	c, r := Load([]File{{"b2bua.conf", []byte(text)}}, sets)
	require.False(t, r.Failed(), "%v", r.Findings)
	return c
}

// faults are the texts of everything found in one file.
func faults(t *testing.T, text string) []string {
	t.Helper()
	_, r := Load([]File{{"b2bua.conf", []byte(text)}}, nil)
	var list []string
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%v: %v", f.Severity, f))
	}
	return list
}

func TestDefaults(t *testing.T) {
	c, r := Load(nil, nil)
	require.Empty(t, r.Findings)
	assert.Equal(t, []Listen{{
		URI: "sip:127.0.0.1:6067;transport=tcp", Network: "tcp", Host: "127.0.0.1", Port: 6067,
		Addr: netip.MustParseAddrPort("127.0.0.1:6067"),
	}}, c.B2BUA.Transport)
	assert.Equal(t, "sip:127.0.0.1:5060;transport=tcp", c.B2BUA.OutboundProxy.URI.String())
	assert.Equal(t, "trenscrypter", c.B2BUA.Application)
	assert.Equal(t, "Flexisip-B2BUA/"+Version, c.B2BUA.UserAgent)
	assert.Equal(t, 30*time.Second, c.B2BUA.NoRTPTimeout)
	assert.Equal(t, 500, c.B2BUA.MaxCalls)
	assert.True(t, c.B2BUA.EnableICE)
	assert.Equal(t, LevelMessage, c.Global.LogLevel)
	assert.Equal(t, "flexisip-b2bua.log", c.Global.LogFilename)
	assert.Equal(t, 240*time.Second, c.Timers.Ring)
	assert.True(t, c.TLS.VerifyPeer)
	assert.False(t, c.Registrar.RedisConfigured)
	assert.Equal(t, PortRange{}, c.B2BUA.AudioPort)
	assert.Empty(t, c.Trenscrypter.Encryption)
}

// The configuration of the operator's documents, as printed there.
const seedGlobal = `[b2bua-server]
# Select address and port to listen on
transports=sip:127.0.0.1:6067;transport=tcp

# The b2bua server needs a writable directory to store data
data-directory=/var/opt/belledonne-communications/flexisip/b2b

# The Flexisip proxy URI to which the b2bua server should send all its outgoing SIP requests.
# This must match the internal-transport configuration in the cluster section of the proxy configuration
# Note: This is only used in trenscrypter mode. The sip-bridge mode has finer-grained configuration options.
outbound-proxy=sip:127.0.0.1:5060;transport=tcp

# The sub-module to load. This will define how the b2bua bridges calls. See below for details.
application=trenscrypter
`

const seedModes = `[b2bua-server::trenscrypter]

outgoing-enc-regex=zrtp .*@sip\.secure-example\.org dtls-srtp .*dtls@sip\.example\.org zrtp .*zrtp@sip\.example\.org sdes .*@sip\.example\.org
`

const seedSuites = `[b2bua-server::trenscrypter]

outgoing-srtp-regex=AES_256_CM_HMAC_SHA1_80;AES_256_CM_HMAC_SHA1_32 .*@sip\.secure-example\.org AES_CM_128_HMAC_SHA1_80 .*@sip\.example\.org
`

const seedProxy = `# Any call related requests (INVITE, ACK, etc.) that enters
# this module will be redirected to the B2BUA server.
# Use the 'filter' parameter if you need to prevent some 
# requests to be redirected to the B2BUA.
[module::B2bua]
enable=true
filter=
`

const seedBridge = `[b2bua-server]
application=sip-bridge

# Note that the following field is ignored while operating in sip-bridge mode
#outbound-proxy=ignored

# ...

[b2bua-server::sip-bridge]
providers=/path/to/your/providers-file.json
`

const seedForward = `[module::Forward]
enabled=true
routes-config-path=/etc/flexisip/routes.conf
`

func TestSeedExamplesLoadAsPrinted(t *testing.T) {
	for name, text := range map[string]string{
		"global": seedGlobal, "modes": seedModes, "suites": seedSuites, "proxy": seedProxy, "bridge": seedBridge, "forward": seedForward,
		"gruu": "[b2bua-server::trenscrypter]\n\noutgoing-enc-regex=zrtp .*@sip\\.secure-example\\.org(;.*)?\n",
		"all":  seedGlobal + seedModes + seedSuites + seedProxy + seedForward,
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, faults(t, text))
			assert.Empty(t, faults(t, strings.ReplaceAll(text, "\n", "\r\n")), "with CRLF")
		})
	}

	c := load(t, seedGlobal+seedModes+seedSuites+seedProxy)
	assert.Equal(t, uint16(6067), c.B2BUA.Transport[0].Port)
	var modes []sdp.Encryption
	for _, r := range c.Trenscrypter.Encryption {
		modes = append(modes, r.Encryption)
	}
	assert.Equal(t, []sdp.Encryption{sdp.ZRTP, sdp.DTLS, sdp.ZRTP, sdp.SDES}, modes)
	require.Len(t, c.Trenscrypter.Suites, 2)
	assert.Equal(t, []sdp.Suite{sdp.AES256CMSHA180, sdp.AES256CMSHA132}, c.Trenscrypter.Suites[0].Suites)

	c = load(t, seedBridge)
	assert.Equal(t, AppSIPBridge, c.B2BUA.Application)
	assert.Equal(t, "/path/to/your/providers-file.json", c.SIPBridge.Providers)
}

func TestGrammar(t *testing.T) {
	calls := func(text string) int { return load(t, text).B2BUA.MaxCalls }
	for name, tt := range map[string]struct {
		text string
		want int
	}{
		"plain":                       {"[b2bua-server]\nmax-calls=7\n", 7},
		"no line end":                 {"[b2bua-server]\nmax-calls=7", 7},
		"blanks around":               {"  [ b2bua-server ] trailing\n \tmax-calls \t=\t 7 \t\n", 7},
		"names without case":          {"[B2BUA-Server]\nMax-CALLS=7\n", 7},
		"comment":                     {"[b2bua-server]\n  # max-calls=9\n\t#max-calls=8\nmax-calls=7\n", 7},
		"section in two blocks":       {"[b2bua-server]\nenable-ice=false\n[global]\n[b2bua-server]\nmax-calls=7\n", 7},
		"unset":                       {"[b2bua-server]\nmax-calls=\n", 500},
		"unset with CRLF":             {"[b2bua-server]\r\nmax-calls=\r\n", 500},
		"unset, then set":             {"[b2bua-server]\nmax-calls=\nmax-calls=7\n", 7},
		"byte order mark":             {"\ufeff[b2bua-server]\nmax-calls=7\n", 7},
		"broken header keeps":         {"[b2bua-server]\n[global\nmax-calls=7\n", 7},
		"before any section":          {"max-calls=9\n[b2bua-server]\n", 500},
		"no equals sign":              {"[b2bua-server]\nmax-calls 9\n", 500},
		"no key":                      {"[b2bua-server]\n=9\n", 500},
		"semicolon is no comment":     {"[b2bua-server]\n;max-calls=9\nmax-calls=7\n", 7},
		"junk after number tolerated": {"[b2bua-server]\nmax-calls=7 calls\n", 7},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "semicolon") {
				assert.Len(t, faults(t, tt.text), 1, "the key is named ;max-calls")
				return
			}
			assert.Equal(t, tt.want, calls(tt.text))
		})
	}
	assert.Nil(t, load(t, "[b2bua-server]\noutbound-proxy= \n").B2BUA.OutboundProxy, "one space sets the empty string")
	assert.Nil(t, load(t, "[b2bua-server]\noutbound-proxy=").B2BUA.OutboundProxy, "as does the very end of the file")
	assert.NotNil(t, load(t, "[b2bua-server]\noutbound-proxy=\n").B2BUA.OutboundProxy)
	assert.Empty(t, load(t, "[b2bua-server]\ntransport= \n").B2BUA.Transport, "no listening at all")
	assert.Len(t, faults(t, "[b2bua-server]\nuser-agent=a # note\n"), 1, "no comments behind values")
}

func TestGrammarWarns(t *testing.T) {
	_, r := Load([]File{{"f", []byte("x=1\n[server\n[]\n[b2bua-server]\nmax calls=1\nword\n=x\n")}}, nil)
	assert.False(t, r.Failed())
	var lines []int
	for _, f := range r.Of(Warning) {
		lines = append(lines, f.Line)
		assert.NotEmpty(t, f.Fix)
	}
	assert.Equal(t, []int{1, 2, 3, 5, 6, 7}, lines)
}

func TestTransport(t *testing.T) {
	for uri, want := range map[string]Listen{
		"sip:127.0.0.1:5060":               {Network: "udp", Host: "127.0.0.1", Port: 5060},
		"sip:127.0.0.1;transport=UDP":      {Network: "udp", Host: "127.0.0.1", Port: 5060},
		"sip:[::1]:5070;transport=tcp":     {Network: "tcp", Host: "::1", Port: 5070},
		"sip:127.0.0.1:0;transport=tcp":    {Network: "tcp", Host: "127.0.0.1", Port: 0},
		"sip:[::1]:0":                      {Network: "udp", Host: "::1", Port: 0},
		"sip:0.0.0.0:6067;transport=tcp":   {Network: "tcp", Host: "0.0.0.0", Port: 6067},
		"sip:b2bua.example.org:6067":       {Network: "udp", Host: "b2bua.example.org", Port: 6067},
		"sip:b2bua.example.org:0":          {Network: "udp", Host: "b2bua.example.org", Port: 0},
		"sip:*:6067;transport=tcp":         {Network: "tcp", Host: "*", Port: 6067},
		"sip:127.0.0.1;transport=tls":      {Network: "tls", Host: "127.0.0.1", Port: 5060},
		"sips:127.0.0.1":                   {Network: "tls", Host: "127.0.0.1", Port: 5061},
		"sips:127.0.0.1:7;transport=tcp":   {Network: "tls", Host: "127.0.0.1", Port: 7},
		"sip:127.0.0.1:5061;transport=tls": {Network: "tls", Host: "127.0.0.1", Port: 5061},
	} {
		l, err := parseListen(uri)
		require.NoError(t, err, uri)
		want.URI = uri
		if a, err := netip.ParseAddr(strings.Replace(want.Host, "*", "::", 1)); err == nil {
			want.Addr = netip.AddrPortFrom(a, want.Port)
		}
		assert.Equal(t, want, l, uri)
	}
	for uri, want := range map[string]string{
		"127.0.0.1:6067":                 "invalid SIP URI (",
		"http://127.0.0.1":               "invalid SIP URI (",
		"sip:127.0.0.1:70000":            "invalid SIP URI (",
		"sip:b2bua.example.org":          "failed to get port from SIP URI",
		"sip:127.0.0.1;transport=ws":     "transport type 'ws' is not allowed for 'sip' scheme",
		"sips:127.0.0.1;transport=tls":   "transport type 'tls' is not allowed for 'sips' scheme",
		"sips:127.0.0.1;transport=udp":   "SIP over DTLS is not supported",
		"sip:me@127.0.0.1;transport=tcp": "no user part",
		"sip:userinfo@inv@lid:5060":      "invalid SIP URI (",
		"sip::0":                         "invalid SIP URI (",
	} {
		_, err := parseListen(uri)
		assert.ErrorContains(t, err, want, uri)
	}
	c := load(t, "[b2bua-server]\ntransports=sip:127.0.0.1:6067;transport=tcp sip:127.0.0.1:6067 sip:[::1]:6067\n")
	assert.Len(t, c.B2BUA.Transport, 3)
	assert.Len(t, faults(t, "[b2bua-server]\ntransport=sip:127.0.0.1:1 http:x sip:127.0.0.1:1\n"), 2, "each wrong URI by itself")
}

func TestBothSpellingsOfTransport(t *testing.T) {
	same := "[b2bua-server]\ntransport=sip:127.0.0.1:1\ntransports=sip:127.0.0.1:1\n"
	assert.Equal(t, uint16(1), load(t, same).B2BUA.Transport[0].Port)
	other := faults(t, strings.Replace(same, "ports=sip:127.0.0.1:1", "ports=sip:127.0.0.1:2", 1))
	require.Len(t, other, 1)
	assert.Contains(t, other[0], "fault: b2bua.conf:3: b2bua-server/transports = sip:127.0.0.1:2: transport on line 2 has another value (sip:127.0.0.1:1)")
	c, r := Load([]File{{"a", []byte("[b2bua-server]\ntransport=sip:127.0.0.1:1")}, {"b", []byte("[b2bua-server]\ntransports=sip:127.0.0.1:2")}}, nil)
	assert.Empty(t, r.Findings)
	assert.Equal(t, uint16(2), c.B2BUA.Transport[0].Port, "a later file wins, whatever the spelling")
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "30": 30 * time.Second, "30s": 30 * time.Second, "2min": 2 * time.Minute, "3h": 3 * time.Hour, "1d": 24 * time.Hour,
		"1m": 2629746 * time.Second, "1y": 31556952 * time.Second,
	} {
		d, err := parseDuration(text, time.Second)
		require.NoError(t, err, text)
		assert.Equal(t, want, d, text)
	}
	d, err := parseDuration("250ms", time.Millisecond)
	require.NoError(t, err)
	assert.Equal(t, 250*time.Millisecond, d)
	for _, text := range []string{"", "s", "1 s", "1.5s", "-1", "1ms", "1week", "99999999999999999999", "9999999999y", "1S"} {
		_, err := parseDuration(text, time.Second)
		assert.Error(t, err, text)
	}
	assert.Contains(t, faults(t, "[b2bua-server]\nmax-call-duration=5m\n")[0], "m means months; write 5min for minutes")
}

func TestUserAgent(t *testing.T) {
	for text, want := range map[string]string{"a": "a", "a/1.0": "a/1.0", "x-.!%*_+`'~/{version}": "x-.!%*_+`'~/" + Version} {
		got, err := parseUserAgent(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"", "a/", "/1", "a/1/2", "a b", "{version}", "a/{version}1", "a/{Version}", "é"} {
		_, err := parseUserAgent(text)
		assert.ErrorContains(t, err, "user-agent parameter is ill-formed, use the following syntax: <name>[/<version>]", text)
	}
}

func TestPortsAndCodecs(t *testing.T) {
	c := load(t, "[b2bua-server]\naudio-port=20000-29999\nvideo-port=40000\naudio-codec=opus/48000\nvideo-codec=VP8\n")
	assert.Equal(t, PortRange{20000, 29999}, c.B2BUA.AudioPort)
	assert.Equal(t, PortRange{40000, 40000}, c.B2BUA.VideoPort)
	assert.Equal(t, Codec{"opus", 48000}, c.B2BUA.AudioCodec)
	assert.Equal(t, Codec{Name: "VP8"}, c.B2BUA.VideoCodec)
	for _, bad := range []string{"audio-port=70000", "audio-port=9-1", "audio-port=a", "audio-port=-5", "audio-port=0-9", "audio-codec=opus", "audio-codec=opus/", "audio-codec=o pus/8", "audio-codec=PCMU/0", "video-codec=VP8/90000"} {
		assert.Len(t, faults(t, "[b2bua-server]\n"+bad+"\n"), 1, bad)
	}
}

func TestMediaAddress(t *testing.T) {
	assert.Empty(t, load(t, "").Own.MediaAddress)
	c := load(t, "[b2bua]\nmedia-address=192.0.2.7 2001:db8::7\n")
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}, c.Own.MediaAddress)
	assert.Equal(t, "192.0.2.7", load(t, "[b2bua]\nmedia-address=::ffff:192.0.2.7\n").Own.MediaAddress[0].String())
	for _, bad := range []string{"b2bua.example.org", "192.0.2.7,192.0.2.8", "192.0.2.7 192.0.2.8", "::1 ::2", "0.0.0.0", "::", "224.0.0.1", "192.0.2.7:5060"} {
		assert.Len(t, faults(t, "[b2bua]\nmedia-address="+bad+"\n"), 1, bad)
	}
}

func TestOverrides(t *testing.T) {
	c := load(t, "[b2bua-server]\nmax-calls=7\n", "b2bua-server/max-calls=8", "B2BUA-server/transports=sip:127.0.0.1:1", "b2bua-server/user-agent=", "module::Router/fork=true")
	assert.Equal(t, 8, c.B2BUA.MaxCalls)
	assert.Equal(t, uint16(1), c.B2BUA.Transport[0].Port)
	assert.Equal(t, "Flexisip-B2BUA/"+Version, c.B2BUA.UserAgent, "an empty override is ignored")
	for _, bad := range []string{"max-calls=8", "b2bua-server/max-calls", "/x=1", "b2bua-server/=1", "b2bua-server/max-call=1", "nowhere/x=1", "global/nothing=1", "b2bua-server/max-calls=x"} {
		_, r := Load(nil, []string{bad})
		assert.Equal(t, 1, r.Count(Fault), bad)
	}
}

func TestSharedFileIsTolerated(t *testing.T) {
	text := "[global]\naliases=localhost\nlog-lvel=debug\n[cluster]\nenabled=true\n[module::Router]\nfork=true\n[module::MyPlugin]\nx=1\n[presence-serv]\ny=1\n"
	list := faults(t, text)
	require.Len(t, list, 3)
	assert.Contains(t, list[0], "warning: b2bua.conf:3: global/log-lvel = debug: Unsupported parameter 'log-lvel' in section [global] at line 3.; write log-level (did you mean it?)")
	assert.Contains(t, list[1], "warning: b2bua.conf:8: module::MyPlugin: unknown section")
	assert.Contains(t, list[2], "[presence-server] (did you mean it?)")
	_, r := Load([]File{{"f", []byte(text + "[b2bua]\nstrict=true\n")}}, nil)
	assert.Equal(t, 3, r.Count(Fault), "strict")
}

func TestSkippedPairs(t *testing.T) {
	text := "[b2bua-server::trenscrypter]\noutgoing-enc-regex=dtsl-srtp .*a zrtp +b sdes .*c none\noutgoing-srtp-regex=AES_192_CM_HMAC_SHA1_80 .* AES_CM_128_HMAC_SHA1_80 .*\n"
	c, r := Load([]File{{"f.conf", []byte(text)}}, nil)
	assert.False(t, r.Failed())
	require.Len(t, c.Trenscrypter.Encryption, 1)
	assert.Equal(t, 3, c.Trenscrypter.Encryption[0].Pair)
	require.Len(t, c.Trenscrypter.Suites, 1)
	skipped := r.Of(Skipped)
	require.Len(t, skipped, 3)
	assert.Equal(t, "f.conf:2: b2bua-server::trenscrypter/outgoing-enc-regex: pair 1 is skipped: list contains invalid encryption mode (dtsl-srtp); write dtls-srtp", skipped[0].String())
	assert.Contains(t, skipped[1].String(), `outgoing-enc-regex: pair 2 is skipped: list contains invalid regex (+b): nothing to repeat before + at character 1; write \+ for a literal +`)
	assert.Contains(t, skipped[2].String(), "is known but not supported; write AES_256_CM_HMAC_SHA1_80")
	require.Len(t, r.Of(Warning), 1, "the odd token")
	_, r = Load([]File{{"f.conf", []byte(text)}}, []string{"b2bua/strict=true"})
	assert.Equal(t, 4, r.Count(Fault))
}

func TestSecretsAreNotShown(t *testing.T) {
	c := load(t, "[module::Registrar]\nredis-auth-password=Mellon\n")
	assert.Equal(t, "Mellon", string(c.Registrar.RedisAuthPassword))
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v %v", c, c, c, c.Registrar), "Mellon")
	list := faults(t, "[module::Registrar]\nredis-auth-password=Mellon\nredis-auth-password=Mellon2\n")
	require.Len(t, list, 1)
	assert.NotContains(t, strings.Join(list, "\n"), "Mellon")
}

func TestMistypedSecretsAreNotShown(t *testing.T) {
	for _, line := range []string{
		"redis-auth-pasword=Mellon", "redis-pwd-secret=Mellon", "api-key=Mellon", "Redis-Token=Mellon", "rediss-auht-paswword=Mellon",
		"redis auth password=Mellon", "redis-auth-password Mellon", "redis-auth-password:Mellon", "=Mellon", "Mellon",
		"redis-auth-pasword=Mellon\nredis-auth-pasword=Mellon2",
	} {
		for _, section := range []string{"[module::Registrar]\n", "[b2bua]\n", ""} {
			list := faults(t, section+line+"\n")
			require.NotEmpty(t, list, line)
			assert.NotContains(t, strings.Join(list, "\n"), "Mellon", line)
		}
	}
	for _, set := range []string{"redis-auth-password=Mellon", "module::Registar/redis-auth-password=Mellon", "module::Registrar/redis-auth-pasword=Mellon", "b2bua-server/redis-auth-password=Mellon"} {
		_, r := Load(nil, []string{set})
		require.Len(t, r.Findings, 1)
		assert.NotContains(t, r.Findings[0].Text(), "Mellon", set)
	}
	assert.Contains(t, faults(t, "[b2bua-server]\nmax-cals=77\n")[0], "77", "others are shown")
}

func TestNoOutboundProxy(t *testing.T) {
	list := faults(t, "[b2bua-server]\noutbound-proxy= \n")
	require.Len(t, list, 1)
	assert.Contains(t, list[0], "warning: b2bua.conf:2: b2bua-server/outbound-proxy: there is no outbound proxy: each call goes to the domain of its To header")
}

func TestPortRangeForMaxCalls(t *testing.T) {
	for text, want := range map[string]string{
		"audio-port=20000-20999":                  "ports for 250 calls (500 when the two legs have different local addresses), and max-calls is 500",
		"video-port=20001-20010\nmax-calls=3":     "ports for 2 calls (4 when",
		"audio-port=20000-21999":                  "",
		"audio-port=20001-20002\nmax-calls=9":     "lack of ports; write a range such as 20000-20035",
		"audio-port=20000-20003\nmax-calls=1":     "",
		"audio-port=20000-60000\nmax-calls=90000": "; write max-calls=10000",
	} {
		list := faults(t, "[b2bua-server]\n"+text+"\n")
		if want == "" {
			assert.Empty(t, list, text)
			continue
		}
		require.Len(t, list, 1, text)
		assert.Contains(t, list[0], want)
	}
}

func TestFileThatIsNoText(t *testing.T) {
	for name, data := range map[string]string{
		"UTF-16 little":        "\xff\xfe[\x00b\x00",
		"UTF-16 big":           "\xfe\xff\x00[\x00b",
		"UTF-16 without mark":  "[\x00b\x002\x00",
		"a zero on line three": "[b2bua]\nstrict=false\n\x00\n",
	} {
		list := faults(t, data)
		require.Len(t, list, 1, name)
		assert.Contains(t, list[0], "fault: b2bua.conf:")
		assert.Contains(t, list[0], "saved as UTF-8")
	}
	assert.Contains(t, faults(t, "[b2bua]\nstrict=false\n\x00\n")[0], "b2bua.conf:3:")
}

func TestOurSectionHeaderWithoutEndIsAFault(t *testing.T) {
	list := faults(t, "[global]\n[b2bua-server\nmax-calls=1\n[B2BUA::tls\n[module::Router\n")
	require.Len(t, list, 4, "%v", list)
	assert.Contains(t, list[0], "fault: b2bua.conf:2: ")
	assert.Contains(t, list[0], "has no ]; write [b2bua-server]")
	assert.Contains(t, list[1], "warning: b2bua.conf:3: global/max-calls")
	assert.Contains(t, list[2], "fault: b2bua.conf:4: ")
	assert.Contains(t, list[3], "warning: b2bua.conf:5: ")
}

func TestOthersAddToTheReport(t *testing.T) {
	_, r := Load([]File{{"a", []byte("[b2bua::tls]\ncertificate=x\nkey=y\n[b2bua-server]\ntransports=sip:127.0.0.1:1\nbad\n")}}, []string{"b2bua/strict=true"})
	r.Add(Finding{Severity: Fault, Section: "b2bua::tls", Key: "key", Problem: "is no key", Fix: "a key"},
		Finding{Severity: Warning, Section: "b2bua-server", Key: "transport", Problem: "odd", Fix: "x"}, Finding{Section: "b2bua", Key: "media-loops", Problem: "none", Fix: "y"})
	require.Len(t, r.Findings, 4)
	assert.Equal(t, "a:3: b2bua::tls/key: is no key; write a key", r.Findings[0].String())
	assert.Equal(t, "a:5: b2bua-server/transport: odd; write x", r.Findings[1].String())
	assert.Equal(t, 6, r.Findings[2].Line)
	assert.Equal(t, "configuration: b2bua/media-loops: none; write y", r.Findings[3].String())
}

func TestRelativePaths(t *testing.T) {
	c, _ := Load([]File{{"/etc/flexisip/flexisip.conf", []byte("[b2bua-server::sip-bridge]\nproviders=p.json\n")}}, nil)
	assert.Equal(t, "/etc/flexisip/p.json", c.SIPBridge.Providers)
}

func TestFindingsDoNotSteerTheTerminal(t *testing.T) {
	list := faults(t, "[b2bua-server]\nmax-calls=\x1b[2J\x00\n")
	require.Len(t, list, 1)
	assert.NotContains(t, list[0], "\x1b")
	assert.NotContains(t, list[0], "\x00")
}

func TestNumbersThatAreMeantInSecondsAreToldOf(t *testing.T) {
	for text, want := range map[string]string{
		"[b2bua::timers]\nsecure-timeout=10\n":    "b2bua.conf:2: b2bua::timers/secure-timeout: without a unit it counts ms: 10 is 10ms; write 10s; or 10ms, if it is meant",
		"[b2bua::timers]\nring-timeout=240\n":     "240 is 240ms; write 240s",
		"[b2bua::timers]\nhold-timeout=3600\n":    "3600 is 3600ms; write 3600s",
		"[b2bua::timers]\nt4=5\n":                 "5 is 5ms; write 5s",
		"[b2bua]\ndrain-timeout=30\n":             "30 is 30ms; write 30s",
		"[b2bua::timers]\nsecure-timeout=300ms\n": "",
		"[b2bua::timers]\nsecure-timeout=1500\n":  "",
		"[b2bua::timers]\nt1=500\n":               "",
		"[b2bua]\ndrain-timeout=0\n":              "",
		"[b2bua-server]\nno-rtp-timeout=5\n":      "",
	} {
		c, r := Load([]File{{"b2bua.conf", []byte(text)}}, []string{"b2bua/strict=true"})
		assert.NotNil(t, c)
		assert.False(t, r.Failed(), text)
		if want == "" {
			assert.Empty(t, r.Findings, text)
		} else if assert.Len(t, r.Findings, 1, text) {
			assert.Contains(t, r.Findings[0].String(), want)
		}
	}
}
