// Package sdp is one leg's session description (RFC 4566), its encryption vocabulary (RFC 4568, 5763, 6189) and the
// offer/answer rules between two legs that relay media without transcoding (RFC 3264).
//
// It is the vocabulary that call control and the media plane share: call control builds and checks descriptions, the media
// plane is told the result as Agreed. It does no I/O; randomness for keys is an argument.
package sdp

import (
	"net/netip"

	"b2bua/media/ice"
	"b2bua/media/sdes"
)

// Kind is the type of an m= section.
type Kind uint8

// Kinds. Other is anything that is not relayed (text, application, message): it is always refused with port 0.
const (
	Audio Kind = iota
	Video
	Other
)

// Direction of a stream, seen from the one who writes it (RFC 3264 section 5.1). The zero value is SendRecv, as in SDP.
type Direction uint8

// Directions.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// Encryption is how the media of a leg is protected. The order is the one of the documents.
type Encryption uint8

// Encryptions: plain RTP, SDES (RFC 4568), DTLS-SRTP (RFC 5763), ZRTP (RFC 6189).
const (
	None Encryption = iota
	SDES
	DTLS
	ZRTP
)

// Suite is an SRTP crypto suite by its SDES name (RFC 4568, 6188, 7714).
type Suite = sdes.Suite

// Suites. NoSuite is the zero value: no SRTP.
const (
	NoSuite        = sdes.NoSuite
	AESCM128SHA180 = sdes.AESCM128SHA180
	AESCM128SHA132 = sdes.AESCM128SHA132
	AES256CMSHA180 = sdes.AES256CMSHA180
	AES256CMSHA132 = sdes.AES256CMSHA132
	AEADAES128GCM  = sdes.AEADAES128GCM
	AEADAES256GCM  = sdes.AEADAES256GCM
)

// DefaultSuites is what leg B offers when no rule chooses (decision 16): the seed's list in the seed's order.
var DefaultSuites = []Suite{AESCM128SHA180, AESCM128SHA132, AES256CMSHA180, AES256CMSHA132}

// Secret is key material: master key followed by master salt. It prints redacted and is wiped when its leg closes.
type Secret = sdes.Secret

// Crypto is one a=crypto line (RFC 4568 section 9.1).
type Crypto = sdes.Crypto

// Codec is one payload type of an m= section.
type Codec struct {
	PT       uint8
	Name     string // as written; compared without case
	Rate     int    // clock rate, Hz
	Channels int    // 0: not written (one)
	Fmtp     string
	Feedback []string // a=rtcp-fb values for this payload type ("nack pli", …)

	// SendPT is the number that we send with, where Renumbered: RFC 3264 section 6.1 lets an answerer use numbers of its own
	// for what it wants to receive. Both are set in Agreed only; SendNumber reads them.
	SendPT     uint8
	Renumbered bool
}

// Media is one m= section.
type Media struct {
	Kind      Kind
	Type      string // "audio", "video", or what was written
	Port      uint16 // 0: refused, or not offered any more
	Proto     string // "RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", …
	Addr      netip.Addr
	RTCP      netip.AddrPort // from a=rtcp (RFC 3605); invalid: port + 1, or mux
	RTCPMux   bool
	Direction Direction // c=0.0.0.0 without ICE (the hold of RFC 2543) is already applied to it by Parse
	Codecs    []Codec
	Formats   []string // raw format list, kept for refused sections of foreign types
	Ptime     int      // ms, 0: none
	MaxPtime  int
	Bandwidth []string // b= values, as written

	Crypto      []Crypto
	Skipped     []string // a=crypto lines that are not in Crypto, and why; without keys
	Fingerprint string   // a=fingerprint, session or media level, as written; the strongest of several
	Setup       string   // a=setup
	ZRTPHash    string   // a=zrtp-hash

	ICE         *ICE   // a=ice-ufrag seen, at session or media level; nil: none
	ICEMismatch bool   // a=ice-mismatch
	Label       string // a=label / a=content are not relayed; a=mid is kept here for BUNDLE answers

	MIDExtension uint8    // the number of the header extension for a=mid (RFC 9143 section 15), 0: none
	Sources      []uint32 // a=ssrc
	BundleOnly   bool     // a=bundle-only: written with port 0. Port and the rest are those of the group's transport, if there is one

	shared           bool     // of a peer: on the transport of another section
	repeated         bool     // of a peer: another section of the group has its a=mid
	moreFingerprints []string // with the same hash function: of further certificates
	role             role     // ours, in a section of our own, once it is agreed
	muxed            bool     // a section of our own: both agreed on rtcp-mux
	sharesHash       bool     // another section has the same a=zrtp-hash
	zrtp, through    bool     // a section of our own: keys by ZRTP; between the phones
	ended            bool     // a section of our own, of a stream that does not run any more: nothing of it is used again
}

// Session is a whole description.
type Session struct {
	User        string // o= username
	ID, Version uint64 // o= session id and version
	Addr        netip.Addr
	Name        string
	Bundle      []string // the a=mid of an a=group:BUNDLE line
	Media       []Media

	// proposal is our offer of a group whose sections have transports of their own, as it was written: each branch of a fork answers it.
	proposal *Session
}

// Ports are the local ports of one stream on one leg.
type Ports struct {
	Addr      netip.Addr
	RTP, RTCP uint16
	// ZRTPHash is the value of a=zrtp-hash for the Hello that we send there; with OfferPlan.Through, that of the other leg's peer. Written where the
	// stream has ZRTP.
	ZRTPHash string
}

// Agreed is one stream of one leg after offer/answer, from our point of view: all that the media plane has to know.
type Agreed struct {
	Kind       Kind
	Enabled    bool // false: the m= line stands with port 0
	Encryption Encryption
	Remote     netip.AddrPort // where the peer wants RTP; the port latches to where its packets really come from
	RemoteRTCP netip.AddrPort
	Mux        bool      // RTCP on the RTP port (RFC 5761), agreed by both
	Direction  Direction // ours: SendRecv, SendOnly, RecvOnly, Inactive
	// Codecs in the order of the answer. PT is the number that the peer sends with. We send with the same one, unless the peer
	// answered our offer with another number for the codec (Renumbered, SendPT; ask SendNumber). Two legs are joined by
	// codec identity: Codec.Same.
	Codecs []Codec
	// SendKey protects what we send, RecvKey what we receive. Suite NoSuite: plain RTP.
	SendKey, RecvKey Crypto
	AVPF             bool // feedback profile agreed
	// DTLS is who starts and which certificate the peer has; the keys come from the handshake. Nil: another Encryption.
	DTLS *DTLSParams
	// ZRTP is what is known of the peer's Hello; the keys come from the exchange on the stream. Nil: another Encryption.
	ZRTP *ZRTPParams
	// MayZRTP: a stream without encryption, whose peer may begin ZRTP all the same. Set by the caller.
	MayZRTP bool
	// Group: the stream shares a transport. Only what is agreed for the tagged one describes that. Nil: it has its own.
	Group *Group
	// ICE: the path is the one that the peer's checks choose. Nil: Remote, and where packets come from.
	ICE *ice.Params

	// What the peer declared on the stream, for the description of the other leg.
	Ptime, MaxPtime int // ms, 0: none
	Bandwidth       []string
}
