package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzINI loads arbitrary files: no panic, every finding says what to write, and what has no fault is written out by
// Rewrite so that it loads again and means the same.
func FuzzINI(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, set string) {
		files := []File{{"/d/f.conf", data}}
		c, r := Load(files, []string{set})
		require.NotNil(t, c)
		for _, finding := range r.Findings {
			require.NotEmpty(t, finding.Problem)
			require.NotEmpty(t, finding.Fix)
			require.NotContains(t, finding.String(), "\n")
			require.NotContains(t, finding.String(), "\x1b")
			require.NotContains(t, finding.String(), "\x00")
		}
		if r.Failed() || len(r.Of(Skipped)) > 0 {
			return
		}
		again, r := Load([]File{{"/d/f.conf", []byte(Rewrite(files, []string{set}))}}, nil)
		require.False(t, r.Failed(), "%v", r.Findings)
		require.Equal(t, describe(c), describe(again))
	})
}

// describe leaves out what cannot be compared: compiled patterns, and paths, which start elsewhere in an override.
func describe(c *Config) Config {
	d := *c
	d.Trenscrypter = Trenscrypter{}
	d.SIPBridge = SIPBridge{}
	d.TLS = TLS{VerifyPeer: c.TLS.VerifyPeer}
	return d
}

func TestDumpLoadsAgain(t *testing.T) {
	defaults, _ := Load(nil, nil)
	text, ok := Dump("all")
	require.True(t, ok)
	c, r := Load([]File{{"/etc/b2bua.conf", []byte(text)}}, nil)
	require.Empty(t, r.Findings)
	require.Equal(t, defaults, c)

	var set strings.Builder // the same with every commented default made a setting
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "##") {
			line = line[1:]
		}
		set.WriteString(line + "\n")
	}
	c, r = Load([]File{{"/etc/b2bua.conf", []byte(set.String())}}, nil)
	require.Empty(t, r.Findings)
	defaults.SIPBridge.Providers = "/etc/example-path.json" // now it is a setting of a file, which it is relative to
	defaults.Registrar.RedisConfigured = true
	require.Equal(t, defaults, c)
}

func TestDumpLayout(t *testing.T) {
	text, ok := Dump("B2BUA-server::sip-bridge")
	require.True(t, ok)
	require.Equal(t, `##
## Bridging to other SIP providers.
##
[b2bua-server::sip-bridge]

# JSON file with the providers and their accounts. A relative path starts at the directory of this file.
# Default: example-path.json
#providers=example-path.json

`, text)
	text, _ = Dump("b2bua-server")
	require.Contains(t, text, "# Default: 30\n# Default unit: seconds\n#no-rtp-timeout=30\n")
	_, ok = Dump("nonsense")
	require.False(t, ok)
}

func TestEveryKeyIsInTheDumpAndTheList(t *testing.T) {
	text, _ := Dump("all")
	for _, name := range Overrides("all") {
		section, key, _ := strings.Cut(name, "/")
		require.Contains(t, text, "["+section+"]")
		require.Contains(t, text, "\n#"+key+"=")
	}
	for _, s := range Sections() {
		require.NotEmpty(t, Overrides(s))
	}
	require.Empty(t, Overrides("nonsense"))
	for _, s := range table() {
		for _, k := range s.keys {
			require.NotEmpty(t, k.help, k.name)
			require.NotEmpty(t, k.kind, k.name)
			require.False(t, reflect.ValueOf(k.store).IsNil(), k.name)
		}
	}
}

func TestRewriteKeepsWhatWasSet(t *testing.T) {
	files := []File{
		{"a", []byte("[b2bua-server]\nmax-calls=7\ntransports=sip:127.0.0.1:1\noutbound-proxy= \n[module::Router]\nfork=1\n")},
		{"b", []byte("[module::Registrar]\nredis-auth-password=Mellon\n")},
	}
	text := Rewrite(files, []string{"b2bua/strict=true"})
	for _, want := range []string{"\nmax-calls=7\n", "\ntransport=sip:127.0.0.1:1\n", "\noutbound-proxy= \n", "\nredis-auth-password=Mellon\n", "\nstrict=true\n", "\n#enable-ice=true\n"} {
		require.Contains(t, text, want)
	}
	want, _ := Load(files, []string{"b2bua/strict=true"})
	got, r := Load([]File{{"c", []byte(text)}}, nil)
	require.Len(t, r.Findings, 1)
	require.Contains(t, r.Findings[0].Problem, "there is no outbound proxy")
	require.Equal(t, want, got)
}

