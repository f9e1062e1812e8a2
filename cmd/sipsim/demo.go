package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"
	"b2bua/simulator/stream"
	"b2bua/simulator/tone"
)

type demoCmd struct {
	outputFlags
	B2BUA    string        `name:"b2bua" placeholder:"FILE" help:"The b2bua program; default: beside sipsim, ./bin/b2bua, in PATH, else built from the sources around."`
	Duration time.Duration `default:"2s" placeholder:"TIME" help:"How long each call talks."`
	Keep     bool          `help:"Keep the configuration and the log of b2bua, and say where."`
}

// Help teaches.
func (demoCmd) Help() string {
	return `Brings up the real b2bua with a configuration of its own, a proxy that diverts calls to it, and two phones, all on 127.0.0.1 at free ports:
marie speaks SDES-SRTP only, pauline plain RTP only. Marie calls Pauline, then Pauline calls Marie. Each plays a tone of its own and has to hear the other's.

The status is 0 when both calls were bridged and heard on both sides.`
}

// workDir is the prefix of the directory that a demo works in.
const workDir = "sipsim-demo-"

const demoDomain = "demo.example.org"

// demoConfig is the embedded configuration: who is called decides the encryption of leg B.
const demoConfig = `[global]
log-directory=%[3]s
log-level=message
[b2bua-server]
application=trenscrypter
transport=sip:127.0.0.1:%[1]d;transport=tcp
outbound-proxy=%[2]s
user-agent=` + demoAgent + `
data-directory=%[3]s
[b2bua-server::trenscrypter]
outgoing-enc-regex=sdes sip:marie@demo\.example\.org(;.*)? none sip:pauline@demo\.example\.org(;.*)?
outgoing-srtp-regex=AES_256_CM_HMAC_SHA1_80;AES_CM_128_HMAC_SHA1_80 sip:marie@.*
`

const demoAgent = "b2bua-demo/1"

type demoResult struct {
	Verdict string     `json:"verdict"`
	B2BUA   string     `json:"b2bua"`
	Next    string     `json:"next"`
	Calls   []demoCall `json:"calls"`
}

type demoCall struct {
	OK     bool             `json:"ok"`
	Fault  string           `json:"fault,omitempty"`
	Caller endpoint.Summary `json:"caller"`
	Callee endpoint.Summary `json:"callee"`
}

// Run shows both calls.
func (c *demoCmd) Run(e *env) error {
	ctx, cancel := context.WithTimeout(e.ctx, 2*time.Minute+2*c.Duration)
	defer cancel()
	record, s := capture.NewRecorder(), c.show(e)
	record.Other("b2bua")
	dir, err := os.MkdirTemp("", workDir)
	if err != nil {
		return err
	}
	program, err := c.program(ctx, s, dir)
	if err != nil {
		return err
	}
	p, err := proxy.New(proxy.Config{Domains: []string{demoDomain}, Record: record})
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // the verdict stands
	product, err := startProduct(ctx, program, dir, p.URI())
	if err != nil {
		return err
	}
	defer product.stop()
	if err := p.SetDivert(proxy.Divert{URI: product.uri, UserAgent: demoAgent}); err != nil {
		return err
	}
	s.event("b2bua", "%s (process %d) listens at %s", program, product.cmd.Process.Pid, product.uri)
	s.event("proxy", "listens at %s, registrar of %s, diverts calls to b2bua", p.URI(), demoDomain)
	d := demo{s: s, ctx: ctx, record: record, proxy: p, duration: c.Duration}
	result := demoResult{B2BUA: program, Next: nextCommand(program)}
	fault := d.run(&result)
	product.stop()
	return c.conclude(e, s, record, result, fault, dir)
}

// conclude prints the verdict and the one command that comes next.
func (c *demoCmd) conclude(e *env, s *show, record *capture.Recorder, result demoResult, fault error, dir string) error {
	result.Verdict = "ok"
	if fault != nil {
		result.Verdict = fault.Error()
	}
	if err := c.finish(e, record, result); err != nil {
		return err
	}
	if c.Keep || fault != nil {
		s.line("\nconfiguration and log of b2bua: %s", dir)
	} else if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if fault != nil {
		s.line("VERDICT: not as it should be: %v", fault)
		return fault
	}
	s.line("\nVERDICT: both calls were bridged, SDES on one side and plain RTP on the other, each phone heard the\n         other's tone, and nobody on the encrypted wire could.")
	s.line("Now with your own file:\n\n    %s\n", result.Next)
	return nil
}

func nextCommand(program string) string {
	if strings.HasPrefix(filepath.Base(filepath.Dir(program)), workDir) { // built for this run only
		return "go run ./cmd/b2bua -c /etc/flexisip/flexisip.conf"
	}
	return program + " -c /etc/flexisip/flexisip.conf"
}

// program finds b2bua, or builds it.
func (c *demoCmd) program(ctx context.Context, s *show, dir string) (string, error) {
	if c.B2BUA != "" {
		return c.B2BUA, nil
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(self), "b2bua"))
	}
	places = append(places, "bin/b2bua")
	if _, err := os.Stat("cmd/b2bua/main.go"); err == nil {
		places = places[:1] // sources are here: they count more than what was built some day
	}
	for _, f := range places {
		if st, err := os.Stat(f); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return f, nil
		}
	}
	if _, err := os.Stat("cmd/b2bua/main.go"); err == nil {
		s.line("building b2bua from the sources here")
		out := filepath.Join(dir, "b2bua")
		if text, err := exec.CommandContext(ctx, "go", "build", "-o", out, "./cmd/b2bua").CombinedOutput(); err != nil {
			return "", fmt.Errorf("building b2bua: %w\n%s", err, text)
		}
		return out, nil
	}
	f, err := exec.LookPath("b2bua")
	if err != nil {
		return "", errors.New("no b2bua program found beside sipsim, in ./bin or in PATH: name it with --b2bua FILE")
	}
	return f, nil
}

// demo is the two calls.
type demo struct {
	s        *show
	ctx      context.Context
	record   *capture.Recorder
	proxy    *proxy.Proxy
	duration time.Duration
}

