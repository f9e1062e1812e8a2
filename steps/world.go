package steps

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"
	"b2bua/steps/loopback"
	"b2bua/steps/product"
	"b2bua/steps/stores"
	"b2bua/steps/wire"
)

// patience is how long a step waits for something that is due at once. It is long because a loaded machine with the race
// detector on is slow; a passing scenario never waits it out. B2BUA_PATIENCE shortens it for whoever writes a scenario.
var patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("B2BUA_PATIENCE")); err == nil {
		return d
	}
	return 60 * time.Second
}()

// World is everything one scenario touches.
type World struct {
	name string // of the scenario
	dir  string // scratch directory; deleted on success

	suite  *Suite
	binary *product.Binary
	net    *loopback.Net
	b2bua  netip.AddrPort // where the product is to listen
	port   string         // of [::1], which all scenarios share

	settings  *settings
	arguments string            // more of them for the command line, before expansion
	files     map[string]string // what scenarios wrote, by name
	process   *product.Process
	announced product.Announced
	base      int         // UDP sockets of the product before the first call
	ran       product.Ran // last run of the program to its end

	recorder *capture.Recorder
	named    map[string]string // placeholders that steps define

	phones   map[string]*wire.Phone    // literal phones
	calls    map[string]*wire.Call     // the latest call of each literal phone
	pending  map[string]string         // phone -> branch of a request whose answer a later step looks at
	inside   map[string]*inside        // phone -> its latest request inside a call
	referred map[string]*wire.Received // phone -> the latest REFER that it received
	offered  map[string]*wire.Received // phone -> the latest re-INVITE that it received
	versions map[string]int            // phone -> of its descriptions inside calls
	manners  map[string]string         // phone -> how it answers offers inside calls, if not willingly

	proxy  *proxy.Proxy
	hosts  map[string]netip.Addr      // names of a scenario with several proxies
	sides  map[string]*proxy.Proxy    // those proxies
	strict map[string]bool            // of them: ask for a password in each request
	ends   map[string]*endpoint.Phone // softphones
	kits   map[string]endpoint.Media  // what each softphone was made with
	media  map[string]*endpoint.Call  // the latest call of each softphone
	pairs  [][2]string                // of softphones in a crowd: caller, callee
	modes  []mode                     // of encryption, for a matrix
	lines  map[string]*wire.Line      // literal media ends

	registrar       *proxy.Proxy // of the provider's domain
	registrarConfig proxy.Config
	outside         map[string]*outside // registrars that are processes
	noted           held
	listening       string // network of b2bua, if it is not that of the registrar

	database *database                      // of the accounts
	before   string                         // its content when b2bua was told of it
	redis    map[string]*stores.RedisServer // by name
	trouble  trouble                        // of Redis

	authority *authority // of the scenario's certificates; nil without TLS

	closers []func()
}

// newWorld makes an empty world; it touches nothing outside before begin.
func newWorld(suite *Suite) *World {
	return &World{
		hosts: map[string]netip.Addr{}, sides: map[string]*proxy.Proxy{}, suite: suite, settings: newSettings(), recorder: capture.NewRecorder(), named: map[string]string{},
		outside: map[string]*outside{}, strict: map[string]bool{},
		phones: map[string]*wire.Phone{}, calls: map[string]*wire.Call{}, pending: map[string]string{}, files: map[string]string{},
		inside: map[string]*inside{}, referred: map[string]*wire.Received{}, offered: map[string]*wire.Received{}, versions: map[string]int{}, manners: map[string]string{},
		ends: map[string]*endpoint.Phone{}, kits: map[string]endpoint.Media{}, media: map[string]*endpoint.Call{}, lines: map[string]*wire.Line{},
		redis: map[string]*stores.RedisServer{},
	}
}

