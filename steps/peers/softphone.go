package peers

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"b2bua/simulator/endpoint"
)

// Phone is the simulated phone as a peer. It plays a tone and knows tones, so it can tell what it heard; it shares its media stack
// with the product, so it is only ever one of a pair.
type Phone struct {
	cfg   Config
	phone *endpoint.Phone

	mu   sync.Mutex
	call *endpoint.Call
}

// encryptions are the simulated phone's words for ours.
var encryptions = map[string]string{"none": "none", "srtp": "sdes", "dtls": "dtls", "zrtp": "zrtp"}

// media is what it offers and takes.
func (p *Phone) media(direction string) endpoint.Media {
	m := endpoint.Media{Encryption: encryptions[p.cfg.Encryption], Suites: p.cfg.Suites, Audio: codecsOf(p.cfg), Direction: direction}
	if p.cfg.Video {
		m.Video = []string{"VP8/90000"}
	}
	return m
}

// codecsOf is Config.Audio with its default.
func codecsOf(cfg Config) []string {
	if cfg.Audio == nil {
		return []string{"PCMU/8000", "telephone-event/8000"}
	}
	return cfg.Audio
}

// StartPhone starts one.
func StartPhone(cfg Config) (*Phone, error) {
	setup := endpoint.Config{
		Name: cfg.Name, AOR: "sip:" + cfg.Name + "@" + cfg.Domain, Listen: "udp:" + netip.AddrPortFrom(cfg.Addr, sipPort).String(),
		Password: cfg.Password, Proxy: "sip:" + cfg.Proxy + ";transport=udp",
	}
	setup.Media = (&Phone{cfg: cfg}).media("sendrecv")
	if cfg.AutoAnswer {
		setup.Auto = &endpoint.Auto{}
	}
	phone, err := endpoint.New(setup)
	if err != nil {
		return nil, err
	}
	return &Phone{cfg: cfg, phone: phone}, nil
}

// AwaitRegistered registers.
func (p *Phone) AwaitRegistered(ctx context.Context) error { return p.phone.Register(ctx, time.Hour) }

// Call calls somebody.
func (p *Phone) Call(uri string) error {
	call, err := p.phone.Call(uri, endpoint.CallOptions{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.call = call
	return err
}

// AwaitRunning waits for the incoming call, if there is no outgoing one, and for its media.
func (p *Phone) AwaitRunning(ctx context.Context) error {
	call, err := p.current(ctx)
	if err != nil {
		return err
	}
	return call.WaitRunning(ctx)
}

func (p *Phone) current(ctx context.Context) (*endpoint.Call, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call != nil {
		return p.call, nil
	}
	call, err := p.phone.WaitIncoming(ctx)
	p.call = call
	return call, err
}

// AwaitSAS waits for the SAS of its call; there is only one.
func (p *Phone) AwaitSAS(ctx context.Context, _ int) (string, error) {
	call, err := p.current(ctx)
	if err != nil {
		return "", err
	}
	for {
		if sas := call.Summary().SAS(); sas != "" {
			return sas, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("phone %s has no SAS: %w", p.cfg.Name, ctx.Err())
		case <-time.After(20 * time.Millisecond): // its summary can't be waited for
		}
	}
}

// HangUp ends the call.
func (p *Phone) HangUp() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call == nil {
		return fmt.Errorf("phone %s has no call", p.cfg.Name)
	}
	return p.call.HangUp()
}

// AwaitCounters waits for the end of the call; it has heard the other one if that plays back the phone's own tone.
func (p *Phone) AwaitCounters(ctx context.Context) (Counters, error) {
	call, err := p.current(ctx)
	if err != nil {
		return Counters{}, err
	}
	if err := call.WaitReleased(ctx); err != nil {
		return Counters{}, err
	}
	audio := call.Summary().Audio()
	c := Counters{
		Sent: int(audio.Sent), Received: int(audio.Received), Lost: int(audio.Lost), Errors: int(audio.Refused), Suite: audio.Suite, Profile: audio.Profile,
	}
	if audio.ToneHeard == p.phone.Tone() && audio.Certainty > 0.5 {
		c.Heard = fmt.Sprintf("%g Hz (%.2f)", audio.ToneHeard, audio.Certainty)
	}
	return c, nil
}

// Owns tells its media address.
func (p *Phone) Owns(at netip.AddrPort) bool { return at.Addr() == p.cfg.Addr }

// Stop drops everything.
func (p *Phone) Stop() { _ = p.phone.Close() }
