//go:build linux

package load

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// run is one measurement in progress.
type run struct {
	cfg     *Config
	ctx     context.Context
	pids    []int
	sides   []side
	sockets []*socket
	signals *signaller
	result  Result
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
		for _, s := range r.sockets {
			s.close()
		}
		if r.signals != nil {
			r.signals.wires.close()
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
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return fmt.Errorf("load: random numbers: %w", err)
	}
	r.sides = make([]side, 2*cfg.Calls)
	for i := range r.sides {
		s := &r.sides[i]
		*s = side{call: i / 2, dir: i % 2, suite: cfg.suiteOf(i % 2), sock: r.sockets[2*(i/2%n)+i%2], ssrc: uint32(i)*2654435761 + 1, pt: cfg.PayloadPT}
		if err := s.newKey(); err != nil {
			return err
		}
	}
	var err error
	r.signals, err = newSignaller(cfg, hex.EncodeToString(random[:]), r.sides)
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
	cfg, s := r.cfg, r.signals
	r.result = Result{Kind: "calls", Network: cfg.Network, A: cfg.A, B: cfg.B, Calls: cfg.Calls}
	memory := memoryOf(r.pids)
	before := r.usage()
	stay := done
	if cfg.Media {
		r.result.Kind, stay = "media", up
	}
	r.place(stay)
	after := r.usage()
	r.spent(before, after)
	r.signalling(before, after, stay)
	r.result.Memory = memoryOf(r.pids)
	r.result.MemoryEach = float64(r.result.Memory-memory) / float64(cfg.Calls)
	if cfg.Media && s.open > 0 && r.ctx.Err() == nil {
		if err := r.media(); err != nil {
			r.releaseAll()
			return err
		}
	}
	r.releaseAll()
	r.result.Completed, r.result.Failures, r.result.EndedByDUT = s.completed, s.failures, s.endedByDUT
	r.result.Failed = cfg.Calls - s.completed
	if r.ctx.Err() != nil {
		return fmt.Errorf("load: %w", context.Cause(r.ctx))
	}
	return nil
}

// place makes all calls, until each is over or stays as it shall.
func (r *run) place(stay phase) {
	s := r.signals
	s.now = time.Now().UnixNano()
	s.slot = s.now / slotTime
	start, begun, looked := s.now, 0, s.now
	for r.ctx.Err() == nil {
		if stay == up { // closed loop over set-ups: what is up does not count as in progress
			begun = s.paceSetup(begun, start)
		} else {
			begun = s.pace(begun, start)
		}
		s.step(1)
		if begun == len(s.calls) && s.now-looked > int64(time.Millisecond) {
			looked = s.now
			if s.settled(stay) {
				return
			}
		}
	}
}

func (r *run) signalling(a, b usage, stay phase) {
	s := r.signals
	slices.Sort(s.latencies)
	r.result.Answered = len(s.latencies)
	r.result.SetupP50, r.result.SetupP99, r.result.SetupMax = ms(quantile(s.latencies, 0.5)), ms(quantile(s.latencies, 0.99)), ms(quantile(s.latencies, 1))
	r.result.Seconds = b.at.Sub(a.at).Seconds()
	n := s.completed
	if stay == up {
		n = len(s.latencies)
	}
	r.result.PerSecond = float64(n) / r.result.Seconds
	r.result.CallCPU = 1e6 * (b.user + b.system - a.user - a.system) / float64(max(n, 1))
	r.result.Repeated, r.result.Reinvites, r.result.Strange = s.repeated, s.reinvites, s.strange
}

// releaseAll ends what is up, not all at once.
func (r *run) releaseAll() {
	s := r.signals
	limit := time.Now().Add(2 * r.cfg.Timeout)
	for i := range s.calls {
		if c := &s.calls[i]; c.phase == up {
			c.acked = true
			s.release(c)
		}
		if i%8 == 7 {
			s.step(0)
		}
	}
	for !s.settled(done) && time.Now().Before(limit) {
		s.step(1)
	}
}

var errNoCall = errors.New("load: no call was set up, so there is no media to measure")

// media sends the packets of all calls that are up.
func (r *run) media() error {
	cfg, s := r.cfg, r.signals
	var sides []side
	for i := range s.calls {
		if s.calls[i].phase != up {
			return fmt.Errorf("load: %d of %d calls were not set up: no media with a part of them: %v", cfg.Calls-s.open, cfg.Calls, s.failures)
		}
	}
	if sides = r.sides; len(sides) == 0 {
		return errNoCall
	}
	for i := range sides {
		if err := sides[i].build(cfg.packets()); err != nil {
			return err
		}
		if i%64 == 0 {
			s.step(0)
		}
	}
	m := &media{
		sides: sides, sockets: r.sockets, sample: uint64(cfg.Sample), warm: int(cfg.Warm / frame), idle: func() { s.step(0) },
		latencies: make([]int64, 0, len(sides)*int(cfg.Duration/frame)/cfg.Sample+len(sides)*2+1000),
	}
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	own0, all0 := drops()
	m.play(m.warm) // no pause before the measured window
	m.count = true
	a := r.usage()
	took := m.play(cfg.packets() - m.warm)
	b := r.usage()
	m.settle(700 * time.Millisecond)
	own1, all1 := drops()
	r.spent(a, b)
	r.sum(m, a, b, took)
	var own, rtcp uint64
	for _, k := range r.sockets {
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