// Ten mistakes at once are ten faults, each with its place and what to write.
func TestTenMistakes(t *testing.T) {
	text := `[b2bua-server]
applicatoin=trenscrypter
transport=sip:b2bua.example.org;transport=tcp
enable-ice=yes
audio-port=30000-20000
user-agent=My Agent/1.0
no-rtp-timeout=0
max-call-duration=1 hour
audio-codec=opus
max-calls=0
max-calls=5
[b2bua::timer]
`
	_, r := Load([]File{{"b2bua.conf", []byte(text)}}, nil)
	want := []struct{ place, problem, fix string }{
		{"b2bua.conf:2", "Unsupported parameter 'applicatoin' in section [b2bua-server] at line 2.", "application"},
		{"b2bua.conf:3", "invalid value for parameter 'b2bua-server/transport' (sip:b2bua.example.org;transport=tcp): failed to get port from SIP URI", "the port too"},
		{"b2bua.conf:4", "invalid value 'yes' for key 'enable-ice' in section 'b2bua-server'", "enable-ice=true or enable-ice=false"},
		{"b2bua.conf:5", "invalid value for parameter 'b2bua-server/audio-port' (30000-20000): the range ends before it begins", "20000-30000"},
		{"b2bua.conf:6", "user-agent parameter is ill-formed, use the following syntax: <name>[/<version>]", "Flexisip-B2BUA/{version}"},
		{"b2bua.conf:7", "invalid value for parameter 'b2bua-server/no-rtp-timeout' (0): duration must be strictly positive", "30s"},
		{"b2bua.conf:8", "it is not a duration", "1h"},
		{"b2bua.conf:9", "it is not a codec with its rate", "opus/48000"},
		{"b2bua.conf:10", "invalid value for parameter 'b2bua-server/max-calls' (0): it must be strictly positive", "from 1"},
		{"b2bua.conf:11", `Configuration file parsing error: key "max-calls" has several entrances.`, "once"},
		{"b2bua.conf:12", "invalid section(s) and/or item(s) in the configuration file are not allowed", "[b2bua::timers]"},
	}
	require.Len(t, r.Findings, len(want))
	for i, f := range r.Findings {
		require.Equal(t, Fault, f.Severity)
		require.Equal(t, want[i].place, f.Place())
		require.Contains(t, f.Problem, want[i].problem)
		require.Contains(t, f.Fix, want[i].fix)
		require.Equal(t, 2, strings.Count(f.Text(), "\n")+1)
	}
	require.True(t, r.Failed())
}

func TestSettingsThatDependOnEachOther(t *testing.T) {
	for text, want := range map[string]string{
		"[b2bua-server]\ntransport=sips:127.0.0.1\n":                                  "listening for TLS on sips:127.0.0.1 needs a certificate",
		"[b2bua::tls]\ncertificate=a.pem\n":                                           "a certificate needs its key",
		"[b2bua::tls]\nkey=a.pem\n":                                                   "a key needs its certificate",
		"[b2bua-server]\nnat-addresses=1.2.3.4\nenable-ice=false\n":                   "NAT addresses cannot be configured if ICE is not enabled",
		"[b2bua-server]\nnat-addresses=1.2.3.4 5.6.7.8\n":                             "only one IPv4 NAT address can be configured",
		"[b2bua-server]\nnat-addresses=2001:db8::1 2001:db8::2\n":                     "only one IPv6 NAT address can be configured",
		"[b2bua::timers]\nt1=5s\n":                                                    "T1 is longer than T2",
		"[module::Registrar]\nredis-connection=tls-server-auth\n":                     "TLS to Redis needs redis-tls-cafile",
		"[module::Registrar]\nredis-connection=tls-mutual\nredis-tls-cafile=ca.pem\n": "tls-mutual needs",
		"[b2bua-server]\napplication=Trenscrypter\n":                                  "unknown B2BUA server application type",
		"[b2bua-server]\ntransport=sips:127.0.0.1;transport=udp\n":                    "SIP over DTLS is not supported",
		"[b2bua-server]\nno-rtp-timeout=500ms\n":                                      "finer than this setting accepts",
		"[b2bua]\nmedia-loops=-1\n":                                                   "out of range",
		"[module::Registrar]\nredis-server-port=0\n":                                  "it is not a port",
		"[b2bua-server]\noutbound-proxy=nonsense\n":                                   "invalid SIP URI",
	} {
		_, r := Load([]File{{"b2bua.conf", []byte(text)}}, nil)
		require.Len(t, r.Findings, 1, text)
		list := []string{fmt.Sprintf("%v: %v", r.Findings[0].Severity, r.Findings[0])}
		require.Contains(t, list[0], want)
		require.True(t, strings.HasPrefix(list[0], "fault: b2bua.conf:"), list[0])
	}
	for text, want := range map[string]string{
		"[b2bua-server]\naudio-port=5000\n":                "calls will fail for lack of ports",
		"[b2bua-server]\naudio-port=5001-5002\n":           "calls will fail for lack of ports",
		"[module::Registrar]\nredis-server-timeout=1500\n": "deprecated",
	} {
		list := faults(t, text+"[b2bua]\nstrict=true\n")
		require.Len(t, list, 1, text)
		require.Contains(t, list[0], want)
		require.True(t, strings.HasPrefix(list[0], "warning: "), list[0])
	}
}

func TestTooLargeFile(t *testing.T) {
	_, r := Load([]File{{"x", make([]byte, MaxFile+1)}}, nil)
	require.True(t, r.Failed())
}
