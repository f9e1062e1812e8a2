package plane

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"b2bua/media/dtls"
	"b2bua/media/relay"
	"b2bua/media/sdp"
	"b2bua/media/zrtp"
)

// Side is a leg of the call.
type Side = relay.Side

// Sides.
const (
	A = relay.A
	B = relay.B
)

// Stats of one side of a stream.
type Stats = relay.Stats

// EventKind is what happened on a side.
type EventKind = relay.EventKind

// Events.
const (
	Latched      = relay.Latched
	NoMedia      = relay.NoMedia
	Flooded      = relay.Flooded
	AuthFailures = relay.AuthFailures
	Unroutable   = relay.Unroutable
	Secured      = relay.Secured
	SecureFailed = relay.SecureFailed
	PathSelected = relay.PathSelected
	ToneHeard    = relay.ToneHeard
	PictureLost  = relay.PictureLost
	Suspicious   = relay.Suspicious
	Unsecured    = relay.Unsecured
)

// Event is something that the owner of a call wants to know.
type Event struct {
	relay.Event
	Call   string
	Stream *Stream
	ZRTP   *zrtp.Report // of a Secured by ZRTP
	// Inherited: of a Secured by DTLS that was told of another stream, whose transport this one has since. That may have ended before
	// anybody read it.
	Inherited bool
}

// holdTimeout is how long a side that is on hold may be silent (spec 2.10).
const holdTimeout = 3600 * time.Second

// Config of a Plane. The zero value works.
type Config struct {
	Audio, Video PortRange
	Loops        int           // 0: one per core, but one core stays for signalling
	NoMedia      time.Duration // 0: silence is not supervised
	Hold         time.Duration // the same for a side on hold; 0: 3600 s
	Log          *slog.Logger  // nil: no log
	// DTLS makes the keys of sides with DTLS-SRTP. It is closed by its owner, after the plane. Nil: no side can have it.
	DTLS *dtls.Handshaker
	// ZRTP is what sides with ZRTP need. Nil: no side can have it.
	ZRTP *ZRTPConfig
	// Notify is called from a loop: it must not block, nor call a method of a Stream. Nil: no events.
	Notify func(Event)

	portable bool // net.UDPConn even where a better driver exists
	perTick  int  // instead of perTick(kind)
}

// ErrClosed is what Open and Set return after Close.
var ErrClosed = errors.New("media plane: closed")

// Plane runs streams.
type Plane struct {
	cfg    Config
	driver driver
	zrtp   *negotiator // nil: no side can have ZRTP
	pools  [2]*pool    // by kind
	mu     sync.Mutex
	// exchanging guards the locks of two streams at a time.
	exchanging sync.Mutex
	streams    map[*Stream]struct{}
	closed     bool
	done       chan struct{}
}

