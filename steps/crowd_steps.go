package steps

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
	"b2bua/simulator/tone"
)

// crowdSteps: many softphones at once. Their names are caller1, callee1 and so on; callees with SDES have names that end in s.
func (w *World) crowdSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\d+) pairs of softphones, of every encryption$`, w.crowd)
	sc.Step(`^(\d+) pairs of softphones that never say a word of DTLS$`, w.silentCrowd)
	sc.Step(`^all callers call at once$`, w.allCall)
	sc.Step(`^all calls are answered$`, w.allAnswered)
	sc.Step(`^each of them hears its own partner$`, w.allHear)
	sc.Step(`^all callers hang up at once$`, w.allHangUp)
	sc.Step(`^all of them are free again$`, w.allFree)
}

// kitsOfCrowd go round, so that every way to encrypt a call meets every other.
var kitsOfCrowd = []endpoint.Media{
	{Encryption: "none"},
	{Encryption: "sdes", Suites: []string{"AES_CM_128_HMAC_SHA1_80"}},
	{Encryption: "none"},
	{Encryption: "sdes", Suites: []string{"AEAD_AES_256_GCM"}},
	{Encryption: "sdes", Suites: []string{"AES_256_CM_HMAC_SHA1_80"}},
}

// gather makes this scenario the one with a crowd, until its end.
func (w *World) gather() error {
	switch {
	case w.proxy == nil:
		return errors.New("softphones need a proxy: start b2bua behind the proxy first")
	case len(w.pairs) > 0:
		return errors.New("there is a crowd in this scenario already")
	}
	w.suite.crowd.Lock()
	w.closers = append(w.closers, w.suite.crowd.Unlock)
	return nil
}

// crowd makes pairs whose callers all have different tones, and whose callees have too: nobody can take a stranger for its partner.
func (w *World) crowd(n int) error {
	known := tone.Frequencies()
	if n > len(known) {
		return fmt.Errorf("there are only %d tones", len(known))
	}
	if err := w.gather(); err != nil {
		return err
	}
	for i := range n {
		callee := fmt.Sprintf("callee%dn", i+1)
		kit := endpoint.Media{Encryption: "none"}
		if i%2 == 1 {
			callee, kit.Encryption = fmt.Sprintf("callee%ds", i+1), "sdes"
		}
		pair := [2]string{fmt.Sprintf("caller%d", i+1), callee}
		w.pairs = append(w.pairs, pair)
		if err := w.oneOfCrowd(pair[0], kitsOfCrowd[i%len(kitsOfCrowd)], known[i]); err != nil {
			return err
		}
		if err := w.oneOfCrowd(pair[1], kit, known[(i+len(known)/2)%len(known)]); err != nil {
			return err
		}
	}
	return nil
}

// silentCrowd makes pairs that agree on DTLS-SRTP, and let b2bua begin the handshakes for nothing.
func (w *World) silentCrowd(n int) error {
	if err := w.gather(); err != nil {
		return err
	}
	hertz := tone.Frequencies()[0]
	for i := range n {
		pair := [2]string{fmt.Sprintf("caller%d", i+1), fmt.Sprintf("callee%dn", i+1)}
		w.pairs = append(w.pairs, pair)
		kit := endpoint.Media{Encryption: "dtls-srtp", Setup: "passive", Fault: endpoint.FaultSilent}
		if err := errors.Join(w.oneOfCrowd(pair[0], kit, hertz), w.oneOfCrowd(pair[1], kit, hertz)); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) allAnswered() error { return w.together(w.inTheCall) }

func (w *World) oneOfCrowd(name string, media endpoint.Media, hertz float64) error {
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	phone, err := w.openSoftphone(endpoint.Config{
		Name: name, Listen: fmt.Sprintf("tcp:%s:5060", addr), Proxy: w.proxy.URI(), Media: media, MediaIP: addr.String(), Tone: hertz,
		Auto: &endpoint.Auto{},
	})
	if err != nil {
		return err
	}
	return w.register(phone)
}

// together runs one thing for each pair at the same time.
func (w *World) together(what func(caller, callee string) error) error {
	faults := make([]error, len(w.pairs))
	var all sync.WaitGroup
	for i, pair := range w.pairs {
		all.Go(func() {
			if err := what(pair[0], pair[1]); err != nil {
				faults[i] = fmt.Errorf("%s and %s: %w", pair[0], pair[1], err)
			}
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

func (w *World) allCall() error {
	var mu sync.Mutex
	return w.together(func(caller, callee string) error {
		out, err := w.ends[caller].Call(fmt.Sprintf("sip:%s@%s", callee, domain), endpoint.CallOptions{})
		if err != nil {
			return err
		}
		ctx, cancel := w.wait()
		defer cancel()
		in, err := w.ends[callee].WaitIncoming(ctx)
		if err != nil {
			return w.explain(err)
		}
		mu.Lock()
		defer mu.Unlock()
		w.media[caller], w.media[callee] = out, in
		return nil
	})
}

func (w *World) allHear() error {
	return w.together(func(caller, callee string) error {
		return errors.Join(w.inTheCall(caller, callee), w.exchange(caller, callee, (*endpoint.Call).WaitAudio))
	})
}

func (w *World) allHangUp() error {
	return w.together(func(caller, _ string) error { return w.endsTheCall(caller) })
}

func (w *World) allFree() error {
	return w.together(func(caller, callee string) error {
		wait := func(c *endpoint.Call, ctx context.Context) error { return c.WaitReleased(ctx) }
		return errors.Join(w.during(caller, wait), w.during(callee, wait))
	})
}
