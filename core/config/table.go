package config

import (
	"net/netip"
	"time"

	"b2bua/core/app/trenscrypter"
	"b2bua/core/sip"
)

// Section names that code refers to.
const (
	sectionB2BUA        = "b2bua-server"
	sectionTrenscrypter = "b2bua-server::trenscrypter"
	sectionBridge       = "b2bua-server::sip-bridge"
	sectionGlobal       = "global"
	sectionRegistrar    = "module::registrar"
	sectionOwn          = "b2bua"
	sectionTLS          = "b2bua::tls"
	sectionTimers       = "b2bua::timers"
)

// table lists every setting. The order is the one of the default file.
func table() []section {
	return []section{globalSection(), b2buaSection(), trenscrypterSection(), bridgeSection(), registrarSection(), ownSection(), tlsSection(), timersSection()}
}

func b2buaSection() section {
	return section{name: sectionB2BUA, help: `Flexisip back-to-back user agent: it answers the calls that the proxy sends to it and places a second call for each,
so that the two legs can differ in media encryption or in the account that is used.`, keys: append(b2buaSignalling(), b2buaMedia()...)}
}

func b2buaSignalling() []key {
	transport := key{
		name: "transport", aliases: []string{"transports"}, kind: "StringList", def: "sip:127.0.0.1:6067;transport=tcp",
		help: `SIP URIs to listen on, separated by spaces: sip: with ;transport=udp (or none), tcp or tls, or sips: for TLS. The
server listens on exactly these addresses; 0.0.0.0, [::] or * means all. Port 0 takes any free port. Outgoing connections may use
every transport, listed or not. TLS needs [b2bua::tls] certificate and key. The spelling transports is accepted too.`,
		store: storeTransport,
	}
	return []key{
		choice("application", "trenscrypter", `What the server does with calls:

trenscrypter: same callee, the media encryption of the second leg is chosen by rules.

sip-bridge: calls go out through accounts at other SIP providers.`, "unknown B2BUA server application type",
			func(c *Config) *string { return &c.B2BUA.Application }, AppTrenscrypter, AppSIPBridge),
		transport,
		boolean("enable-keepalive", "true", "Send keep-alives on outgoing connections, so that NATs and firewalls keep them open. See b2bua::timers/keepalive-interval.",
			func(c *Config) *bool { return &c.B2BUA.EnableKeepalive }),
		parsed("user-agent", "String", "Flexisip-B2BUA/{version}", `User-Agent header, as <name>[/<version>]; {version} becomes the version of the program. The proxy's module::B2bua
recognises by it the calls that come from here and lets them pass: both need the same value.`,
			func(c *Config) *string { return &c.B2BUA.UserAgent }, parseUserAgent),
		text("data-directory", "/var/opt/belledonne-communications/flexisip/b2b", `Directory for what is kept between starts: the DTLS-SRTP certificate with its key (dtls-srtp.pem, mode 0600), whose fingerprint peers
see; the secrets that phones with ZRTP share with us (zrtp-cache.db, mode 0600; see b2bua zrtp --help) and our ZID. Back them up together: without them
each of these phones warns its user. The directory belongs to the user of the service. Servers on one host may share it. When it is missing
or not writable, a warning is logged and the data stays in memory.`,
			func(c *Config) *string { return &c.B2BUA.DataDirectory }),
		parsed("outbound-proxy", "String", "sip:127.0.0.1:5060;transport=tcp", `The proxy that all outgoing requests are sent to, in trenscrypter mode. With a cluster of proxies it must be the cluster's
internal-transport. Set to a single space, there is none: calls go to the domain of the To header by DNS.`,
			func(c *Config) **sip.Address { return &c.B2BUA.OutboundProxy }, parseProxy),
		boolean("one-connection-per-account", "false", "sip-bridge: give each account a connection (a local port) of its own, for providers that tell lines apart by it.",
			func(c *Config) *bool { return &c.B2BUA.OneConnectionPerAccount }),
		integer("max-calls", "500", "Calls that are bridged at the same time. A call beyond them is refused with 486.",
			func(c *Config) *int { return &c.B2BUA.MaxCalls }, positive),
	}
}

func b2buaMedia() []key {
	nat := key{
		name: "nat-addresses", kind: "StringList", def: "",
		help: `Public addresses of this host behind a 1:1 NAT, at most one IPv4 and one IPv6 address or host name, which is looked up
once at the start. They are offered as further ICE candidates with the local ports; enable-ice must be on. The NAT must keep the
port numbers. Peers without ICE get the local address, unless b2bua/nat-address-in-sdp is on.`,
		store: func(c *Config, v value) error { c.B2BUA.NATAddresses = tokens(v.text); return nil },
	}
	return []key{
		ports("audio-port", "0", "Local RTP ports for audio: 0 for any free port, or a range such as 20000-29999. A call uses two ports on each leg (RTP and RTCP): four for each of max-calls, or two when the legs have different addresses.",
			func(c *Config) *PortRange { return &c.B2BUA.AudioPort }),
		ports("video-port", "0", "Local RTP ports for video, likewise.",
			func(c *Config) *PortRange { return &c.B2BUA.VideoPort }),
		boolean("enable-ice", "true", "Offer ICE on the second leg and accept it on both. A peer without ICE gets ordinary RTP. Off, no ICE attribute is sent or relayed.",
			func(c *Config) *bool { return &c.B2BUA.EnableICE }),
		nat,
		duration("no-rtp-timeout", "30", time.Second, "A call ends when a leg receives neither RTP nor RTCP of its audio for so long. See b2bua::timers/hold-timeout for a leg on hold.",
			func(c *Config) *time.Duration { return &c.B2BUA.NoRTPTimeout }, aboveZero),
		duration("max-call-duration", "0", time.Second, "A call ends after so long. 0: no limit.",
			func(c *Config) *time.Duration { return &c.B2BUA.MaxCallDuration }),
		parsed("audio-codec", "String", "", "Only this audio codec is offered and accepted on both legs, as <codec>/<rate>, for example opus/48000. Empty: all.",
			func(c *Config) *Codec { return &c.B2BUA.AudioCodec }, parseAudioCodec),
		parsed("video-codec", "String", "", "Only this video codec is offered and accepted on both legs, for example VP8. Empty: all.",
			func(c *Config) *Codec { return &c.B2BUA.VideoCodec }, parseVideoCodec),
	}
}

func trenscrypterSection() section {
	return section{
		name: sectionTrenscrypter,
		help: "Media encryption of the second leg, by the address of the callee. Try rules with: b2bua explain sip:callee@example.org",
		keys: []key{
			{name: trenscrypter.EncryptionKey, kind: "StringList", store: storeEncryption, help: `mode1 regex1 mode2 regex2 …: the first regex that matches the callee's whole SIP URI chooses the mode: zrtp, dtls-srtp,
sdes or none. The URI includes its parameters, so end a regex with (;.*)? to allow any. When none matches, the mode is that of
the first leg. A callee that refuses the mode ends the call: there is no fall-back to less protection. An invalid pair is
skipped with an error in the log.
Example: zrtp .*@sip\.secure-example\.org(;.*)? dtls-srtp .*dtls@sip\.example\.org sdes .*@sip\.example\.org`},
			{name: trenscrypter.SuitesKey, kind: "StringList", store: storeSuites, help: `suites1 regex1 suites2 regex2 …: when the second leg uses SDES, the first regex that matches the callee's whole SIP URI
chooses the suites to offer, separated by semicolons, the preferred one first: AES_CM_128_HMAC_SHA1_80,
AES_CM_128_HMAC_SHA1_32, AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, AEAD_AES_128_GCM, AEAD_AES_256_GCM. When none
matches, the first four are offered in this order.
Example: AES_256_CM_HMAC_SHA1_80;AES_256_CM_HMAC_SHA1_32 .*@sip\.secure-example\.org AES_CM_128_HMAC_SHA1_80 .*@sip\.example\.org`},
		},
	}
}

func bridgeSection() section {
	return section{name: sectionBridge, help: "Bridging to other SIP providers.", keys: []key{
		file("providers", "example-path.json", "JSON file with the providers and their accounts. A relative path starts at the directory of this file.",
			func(c *Config) *string { return &c.SIPBridge.Providers }),
	}}
}

func ownSection() section {
	return section{name: sectionOwn, help: `Settings that Flexisip does not know. Keep the b2bua sections without -server in a second file (b2bua -c flexisip.conf -c b2bua.conf):
Flexisip refuses sections it does not know.`, keys: []key{
		meant(duration("drain-timeout", "0s", time.Millisecond, "How long a stop waits for the calls to end by themselves, no new ones being taken. 0: they are ended at once.",
			func(c *Config) *time.Duration { return &c.Own.DrainTimeout }), time.Second),
		boolean("strict", "false", "Refuse to start on what is only warned about or skipped otherwise: invalid rules, unknown keys and sections.",
			func(c *Config) *bool { return &c.Own.Strict }),
		integer("media-loops", "0", "Threads that forward media packets. 0: one per processor.",
			func(c *Config) *int { return &c.Own.MediaLoops }, func(n int) error {
				if n < 0 || n > 256 {
					return refuse("a number from 0 to 256", "it is out of range")
				}
				return nil
			}),
		parsed("media-address", "StringList", "", `Address written into SDP and bound for media, instead of the one that the system routes by; for hosts with several addresses
or 1:1 NAT inside. At most one IPv4 and one IPv6 address of this host, separated by a space.`,
			func(c *Config) *[]netip.Addr { return &c.Own.MediaAddress }, parseMediaAddresses),
		boolean("nat-address-in-sdp", "false", `Write b2bua-server/nat-addresses into c= and o= of every description, for a server behind a 1:1 NAT that has peers without ICE
outside. Devices inside the NAT must reach the public address then.`,
			func(c *Config) *bool { return &c.Own.NATInSDP }),
		boolean("zrtp-transparent", "false", `Where both phones have ZRTP, let them agree on keys with each other: media passes as it is, and both show the same SAS. Off, each leg
has keys and a SAS of its own, as with every other encryption. It is decided when the call begins: leg A offers ZRTP, and leg B's mode is zrtp.`,
			func(c *Config) *bool { return &c.Own.ZRTPTransparent }),
		boolean("enable-refer", "true", `Take REFER in calls: the peer of one leg has the other one called to somebody else. Off, REFER is refused with 405 and missing from
Allow, so that nobody, a provider for one, can send a phone to a number of his choice.`,
			func(c *Config) *bool { return &c.Own.Refer }),
		{name: trenscrypter.WebRTCKey, kind: "StringList", store: storeWebRTC, help: `regex1 regex2 …: a callee whose whole SIP URI one of them matches is a browser, or a gateway to browsers: where the second leg is
dtls-srtp (outgoing-enc-regex) it is offered with rtcp-mux, without which a browser refuses the call, with feedback (UDP/TLS/RTP/SAVPF),
by which it asks for pictures and lost packets, and with one transport for all streams (BUNDLE). For application=sip-bridge see
enableAvpf of the providers file.
Example: .*@web\.example\.org(;.*)?`},
		integer("zrtp-agreements-per-second", "0", `Key agreements of ZRTP that are computed per second, so that a flood of calls leaves the processors to the calls that run; more of them
wait for their turn. 0: 100 for each processor.`,
			func(c *Config) *int { return &c.Own.ZRTPRate }, func(n int) error {
				if n < 0 || n > 100_000 {
					return refuse("a number from 0 to 100000", "it is out of range")
				}
				return nil
			}),
	}}
}

