// Package server wires call control, signalling and media together and owns their lifetime.
//
// It decides nothing. Everything of a call runs on the loop of one transport.Stack: a SIP message, a media event or a passed
// deadline is one input of call.Engine, whose outputs are carried out before the next input. Media threads and resolvers post
// back to that loop. It is the only package that knows both call control and the media plane.
package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"b2bua/core/app"
	"b2bua/core/app/trenscrypter"
	"b2bua/core/call"
	"b2bua/core/config"
	"b2bua/core/control"
	"b2bua/core/event"
	"b2bua/core/register"
	"b2bua/core/transaction"
	"b2bua/core/transport"
	"b2bua/media/dtls"
	"b2bua/media/plane"
	"b2bua/media/sdp"
	"b2bua/media/zrtp/sqlcache"
)

// Options are what the command line and the service manager bring along.
type Options struct {
	Log *slog.Logger
	// Ready is called once, when every address listens.
	Ready func(listening []transport.Listener)
	// Hosts are names with a fixed address (--hosts).
	Hosts map[string]netip.Addr
	// Hurry, once closed, ends the time that running calls have at a stop (b2bua/drain-timeout). nil: never.
	Hurry <-chan struct{}
	// Control is the path of the socket for command-line clients; empty: none.
	Control string
	// Settings are shown there; nil: they are not. SetLevel changes a level of the log.
	Settings *config.Settings
	SetLevel func(key, level string) error
	// Dataless: data-directory cannot be written to, and that has been told.
	Dataless bool
}

// supported encryptions, on either leg.
var supported = []sdp.Encryption{sdp.None, sdp.SDES, sdp.DTLS, sdp.ZRTP}

// Run serves until ctx ends, then stops: new calls are refused, running ones get drain-timeout to end, then everything is
// released and un-registered within shutdown-timeout. The error is a start-up failure, or ErrSlowStop.
func Run(ctx context.Context, cfg *config.Config, opt Options) error {
	s, err := startOrLeave(ctx, cfg, opt)
	if s == nil {
		return err
	}
	s.openControl(cfg, opt)
	if s.lines != nil {
		_ = s.stack.Do(s.lines.start) // it runs
	}
	s.stores.start()
	if opt.Ready != nil {
		opt.Ready(s.stack.Listening())
	}
	<-ctx.Done()
	return s.stop(cfg, opt.Hurry)
}

// leavePatience is how long a start that is to end may take to notice.
const leavePatience = time.Second

// startOrLeave is start, but the end of ctx ends it even where it waits for a file system that hangs. Neither server nor error: it was
// ended before it was ready.
func startOrLeave(ctx context.Context, cfg *config.Config, opt Options) (*server, error) {
	type result struct {
		s   *server
		err error
	}
	done, left := make(chan result), make(chan struct{})
	go func() {
		s, err := start(ctx, cfg, opt)
		select {
		case done <- result{s, err}:
		case <-left:
			if s != nil {
				_ = s.stop(cfg, nil)
			}
		}
	}()
	select {
	case r := <-done:
		return r.s, unlessEnded(ctx, r.err)
	case <-ctx.Done():
	}
	patience := time.NewTimer(leavePatience)
	defer patience.Stop()
	select {
	case r := <-done:
		return r.s, unlessEnded(ctx, r.err)
	case <-patience.C:
		close(left)
		opt.Log.Warn("stopped while it was starting; something that the start waits for does not answer")
		return nil, nil
	}
}

