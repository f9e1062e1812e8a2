//go:build linux

package load

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// run is one measurement in progress.
type run struct {
	cfg      *Config
	ctx      context.Context
	pids     []int
	sides    []side
	sockets  []*socket
	measured []*socket // those whose packets are
	calls    control
	keying   *keying // nil: no side needs it
	burst    *burst  // nil: none
	memory   int     // kB before the first call
	result   Result
}

// Run measures. It ends early, with what was measured so far released, when ctx ends.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	r := &run{cfg: &cfg, ctx: ctx, pids: cfg.PID}
	if cfg.Children {
		r.pids = family(cfg.PID)
	}
	raiseFiles()
	defer func() {
		r.keying.close() // before the sockets that it sends with
		for _, s := range r.sockets {
			s.close()
		}
		if r.calls != nil {
			r.calls.close()
		}
	}()
	if err := r.open(); err != nil {
		return nil, err
	}
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its settings
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
		failed <- r.measure()
	}()
	if err := <-failed; err != nil {
		return nil, err
	}
	return &r.result, nil
}

func raiseFiles() {
	limit := unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) // few sockets are used anyway
}

// open makes sockets and sides.
func (r *run) open() error {
	cfg := r.cfg
	n := min(cfg.Sockets, cfg.Calls)
	if !cfg.Media {
		n = 1
	}
	for range n {
		a, err := openSocket(cfg.IPA)
		if err != nil {
			return err
		}
		r.sockets = append(r.sockets, a)
		b, err := openSocket(cfg.IPB)
		if err != nil {
			return err
		}
		r.sockets = append(r.sockets, b)
	}
	r.measured = r.sockets
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return fmt.Errorf("load: random numbers: %w", err)
	}
	if err := r.prepareKeys(); err != nil {
		return err
	}
	r.sides = make([]side, 2*(cfg.Calls+cfg.Burst))
	for i := range r.sides {
		s := &r.sides[i]
		*s = side{call: i / 2, dir: i % 2, suite: cfg.suiteOf(i % 2), method: cfg.methods[i%2], sock: r.sockets[2*(i/2%n)+i%2], ssrc: uint32(i)*2654435761 + 1, pt: cfg.PayloadPT}
		if i >= 2*cfg.Calls { // of a burst
			s.method, s.first, s.sock, s.suite = inline, true, r.sockets[2*n+i%2], cfg.burstSuite(i%2)
			if i%2 == 0 {
				s.method = cfg.burstBy
			}
		}
		if err := r.keying.equip(s); err != nil {
			return err
		}
		if err := s.newKey(); err != nil {
			return err
		}
	}
	return r.control(hex.EncodeToString(random[:]))
}

// prepareKeys makes what DTLS and ZRTP need. The calls of a burst have their own sockets, behind those whose packets are measured.
func (r *run) prepareKeys() (err error) {
	cfg := r.cfg
	switch {
	case cfg.Burst > 0:
		n := len(r.sockets)
		for _, ip := range []netip.Addr{cfg.IPA, cfg.IPB} {
			s, err := openSocket(ip)
			if err != nil {
				return err
			}
			r.sockets = append(r.sockets, s)
		}
		r.keying, err = newKeying(cfg, r.sockets[n:])
	case cfg.methods != [2]method{}:
		r.keying, err = newKeying(cfg, r.sockets)
	}
	return err
}

func (r *run) control(name string) error {
	if r.cfg.NG.IsValid() {
		g, err := newRelayer(r.cfg, name, r.sides)
		if err == nil {
			g.keying, r.calls = r.keying, g
		}
		return err
	}
	s, err := newSignaller(r.cfg, name, r.sides)
	if err == nil {
		s.keying, r.calls = r.keying, s
		if r.burst = newBurst(r.cfg, s); r.burst != nil {
			r.sides, r.measured = r.sides[:2*r.cfg.Calls], r.sockets[:len(r.sockets)-2]
		}
	}
	return err
}

// usage is what the processors did up to a moment.
type usage struct {
	at                        time.Time
	user, system, self, every float64
	core                      float64
}

func (r *run) usage() usage {
	var own unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &own)
	u := usage{at: time.Now(), self: float64(own.Utime.Nano()+own.Stime.Nano()) / 1e9, every: busy("cpu")}
	u.user, u.system = cpuOf(r.pids)
	if r.cfg.DUTCPU >= 0 {
		u.core = busy(fmt.Sprintf("cpu%d", r.cfg.DUTCPU))
	}
	return u
}

// spent notes the share of each between two moments.
func (r *run) spent(a, b usage) {
	w := b.at.Sub(a.at).Seconds()
	dut, self := b.user+b.system-a.user-a.system, b.self-a.self
	r.result.DUTCPU, r.result.Generator = 100*dut/w, 100*self/w
	r.result.Foreign = max(0, 100*(b.every-a.every-dut-self)/w)
	r.result.CPUBusy = 100 * (b.core - a.core) / w
}