func tlsSection() section {
	return section{name: sectionTLS, help: "TLS of SIP connections, version 1.2 and up.", keys: []key{
		file("certificate", "", "PEM file with the server's certificate, followed by those of intermediate authorities.",
			func(c *Config) *string { return &c.TLS.Certificate }),
		file("key", "", "PEM file with the private key of the certificate.",
			func(c *Config) *string { return &c.TLS.Key }),
		file("ca-file", "", "PEM file with the authorities that peers are verified against. Empty: those of the system.",
			func(c *Config) *string { return &c.TLS.CAFile }),
		boolean("verify-peer", "true", "Verify the certificate of the servers that we connect to, and that it is for the host name we asked for.",
			func(c *Config) *bool { return &c.TLS.VerifyPeer }),
	}}
}

func timersSection() section {
	least := map[string]time.Duration{ // what somebody may mean by a number alone
		"ring-timeout": time.Second, "hold-timeout": 10 * time.Second, "secure-timeout": time.Second, "shutdown-timeout": 100 * time.Millisecond,
		"keepalive-interval": time.Second, "connect-timeout": 100 * time.Millisecond, "register-expires": 10 * time.Second,
		"register-retry": time.Second, "t1": 10 * time.Millisecond, "t2": 100 * time.Millisecond, "t4": 100 * time.Millisecond,
	}
	ms := func(name, def, help string, at func(*Config) *time.Duration) key {
		return meant(duration(name, def, time.Millisecond, help, at, aboveZero), least[name])
	}
	return section{name: sectionTimers, help: "Timers. The defaults suit every network; shorter ones are for tests. A number without a unit counts milliseconds here: write 10s.", keys: []key{
		ms("ring-timeout", "240s", "A call that is not answered in this time is refused with 486.", func(c *Config) *time.Duration { return &c.Timers.Ring }),
		ms("hold-timeout", "3600s", "no-rtp-timeout of a leg on hold.", func(c *Config) *time.Duration { return &c.Timers.Hold }),
		ms("secure-timeout", "10s", "A leg with DTLS-SRTP or ZRTP that has no keys after this time is released.", func(c *Config) *time.Duration { return &c.Timers.Secure }),
		ms("shutdown-timeout", "5s", "Longest time to end all calls at a stop, after drain-timeout.", func(c *Config) *time.Duration { return &c.Timers.Shutdown }),
		ms("keepalive-interval", "30s", "Time between keep-alives on an outgoing connection.", func(c *Config) *time.Duration { return &c.Timers.Keepalive }),
		ms("connect-timeout", "5s", "Longest time to connect by TCP or TLS.", func(c *Config) *time.Duration { return &c.Timers.Connect }),
		ms("register-expires", "1h", "How long a registration of a sip-bridge account is asked for. The registrar decides; the refresh comes between 50 % and 90 % of what it grants.", func(c *Config) *time.Duration { return &c.Timers.RegisterExpires }),
		ms("register-retry", "60s", "Time between a failed registration and the next one, unless the registrar says how long. It doubles up to 10 minutes while the registrar refuses.", func(c *Config) *time.Duration { return &c.Timers.RegisterRetry }),
		ms("regex-timeout", "100ms", "Longest time for one match of a regex with look-ahead or back-reference; others need none. A call whose rule exceeds it is refused with 488.", func(c *Config) *time.Duration { return &c.Timers.RegexTimeout }),
		ms("t1", "500ms", "Round-trip time estimate of SIP (RFC 3261 T1): first retransmission over UDP; 64 times this without an answer is a failure.", func(c *Config) *time.Duration { return &c.Timers.T1 }),
		ms("t2", "4s", "Longest time between retransmissions (RFC 3261 T2).", func(c *Config) *time.Duration { return &c.Timers.T2 }),
		ms("t4", "5s", "How long a message stays in the network (RFC 3261 T4).", func(c *Config) *time.Duration { return &c.Timers.T4 }),
	}}
}
