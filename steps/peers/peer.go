package peers

import (
	"context"
	"net/netip"
)

// Config is one peer of a pair.
type Config struct {
	Name       string // user of its address of record
	Kind       string // "linphone", "baresip", "chromium" or "phone", the simulated one
	Encryption string // "none", "srtp" (SDES), "dtls" or "zrtp"; it refuses to talk otherwise
	ICE        bool
	Video      bool       // beside the audio: a still picture of a linphone, a moving one of a chromium, marked packets of a phone
	Audio      []string   // codecs of a chromium or a phone, "opus/48000/2"; nil: PCMU and telephone-event at 8000 Hz
	Addr       netip.Addr // of its sockets; not of a baresip, which has one of its own
	Bundle     string     // bundlePolicy of a chromium; empty: "balanced", a browser's default
	Domain     string     // of its address of record
	Password   string     // for digest authentication; not of a baresip
	Proxy      string     // registrar and outbound proxy, host:port over UDP
	Suites     []string   // SDES suites that it offers or accepts, from which a linphone takes its ciphers and tags of ZRTP too; not of a baresip
	AutoAnswer bool
	Dir        string // state, log, recording
}

// Peer is a running one. It registers by itself; every Await… ends with the context.
type Peer interface {
	AwaitRegistered(ctx context.Context) error
	Call(uri string) error
	AwaitRunning(ctx context.Context) error
	HangUp() error
	// AwaitCounters waits for the counters of the call, which has ended.
	AwaitCounters(ctx context.Context) (Counters, error)
	// Owns tells whether its media leaves from there or arrives there.
	Owns(at netip.AddrPort) bool
	Stop()
}

// Agreeing is a peer that shows the SAS of its ZRTP.
type Agreeing interface {
	// AwaitSAS waits for that of its n-th call, from 1 on.
	AwaitSAS(ctx context.Context, n int) (string, error)
}

// Counters is what a peer says about the audio of its last call.
type Counters struct {
	Sent, Received int    // RTP packets
	Lost, Bad      int    // by sequence number; malformed
	Errors         int    // packets that could not be decrypted
	ControlErrors  int    // those of them that were RTCP, where the peer tells them apart
	Suite          string // SDES suite in its descriptions, the last one
	Profile        string // of the last m=audio line
	Heard          string // what it heard of the other; empty: nothing but silence
}

// Start starts a peer of the kind that the configuration names.
func Start(ctx context.Context, cfg Config) (Peer, error) {
	switch cfg.Kind {
	case "baresip":
		return StartBaresip(ctx, cfg)
	case "chromium":
		return StartChromium(ctx, cfg)
	case "phone":
		return StartPhone(cfg)
	default:
		return StartLinphone(ctx, cfg)
	}
}
