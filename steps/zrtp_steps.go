package steps

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
)

// zrtpSteps: short authentication strings, what the phones and b2bua remember, and what of ZRTP is on the wire.
func (w *World) zrtpSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) has the SAS that b2bua tells$`, w.sameAsLogged)
	sc.Step(`^each phone with ZRTP has the SAS that b2bua tells$`, w.allSameAsLogged)
	sc.Step(`^(\w+) and (\w+) have the same SAS$`, func(one, other string) error { return w.compareSAS(one, other, true) })
	sc.Step(`^(\w+) and (\w+) have different SAS$`, func(one, other string) error { return w.compareSAS(one, other, false) })
	sc.Step(`^(\w+) has no SAS$`, w.hasNoSAS)
	sc.Step(`^b2bua says of (\w+)'s SAS "([^"]+)"$`, w.saysOfSAS)
	sc.Step(`^(\w+) agreed by (\w+) with (\w+), (\w+) and (\w+)$`, w.agreedBy)
	sc.Step(`^(\w+)'s video took its keys from the audio$`, w.multistream)
	sc.Step(`^(\w+) (meets b2bua for the first time|knows b2bua from an earlier call|is warned that b2bua is another one)$`, w.recognises)
	sc.Step(`^b2bua's Hello to (\w+) was the one of its description$`, w.helloAnnounced)
	sc.Step(`^(\w+) (confirms|denies) the SAS$`, w.judgesSAS)
	sc.Step(`^(\w+)'s phone remembers that the SAS was compared$`, w.remembersComparison)
	sc.Step(`^(\w+)'s phone forgets everybody$`, w.forgets)
	sc.Step(`^(\w+) suspects nothing$`, w.suspectsNothing)
	sc.Step(`^(\w+)'s (audio|video) was agreed on (\d+) times$`, w.agreedTimes)
	sc.Step(`^(\w+) negotiates again without zrtp-hash$`, func(name string) error { return w.renegotiates(name, endpoint.FaultNoHash) })
	sc.Step(`^(\w+) negotiates again with a new Hello$`, func(name string) error { return w.renegotiates(name, endpoint.FaultRenewed) })
	sc.Step(`^(\w+) negotiates again with a new Hello in the same session$`, func(name string) error { return w.renegotiates(name, endpoint.FaultReplaced) })
	sc.Step(`^(\w+)'s (audio|video) was agreed on by (\w+)$`, w.agreedOnBy)
	sc.Step(`^b2bua's newest description for (\w+) has the zrtp-hash of its first one$`, w.keptHash)
	sc.Step(`^nothing that names ZRTP was sent to (\w+)$`, w.nothingOfZRTP)
	sc.Step(`^nothing of (\w+)'s ZRTP was sent to (\w+)$`, w.nothingForwarded)
	sc.Step(`^what (\w+) sent reached (\w+) octet for octet$`, w.passedThrough)
	sc.Step(`^nothing but ZRTP was sent to (\w+)$`, w.onlyZRTP)
	sc.Step(`^(\d+) pairs of softphones with ZRTP$`, w.crowdWithZRTP)
	sc.Step(`^the two legs of each call have different SAS$`, w.allDifferentSAS)
}

// awaitSAS waits for the keys of every stream of a softphone's call.
func (w *World) awaitSAS(name string) (endpoint.Summary, error) {
	var last endpoint.Summary
	err := w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, "keys by ZRTP", func(s endpoint.Summary) bool {
			last = s
			for _, m := range s.Streams {
				if m.Enabled && (m.ZRTP == nil || m.ZRTP.SAS == "") {
					return false
				}
			}
			return s.SAS() != ""
		})
	})
	return last, err
}

// lineOf waits for what b2bua tells of the ZRTP of a softphone's call: the line names the leg and the SAS.
func (w *World) lineOf(name string) (string, error) {
	s, err := w.awaitSAS(name)
	if err != nil {
		return "", err
	}
	leg := "A"
	if s.Direction == "incoming" {
		leg = "B"
	}
	if err := w.running(); err != nil {
		return "", err
	}
	ctx, cancel := w.wait()
	defer cancel()
	want := regexp.MustCompile(`flexisip-message- .*` + regexp.QuoteMeta(s.CallID) + `.*leg ` + leg + `: secured: (?:audio|video) zrtp .*\bSAS ` + regexp.QuoteMeta(s.SAS()) + `,`)
	line, err := w.process.AwaitLine(ctx, want)
	if err != nil {
		return "", fmt.Errorf("%s's SAS is %s: %w", name, s.SAS(), w.explain(err))
	}
	return line.Text, nil
}

var loggedZID = regexp.MustCompile(`\bZID ([0-9a-f]{24})\b`)

// knownLineOf is lineOf, and {{NAME.zid}} is known from then on.
func (w *World) knownLineOf(name string) (string, error) {
	line, err := w.lineOf(name)
	if found := loggedZID.FindStringSubmatch(line); found != nil {
		w.named[name+".zid"] = found[1]
	}
	return line, err
}

func (w *World) sameAsLogged(name string) error {
	_, err := w.knownLineOf(name)
	return err
}

func (w *World) allSameAsLogged() error {
	return w.each(func(name string) error {
		if w.kits[name].Encryption != "zrtp" {
			return nil
		}
		_, err := w.lineOf(name) // of many side by side
		return err
	})
}

func (w *World) compareSAS(one, other string, same bool) error {
	a, err := w.awaitSAS(one)
	if err != nil {
		return err
	}
	b, err := w.awaitSAS(other)
	if err == nil && (a.SAS() == b.SAS()) != same {
		err = fmt.Errorf("%s's SAS is %s, %s's is %s", one, a.SAS(), other, b.SAS())
	}
	return err
}