// begin makes the scratch directory, the addresses and the configuration every scenario starts from.
func (w *World) begin(name string) error {
	w.name = name
	base := filepath.Join(os.TempDir(), "b2bua-worlds")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(base, slug(name)+"-")
	if err != nil {
		return err
	}
	w.dir = dir
	if w.net, err = loopback.Claim(); err != nil {
		return err
	}
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	w.b2bua = netip.AddrPortFrom(addr, 6067)
	w.port = w.net.Port()
	w.recorder.Other("b2bua")
	if w.binary, err = w.suite.builder.Binary(context.Background()); err != nil {
		return err
	}
	return errors.Join(
		w.settings.set("global/log-level", "debug"),
		w.settings.set("global/log-directory", filepath.Join(dir, "log")),
		w.settings.set("b2bua-server/application", "trenscrypter"),
		w.settings.set("b2bua-server/data-directory", filepath.Join(dir, "data")),
		w.settings.set("b2bua::timers/secure-timeout", "60s"), // on a loaded machine a handshake takes its time, too
	)
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

func slug(name string) string {
	s := strings.Trim(unfit.ReplaceAllString(strings.ToLower(name), "-"), "-")
	return s[:min(len(s), 60)]
}

// wait is the context of one wait.
func (w *World) wait() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// start writes the configuration and starts the product; it returns when the product listens.
func (w *World) start() error {
	if w.process != nil {
		return errors.New("b2bua runs already in this scenario")
	}
	path, err := w.settings.write(w.dir)
	if err != nil {
		return err
	}
	more, err := w.expand(w.arguments)
	if err != nil {
		return err
	}
	w.process, err = w.binary.Start(w.dir, nil, append([]string{"-c", path}, strings.Fields(more)...)...)
	if err != nil {
		return err
	}
	return w.awaitListening(func(sockets []product.Socket) bool { return listens(sockets, w.b2bua) })
}

// awaitListening waits for the sockets that the start opens, and remembers how many of them are UDP.
func (w *World) awaitListening(ready func([]product.Socket) bool) error {
	ctx, cancel := w.wait()
	defer cancel()
	return w.process.AwaitReady(ctx, func(sockets []product.Socket) bool {
		w.base = countUDP(sockets)
		return ready(sockets)
	})
}

func listens(sockets []product.Socket, at netip.AddrPort) bool {
	for _, s := range sockets {
		if s.Listening && s.Local == at {
			return true
		}
	}
	return false
}

// countUDP counts UDP sockets: media, listeners, and ports opened to send SIP by.
func countUDP(sockets []product.Socket) int {
	n := 0
	for _, s := range sockets {
		if s.Network == "udp" {
			n++
		}
	}
	return n
}

// signalling counts the UDP ports that the product says it opened to send SIP by. They outlive the call that needed them.
func (w *World) signalling() int {
	n := 0
	for _, line := range w.process.Lines() {
		if strings.Contains(line.Text, "UDP port opened to send by") {
			n++
		}
	}
	return n
}

// end hangs up what is still up, stops the product and judges it. It returns everything that the scenario did not announce.
func (w *World) end() error {
	faults := w.hangUpAll()
	if w.process != nil {
		if f := w.awaitIdle(); f != nil && len(faults) == 0 {
			faults = append(faults, f)
		}
		end := w.process.Stop()
		for _, fault := range product.Judge(w.process.Lines(), end, w.announced) {
			faults = append(faults, errors.New(fault))
		}
	}
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	w.net.Release()
	return errors.Join(faults...)
}

// awaitIdle waits until the product has closed every media socket.
func (w *World) awaitIdle() error {
	select {
	case <-w.process.Exited():
		return nil
	default:
	}
	if w.announced.Left {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.suite.settled)
	defer cancel()
	return w.process.AwaitSockets(ctx, "rid of the media sockets of its calls", func(s []product.Socket) bool { return countUDP(s) <= w.base+w.signalling() })
}

// hangUpAll ends every call that the scenario left up, as people do at the end of the day.
func (w *World) hangUpAll() []error {
	ctx, cancel := w.wait()
	defer cancel()
	for _, phone := range w.phones {
		for _, call := range phone.Calls() {
			if call.Up() {
				_, _ = call.Request("BYE", "")
			} else if call.Outgoing && !call.Over() {
				_ = call.Cancel()
			}
		}
	}
	var faults []error
	for _, phone := range w.ends {
		for _, call := range phone.Calls() {
			if call.State() == endpoint.Released {
				continue
			}
			_ = call.HangUp()
			if err := call.WaitReleased(ctx); err != nil {
				faults = append(faults, fmt.Errorf("%s could not hang up: %w", phone.Name(), err))
			}
		}
	}
	return faults
}

// keep writes down what happened, for the one who looks for the cause, and returns where it is.
func (w *World) keep(cause error) string {
	ladder, err := os.Create(filepath.Join(w.dir, "ladder.txt"))
	if err == nil {
		_ = w.recorder.Ladder(ladder)
		_ = ladder.Close()
	}
	packets, err := os.Create(filepath.Join(w.dir, "capture.pcapng"))
	if err == nil {
		_ = w.recorder.WritePcapng(packets)
		_ = packets.Close()
	}
	text := fmt.Sprintf("Scenario: %s\n\n%v\n", w.name, cause)
	_ = os.WriteFile(filepath.Join(w.dir, "failure.txt"), []byte(text), 0o600)
	return w.dir
}