func (r *run) measure() error {
	cfg := r.cfg
	r.result = Result{Kind: "calls", Network: cfg.Network, A: cfg.A, B: cfg.B, Calls: cfg.Calls}
	if cfg.NG.IsValid() {
		r.result.Network = "ng"
	}
	r.memory = memoryOf(r.pids)
	before := r.usage()
	stay := done
	if cfg.Media {
		r.result.Kind, stay = "media", up
	}
	if err := r.calls.place(r.ctx, stay); err != nil {
		return err
	}
	if err := r.keying.finish(r.ctx, cfg.handshakeTime(), r.calls.step); err != nil {
		r.calls.releaseAll()
		return err
	}
	after := r.usage()
	r.spent(before, after)
	r.result.Seconds = after.at.Sub(before.at).Seconds()
	r.calls.tell(&r.result, r.result.Seconds, stay)
	r.result.CallCPU = 1e6 * (after.user + after.system - before.user - before.system) / max(r.result.PerSecond*r.result.Seconds, 1)
	r.resident()
	if cfg.Media && r.calls.up() > 0 && r.ctx.Err() == nil {
		if err := r.media(); err != nil {
			r.calls.releaseAll()
			return err
		}
	}
	r.calls.releaseAll()
	r.calls.end(&r.result)
	r.result.Failed = cfg.Calls + cfg.Burst - r.result.Completed
	if r.ctx.Err() != nil {
		return fmt.Errorf("load: %w", context.Cause(r.ctx))
	}
	return nil
}

// resident notes the memory of the B2BUA, and its growth since before the first call.
func (r *run) resident() {
	r.result.Memory = memoryOf(r.pids)
	r.result.MemoryEach = float64(r.result.Memory-r.memory) / float64(r.cfg.Calls)
}

// media sends the packets of all calls that are up.
func (r *run) media() error {
	cfg, sides := r.cfg, r.sides
	if n := r.calls.up(); n < cfg.Calls {
		r.calls.end(&r.result)
		return fmt.Errorf("load: %d of %d calls were not set up: no media with a part of them: %v", cfg.Calls-n, cfg.Calls, r.result.Failures)
	}
	for end := time.Now().Add(cfg.Settle); time.Now().Before(end) && r.ctx.Err() == nil; r.calls.step(1) {
		pause(shortTick)
	}
	if r.burst == nil {
		r.keying.rest()
	}
	for i := range sides {
		if err := sides[i].build(cfg.packets()); err != nil {
			return err
		}
		if i%64 == 0 {
			r.calls.step(0)
		}
	}
	m := &media{
		sides: sides, sockets: r.measured, sample: uint64(cfg.Sample), warm: int(cfg.Warm / frame), idle: func() { r.calls.step(0); r.burst.step() },
		latencies: make([]int64, 0, len(sides)*int(cfg.Duration/frame)/cfg.Sample+len(sides)*2+1000),
		tick:      tickFor(cfg.Calls),
		late:      make([]int64, 0, len(sides)*int(cfg.Duration/frame)/lateEach+1000),
	}
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	own0, all0 := drops()
	r.burst.place()
	m.play(m.warm) // no pause before the measured window
	m.count = true
	r.burst.after(time.Second)
	a := r.usage()
	took := m.play(cfg.packets() - m.warm)
	b := r.usage()
	r.resident() // what a stream keeps once packets flow is in it
	m.settle(700 * time.Millisecond)
	for !r.burst.over() {
		m.settle(20 * time.Millisecond)
	}
	r.burst.tell(&r.result)
	own1, all1 := drops()
	r.spent(a, b)
	r.sum(m, a, b, took)
	var own, rtcp uint64
	for _, k := range r.measured {
		own += own1[int(k.at.Port())] - own0[int(k.at.Port())]
		rtcp += own1[int(k.at.Port())+1] - own0[int(k.at.Port())+1]
	}
	r.result.Media.OwnDrops = own
	r.result.Media.DUTDrops = max(0, int64(all1-all0)-int64(own)-int64(rtcp))
	return nil
}

func (r *run) sum(m *media, a, b usage, took time.Duration) {
	want := uint64(r.cfg.packets() - m.warm)
	o := &MediaResult{Seconds: took.Seconds(), Sent: want * uint64(len(m.sides)), BehindMax: m.behind.Seconds() * 1e3}
	for i := range m.sides {
		d := &m.sides[i]
		got := d.received
		o.Received += got
		o.Verified += d.verified
		o.NotDecrypted += d.bad
		o.Altered += d.altered
		o.RTCP += d.rtcp
		if got == 0 {
			o.SilentLegs++
		}
		if got < want {
			o.WorstPercent = max(o.WorstPercent, 100*float64(want-got)/float64(want))
		}
	}
	for _, s := range m.sockets {
		o.Unknown += s.unknown
		o.SendErrors += s.failed
	}
	o.LossPercent = 100 * (1 - float64(o.Received)/float64(o.Sent))
	n := float64(max(o.Received, 1))
	o.UserCPU, o.SystemCPU = 1e6*(b.user-a.user)/n, 1e6*(b.system-a.system)/n
	o.PacketCPU = o.UserCPU + o.SystemCPU
	slices.Sort(m.latencies)
	us := func(q float64) float64 { return float64(quantile(m.latencies, q)) / 1e3 }
	slices.Sort(m.late)
	o.LateP50, o.LateP99 = float64(quantile(m.late, 0.5))/1e3, float64(quantile(m.late, 0.99))/1e3
	o.AddedP50, o.AddedP90, o.AddedP99, o.AddedMax = us(0.5), us(0.9), us(0.99), us(1)
	r.result.Media = o
}

// quantile of sorted values.
func quantile(v []int64, q float64) int64 {
	if len(v) == 0 {
		return 0
	}
	return v[min(int(q*float64(len(v))), len(v)-1)]
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }
