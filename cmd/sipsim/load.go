package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sort"
	"strings"
	"time"

	"b2bua/simulator/load"
)

type loadCmd struct {
	Calls    loadCallsCmd    `cmd:"" help:"Set up and release calls without media: calls per second, set-up time, CPU per call."`
	Media    loadMediaCmd    `cmd:"" help:"Keep calls up with G.711 both ways: loss, added latency, CPU per packet."`
	Floor    loadFloorCmd    `cmd:"" help:"A relay that only receives and sends, to be measured with media --ng: what the system calls alone cost."`
	Burst    loadBurstCmd    `cmd:"" help:"Many handshakes of DTLS or ZRTP at once while calls are running: how long they take, and whether a packet is lost."`
	Accounts loadAccountsCmd `cmd:"" help:"Accounts at a registrar: time, CPU and memory, the spread of refreshes, recovery."`
	Database loadDatabaseCmd `cmd:"" help:"Accounts of a database: time until they take calls, memory, the time that announced changes take."`
}

// loadFlags are those of both kinds.
type loadFlags struct {
	DUT       string        `name:"dut" default:"127.0.0.1:6067" placeholder:"ADDR:PORT" group:"Device under test:" help:"Where the B2BUA listens (loopback only)."`
	Transport string        `default:"tcp" enum:"udp,tcp" group:"Device under test:" help:"udp or tcp, both legs."`
	PID       []int         `name:"pid" placeholder:"N" group:"Device under test:" help:"Process of the B2BUA, for CPU and memory; may be repeated."`
	Children  bool          `default:"true" negatable:"" group:"Device under test:" help:"Count its child processes too."`
	DUTCPU    int           `name:"dut-cpu" default:"-1" placeholder:"N" group:"Device under test:" help:"CPU that it is pinned to, to see how busy that one is."`
	UAC       string        `name:"uac" default:"127.0.0.30:5069" placeholder:"ADDR:PORT" group:"Our ends:" help:"SIP address of the caller."`
	UAS       string        `name:"uas" default:"127.0.0.1:5060" placeholder:"ADDR:PORT" group:"Our ends:" help:"SIP address of the callee: the B2BUA's outbound-proxy."`
	Target    string        `default:"sip:%u@load.example.org" placeholder:"URI" group:"Our ends:" help:"Request-URI and To; %%u is unique for each call. Rules of the B2BUA see it."`
	From      string        `default:"sip:load@load.example.org" placeholder:"URI" group:"Our ends:" help:"From; %%u as above."`
	Header    []string      `sep:"none" placeholder:"NAME: VALUE" group:"Our ends:" help:"Further header of the INVITEs; may be repeated."`
	Count     int           `name:"calls" short:"n" default:"1000" placeholder:"N" group:"Load:" help:"How many calls."`
	Rate      float64       `short:"r" placeholder:"N" group:"Load:" help:"Calls per second; default: as fast as --parallel allows."`
	Parallel  int           `default:"20" placeholder:"N" group:"Load:" help:"Calls in progress at once when there is no --rate."`
	Timeout   time.Duration `default:"10s" placeholder:"TIME" group:"Load:" help:"For one set-up or release."`
	Ring      bool          `group:"Load:" help:"180 before 200."`
	A         string        `default:"none" enum:"none,sdes,dtls,zrtp" group:"Load:" help:"Media encryption of the caller's leg: none, sdes or, for media, dtls or zrtp."`
	B         string        `default:"none" enum:"none,sdes,dtls,zrtp" group:"Load:" help:"Media encryption that the B2BUA must offer to the callee: as above."`
	SuiteA    string        `placeholder:"NAME" group:"Load:" help:"SDES suite of the caller's leg; default AES_CM_128_HMAC_SHA1_80."`
	SuiteB    string        `placeholder:"NAME" group:"Load:" help:"SDES suite wanted on the callee's leg."`
	Agreement string        `placeholder:"NAME" group:"Load:" help:"Key agreement of ZRTP that our ends want, by its code: X255, EC25, X448, DH3k, EC38, X1M1, …; default what a phone of today offers."`
	JSON      bool          `name:"json" help:"One JSON object on standard output."`
}

type loadCallsCmd struct {
	loadFlags
	Hold time.Duration `default:"0s" placeholder:"TIME" group:"Load:" help:"From answer to BYE."`
}

type loadFloorCmd struct {
	At string `arg:"" default:"127.0.0.1:2223" placeholder:"ADDR:PORT" help:"Where the commands come (loopback only)."`
}

// Run serves until the end of the context.
func (c *loadFloorCmd) Run(e *env) error {
	at, err := netip.ParseAddrPort(c.At)
	if err != nil {
		return fmt.Errorf("%q: write address:port", c.At)
	}
	return load.Floor(e.ctx, at)
}

type loadMediaCmd struct {
	loadFlags
	NG       string        `name:"ng" placeholder:"ADDR:PORT" group:"Device under test:" help:"An rtpengine's --listen-ng: the same packets through it instead of a B2BUA; --dut, --transport and the SIP addresses have no meaning then."`
	Duration time.Duration `default:"10s" placeholder:"TIME" group:"Media:" help:"Measured time."`
	Warm     time.Duration `default:"2s" placeholder:"TIME" group:"Media:" help:"Warm-up before it, in one stream with it."`
	Settle   time.Duration `default:"0s" placeholder:"TIME" group:"Media:" help:"From the last set-up to the first packet, so that memory is counted without what set-ups leave for a while."`
	IPA      string        `name:"ip-a" placeholder:"ADDR" group:"Media:" help:"Media address of the callers; default that of --uac."`
	IPB      string        `name:"ip-b" placeholder:"ADDR" group:"Media:" help:"Media address of the callees; default that of --uas."`
	Sockets  int           `default:"2" placeholder:"N" group:"Media:" help:"Sockets per side; few keep the generator cheap."`
	Sample   int           `default:"20" placeholder:"N" group:"Media:" help:"Decrypt and compare every n-th packet of each leg; 1: all."`
	PT       uint8         `name:"pt" default:"0" enum:"0,8" group:"Media:" help:"0 PCMU or 8 PCMA."`
}

const loadHelp = `Caller and callee are both played here, so the B2BUA must send its calls to --uas and must not ask a registrar. The defaults
are those of a b2bua without any configuration: it listens at 127.0.0.1:6067 over tcp, sends calls to 127.0.0.1:5060, and bridges
500 calls at once. For more, over UDP, and with leg B encrypted by rules:

  [b2bua-server]                                with --transport udp --uas 127.0.0.31:5070
  transport=sip:127.0.0.1:6067
  outbound-proxy=sip:127.0.0.31:5070
  max-calls=5000
  [b2bua-server::trenscrypter]
  outgoing-enc-regex=sdes sip:.*@sdes\.example\.org none .*

and --target sip:%u@sdes.example.org --b sdes to have leg B encrypted; without rules leg B is as leg A (--a sdes --b sdes). Pin the two to different CPUs (taskset -c 1 b2bua …,
taskset -c 0 sipsim load …) and mind foreign_cpu_percent: above 15 the machine did other things and latencies are worth nothing.

The status is 0 when every call completed (media: and at most 0.1 % of the packets were lost), 2 otherwise.`

// Help teaches.
func (loadCallsCmd) Help() string { return loadHelp }

// Help teaches.
func (loadMediaCmd) Help() string { return loadHelp }

func (f *loadFlags) config() (load.Config, error) {
	cfg := load.Config{
		Network: f.Transport, Target: f.Target, From: f.From, Header: f.Header, Calls: f.Count, Rate: f.Rate, Parallel: f.Parallel, Timeout: f.Timeout,
		Ring: f.Ring, A: f.A, B: f.B, SuiteA: f.SuiteA, SuiteB: f.SuiteB, Agreement: f.Agreement, PID: f.PID, Children: f.Children, DUTCPU: f.DUTCPU,
	}
	for _, a := range []struct {
		flag, text string
		to         *netip.AddrPort
	}{{"--dut", f.DUT, &cfg.DUT}, {"--uac", f.UAC, &cfg.UAC}, {"--uas", f.UAS, &cfg.UAS}} {
		at, err := netip.ParseAddrPort(a.text)
		if err != nil {
			return cfg, fmt.Errorf("%s %q: write address:port", a.flag, a.text)
		}
		*a.to = at
	}
	return cfg, nil
}

// Run measures calls.
func (c *loadCallsCmd) Run(e *env) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	cfg.Hold = c.Hold
	return c.measure(e, cfg)
}

