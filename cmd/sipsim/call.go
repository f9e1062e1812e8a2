package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
)

type callCmd struct {
	phoneFlags
	outputFlags
	scriptFlags
	Target     string        `arg:"" placeholder:"URI" help:"Whom to call: goes into To and Request-URI."`
	RequestURI string        `placeholder:"URI" help:"Another Request-URI than To."`
	Offerless  bool          `help:"INVITE without session description: the callee offers."`
	Header     []string      `sep:"none" placeholder:"NAME: VALUE" help:"Further header of the INVITE; may be repeated."`
	Duration   time.Duration `default:"3s" placeholder:"TIME" help:"How long to talk, at least until a second after the last step of --do."`
	Timeout    time.Duration `default:"30s" placeholder:"TIME" help:"How long to wait for an answer."`
	Expect     float64       `placeholder:"HZ" help:"Tone that has to be heard; default: any known tone. The answering sipsim prints which one it plays."`
	NoAudio    bool          `help:"Do not demand that audio arrives."`
}

// Help teaches.
func (callCmd) Help() string {
	return `Calls a phone, plays a tone for a while, hangs up and tells what was negotiated and heard.

The status is 0 when the call ran and the other side's tone was heard, 2 when there was no call, it was ended with the Reason of an error, or
a step of --do failed, 3 when no audio came.
A call between two sipsims through your own B2BUA, each in a terminal of its own:

  sipsim answer --listen udp:127.0.0.2:5070 --aor sip:pauline@127.0.0.2 --encryption none
  sipsim call sip:pauline@sip.example.org --proxy 'sip:127.0.0.1:6067;transport=tcp' --listen tcp:127.0.0.1:0 --encryption sdes --ladder

` + scriptHelp()
}

type callResult struct {
	Verdict string           `json:"verdict"`
	Call    endpoint.Summary `json:"call"`
	Actions []actionResult   `json:"actions,omitempty"` // the steps of --do as they went
}

