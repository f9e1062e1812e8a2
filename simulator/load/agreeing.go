//go:build linux

package load

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"

	"golang.org/x/sys/unix"
)

// agreeing is the ZRTP of all sides that have it. Each is a phone of its own, with a ZID and without memories. It belongs to the run's
// thread; only the public-key work is done elsewhere.
type agreeing struct {
	keying *keying
	lists  zrtp.Lists
	jobs   chan keyed
	sides  []*side        // those that have begun
	over   map[*side]bool // their handshake is counted
	ends   []*zrtp.Session
}

// maxJobs is more than there are streams with a job at any time.
const maxJobs = 1 << 16

func newAgreeing(cfg *Config, k *keying) *agreeing {
	a := &agreeing{keying: k, lists: zrtp.DefaultLists(), jobs: make(chan keyed, maxJobs), over: map[*side]bool{}}
	if cfg.agreement != 0 {
		a.lists[alg.KindAgreement] = []alg.Code{cfg.agreement, alg.Mult}
	}
	for range runtime.GOMAXPROCS(0) {
		go func() {
			runtime.LockOSThread()                                     // never unlocked: the thread ends with its settings
			_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 10) // the packets come first
			for n := range a.jobs {
				n.job.Run()
				k.mu.Lock()
				k.news = append(k.news, n)
				k.mu.Unlock()
			}
		}()
	}
	return a
}

func (a *agreeing) close() {
	close(a.jobs)
	for _, s := range a.ends {
		s.Close()
	}
}

// equip makes a side's end, whose Hello the description tells of.
func (a *agreeing) equip(s *side) error {
	c := zrtp.Config{Client: "sipsim load", Lists: a.lists, Expiration: zrtp.Forever, Required: true, Rand: rand.Reader}
	if _, err := rand.Read(c.ZID[:]); err != nil {
		return fmt.Errorf("load: random numbers: %w", err)
	}
	session, err := zrtp.NewSession(c)
	if err == nil {
		s.zrtp, err = session.NewStream(s.ssrc)
	}
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	a.ends = append(a.ends, session)
	return nil
}

// greet begins the exchange of a side whose peer described itself.
func (k *keying) greet(s *side, d description) error {
	hash, err := sdp.ParseZRTPHash(string(d.hello))
	if err != nil {
		return fmt.Errorf("description: %w", err)
	}
	begin := func() error {
		k.started++
		k.waiting++
		k.agreeing.sides = append(k.agreeing.sides, s)
		k.agreeing.do(s, zrtp.PeerHash{Hash: hash})
		k.agreeing.do(s, zrtp.Start{})
		return nil
	}
	if k.hold {
		k.held = append(k.held, begin)
		return nil
	}
	return begin()
}

// tick tells the time to those who want to know.
func (a *agreeing) tick() {
	now := time.Now()
	for _, s := range a.sides {
		if at, ok := s.zrtp.Deadline(); ok && !at.After(now) {
			a.do(s, zrtp.Tick{})
		}
	}
}

// do hands an input to a side's end and does what comes of it.
func (a *agreeing) do(s *side, in zrtp.Input) {
	for _, out := range s.zrtp.Handle(time.Now(), in) {
		switch e := out.Effect.(type) {
		case zrtp.Send:
			_, _, _ = unix.Syscall6(unix.SYS_SENDTO, uintptr(s.sock.fd), uintptr(unsafe.Pointer(&e.Data[0])), uintptr(len(e.Data)), unix.MSG_DONTWAIT,
				uintptr(unsafe.Pointer(&s.remote)), unix.SizeofSockaddrInet4) // what is lost is sent again
		case zrtp.NeedKeys:
			a.jobs <- keyed{side: s, job: e.Job}
		case zrtp.LookupSecrets:
			a.do(s, zrtp.SecretsLoaded{Key: e.Key})
		case zrtp.InstallReceive:
			s.rkey = bytes.Clone(e.Master)
		case zrtp.InstallSend:
			s.suite, s.key = e.Suite, bytes.Clone(e.Master)
		case zrtp.Secure:
			a.end(s, "")
		case zrtp.Failed:
			a.end(s, e.Reason.String())
		}
	}
}

// end counts a handshake, once.
func (a *agreeing) end(s *side, why string) {
	if a.over[s] {
		return
	}
	a.over[s] = true
	a.keying.waiting--
	if why != "" {
		a.keying.failures["handshake: "+why]++
	}
}