// Run measures media.
func (c *loadMediaCmd) Run(e *env) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	cfg.Media, cfg.Duration, cfg.Warm, cfg.Sockets, cfg.Sample, cfg.PayloadPT = true, c.Duration, c.Warm, c.Sockets, c.Sample, c.PT
	cfg.Settle = c.Settle
	if c.NG != "" {
		if cfg.NG, err = netip.ParseAddrPort(c.NG); err != nil {
			return fmt.Errorf("--ng %q: write address:port", c.NG)
		}
	}
	for _, a := range []struct {
		text string
		to   *netip.Addr
	}{{c.IPA, &cfg.IPA}, {c.IPB, &cfg.IPB}} {
		if a.text == "" {
			continue
		}
		if *a.to, err = netip.ParseAddr(a.text); err != nil {
			return fmt.Errorf("--ip-a, --ip-b: %w", err)
		}
	}
	return c.measure(e, cfg)
}

func (f *loadFlags) measure(e *env, cfg load.Config) error {
	if !cfg.NG.IsValid() && cfg.DUT != cfg.UAS && cfg.DUT != cfg.UAC && cfg.DUT.Addr().IsLoopback() { // a test of the generator alone answers itself
		if err := probe(e.ctx, cfg.Network, cfg.DUT); err != nil {
			return err
		}
	}
	r, err := load.Run(e.ctx, cfg)
	if err != nil {
		return failed(exitCall, err)
	}
	if f.JSON {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		if err := printLoad(e.stdout, r); err != nil {
			return err
		}
	}
	if r.Answered == 0 && !cfg.NG.IsValid() {
		return failed(exitCall, fmt.Errorf("no call was answered: the B2BUA must send its calls to --uas %s over %s (b2bua: outbound-proxy=sip:%s;transport=%s); its log says what it did with them",
			f.UAS, f.Transport, f.UAS, f.Transport))
	}
	if !r.OK() {
		return failed(exitCall, errors.New("calls or packets were lost"))
	}
	return nil
}

func printLoad(to io.Writer, r *load.Result) error {
	w := &strings.Builder{}
	verb := "completed"
	if r.Media != nil {
		verb = "set up"
	}
	fmt.Fprintf(w, "calls       %d over %s, %s to %s: %d answered, %d completed, %d failed\n", r.Calls, r.Network, r.A, r.B, r.Answered, r.Completed, r.Failed)
	causes := make([]string, 0, len(r.Failures))
	for why := range r.Failures {
		causes = append(causes, why)
	}
	sort.Strings(causes)
	for _, why := range causes {
		fmt.Fprintf(w, "            %6d  %s\n", r.Failures[why], why)
	}
	fmt.Fprintf(w, "rate        %.0f calls/s %s in %.2f s; %d retransmissions, %d re-INVITEs\n", r.PerSecond, verb, r.Seconds, r.Repeated, r.Reinvites)
	fmt.Fprintf(w, "set-up      p50 %.2f ms, p99 %.2f ms, max %.2f ms from INVITE to 200\n", r.SetupP50, r.SetupP99, r.SetupMax)
	fmt.Fprintf(w, "B2BUA       %.0f us CPU per call, %d kB resident, %.1f kB more per call\n", r.CallCPU, r.Memory, r.MemoryEach)
	if m := r.Media; m != nil {
		fmt.Fprintf(w, "packets     %d sent in %.1f s, %d received, %.3f%% lost (worst leg %.2f%%), %d silent legs\n", m.Sent, m.Seconds, m.Received, m.LossPercent, m.WorstPercent, m.SilentLegs)
		fmt.Fprintf(w, "content     %d checked byte for byte, %d not decrypted, %d altered\n", m.Verified, m.NotDecrypted, m.Altered)
		fmt.Fprintf(w, "added       p50 %.0f us, p90 %.0f us, p99 %.0f us, max %.0f us\n", m.AddedP50, m.AddedP90, m.AddedP99, m.AddedMax)
		fmt.Fprintf(w, "CPU         %.2f us per packet (user %.2f, system %.2f)\n", m.PacketCPU, m.UserCPU, m.SystemCPU)
		fmt.Fprintf(w, "dropped     %d at the generator, %d elsewhere; generator late p50 %.0f us, p99 %.0f us, max %.1f ms\n", m.OwnDrops, m.DUTDrops, m.LateP50, m.LateP99, m.BehindMax)
	}
	printBurst(w, r.Burst)
	fmt.Fprintf(w, "processors  B2BUA %.0f%%, generator %.0f%%, others %.0f%%\n", r.DUTCPU, r.Generator, r.Foreign)
	if _, err := io.WriteString(to, w.String()); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}
