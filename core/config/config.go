package config

import (
	"net/netip"
	"time"

	"b2bua/core/app/trenscrypter"
	"b2bua/core/sip"
)

// Version is the product's version. It is what {version} in user-agent becomes; the build sets it with
// -ldflags "-X b2bua/core/config.Version=…".
var Version = "0.1.0"

// Config is the whole configuration, one field per key, defaults filled in. Durations are in Go's unit; a duration of 0
// means what the key's help says (mostly "off" or "no limit").
type Config struct {
	Global       Global       // [global]
	B2BUA        B2BUA        // [b2bua-server]
	Trenscrypter Trenscrypter // [b2bua-server::trenscrypter]
	SIPBridge    SIPBridge    // [b2bua-server::sip-bridge]
	Registrar    Registrar    // [module::Registrar], the Redis keys
	Own          Own          // [b2bua], not known to Flexisip
	TLS          TLS          // [b2bua::tls], not known to Flexisip
	Timers       Timers       // [b2bua::timers], not known to Flexisip
}

// Application names, the values of b2bua-server/application.
const (
	AppTrenscrypter = "trenscrypter"
	AppSIPBridge    = "sip-bridge"
)

// Level is a log level of Flexisip's scale.
type Level string

// Levels, from the most to the least talkative. Fatal exists as a level of a line, not as a setting.
const (
	LevelDebug   Level = "debug"
	LevelMessage Level = "message"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Global is what [global] says to this program.
type Global struct {
	LogDirectory           string
	LogFilename            string // {server} is replaced already
	LogLevel               Level
	SyslogLevel            Level
	MemoryUsageLogInterval time.Duration // 0: off
	DumpCorefiles          bool
	WatchdogNotifyInterval time.Duration
}

// Listen is one address to listen on.
type Listen struct {
	URI     string         // as written, for messages
	Network string         // "udp", "tcp", "tls"
	Host    string         // as written without brackets: IP literal, name, or "*"
	Port    uint16         // 0: any free port
	Addr    netip.AddrPort // valid unless Host is a name; "*" is [::], which also takes IPv4
}

// PortRange is a range of local ports, both ends included. 0-0 leaves the choice to the kernel.
type PortRange struct{ Min, Max uint16 }

// Codec is a codec filter. Name "" filters nothing; Rate 0 accepts every rate.
type Codec struct {
	Name string
	Rate int // Hz
}

// B2BUA is [b2bua-server].
type B2BUA struct {
	Application             string   // AppTrenscrypter or AppSIPBridge
	Transport               []Listen // empty: only outgoing flows
	EnableKeepalive         bool
	AudioPort               PortRange
	VideoPort               PortRange
	UserAgent               string       // {version} is replaced already
	DataDirectory           string       //
	OutboundProxy           *sip.Address // without ;lr; nil: none, the callee's URI is the next hop
	EnableICE               bool
	NATAddresses            []string // IP literals or names
	NoRTPTimeout            time.Duration
	MaxCallDuration         time.Duration // 0: no limit
	AudioCodec              Codec
	VideoCodec              Codec
	OneConnectionPerAccount bool
	MaxCalls                int // bridged calls, at least 1
}

// Trenscrypter is [b2bua-server::trenscrypter], parsed and compiled; invalid pairs are left out and reported.
type Trenscrypter struct {
	Encryption []trenscrypter.EncryptionRule // outgoing-enc-regex
	Suites     []trenscrypter.SuiteRule      // outgoing-srtp-regex
	WebRTC     []trenscrypter.Rule           // b2bua/webrtc-regex
}

// SIPBridge is [b2bua-server::sip-bridge].
type SIPBridge struct {
	Providers string // path of the JSON file; a relative one is resolved against the directory of the INI file
}

// Secret is a password. It prints redacted; string(s) is the text.
type Secret string

// String never shows the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString never shows the text.
func (s Secret) GoString() string { return s.String() }

// Registrar is what [module::Registrar] says about Redis.
type Registrar struct {
	RedisConfigured          bool // redis-server-domain was set, not defaulted (decision 21)
	RedisServerDomain        string
	RedisServerPort          uint16
	RedisAuthUser            string
	RedisAuthPassword        Secret
	RedisSlaveCheckPeriod    time.Duration
	RedisUseSlavesAsBackup   bool
	RedisKeepAliveCheck      time.Duration // redis-subscription-keep-alive-check-period
	RedisConnection          string        // "tcp", "tls-server-auth", "tls-mutual"
	RedisTLSCertificate      string
	RedisTLSKey, RedisTLSCAs string
}

// Own is [b2bua].
type Own struct {
	DrainTimeout time.Duration // how long a stop waits for calls to end; 0: not at all
	Strict       bool          // skipped rules and unknown names are faults
	MediaLoops   int           // threads that forward packets; 0: one per processor
	MediaAddress []netip.Addr  // at most one IPv4 and one IPv6 address for media; empty: the one the system routes by
	NATInSDP     bool          // B2BUA.NATAddresses stand in c=, too
	// ZRTPTransparent: phones that both speak ZRTP agree on keys with each other; off, each leg has keys of its own.
	ZRTPTransparent bool
	Refer           bool // REFER in a call is taken
	ZRTPRate        int  // zrtp-agreements-per-second; 0: the default of the media plane
}

// TLS is [b2bua::tls]. Paths are resolved against the directory of the INI file.
type TLS struct {
	Certificate string // PEM, server certificate with its chain
	Key         string // PEM
	CAFile      string // PEM; empty: the system's authorities
	VerifyPeer  bool   // outgoing connections: certificate and host name
}

// Timers is [b2bua::timers]: what a test or an odd network cannot wait for.
type Timers struct {
	Ring      time.Duration // ring-timeout: INVITE received to answer, then 486
	Hold      time.Duration // hold-timeout: no-rtp-timeout of a leg on hold
	Secure    time.Duration // secure-timeout: DTLS-SRTP or ZRTP leg without keys is released
	Shutdown  time.Duration // shutdown-timeout: stop takes at most this, after drain-timeout
	Keepalive time.Duration // keepalive-interval: CRLF on outgoing flows
	Connect   time.Duration // connect-timeout: TCP and TLS
	// RegisterExpires and RegisterRetry: lifetime that is asked for, rest after a failure.
	RegisterExpires, RegisterRetry time.Duration

	T1, T2, T4   time.Duration // RFC 3261 section 17.1.1.1
	RegexTimeout time.Duration // regex-timeout: one match of a pattern with look-ahead or back-reference
}