// Run makes the call.
func (c *callCmd) Run(e *env) error {
	record, s := capture.NewRecorder(), c.show(e)
	extra, err := headers(c.Header)
	if err == nil {
		err = knownTone("--expect", c.Expect)
	}
	if err != nil {
		return err
	}
	steps, err := parseScript(c.Do)
	if err != nil {
		return err
	}
	cfg := c.config(record, nil)
	p, err := c.open(e.ctx, s, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // all was said
	call, err := p.Call(c.Target, endpoint.CallOptions{Offerless: c.Offerless, RequestURI: c.RequestURI, Headers: extra})
	if err != nil {
		return err
	}
	act := newActor(s, call, steps, cfg.Media)
	verdict := c.talk(e.ctx, s, call, act)
	result := callResult{"ok", call.Summary(), act.results()}
	if verdict != nil {
		result.Verdict = verdict.Error()
	}
	s.summary(result.Call)
	if err := c.finish(e, record, result); err != nil {
		return err
	}
	return verdict
}

// talk waits for the answer and the tone, goes through the script, and hangs up.
func (c *callCmd) talk(parent context.Context, s *show, call *endpoint.Call, act *actor) error {
	watching, stop := context.WithCancel(parent)
	defer stop()
	go watch(watching, s, call)
	ctx, cancel := context.WithTimeout(parent, c.Timeout)
	defer cancel()
	err := call.WaitRunning(ctx)
	if err != nil {
		endCall(call)
		return failed(exitCall, err)
	}
	talked := c.Duration
	if end := last(act.steps) + time.Second; len(act.steps) > 0 && end > talked {
		talked = end
	}
	acted := make(chan error, 1)
	go func() { acted <- act.run(parent) }()
	ctx, cancel = context.WithTimeout(parent, talked)
	defer cancel()
	heard := call.WaitAudio(ctx, c.Expect)
	if heard == nil {
		s.event(call.Phone().Name(), "hears the other side")
	}
	ended := call.WaitReleased(ctx)
	scripted := <-acted // a last request may take longer; it ends with the call
	endCall(call)
	switch m := call.Summary(); {
	case badEnd(m) != "":
		return failed(exitCall, fmt.Errorf("the call was ended by %s: %s", m.EndedBy, badEnd(m)))
	case scripted != nil && parent.Err() == nil:
		return failed(exitCall, scripted)
	case heard != nil && !c.NoAudio:
		return failed(exitMedia, heard)
	case ended != nil && !errors.Is(ended, context.DeadlineExceeded) && parent.Err() != nil:
		return failed(exitStopped, errors.New("stopped"))
	}
	return nil
}

// badEnd is why a call that ran was ended when that was no ordinary hanging up: another cause than a BYE, or a BYE with the Reason of
// an error (RFC 3326: SIP from 300 on; Q.850 but for normal clearing).
func badEnd(m endpoint.Summary) string {
	if m.EndedBy == "local" || m.EndedBy == "" {
		return ""
	}
	if m.EndCause != "bye" {
		return m.EndCause
	}
	for _, field := range strings.Split(m.Reason, ",") {
		protocol, _, _ := strings.Cut(strings.TrimSpace(field), ";")
		found := reasonCause.FindStringSubmatch(field)
		if found == nil {
			continue
		}
		cause, _ := strconv.Atoi(found[1]) // at most three digits
		if strings.EqualFold(protocol, "SIP") && cause >= 300 || strings.EqualFold(protocol, "Q.850") && cause != 16 && cause != 31 {
			return m.Reason
		}
	}
	return ""
}

var reasonCause = regexp.MustCompile(`(?i);\s*cause\s*=\s*(\d{1,3})\b`)

// endCall hangs up and gives the other side a moment to take it.
func endCall(call *endpoint.Call) {
	if call.HangUp() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = call.WaitReleased(ctx)
	_, _ = call.Phone().WaitMessage(ctx, "the answer", func(m capture.Message) bool { // best effort: the result is known
		return !m.IsRequest() && m.Status() >= 200 && (m.Method() == "BYE" || m.Method() == "INVITE" && m.Status() >= 300)
	})
}

type answerCmd struct {
	phoneFlags
	outputFlags
	scriptFlags
	Accept  []string      `placeholder:"MODE" help:"Encryptions accepted from a caller besides --encryption: none, sdes, dtls-srtp, zrtp or any."`
	Calls   int           `default:"0" placeholder:"N" help:"End after that many calls; 0: on a signal."`
	Ring    time.Duration `default:"500ms" placeholder:"TIME" help:"How long to ring."`
	Early   bool          `help:"Early media: 183 with a description instead of 180."`
	Decline int           `placeholder:"STATUS" help:"Refuse every call with this status (300 to 699)."`
	HangUp  time.Duration `placeholder:"TIME" help:"Hang up so long after the answer; default: the caller does."`
}

// Help teaches.
func (answerCmd) Help() string {
	return `Waits for calls, answers each, plays a tone, and prints a summary when a call ends.

The status is 0 when every call that was taken heard a tone, 2 when a step of --do failed, 3 otherwise. Several calls run at the same time; each
goes through --do. What the other side does is printed as it happens: digits, hold, video that comes and goes, new keys.

` + scriptHelp()
}

type answerResult struct {
	Calls   []endpoint.Summary `json:"calls"`
	Actions [][]actionResult   `json:"actions,omitempty"` // the steps of --do as they went, of each call in turn
}

// answered is a call that is over.
type answered struct {
	summary endpoint.Summary
	actions []actionResult
	fault   error // of its actions
}

// Run answers.
func (c *answerCmd) Run(e *env) error {
	record, s := capture.NewRecorder(), c.show(e)
	steps, err := parseScript(c.Do)
	if err != nil {
		return err
	}
	cfg := c.config(record, c.Accept)
	cfg.Auto = &endpoint.Auto{Decline: c.Decline, Early: c.Early, Ring: c.Ring, HangUp: c.HangUp}
	p, err := c.open(e.ctx, s, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // all was said
	ended := make(chan answered)
	taken, silent := 0, 0
	var faults []error
	var result answerResult
	incoming := make(chan *endpoint.Call)
	go accept(e.ctx, p, incoming)
	for open := 0; c.Calls == 0 || taken < c.Calls || open > 0; {
		select {
		case call := <-incoming:
			if taken++; c.Calls > 0 && taken > c.Calls {
				continue
			}
			open++
			s.event(p.Name(), "call from %s", call.Summary().Peer)
			go follow(e.ctx, newActor(s, call, steps, cfg.Media), ended)
		case over := <-ended:
			open--
			m := over.summary
			if steps != nil {
				result.Actions = append(result.Actions, over.actions)
			}
			if over.fault != nil {
				faults = append(faults, over.fault)
			}
			s.summary(m)
			result.Calls = append(result.Calls, m)
			if m.Audio().Enabled && m.Audio().ToneHeard == 0 {
				silent++
			}
		case <-e.ctx.Done():
			c.Calls, open = -1, 0
		}
		if c.Calls < 0 {
			break
		}
	}
	if err := c.finish(e, record, result); err != nil {
		return err
	}
	if len(faults) > 0 {
		return failed(exitCall, errors.Join(faults...))
	}
	if silent > 0 {
		return failed(exitMedia, fmt.Errorf("%d of %d calls without a known tone", silent, len(result.Calls)))
	}
	return nil
}

func accept(ctx context.Context, p *endpoint.Phone, incoming chan<- *endpoint.Call) {
	for {
		call, err := p.WaitIncoming(ctx)
		if err != nil {
			return
		}
		select {
		case incoming <- call:
		case <-ctx.Done():
			return
		}
	}
}

// follow prints a call's states, goes through the script and hands its last summary over.
func follow(ctx context.Context, act *actor, ended chan<- answered) {
	acted := make(chan error, 1)
	go func() { acted <- act.run(ctx) }()
	watch(ctx, act.s, act.call)
	if act.call.WaitReleased(ctx) != nil {
		return
	}
	fault := <-acted
	select {
	case ended <- answered{act.call.Summary(), act.results(), fault}:
	case <-ctx.Done():
	}
}
