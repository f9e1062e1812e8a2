package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
)

// softphoneSteps: phones that carry media, and the proxy that sends their calls through b2bua.
func (w *World) softphoneSteps(sc *godog.ScenarioContext) {
	sc.Step(`^b2bua runs behind the proxy of sip\.example\.org$`, w.behindProxy)
	sc.Step(`^the proxy changes the Request-URI of each new call to "([^"]*)"$`, w.proxyRewrites)
	sc.Step(`^b2bua runs between the softphones$`, w.betweenSoftphones)
	sc.Step(`^b2bua runs over TLS between the softphones$`, w.overTLS)
	sc.Step(`^the softphones$`, w.registered)
	sc.Step(`^(\w+) is also a phone of (\w+)$`, w.isAlsoAPhoneOf)
	sc.Step(`^(\w+) calls (\w+)$`, func(caller, callee string) error { return w.placeCall(caller, callee, nil) })
	sc.Step(`^(\w+) calls (\w+) without an offer$`, w.callsWithoutOffer)
	sc.Step(`^(\w+) calls (\w+) with audio and video$`, w.callsWithVideo)
	sc.Step(`^(\w+)'s phone rings$`, w.rings)
	sc.Step(`^(\w+)'s phone did not ring$`, w.didNotRing)
	sc.Step(`^(\w+) hears that it rings$`, w.hearsRinging)
	sc.Step(`^(\w+) picks up$`, func(name string) error { return w.picksUp(name, nil) })
	sc.Step(`^(\w+) picks up without video$`, w.picksUpWithoutVideo)
	sc.Step(`^(\w+) declines with (\d+)$`, w.declines)
	sc.Step(`^(\w+) sends early media$`, w.sendsEarlyMedia)
	sc.Step(`^(\w+) and (\w+) are in early media$`, w.inEarlyMedia)
	sc.Step(`^(\w+) and (\w+) are in the call$`, w.inTheCall)
	sc.Step(`^(\w+) and (\w+) hear each other$`, w.hearEachOther)
	sc.Step(`^(\w+) and (\w+) see each other$`, w.seeEachOther)
	sc.Step(`^(\w+) negotiates again$`, w.negotiatesAgain)
	sc.Step(`^(\w+) ends the call$`, w.endsTheCall)
	sc.Step(`^(\w+) is free again$`, w.isFree)
	sc.Step(`^(\w+)'s call was refused with (\d+)$`, w.wasRefused)
	sc.Step(`^(\w+)'s (audio|video) uses (none|sdes|dtls-srtp|zrtp)$`, func(name, kind, encryption string) error { return w.uses(name, kind, encryption, "") })
	sc.Step(`^(\w+)'s (audio|video) uses (sdes|dtls-srtp|zrtp) with (\w+)$`, w.uses)
	sc.Step(`^(\w+)'s call has no video$`, w.hasNoVideo)
	sc.Step(`^(\w+)'s and (\w+)'s Call-IDs differ$`, w.callIDsDiffer)
	sc.Step(`^the INVITE that b2bua sent through the proxy has$`, w.inviteThroughProxy)
}

func (w *World) softphoneNamed(name string) (*endpoint.Phone, error) {
	if phone, ok := w.ends[name]; ok {
		return phone, nil
	}
	return nil, fmt.Errorf("there is no softphone %q in this scenario", name)
}

func (w *World) mediaCall(name string) (*endpoint.Call, error) {
	if call, ok := w.media[name]; ok {
		return call, nil
	}
	return nil, fmt.Errorf("softphone %q has no call in this scenario", name)
}

func (w *World) placeCall(caller, callee string, media *endpoint.Media) error {
	phone, err := w.softphoneNamed(caller)
	if err != nil {
		return err
	}
	call, err := phone.Call(fmt.Sprintf("sip:%s@%s", callee, domain), endpoint.CallOptions{Media: media})
	w.media[caller] = call
	return err
}

func (w *World) callsWithoutOffer(caller, callee string) error {
	phone, err := w.softphoneNamed(caller)
	if err != nil {
		return err
	}
	call, err := phone.Call(fmt.Sprintf("sip:%s@%s", callee, domain), endpoint.CallOptions{Offerless: true})
	w.media[caller] = call
	return err
}

func (w *World) callsWithVideo(caller, callee string) error {
	media, err := w.ownMedia(caller)
	if err != nil {
		return err
	}
	media.Video = []string{"VP8/90000"}
	return w.placeCall(caller, callee, &media)
}

// ownMedia is a copy of what a softphone was made with.
func (w *World) ownMedia(name string) (endpoint.Media, error) {
	media, ok := w.kits[name]
	if !ok {
		return endpoint.Media{}, fmt.Errorf("there is no softphone %q in this scenario", name)
	}
	return media, nil
}

func (w *World) rings(name string) error {
	phone, err := w.softphoneNamed(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	call, err := phone.WaitIncoming(ctx)
	if err != nil {
		return w.explain(err)
	}
	w.media[name] = call
	return call.Ring()
}

func (w *World) didNotRing(name string) error {
	phone, err := w.softphoneNamed(name)
	if err != nil {
		return err
	}
	if calls := phone.Calls(); len(calls) > 0 {
		return fmt.Errorf("%s was called: %s", name, calls[0].Invite().StartLine())
	}
	return nil
}

// during runs one of the Wait methods of a call.
func (w *World) during(name string, wait func(*endpoint.Call, context.Context) error) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return w.explain(wait(call, ctx))
}