// unlessEnded is the error of a start; that of one which was told to end is that it was.
func unlessEnded(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// ErrSlowStop says that the stop took longer than [b2bua::timers] shutdown-timeout (exit status 1, spec 1.1.2).
var ErrSlowStop = errors.New("the stop took longer than b2bua::timers/shutdown-timeout")

type streamKey struct {
	call  uint64
	index int
}

// stream is one m= section in the media plane.
type stream struct {
	*plane.Stream
	kind sdp.Kind
	set  [2]bool // sides that were agreed on

	local   [2]sdp.Ports
	checks  [2]bool           // ICE is agreed, and the peer checks
	rides   [2]bool           // on the transport of another stream
	silent  [2]bool           // no-rtp-timeout passed
	keyed   [2]bool           // RTP is
	late    [2]bool           // keys come from a handshake
	source  [2]netip.AddrPort // that media was last said to come from
	path    [2]netip.AddrPort // the same by ICE
	control [2]error          // what ended the handshake of RTCP, to be told once RTP has keys
}

type server struct {
	log     *slog.Logger
	stack   *transport.Stack
	plane   *plane.Plane
	dtls    *dtls.Handshaker
	secrets *sqlcache.Store // of phones with ZRTP
	engine  *call.Engine
	bridge  *bridge // nil: the application is another
	lines   *lines  // nil: the same
	stores  *stores // nil: no pool is filled by a database
	tx      map[call.Ref]transport.TxID
	ref     map[transport.TxID]call.Ref
	streams map[streamKey]*stream
	counts  map[uint64]int       // streams per call
	moves   map[uint64]int       // of its media, per call
	talks   map[uint64]time.Time // since when a call is answered

	mediaAddress []netip.Addr // b2bua/media-address
	accepts      sdp.Support
	commands     control.Table
	calls        control.Calls
	control      *control.Socket
	stopsBy      time.Time     // end of drain-timeout while it runs, or of shutdown-timeout
	idle         chan struct{} // the loop's: closed when nothing is left to wait for, nil while nobody waits
}

func start(ctx context.Context, cfg *config.Config, opt Options) (_ *server, err error) {
	application, bridge, err := application(cfg)
	if err != nil {
		return nil, err
	}
	if bridge != nil {
		opt.Log.Info(summary(bridge, cfg.SIPBridge.Providers))
	}
	s := &server{
		log: opt.Log, bridge: bridge, calls: control.Calls{Now: time.Now}, tx: map[call.Ref]transport.TxID{}, ref: map[transport.TxID]call.Ref{},
		streams: map[streamKey]*stream{}, counts: map[uint64]int{}, moves: map[uint64]int{}, talks: map[uint64]time.Time{}, mediaAddress: cfg.Own.MediaAddress,
	}
	if bridge != nil && len(bridge.sources) > 0 {
		if s.stores, err = s.newStores(ctx, cfg, bridge.sources); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				s.stores.close()
			}
		}()
	}
	accepts := support(cfg)
	if accepts.NAT, err = natAddresses(ctx, cfg.B2BUA.NATAddresses, newHosts(opt.Hosts)); err != nil {
		return nil, err
	}
	if s.dtls, err = handshaker(cfg, opt); err != nil {
		return nil, err
	}
	if s.secrets, err = secrets(cfg, opt); err != nil {
		s.dtls.Close()
		return nil, err
	}
	s.accepts = accepts
	loops := mediaLoops(cfg.Own.MediaLoops)
	s.plane, err = plane.New(plane.Config{
		Audio: plane.PortRange(cfg.B2BUA.AudioPort), Video: plane.PortRange(cfg.B2BUA.VideoPort), Loops: loops, Log: opt.Log,
		NoMedia: cfg.B2BUA.NoRTPTimeout, Hold: cfg.Timers.Hold, Notify: s.mediaEvent, DTLS: s.dtls, ZRTP: zrtpConfig(cfg, s.secrets),
	})
	if err != nil {
		s.dtls.Close()
		_ = closeSecrets(s.secrets) // nothing was written
		return nil, fmt.Errorf("media: %w", err)
	}
	timers := transaction.Timers{T1: cfg.Timers.T1, T2: cfg.Timers.T2, T4: cfg.Timers.T4}
	s.engine = call.New(call.Config{
		App: application, UserAgent: cfg.B2BUA.UserAgent, MaxCalls: cfg.B2BUA.MaxCalls, RingTimeout: cfg.Timers.Ring,
		MaxDuration: cfg.B2BUA.MaxCallDuration, Linger: 64 * cfg.Timers.T1,
		Support: accepts, Fingerprint: s.dtls.Fingerprint(), SecureTimeout: cfg.Timers.Secure,
		MediaAddresses: cfg.Own.MediaAddress, Rand: rand.Reader, Hello: s.hello, Transparent: cfg.Own.ZRTPTransparent, NoRefer: !cfg.Own.Refer,
	})
	if bridge != nil {
		s.lines = s.newLines(bridge.Pools(), cfg.B2BUA.OneConnectionPerAccount, cfg.Timers.RegisterExpires, register.Config{
			UserAgent: cfg.B2BUA.UserAgent, Instance: instance(), Retry: cfg.Timers.RegisterRetry, Rand: rand.Reader,
		})
	}
	if err := s.listen(ctx, cfg, timers, newHosts(opt.Hosts)); err != nil {
		_ = s.plane.Close()
		s.dtls.Close()
		_ = closeSecrets(s.secrets) // nothing was written
		return nil, err
	}
	return s, nil
}

