package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"b2bua/simulator/endpoint"
)

// scriptFlags let a phone act in the middle of a call.
type scriptFlags struct {
	Do string `placeholder:"SCRIPT" group:"In the call:" help:"What to do when, separated by commas: '2s hold, 4s resume, 5s dtmf 123#'. The actions are listed above."`
}

// actionTime is how long one action may take: a request in the dialog is over after 32 s (RFC 3261 section 17.1.2.2).
const actionTime = 35 * time.Second

// firstPacket of a stream may take so long: a handshake comes before it.
const firstPacket = 2 * time.Second

// actionResult is one step as it went.
type actionResult struct {
	At       float64 `json:"at_s"` // after the answer, when it began
	Action   string  `json:"action"`
	Argument string  `json:"argument,omitempty"`
	OK       bool    `json:"ok"`
	Outcome  string  `json:"outcome"`
}

// actor goes through a script on one call.
type actor struct {
	s      *show
	call   *endpoint.Call
	steps  []step
	first  endpoint.Media // as the flags say
	media  endpoint.Media // as it is now
	begun  time.Time
	mu     sync.Mutex
	result []actionResult
}

func newActor(s *show, call *endpoint.Call, steps []step, media endpoint.Media) *actor {
	return &actor{s: s, call: call, steps: steps, first: media, media: media}
}

// last is when the last step begins.
func last(steps []step) time.Duration {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1].at
}

// run goes through the steps from the answer on; it ends with the call or the context. The error names the steps that failed.
func (a *actor) run(parent context.Context) error {
	if len(a.steps) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	if err := a.call.WaitRunning(ctx); err != nil {
		return nil // there is no call to act on, which its summary tells
	}
	a.begun = time.Now()
	go func() {
		if a.call.WaitReleased(ctx) == nil {
			cancel()
		}
	}()
	var faults []error
	for i, s := range a.steps {
		select {
		case <-time.After(time.Until(a.begun.Add(s.at))):
		case <-ctx.Done():
			return errors.Join(append(faults, a.missed(a.steps[i:])...)...)
		}
		if err := a.step(parent, s); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// missed notes the steps that the end of the call left undone.
func (a *actor) missed(steps []step) (faults []error) {
	for _, s := range steps {
		faults = append(faults, a.note(s, "", errors.New("not done: the call was over")))
	}
	return faults
}

func (a *actor) step(parent context.Context, s step) error {
	ctx, cancel := context.WithTimeout(parent, actionTime) // a request that is under way when the call ends still gets its answer
	defer cancel()
	done, err := a.act(ctx, s)
	return a.note(s, done, err)
}

func (a *actor) note(s step, outcome string, err error) error {
	r := actionResult{At: time.Since(a.begun).Seconds(), Action: s.action, Argument: s.argument, OK: err == nil, Outcome: outcome}
	mark := "done"
	if err != nil {
		r.Outcome, mark = err.Error(), "FAILED"
		err = fmt.Errorf("--do %q: %w", s, err)
	}
	a.mu.Lock()
	a.result = append(a.result, r)
	a.mu.Unlock()
	a.s.event(a.call.Phone().Name(), "%s: %s: %s", s, mark, r.Outcome)
	return err
}

// results so far.
func (a *actor) results() []actionResult {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.result)
}

func (a *actor) act(ctx context.Context, s step) (string, error) {
	switch s.action {
	case "dtmf":
		return "sending " + s.argument + " as telephone events", a.call.Dial(s.argument)
	case "info":
		return "INFO for each of " + s.argument + " was answered with 200", a.call.DialInfo(ctx, s.argument, "")
	case "rebind":
		err := a.call.Rebind()
		return "media now comes from " + a.call.Summary().Audio().Local, err
	case "source":
		err := a.call.Restart(false)
		return fmt.Sprintf("audio goes on with SSRC %08x", a.call.Summary().Audio().SSRC), err
	case "replay":
		n, _ := strconv.Atoi(s.argument) // the parser has read it
		sent, err := a.call.Replay(n)
		if err == nil && sent == 0 {
			err = errors.New("no packet was sent yet")
		}
		return fmt.Sprintf("%d packets were sent once more", sent), err
	case "feedback":
		if a.call.Summary().Video().Enabled {
			ctx, cancel := context.WithTimeout(ctx, firstPacket)
			defer cancel()
			_ = a.call.WaitVideo(ctx, 0) // what is missing shows next
		}
		return "a report with it was sent", a.call.Feedback(s.argument)
	case "picture":
		return "INFO was answered with 200", a.call.AskPicture(ctx)
	case "confirm":
		return a.confirm(ctx, s.argument == "yes")
	case "hangup":
		return "hung up", a.call.HangUp()
	}
	return a.negotiate(ctx, s)
}

// confirm waits for something to compare.
func (a *actor) confirm(ctx context.Context, same bool) (string, error) {
	if a.media.Encryption != "zrtp" {
		return "", errors.New("there is no SAS: start the phone with --encryption zrtp")
	}
	if err := a.call.WaitSummary(ctx, "the SAS", func(m endpoint.Summary) bool { return m.SAS() != "" }); err != nil {
		return "", err
	}
	return "the phone will remember it", a.call.ConfirmSAS(same)
}

// negotiate is for the actions that offer something new; what was refused is not wanted any more.
func (a *actor) negotiate(ctx context.Context, s step) (string, error) {
	m, send := a.media, a.call.Reinvite
	switch s.action {
	case "hold":
		if m.Direction = "sendonly"; s.argument != "" {
			m.Direction = s.argument
		}
	case "resume":
		m.Direction = a.first.Direction
	case "video":
		if m.Video = nil; s.argument == "on" {
			if m.Video = a.first.Video; len(m.Video) == 0 {
				m.Video = []string{"VP8/90000"}
			}
		}
	case "update":
		send = a.call.Update
	}
	offered := m
	switch {
	case s.action == "restart-ice" && !m.ICE:
		return "", errors.New("this phone has no ICE: start it with --ice")
	case s.action == "restart-ice":
		offered.Fault = endpoint.FaultRestart
	case s.action == "rekey" && (m.Encryption == "" || m.Encryption == "none"):
		return "", errors.New("there are no keys: start the phone with --encryption sdes, dtls-srtp or zrtp")
	case s.action == "rekey" && s.argument == "keep" && m.Encryption != "zrtp":
		return "", errors.New("only ZRTP has a session that could be kept: start the phone with --encryption zrtp")
	case s.action == "rekey" && s.argument == "keep":
		offered.Fault = endpoint.FaultReplaced
	case s.action == "rekey":
		offered.Fault = endpoint.FaultRenewed
	}
	if err := send(ctx, offered); err != nil {
		return "", err
	}
	a.media = m
	if s.action == "video" && s.argument == "on" && !a.call.Summary().Video().Enabled {
		return "", errors.New("the other side refused the video, the call goes on without")
	}
	return "answered with 200", nil
}