func (w *World) hasNoSAS(name string) error {
	call, err := w.mediaCall(name)
	if err == nil && call.Summary().SAS() != "" {
		err = fmt.Errorf("%s's SAS is %s", name, call.Summary().SAS())
	}
	return err
}

func (w *World) saysOfSAS(name, text string) error {
	line, err := w.knownLineOf(name)
	if err == nil && !strings.Contains(line, text) {
		err = fmt.Errorf("it says: %s", line)
	}
	return err
}

// audioZRTP is what a softphone knows once its audio is secure.
func (w *World) audioZRTP(name string) (*endpoint.ZRTPSummary, error) {
	s, err := w.awaitSAS(name)
	if err != nil {
		return nil, err
	}
	return s.Audio().ZRTP, nil
}

func (w *World) agreedBy(name, agreement, hash, cipher, tag string) error {
	z, err := w.audioZRTP(name)
	if err != nil {
		return err
	}
	got, want := [4]string{z.Agreement, z.Hash, z.Cipher, z.Tag}, [4]string{agreement, hash, cipher, tag}
	if got != want {
		return fmt.Errorf("%s agreed by %v instead of %v", name, got, want)
	}
	return nil
}

// agreedOnBy looks at one stream; "DH" is any agreement that has a SAS of its own.
func (w *World) agreedOnBy(name, kind, agreement string) error {
	s, err := w.awaitSAS(name)
	if err != nil {
		return err
	}
	m := s.Audio()
	if kind == "video" {
		m = s.Video()
	}
	if m.ZRTP == nil || agreement == "DH" && m.ZRTP.Agreement == "Mult" || agreement != "DH" && m.ZRTP.Agreement != agreement {
		return fmt.Errorf("%s's %s: %+v", name, kind, m.ZRTP)
	}
	return nil
}

func (w *World) multistream(name string) error {
	s, err := w.awaitSAS(name)
	if err != nil {
		return err
	}
	if z := s.Video().ZRTP; z == nil || z.Agreement != "Mult" || z.SAS != s.Audio().ZRTP.SAS {
		return fmt.Errorf("%s's video: %+v", name, z)
	}
	return nil
}

func (w *World) recognises(name, how string) error {
	z, err := w.audioZRTP(name)
	if err != nil {
		return err
	}
	want := [2]bool{how == "knows b2bua from an earlier call", how == "is warned that b2bua is another one"}
	if got := [2]bool{z.Continuity, z.Mismatch}; got != want {
		return fmt.Errorf("%s: continuity %v, mismatch %v", name, z.Continuity, z.Mismatch)
	}
	return nil
}

func (w *World) helloAnnounced(name string) error {
	s, err := w.awaitSAS(name)
	if err != nil {
		return err
	}
	for _, m := range s.Streams {
		if m.Enabled && !m.ZRTP.HashVerified {
			return fmt.Errorf("%s's %s: the Hello was not announced", name, m.Kind)
		}
	}
	return nil
}

func (w *World) judgesSAS(name, how string) error {
	if _, err := w.awaitSAS(name); err != nil {
		return err
	}
	return w.withMedia(name, func(c *endpoint.Call) error { return c.ConfirmSAS(how == "confirms") })
}

func (w *World) remembersComparison(name string) error {
	z, err := w.audioZRTP(name)
	if err == nil && !z.Verified {
		err = fmt.Errorf("%s's phone: %+v", name, z)
	}
	return err
}

func (w *World) forgets(name string) error {
	phone, err := w.softphoneNamed(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return phone.Forget(ctx)
}

func (w *World) suspectsNothing(name string) error {
	s, err := w.awaitSAS(name)
	if err != nil {
		return err
	}
	for _, m := range s.Streams {
		if m.ZRTP != nil && len(m.ZRTP.Alerts) > 0 {
			return fmt.Errorf("%s's %s: %v", name, m.Kind, m.ZRTP.Alerts)
		}
	}
	return nil
}

func (w *World) agreedTimes(name, kind string, n int) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, fmt.Sprintf("%d agreements", n), func(s endpoint.Summary) bool {
			if kind == "video" {
				return s.Video().Handshakes == n
			}
			return s.Audio().Handshakes == n
		})
	})
}

func (w *World) renegotiates(name, fault string) error {
	media, err := w.ownMedia(name)
	if err != nil {
		return err
	}
	media.Fault = fault
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.Reinvite(ctx, media) })
}

// crowdWithZRTP makes pairs in which one side or both have ZRTP; the names of callees tell b2bua which.
func (w *World) crowdWithZRTP(n int) error {
	if err := w.gather(); err != nil {
		return err
	}
	known := len(tones)
	for i := range n {
		a, b := endpoint.Media{Encryption: "zrtp"}, endpoint.Media{Encryption: "zrtp"}
		callee := fmt.Sprintf("callee%dz", i+1)
		switch i % 5 {
		case 3:
			a.Encryption = "sdes"
		case 4:
			b.Encryption, callee = "sdes", fmt.Sprintf("callee%ds", i+1)
		}
		pair := [2]string{fmt.Sprintf("caller%d", i+1), callee}
		w.pairs = append(w.pairs, pair)
		err := errors.Join(w.oneOfCrowd(pair[0], a, tones[i%known]), w.oneOfCrowd(pair[1], b, tones[(i/known+i+1)%known]))
		if err != nil {
			return err
		}
	}
	return nil
}

// allDifferentSAS: two legs of a call with one SAS would be two ends of one agreement.
func (w *World) allDifferentSAS() error {
	return w.together(func(caller, callee string) error {
		if w.kits[caller].Encryption != "zrtp" || w.kits[callee].Encryption != "zrtp" {
			return nil
		}
		return w.compareSAS(caller, callee, false)
	})
}
