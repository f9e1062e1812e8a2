package peers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"b2bua/simulator/tone"
	"b2bua/steps/wire"
)

// Chromium is a phone of the browser's page behind a SIP user agent whose descriptions are, word by word, those of the browser: what
// JavaScript phones and a proxy that speaks SIP over WebSocket make of it.
type Chromium struct {
	cfg     Config
	browser *Browser
	sip     *wire.Phone
	proxy   netip.AddrPort
	stop    context.CancelFunc
	served  sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{}
	call    *wire.Call
	running bool // both descriptions are applied
	ours    string
	theirs  string
	digits  string // of INFO
	faults  []error
	last    *Report // at the end of the call
}

// chromiumOptions are those of the page's phone.
type chromiumOptions struct {
	Tone   float64  `json:"tone"` // that it plays, Hz
	Video  bool     `json:"video"`
	Audio  []string `json:"audio"` // codecs in order of preference
	Bundle string   `json:"bundle,omitempty"`
}

// Report is what getStats says, and what the phone hears.
type Report struct {
	Connection string        `json:"connection"`
	ICE        string        `json:"ice"`
	Direction  string        `json:"direction"` // of audio, as agreed
	Hertz      float64       `json:"hertz"`     // strongest frequency heard now, 0: silence
	Transports []ReportedWay `json:"transports"`
	Audio      Reported      `json:"audio"`
	Video      Reported      `json:"video"`
}

// ReportedWay is one transport.
type ReportedWay struct {
	DTLS, Role, TLS, Cipher, Pair, Local, Remote, Ufrag string
	Consents                                            int
}

// Reported is one kind of media, all of its streams of the call together.
type Reported struct {
	Received, Lost, Discarded, Concealed, Decoded, Width int
	Energy                                               float64
	Codec, Decoder, SentCodec                            string
	Asked, Wanted                                        struct{ PLI, FIR, NACK int } // by it; of it
	Sent, Encoded, KeyFrames, Again                      int
	Reports, LostThere                                   int // reports of the other end with a round trip, and what they say is lost
}

// StartChromium gives the shared browser one phone more. It plays the tone of its name.
func StartChromium(ctx context.Context, cfg Config) (*Chromium, error) {
	options := chromiumOptions{Tone: chromiumTone(&Chromium{cfg: cfg}), Video: cfg.Video, Bundle: cfg.Bundle}
	for _, codec := range codecsOf(cfg) {
		name, _, _ := strings.Cut(codec, "/")
		options.Audio = append(options.Audio, name)
	}
	c := &Chromium{cfg: cfg, changed: make(chan struct{})}
	var err error
	if c.browser, err = sharedBrowser(); err != nil {
		return nil, err
	}
	if c.proxy, err = netip.ParseAddrPort(cfg.Proxy); err != nil {
		return nil, fmt.Errorf("chromium %s: proxy: %w", cfg.Name, err)
	}
	if err := c.browser.Do(ctx, c.id(), nil, "open", options); err != nil {
		return nil, err
	}
	if c.sip, err = wire.NewPhone(cfg.Name, cfg.Name, "tcp", netip.AddrPortFrom(cfg.Addr, sipPort), nil); err != nil {
		return nil, err
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.served.Go(func() { c.serve(ctx) })
	return c, nil
}

// chromiumTone is what it plays, Hz.
func chromiumTone(c *Chromium) float64 { return tone.Frequency(c.cfg.Name) }

// id of the phone in the page, where those of all tests are.
func (c *Chromium) id() string { return c.cfg.Name + " at " + c.cfg.Addr.String() }

// do lets the page's phone do something.
func (c *Chromium) do(ctx context.Context, into any, verb string, args ...any) error {
	return c.browser.Do(ctx, c.id(), into, verb, args...)
}

// AwaitRegistered registers.
func (c *Chromium) AwaitRegistered(ctx context.Context) error {
	aor := "<sip:" + c.cfg.Name + "@" + c.cfg.Domain + ">"
	m := &wire.Message{Start: "REGISTER sip:" + c.cfg.Domain + " SIP/2.0"}
	for _, h := range [][2]string{
		{"Via", "SIP/2.0/TCP " + c.sip.Addr().String() + ";branch=z9hG4bK" + wire.Token()},
		{"Max-Forwards", "70"},
		{"From", aor + ";tag=" + wire.Token()},
		{"To", aor},
		{"Call-ID", wire.Token()},
		{"CSeq", "1 REGISTER"},
		{"Contact", c.sip.Contact()},
		{"Expires", "3600"},
	} {
		m.Add(h[0], h[1])
	}
	if err := c.sip.Send(c.proxy, m.Bytes()); err != nil {
		return err
	}
	answer, err := c.sip.Await(ctx, "an answer to its REGISTER", func(m *wire.Received) bool { _, method := m.CSeq(); return m.Status() >= 200 && method == "REGISTER" })
	if err == nil && answer.Status() != 200 {
		err = fmt.Errorf("chromium %s: REGISTER: %s", c.cfg.Name, answer.Summary())
	}
	return err
}

// Call calls somebody.
func (c *Chromium) Call(uri string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var offer string
	if err := c.do(ctx, &offer, "offer"); err != nil {
		return err
	}
	call, err := c.sip.Call(c.proxy, wire.Setup{RequestURI: uri, From: "<sip:" + c.cfg.Name + "@" + c.cfg.Domain + ">", To: "<" + uri + ">", Body: offer})
	c.note(func() { c.call, c.ours = call, offer })
	return err
}

// note changes what is known of the call and wakes who waits.
func (c *Chromium) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}