// New starts the loops.
func New(cfg Config) (*Plane, error) {
	if cfg.Loops <= 0 {
		cfg.Loops = max(1, runtime.NumCPU()-1)
	}
	if cfg.Hold == 0 {
		cfg.Hold = holdTimeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Plane{cfg: cfg, streams: map[*Stream]struct{}{}, done: make(chan struct{})}
	var err error
	if p.pools[sdp.Audio], err = newPool("audio-port", cfg.Audio); err != nil {
		return nil, err
	}
	if p.pools[sdp.Video], err = newPool("video-port", cfg.Video); err != nil {
		return nil, err
	}
	if cfg.ZRTP != nil {
		if p.zrtp, err = newNegotiator(*cfg.ZRTP, cfg.Loops); err != nil {
			return nil, fmt.Errorf("media plane: %w", err)
		}
	}
	if cfg.portable {
		p.driver = newNetDriver()
		return p, nil
	}
	if p.driver, err = newDriver(cfg.Loops); err != nil {
		if p.zrtp != nil {
			p.zrtp.close()
		}
		return nil, fmt.Errorf("media plane: cannot start %d packet loops: %w", cfg.Loops, err)
	}
	return p, nil
}

// Open binds the port pairs of a stream, a and b being the local addresses of the two legs. call names the call: for logs, and because
// its streams agree on keys by ZRTP together, leg by leg. Nothing is relayed before both sides are set.
func (p *Plane) Open(call string, kind sdp.Kind, a, b netip.Addr) (*Stream, error) {
	return p.open(call, kind, a, b, nil)
}

// OpenBeside is Open for a further stream of a call: both run on the same loop, so that they can share a transport.
func (p *Plane) OpenBeside(other *Stream, kind sdp.Kind, a, b netip.Addr) (*Stream, error) {
	return p.open(other.call, kind, a, b, other)
}

func (p *Plane) open(call string, kind sdp.Kind, a, b netip.Addr, beside *Stream) (*Stream, error) {
	if kind != sdp.Audio && kind != sdp.Video {
		return nil, fmt.Errorf("media plane: call %s: only audio and video can be relayed", call)
	}
	st := &Stream{plane: p, call: call, kind: kind, gone: make(chan struct{})}
	if st.anchor = st; beside != nil {
		st.anchor = beside.anchor
	}
	st.relay = relay.New(relay.Config{
		Kind: kind, NoMedia: p.cfg.NoMedia, Hold: p.cfg.Hold, Notify: st.notify, Send: st.emit, PerTick: p.perTick(kind), Other: st.other, Early: st.keep,
	})
	for i, addr := range [...]netip.Addr{a, b} {
		pair, err := p.pools[kind].open(p.driver, addr.Unmap(), receiveBuffer(kind))
		if err != nil {
			st.release()
			return nil, fmt.Errorf("media plane: call %s, leg %s: %w", call, Side(i), err)
		}
		st.legs[i], st.via[i] = pair, pair
		st.ports[i] = sdp.Ports{Addr: pair.addr, RTP: pair.port, RTCP: pair.port + 1}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		st.release()
		return nil, ErrClosed
	}
	p.streams[st] = struct{}{}
	p.driver.attach(st, st.anchor)
	return st, nil
}

// Close ends all streams and waits for the loops. It is idempotent.
func (p *Plane) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	open := make([]*Stream, 0, len(p.streams))
	for st := range p.streams {
		open = append(open, st)
	}
	p.mu.Unlock()
	if !first {
		<-p.done
		return nil
	}
	for _, st := range open {
		st.Close()
	}
	p.driver.close()
	if p.zrtp != nil {
		p.zrtp.close()
	}
	close(p.done)
	return nil
}

// Streams is the number of open streams.
func (p *Plane) Streams() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams)
}

// perTick is how many datagrams one port takes in tickEvery. It ends what runs in a circle over our own ports and others': the
// packet that exceeds it is dropped, and does not come round again. Audio: a port gets 5, with the shortest frames there are
// (2.5 ms) 40; after a pause of ours the kernel's buffer adds up to 170. Video: 8 Mbit/s are 100 packets, 50 Mbit/s 520, and
// the buffer adds up to 460 of that size.
func (p *Plane) perTick(kind sdp.Kind) int {
	switch {
	case p.cfg.perTick > 0:
		return p.cfg.perTick
	case kind == sdp.Video:
		return 1000
	}
	return 250
}

// receiveBuffer is the kernel's buffer for one RTP socket, octets; the kernel doubles it and counts some 770 octets for each
// small packet, 2300 for a large one. Audio: 64 KiB hold three seconds of one stream, far more than any pause of ours, and
// bound what junk sent to a thousand ports can occupy. Video: 512 KiB hold a key frame of some 400 packets.
func receiveBuffer(kind sdp.Kind) int {
	if kind == sdp.Video {
		return 512 << 10
	}
	return 64 << 10
}

// controlBuffer is the same for RTCP: a compound packet every few seconds.
const controlBuffer = 32 << 10