// mediaLoops is b2bua/media-loops, or one per processor but the one that signalling needs. Each keeps a processor of the Go
// scheduler while it waits in the kernel. The rest of the program has as many beside them as there are real ones, and one is
// over: a loop that the scheduler takes off finds one free, and does not stand in line behind all that is ready to run.
func mediaLoops(configured int) int {
	loops := configured
	if loops == 0 {
		loops = max(1, runtime.NumCPU()-1)
	}
	if n := loops + runtime.NumCPU() + 1; runtime.GOMAXPROCS(0) < n {
		runtime.GOMAXPROCS(n)
	}
	return loops
}

// application chooses by b2bua-server/application; the Bridge is nil unless it is that.
func application(cfg *config.Config) (app.Application, *bridge, error) {
	if cfg.B2BUA.Application != config.AppSIPBridge {
		return trenscrypterOf(cfg), nil, nil
	}
	b, err := bridgeOf(cfg)
	return b, b, err
}

func trenscrypterOf(cfg *config.Config) app.Application {
	return trenscrypter.New(trenscrypter.Config{
		Encryption: cfg.Trenscrypter.Encryption, Suites: cfg.Trenscrypter.Suites, WebRTC: cfg.Trenscrypter.WebRTC, OutboundProxy: cfg.B2BUA.OutboundProxy, Supported: supported,
	})
}

// Explain decides one call as the running server would, for `b2bua explain`.
func Explain(ctx context.Context, cfg *config.Config, facts app.Facts) (app.Decision, error) {
	if cfg.B2BUA.Application == config.AppSIPBridge {
		e, err := ExplainBridge(ctx, cfg, facts)
		return e.Decision, err
	}
	return trenscrypterOf(cfg).Decide(facts), nil
}

func support(cfg *config.Config) sdp.Support {
	return sdp.Support{Encryptions: supported, AudioCodec: filter(cfg.B2BUA.AudioCodec), VideoCodec: filter(cfg.B2BUA.VideoCodec), ICE: cfg.B2BUA.EnableICE, NATInSDP: cfg.Own.NATInSDP, Bundle: true}
}

func filter(c config.Codec) string {
	switch {
	case c.Name == "":
		return ""
	case c.Rate == 0:
		return c.Name
	default:
		return fmt.Sprintf("%s/%d", c.Name, c.Rate)
	}
}

