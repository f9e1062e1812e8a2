package proxy

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"b2bua/simulator/capture"
)

// Config describes a proxy. The zero value listens on tcp:127.0.0.1:0 and serves every domain.
type Config struct {
	Name    string   // party name in ladders; empty: "proxy"
	Listen  []string // "tcp:127.0.0.1:0", "udp:127.0.0.1:5060", "tls:…"; the first one is URI()
	Domains []string // domains whose users are looked up here; empty: all
	TLS     *tls.Config
	// TLSClient is used for outgoing TLS; nil: system roots.
	TLSClient *tls.Config

	// Hosts are names and their addresses, whatever the system's resolver says. A name of one of our own addresses is ourselves.
	Hosts map[string]netip.Addr
	// AddressInRoutes: Record-Route has our address also where we have a name, as many trunks' that have a certificate for the name only.
	AddressInRoutes bool

	Divert Divert
	// Routes are those of module::Forward: a request outside a dialog that fits one is sent there, with a Route header to it. The
	// first that fits counts. They see the Request-URI of each branch: a contact, where one was looked up.
	Routes []Route
	// Fallback is module::Router's call-fork-current-branches-timeout: how long contacts are tried before those of a lower q are
	// tried, too. All refusals begin the next ones at once. 0: all contacts at the same time, whatever their q; negative: by refusals only.
	Fallback time.Duration

	MaxContacts int               // per address of record; 0: 10. One more replaces the oldest
	MinExpires  time.Duration     // 0: none
	MaxExpires  time.Duration     // 0: one hour
	Static      []Static          // contacts that never expire
	AuthDomains []string          // requests whose From domain is listed must authenticate (401 for REGISTER, 407 else)
	Passwords   map[string]string // "user@domain" -> password, for AuthDomains
	Realm       string            // empty: the From domain
	Algorithms  []string          // of the challenges, in order of preference; empty: SHA-256, MD5
	NonceLife   time.Duration     // 0: five minutes
	NonceOnce   bool              // each request gets a challenge of its own
	Strict      bool              // requests inside a dialog must authenticate as well, ACK apart
	Nonces      int               // whose use is remembered at most, 0: 10 000; beyond it all are told to be stale
	// SharedPassword, if set, is that of every user of AuthDomains who is not in Passwords.
	SharedPassword string
	// Forgetful: no message is kept, so that Messages and WaitMessage have nothing; for loads.
	Forgetful bool

	// Rewrite, if set, may change the Request-URI of a request before it is routed; it gets the message and returns the new URI,
	// empty: unchanged. Called on the proxy's loop: must not block.
	Rewrite func(capture.Message) string

	Record *capture.Recorder
	Log    *slog.Logger
	Seed   uint64
}

// Divert is module::B2bua.
type Divert struct {
	URI       string // "sip:127.0.0.1:6067;transport=tcp"; empty: module off
	UserAgent string // exact User-Agent of the B2BUA, which passes through; empty: recognised by the header X-Flexisip-B2BUA
	// AfterFork looks contacts up first: the B2BUA gets one INVITE per contact, with one Call-ID and From tag (spec 2.13).
	AfterFork bool
	// Filter chooses the requests that are diverted, see package filter; empty: all.
	Filter string
}

// Static are contacts of a user who need not register, as in module::Registrar's static-records-file.
type Static struct {
	AOR      string // "sip:pauline@sip.example.org"
	Contacts string // "<sip:+33612345678@example.net;user=phone>;q=0.5", several separated by commas
}

// Route is one line of module::Forward's routes file.
type Route struct {
	To   string // "<sip:127.0.0.1:6067;transport=tcp>"
	When string // see package filter; empty: always
}