func (w *World) hearsRinging(name string) error {
	return w.during(name, (*endpoint.Call).WaitRinging)
}

func (w *World) picksUp(name string, media *endpoint.Media) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	return call.Answer(media)
}

func (w *World) picksUpWithoutVideo(name string) error {
	media, err := w.ownMedia(name)
	if err != nil {
		return err
	}
	media.Video = nil
	return w.picksUp(name, &media)
}

func (w *World) declines(name string, status int) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	return call.Decline(status)
}

func (w *World) sendsEarlyMedia(name string) error {
	phone, err := w.softphoneNamed(name)
	if err != nil {
		return err
	}
	if _, called := w.media[name]; !called {
		ctx, cancel := w.wait()
		defer cancel()
		if w.media[name], err = phone.WaitIncoming(ctx); err != nil {
			return w.explain(err)
		}
	}
	return w.media[name].Early(nil)
}

func (w *World) inEarlyMedia(one, other string) error {
	return errors.Join(w.during(one, (*endpoint.Call).WaitEarlyMedia), w.during(other, (*endpoint.Call).WaitEarlyMedia))
}

func (w *World) inTheCall(one, other string) error {
	return errors.Join(w.during(one, (*endpoint.Call).WaitRunning), w.during(other, (*endpoint.Call).WaitRunning))
}

// hearEachOther: each side hears exactly the tone of the other.
func (w *World) hearEachOther(one, other string) error {
	return w.exchange(one, other, (*endpoint.Call).WaitAudio)
}

func (w *World) seeEachOther(one, other string) error {
	return w.exchange(one, other, (*endpoint.Call).WaitVideo)
}

func (w *World) exchange(one, other string, wait func(*endpoint.Call, context.Context, float64) error) error {
	first, err := w.softphoneNamed(one)
	if err != nil {
		return err
	}
	second, err := w.softphoneNamed(other)
	if err != nil {
		return err
	}
	return errors.Join(
		w.during(one, func(c *endpoint.Call, ctx context.Context) error { return wait(c, ctx, second.Tone()) }),
		w.during(other, func(c *endpoint.Call, ctx context.Context) error { return wait(c, ctx, first.Tone()) }),
	)
}

// negotiatesAgain sends a re-INVITE with what the softphone was made with.
func (w *World) negotiatesAgain(name string) error {
	media, err := w.ownMedia(name)
	if err != nil {
		return err
	}
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.Reinvite(ctx, media) })
}

func (w *World) endsTheCall(name string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	return call.HangUp()
}

func (w *World) isFree(name string) error { return w.during(name, (*endpoint.Call).WaitReleased) }

func (w *World) wasRefused(name string, status int) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		got, err := c.WaitFinal(ctx)
		if err == nil && got != status {
			err = fmt.Errorf("%s's call ended with %d instead of %d", name, got, status)
		}
		return err
	})
}

func (w *World) uses(name, kind, encryption, suite string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	for _, s := range call.Summary().Streams {
		if s.Kind != kind || !s.Enabled {
			continue
		}
		if s.Encryption != encryption || suite != "" && s.Suite != suite {
			return fmt.Errorf("%s's %s uses %s %s instead of %s %s", name, kind, s.Encryption, s.Suite, encryption, suite)
		}
		return nil
	}
	return fmt.Errorf("%s's call has no %s", name, kind)
}

func (w *World) hasNoVideo(name string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	if call.Summary().Video().Enabled {
		return fmt.Errorf("%s's call has video", name)
	}
	return nil
}

func (w *World) callIDsDiffer(one, other string) error {
	first, err := w.mediaCall(one)
	if err != nil {
		return err
	}
	second, err := w.mediaCall(other)
	if err != nil {
		return err
	}
	a, b := first.Summary().CallID, second.Summary().CallID
	if a == "" || b == "" || a == b {
		return fmt.Errorf("the Call-IDs are %q and %q", a, b)
	}
	return nil
}

func (w *World) inviteThroughProxy(table *godog.Table) error {
	ctx, cancel := w.wait()
	defer cancel()
	m, err := w.proxy.WaitMessage(ctx, "an INVITE of b2bua", func(m capture.Message) bool {
		return m.Method() == "INVITE" && m.IsRequest() && m.HasHeader("X-Flexisip-B2BUA")
	})
	if err != nil {
		return w.explain(err)
	}
	return w.carries(m, table)
}

// carries compares a request with a table of headers, in which Request-URI is one.
func (w *World) carries(m capture.Message, table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"header", "value"}})
	if err != nil {
		return err
	}
	for _, r := range rows {
		got := m.Headers(r.text("header"))
		if r.text("header") == "Request-URI" {
			got = []string{m.RequestURI()}
		}
		if err := fits(got, r.text("value")); err != nil {
			return fmt.Errorf("%s: %w", r.text("header"), err)
		}
	}
	return nil
}
