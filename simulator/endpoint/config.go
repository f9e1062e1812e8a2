package endpoint

import (
	"crypto/tls"
	"log/slog"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/impair"
)

// Config describes a phone. The zero value of every field but AOR works.
type Config struct {
	Name        string // party name in ladders, captures and errors; empty: user part of AOR
	AOR         string // address of record, "sip:marie@sip.example.org"; required
	DisplayName string // of the From header
	Listen      string // "udp:127.0.0.1:0", "tcp:127.0.1.5:5070", "tls:…"; empty: "tcp:127.0.0.1:0". Port 0: kernel's choice
	Proxy       string // outbound proxy, "sip:127.0.0.1:5060;transport=tcp"; empty: requests go to their Request-URI
	Username    string // digest user name; empty: user part of AOR
	Password    string // digest password; empty: challenges are not answered
	UserAgent   string // empty: "sipsim"
	TLS         *tls.Config
	TLSClient   *tls.Config // for outgoing TLS; nil: system roots
	MediaIP     string      // address media sockets bind to; empty: host of Listen

	// SecondIP is an address on another network, which a phone with ICE checks and speaks from, too; empty: there is none. Favours is the
	// network that it nominates: 0 the one of MediaIP, 1 the second.
	SecondIP string
	Favours  int

	Tone  float64 // Hz, see tone.Frequency; 0: chosen from the name
	Media Media   // what is offered and accepted; a call can override it

	AnyInfo bool // digits of INFO are read whatever their duration and form; false: exactly as b2bua writes them

	Auto     *Auto  // nil: incoming calls wait for the script
	SSRC     uint32 // of the media this phone sends; 0: by chance. Streams after the first count up from it
	Sequence uint16 // of its first packet; 0: by chance

	ZRTPCache string // directory of what is remembered of peers in ZRTP; empty: in memory, as long as the phone lives

	Impair   impair.Config     // applied to the media this phone sends
	Arriving impair.Config     // applied to what it receives on its RTP ports
	Record   *capture.Recorder // gets every SIP message and media packet; nil: nothing recorded beyond Messages
	Log      *slog.Logger      // nil: discarded
	Seed     uint64            // of tags, keys and impairments; 0: random
}

// Media is what one side of a call offers or accepts.
type Media struct {
	Encryption string   // "none" (default), "sdes", "dtls-srtp" (or "dtls") or "zrtp": what we offer. As callee: see Accept
	Suites     []string // of SRTP in order of preference, SDP names; empty: sdp.DefaultSuites for SDES, all four profiles for DTLS
	Accept     []string // encryptions accepted from a caller; empty: only the one in Encryption. "any" accepts all
	Setup      string   // role in DTLS: "actpass" (default of an offer), "active" (default of an answer) or "passive"
	Profile    string   // of an offer's m-lines, "RTP/SAVP" or "UDP/TLS/RTP/SAVPF"; empty: what Encryption and AVPF demand
	Fault      string   // what this phone does wrong: one of Faults; empty: nothing
	Audio      []string // "PCMU/8000", "PCMA/8000", "opus/48000/2", "telephone-event/8000"; nil: PCMU, PCMA, telephone-event. Empty non-nil: no audio
	Video      []string // "VP8/90000", "H264/90000"; empty: no video (as callee: refused with port 0)
	AVPF       bool     // offer the feedback profiles, and for video PLI, FIR and NACK; as callee take these from an offer
	NoAVPF     bool     // refuse the feedback profiles, as a phone that knows RFC 3551 only
	RTCPMux    bool     // offer or accept rtcp-mux
	Bundle     string   // offer the streams on one transport: BundleBalanced or BundleMax; as callee, and in mid-call, take it. Empty: no
	ICE        bool     // offer or accept ICE, as a full agent
	Direction  string   // "sendrecv" (default), "sendonly", "recvonly", "inactive"
	ZRTP       ZRTP     // of encryption "zrtp"; a call keeps those of its first description
}

// ZRTP is how a phone agrees on keys by ZRTP (RFC 6189). The names are those of the RFC: "S256", "AES1", "HS80", "X255", "B32".
type ZRTP struct {
	Hashes, Ciphers, Tags, Agreements, SAS []string // in order of preference; empty: those of today
	Passive                                bool     // it never begins
	MTU                                    int      // longest datagram; 0: 1452
}

// Faults of a phone.
const (
	FaultFingerprint = "fingerprint"     // the description names another certificate than is shown
	FaultSilent      = "silent"          // no word of DTLS or ZRTP is ever said
	FaultKey         = "key"             // SDES: packets are protected with another key than the description's
	FaultRenewed     = "renewed"         // no fault: a new certificate, or a new exchange of ZRTP, from this description on
	FaultReplaced    = "replaced"        // no fault: new exchanges of ZRTP in the session that there is, from this description on
	FaultICE         = "ice"             // ICE: checks are made with another password than the peer's
	FaultNoMID       = "no-mid"          // BUNDLE: packets do not say which stream they are of
	FaultWrongMID    = "wrong-mid"       // BUNDLE: packets say that they are of a stream that is not there
	FaultRestart     = "restart"         // no fault: new credentials of ICE in this description
	FaultNoHash      = "no-zrtp-hash"    // ZRTP: the description does not mention it, and the peer's need not either
	FaultWrongHash   = "wrong-zrtp-hash" // ZRTP: the description has the hash of another Hello
	FaultMute        = "mute"            // ZRTP: Hello and nothing after it
	FaultForge       = "forged-errors"   // ZRTP: somebody sends Errors in the phone's name until it is secure
)

// Auto makes a phone treat incoming calls by itself.
type Auto struct {
	Decline int           // not 0: the call is refused with this status
	Early   bool          // 183 with SDP instead of 180
	Ring    time.Duration // from INVITE to 200; 180 is sent at once. Negative: rings for ever
	HangUp  time.Duration // after the answer; 0: never
}

// Header is one extra header field.
type Header struct{ Name, Value string }

// CallOptions changes one outgoing call. The zero value is an ordinary call.
type CallOptions struct {
	Media       *Media   // nil: Config.Media
	Offerless   bool     // INVITE without SDP: the answer goes into the ACK
	Headers     []Header // added to the INVITE
	RequestURI  string   // Request-URI when it differs from To
	From        string   // From address, `"Marie" <sip:marie@…>`; empty: Config
	Body        string   // replaces the SDP of the INVITE byte for byte; no media is started
	ContentType string   // of Body; empty: application/sdp
}