// stop refuses new calls, lets the running ones end for drain-timeout, ends the rest, and waits for every goroutine.
func (s *server) stop(cfg *config.Config, hurry <-chan struct{}) error {
	begin := time.Now()
	s.stores.stop()
	if cfg.Own.DrainTimeout > 0 {
		s.drainCalls(cfg.Own.DrainTimeout, hurry)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Timers.Shutdown)
	defer cancel()
	idle, until := make(chan struct{}), time.Now().Add(cfg.Timers.Shutdown*9/10)
	if err := s.stack.Do(func(now time.Time) {
		s.idle, s.stopsBy = nil, until // no longer the drain's
		s.engine.Shutdown(now, "the server is stopping")
		s.drain(now)
		s.lines.shutdown(now)
		s.idle = idle
		s.checkIdle()
	}); err == nil {
		s.awaitLast(idle, min(lastAnswers, cfg.Timers.Shutdown/2), until)
	}
	s.closeControl()
	err := s.stack.Close(ctx)
	_ = s.plane.Close() // waits; it has no error of its own
	s.dtls.Close()
	if unwritten := closeSecrets(s.secrets); unwritten != nil {
		s.log.Warn(fmt.Sprintf("the newest secrets of phones with ZRTP may not have been kept: %v", unwritten))
	}
	line := fmt.Sprintf("stopped: calls=%d streams=%d flows=%d after %s",
		s.engine.Active(), len(s.streams), s.stack.Flows(), time.Since(begin).Round(time.Millisecond))
	if n := s.engine.Pending(); n > 0 {
		line += fmt.Sprintf("; %d last requests of ours (BYE, CANCEL) were not answered", n)
	}
	if left := s.lines.left(); len(left) > 0 {
		line += "; " + stayed(left)
		if s.lines.pending() > 0 && !time.Now().Before(until) {
			line += fmt.Sprintf("; the time was over (b2bua::timers/shutdown-timeout=%s)", cfg.Timers.Shutdown)
		}
	}
	s.log.Info(line)
	if err != nil {
		return errors.Join(ErrSlowStop, err)
	}
	return nil
}

// lastAnswers is how long a stop waits for the answers to its BYEs, and for another account to be un-registered: a lost request is
// repeated twice in that time (T1, 2*T1), and a dead peer does not hold up a restart.
const lastAnswers = 2 * time.Second

func await(idle, hurry <-chan struct{}, patience time.Duration) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-idle:
	case <-hurry:
	case <-t.C:
	}
}

func (s *server) drainCalls(patience time.Duration, hurry <-chan struct{}) {
	idle := make(chan struct{})
	if s.stack.Do(func(now time.Time) {
		s.idle, s.stopsBy = idle, now.Add(patience)
		s.log.Info(stopping(s.engine.Active(), patience))
		s.engine.Refuse("the server is stopping")
		s.checkIdle()
	}) == nil {
		await(idle, hurry, patience)
	}
}

// stopping is the line that tells an operator how long a stop may take, and how to have it at once.
func stopping(calls int, patience time.Duration) string {
	noun := "calls"
	if calls == 1 {
		noun = "call"
	}
	return fmt.Sprintf("stopping: %d %s may go on for %s (b2bua/drain-timeout); a second TERM or INT ends what is left at once", calls, noun, patience)
}

// checkIdle runs on the loop and tells stop when nothing is left to wait for.
func (s *server) checkIdle() {
	if s.idle == nil || s.engine.Active() > 0 || s.engine.Pending() > 0 || s.lines.pending() > 0 {
		return
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// mediaEvent runs on a media thread: it only posts.
func (s *server) mediaEvent(ev plane.Event) {
	_ = s.stack.Do(func(now time.Time) { // after Close nobody needs it
		s.mediaInput(now, ev)
		s.drain(now)
	})
}

// report prints an event; the log is its first printer.
func (s *server) report(ev event.Event) {
	s.log.Log(context.Background(), levels[ev.Level()], ev.Text())
}

var levels = [...]slog.Level{event.Debug: slog.LevelDebug, event.Message: slog.LevelInfo, event.Warning: slog.LevelWarn, event.Error: slog.LevelError}