// fault notes what went wrong while nobody was waiting for it.
func (c *Chromium) fault(err error) {
	if err != nil {
		c.note(func() { c.faults = append(c.faults, err) })
	}
}

// await waits until something is known of the call.
func (c *Chromium) await(ctx context.Context, what string, known func() bool) error {
	for {
		c.mu.Lock()
		done, changed, fault := known(), c.changed, errors.Join(c.faults...)
		c.mu.Unlock()
		switch {
		case fault != nil:
			return fault
		case done:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("chromium %s: %s did not happen in time; it got: %s", c.cfg.Name, what, c.sip.Heard())
		}
	}
}

// AwaitRunning waits for the other end's answer, or for a call that is answered by itself, and for media that can flow.
func (c *Chromium) AwaitRunning(ctx context.Context) error {
	c.mu.Lock()
	call := c.call
	c.mu.Unlock()
	if call != nil && call.Outgoing {
		answer, err := call.AwaitAnswer(ctx, "a final answer", func(m *wire.Received) bool { return m.Status() >= 200 })
		if err != nil {
			return err
		}
		if answer.Status() != 200 {
			return fmt.Errorf("chromium %s: its call was refused: %s", c.cfg.Name, answer.Summary())
		}
		if err := c.accept(ctx, answer.Body); err != nil {
			return err
		}
	}
	if err := c.await(ctx, "the call", func() bool { return c.running }); err != nil {
		return err
	}
	return c.do(ctx, nil, "connected")
}

// accept gives the answer to an offer of the browser to it.
func (c *Chromium) accept(ctx context.Context, answer string) error {
	if err := c.do(ctx, nil, "accept", answer); err != nil {
		return fmt.Errorf("%w; the description was\n%s", err, answer)
	}
	c.note(func() { c.theirs, c.running = answer, true })
	return nil
}

// answer lets the browser answer an offer.
func (c *Chromium) answer(ctx context.Context, offer string) (answer string, err error) {
	if err = c.do(ctx, &answer, "answer", offer); err != nil {
		return "", fmt.Errorf("%w; the description was\n%s", err, offer)
	}
	c.note(func() { c.ours, c.theirs, c.running = answer, offer, true })
	return answer, nil
}

// serve answers what the other side asks for, until the phone is stopped.
func (c *Chromium) serve(ctx context.Context) {
	for {
		m, err := c.sip.Await(ctx, "a request", func(m *wire.Received) bool { return m.Method() != "" && m.Method() != "CANCEL" })
		if err != nil {
			return
		}
		limit, cancel := context.WithTimeout(ctx, 10*time.Second)
		c.fault(c.request(limit, m))
		cancel()
	}
}

func (c *Chromium) request(ctx context.Context, m *wire.Received) error {
	c.mu.Lock()
	call := c.call
	c.mu.Unlock()
	switch {
	case m.Method() == "INVITE" && call == nil:
		return c.called(ctx, m)
	case call == nil:
		return fmt.Errorf("chromium %s: without a call: %s", c.cfg.Name, m.Summary())
	}
	switch m.Method() {
	case "INVITE", "UPDATE":
		return c.offered(ctx, call, m)
	case "ACK":
		if m.Body != "" {
			return c.accept(ctx, m.Body)
		}
	case "INFO":
		c.note(func() { c.digits += signal.ReplaceAllString(strings.TrimSpace(m.Body), "$1") })
		return call.Reply(m, 200, "OK", "")
	case "BYE": // it is answered already
		return c.finish(ctx)
	default:
		return call.Reply(m, 200, "OK", "")
	}
	return nil
}

// signal finds the digit in the body of an INFO (application/dtmf-relay).
var signal = regexp.MustCompile(`(?s)^.*Signal\s*=\s*(\S).*$`)