func (d *demo) run(result *demoResult) error {
	marie, err := d.phone("marie", 1000, endpoint.Media{Encryption: "sdes", Suites: []string{"AEAD_AES_128_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"}})
	if err != nil {
		return err
	}
	defer func() { _ = marie.Close() }() // the verdict stands
	pauline, err := d.phone("pauline", 640, endpoint.Media{})
	if err != nil {
		return err
	}
	defer func() { _ = pauline.Close() }() // as above
	var faults []error
	for _, pair := range [][2]*endpoint.Phone{{marie, pauline}, {pauline, marie}} {
		call, err := d.call(pair[0], pair[1])
		result.Calls = append(result.Calls, call)
		if err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (d *demo) phone(name string, hertz float64, m endpoint.Media) (*endpoint.Phone, error) {
	p, err := endpoint.New(endpoint.Config{
		Name: name, AOR: "sip:" + name + "@" + demoDomain, Proxy: d.proxy.URI(), Listen: "tcp:127.0.0.1:0", Tone: hertz, Media: m, Record: d.record,
	})
	if err != nil {
		return nil, err
	}
	if err := p.Register(d.ctx, time.Hour); err != nil {
		_ = p.Close() // the first error counts
		return nil, failed(exitCall, fmt.Errorf("registration of %s: %w", name, err))
	}
	what := "speaks plain RTP only"
	if m.Encryption == "sdes" {
		what = "speaks SDES-SRTP only"
	}
	d.s.event(name, "registered, %s, plays a tone of %.0f Hz", what, hertz)
	return p, nil
}

// call makes one call and prints both legs.
func (d *demo) call(from, to *endpoint.Phone) (demoCall, error) {
	d.s.line("\n%s calls %s", from.Name(), to.Name())
	ctx, cancel := context.WithTimeout(d.ctx, 15*time.Second+d.duration)
	defer cancel()
	a, b, err := d.bridge(ctx, from, to)
	var result demoCall
	if a != nil {
		endCall(a)
		result.Caller = a.Summary()
	}
	if b != nil {
		_ = b.WaitReleased(ctx) // shows in the summary
		result.Callee = b.Summary()
	}
	d.legs(result)
	if err == nil {
		err = errors.Join(judge(from, to, result), d.wire(result))
	}
	result.OK = err == nil
	if err != nil {
		result.Fault = err.Error()
		d.s.event("", "NOT BRIDGED: %v", err)
		return result, failed(exitMedia, fmt.Errorf("%s to %s: %w", from.Name(), to.Name(), err))
	}
	d.s.event("", "bridged: %s heard %.0f Hz, %s heard %.0f Hz", from.Name(), result.Caller.Audio().ToneHeard, to.Name(), result.Callee.Audio().ToneHeard)
	return result, nil
}

func (d *demo) bridge(ctx context.Context, from, to *endpoint.Phone) (a, b *endpoint.Call, err error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	if a, err = from.Call(to.AOR(), endpoint.CallOptions{}); err != nil {
		return nil, nil, err
	}
	go watch(watching, d.s, a)
	waiting, give := context.WithCancel(ctx)
	defer give()
	go func() { // a call that is refused never comes in
		_ = a.WaitReleased(waiting)
		give()
	}()
	if b, err = to.WaitIncoming(waiting); err != nil {
		s := a.Summary()
		return a, nil, fmt.Errorf("the call did not reach %s: %d %s %s", to.Name(), s.Status, s.Phrase, s.EndCause)
	}
	go watch(watching, d.s, b)
	if err = b.Ring(); err != nil {
		return a, b, err
	}
	if err = a.WaitRinging(ctx); err != nil {
		return a, b, err
	}
	if err = b.Answer(nil); err != nil {
		return a, b, err
	}
	if err = errors.Join(a.WaitRunning(ctx), b.WaitRunning(ctx)); err != nil {
		return a, b, err
	}
	if err = errors.Join(a.WaitAudio(ctx, to.Tone()), b.WaitAudio(ctx, from.Tone())); err != nil {
		return a, b, err
	}
	d.s.event("", "each hears the other; talking for %v", d.duration)
	packets := uint64(d.duration / (20 * time.Millisecond))
	return a, b, errors.Join(a.WaitPackets(ctx, "audio", packets), b.WaitPackets(ctx, "audio", 0))
}

// legs prints what was negotiated on both sides of b2bua.
func (d *demo) legs(c demoCall) {
	for _, m := range []endpoint.Summary{c.Caller, c.Callee} {
		leg := "leg A"
		if m.Direction == "incoming" {
			leg = "leg B"
		}
		if m.Phone == "" {
			continue
		}
		d.s.event(m.Phone, "%s, %d %s, set up in %d ms", leg, m.Status, m.Phrase, m.Setup.Milliseconds())
		for _, st := range m.Streams {
			d.s.event(m.Phone, "  %s", describe(st))
		}
	}
}

// judge demands each side's own protection and the other side's tone.
func judge(from, to *endpoint.Phone, c demoCall) error {
	var faults []error
	for _, end := range []struct {
		self, peer *endpoint.Phone
		audio      endpoint.StreamSummary
	}{{from, to, c.Caller.Audio()}, {to, from, c.Callee.Audio()}} {
		want := "none"
		if end.self.Name() == "marie" {
			want = "sdes"
		}
		switch {
		case end.audio.Encryption != want:
			faults = append(faults, fmt.Errorf("%s talked with encryption %q", end.self.Name(), end.audio.Encryption))
		case end.audio.ToneHeard != end.peer.Tone():
			faults = append(faults, fmt.Errorf("%s heard %.0f Hz, not %.0f", end.self.Name(), end.audio.ToneHeard, end.peer.Tone()))
		case end.audio.Refused > 0:
			faults = append(faults, fmt.Errorf("%s refused %d packets", end.self.Name(), end.audio.Refused))
		}
	}
	return errors.Join(faults...)
}

// wire looks at the captured packets of each end: a tone can be heard in them if, and only if, the leg is in clear.
func (d *demo) wire(c demoCall) error {
	var faults []error
	for _, end := range []endpoint.Summary{c.Caller, c.Callee} {
		at, err := netip.ParseAddrPort(end.Audio().Local)
		if err != nil {
			return fmt.Errorf("%s has no media address: %w", end.Phone, err)
		}
		for _, sent := range []bool{true, false} {
			var packets [][]byte
			for _, p := range d.record.Packets(at) {
				if (p.From == at) == sent {
					packets = append(packets, p.Payload)
				}
			}
			plain := stream.HeardInClear(packets).Confidence >= tone.Clear
			if plain != (end.Audio().Encryption == "none") {
				faults = append(faults, fmt.Errorf("the wire of %s (%s) carries clear audio: %v", end.Phone, end.Audio().Encryption, plain))
			}
		}
	}
	return errors.Join(faults...)
}