// called takes a new call.
func (c *Chromium) called(ctx context.Context, m *wire.Received) error {
	for _, call := range c.sip.Calls() {
		if call.Invite != m.Message {
			continue
		}
		c.note(func() { c.call = call })
		answer, err := c.answer(ctx, m.Body)
		if err != nil {
			return errors.Join(err, call.Answer(488, "Not Acceptable Here", ""))
		}
		return call.Answer(200, "OK", answer)
	}
	return fmt.Errorf("chromium %s: no call of its INVITE", c.cfg.Name)
}

// offered takes an offer in mid-call, or makes one where that is wanted.
func (c *Chromium) offered(ctx context.Context, call *wire.Call, m *wire.Received) error {
	var body string
	var err error
	switch {
	case m.Body != "":
		body, err = c.answer(ctx, m.Body)
	case m.Method() == "INVITE":
		if err = c.do(ctx, &body, "offer"); err == nil {
			c.note(func() { c.ours = body })
		}
	}
	if err != nil {
		return errors.Join(err, call.Reply(m, 488, "Not Acceptable Here", ""))
	}
	return call.Reply(m, 200, "OK", body)
}

// Reoffer sends the browser's present offer as a re-INVITE and returns both descriptions.
func (c *Chromium) Reoffer(ctx context.Context) (offer, answer string, err error) {
	if err = c.do(ctx, &offer, "offer"); err != nil {
		return "", "", err
	}
	c.mu.Lock()
	call := c.call
	c.ours = offer
	c.mu.Unlock()
	branch, err := call.Request("INVITE", offer)
	if err != nil {
		return offer, "", err
	}
	response, err := call.AwaitResponse(ctx, branch)
	if err != nil {
		return offer, "", err
	}
	if err = call.Acknowledge(response, ""); err != nil {
		return offer, "", err
	}
	if response.Status() != 200 {
		return offer, "", fmt.Errorf("chromium %s: its offer in mid-call was refused: %s", c.cfg.Name, response.Summary())
	}
	return offer, response.Body, c.accept(ctx, response.Body)
}

// Report asks the browser.
func (c *Chromium) Report(ctx context.Context) (r Report, err error) {
	return r, c.do(ctx, &r, "stats")
}

// Descriptions are the newest of both ends.
func (c *Chromium) Descriptions() (ours, theirs string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ours, c.theirs
}

// Infos are the digits that came by INFO.
func (c *Chromium) Infos() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.digits
}

// HangUp ends the call.
func (c *Chromium) HangUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c.mu.Lock()
	call := c.call
	c.mu.Unlock()
	if call == nil {
		return fmt.Errorf("chromium %s has no call", c.cfg.Name)
	}
	_, err := call.Request("BYE", "")
	return errors.Join(err, c.finish(ctx))
}

// finish keeps the figures of a call that is over, and ends its media.
func (c *Chromium) finish(ctx context.Context) error {
	r, err := c.Report(ctx)
	c.note(func() { c.last = &r })
	return errors.Join(err, c.do(ctx, nil, "close"))
}

// audible is a sum of squares over seconds that a tone or speech surpasses, and the noise of a codec never reaches.
const audible = 0.001

// AwaitCounters waits for the end of the call.
func (c *Chromium) AwaitCounters(ctx context.Context) (Counters, error) {
	if err := c.await(ctx, "the end of the call", func() bool { return c.last != nil }); err != nil {
		return Counters{}, err
	}
	ours, _ := c.Descriptions()
	audio := c.last.Audio
	counters := Counters{Sent: audio.Sent, Received: audio.Received, Lost: audio.Lost, Bad: audio.Discarded}
	if m := audioLine.FindStringSubmatch(ours); m != nil {
		counters.Profile = m[1]
	}
	if audio.Energy > audible {
		counters.Heard = fmt.Sprintf("energy %.3f", audio.Energy)
	}
	return counters, nil
}

// AwaitVideo tells the pictures of its last call: those that it has encoded, and those that it could decode.
func (c *Chromium) AwaitVideo(ctx context.Context) (Counters, error) {
	if err := c.await(ctx, "the end of the call", func() bool { return c.last != nil }); err != nil {
		return Counters{}, err
	}
	return Counters{Sent: c.last.Video.Encoded, Received: c.last.Video.Decoded}, nil
}

// candidateLine finds the address and port of a candidate in its description.
var candidateLine = regexp.MustCompile(`(?m)^a=candidate:\S+ \d (?i:udp) \d+ (\S+) (\d+) `)

// Owns tells its media addresses: those of its candidates.
func (c *Chromium) Owns(at netip.AddrPort) bool {
	ours, _ := c.Descriptions()
	for _, m := range candidateLine.FindAllStringSubmatch(ours, -1) {
		if m[2] == strconv.Itoa(int(at.Port())) {
			return m[1] == at.Addr().String()
		}
	}
	return false
}

// Stop ends the phone; the browser goes on.
func (c *Chromium) Stop() {
	c.stop()
	c.sip.Close()
	c.served.Wait()
}
