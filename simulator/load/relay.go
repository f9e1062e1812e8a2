//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/ng"
)

// relayer sets the calls up at a media relay that speaks rtpengine's NG protocol. It takes the place of a B2BUA between both ends.
type relayer struct {
	cfg      *Config
	client   *ng.Client
	keying   *keying
	run      string
	sides    []side
	placed   []bool
	times    []int64
	failures map[string]int
	released int
}

func newRelayer(cfg *Config, run string, sides []side) (*relayer, error) {
	c, err := ng.Dial(cfg.NG)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return &relayer{cfg: cfg, client: c, run: run, sides: sides, placed: make([]bool, cfg.Calls), failures: map[string]int{}}, nil
}

func (g *relayer) place(ctx context.Context, _ phase) error {
	for i := 0; i < len(g.placed) && ctx.Err() == nil; i++ {
		begun := time.Now()
		err := g.call(ctx, i)
		for g.keying.poll(); g.keying.busy() && ctx.Err() == nil; g.keying.poll() {
			pause(shortTick)
		}
		var refused *ng.RefusedError
		switch {
		case err == nil:
			g.placed[i] = true
			g.times = append(g.times, int64(time.Since(begun)))
		case errors.As(err, &refused) || i > 0:
			g.failures[err.Error()]++
		default:
			return fmt.Errorf("load: the first call: %w", err) // nobody listens there: the rest would wait as long
		}
	}
	return nil
}

// call offers what the caller writes, answers what the relay offers to the callee, and gives the caller the answer.
func (g *relayer) call(ctx context.Context, n int) error {
	a, b := &g.sides[2*n], &g.sides[2*n+1]
	args := g.args(n)
	args["sdp"] = string(a.write(nil))
	for k, v := range g.wanted(b) {
		args[k] = v
	}
	d, err := g.exchange(ctx, "offer", args, b)
	if err != nil {
		return err
	}
	if len(a.key) > 0 && string(d.key) == string(a.key) {
		return errPassthrough
	}
	b.peer(d)
	if err = g.keying.begin(b, d); err != nil {
		return err
	}
	args = g.args(n)
	args["to-tag"], args["sdp"] = "b", string(b.write(&d))
	if d, err = g.exchange(ctx, "answer", args, a); err != nil {
		return err
	}
	if len(b.key) > 0 && string(d.key) == string(b.key) {
		return errPassthrough
	}
	a.peer(d)
	return g.keying.begin(a, d)
}

// errPassthrough: a comparison of encryption needs somebody who encrypts.
var errPassthrough = errors.New("the relay passes the SDES key of one leg to the other and would not encrypt at all: take another suite for one of them")

func (g *relayer) args(n int) ng.Dict {
	return ng.Dict{
		"call-id": fmt.Sprintf("load%sx%d", g.run, n), "from-tag": "a", "ICE": "remove", "replace": ng.Strings("origin"),
	}
}

// wanted are the keys of the offer that choose the encryption of the callee's leg.
func (g *relayer) wanted(b *side) ng.Dict {
	switch {
	case b.method == byDTLS:
		return ng.Dict{"transport-protocol": "UDP/TLS/RTP/SAVP", "SDES": ng.Strings("off"), "rtcp-mux": ng.Strings("offer")}
	case b.suite == sdp.NoSuite:
		return ng.Dict{"transport-protocol": "RTP/AVP", "rtcp-mux": ng.Strings("demux")}
	}
	return ng.Dict{"transport-protocol": "RTP/SAVP", "DTLS": "off", "SDES": ng.Strings("only-" + b.suite.String()), "rtcp-mux": ng.Strings("demux")}
}

func (g *relayer) exchange(ctx context.Context, command string, args ng.Dict, s *side) (d description, err error) {
	answer, err := g.client.Do(ctx, command, args)
	if err != nil {
		return d, err
	}
	text, _ := answer["sdp"].(string)
	if err := d.read([]byte(text), s.suite, s.method); err != nil {
		return d, fmt.Errorf("description after the %s: %w", command, err)
	}
	return d, nil
}

func (g *relayer) up() int { return len(g.times) - g.released }

func (g *relayer) step(int) { g.keying.poll() }

func (g *relayer) releaseAll() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*g.cfg.Timeout) // after the end of the run's context too
	defer cancel()
	for i, placed := range g.placed {
		if !placed {
			continue
		}
		args := ng.Dict{"call-id": g.args(i)["call-id"], "from-tag": "a", "delete-delay": 0}
		if _, err := g.client.Do(ctx, "delete", args); err != nil {
			g.failures[err.Error()]++
			if ctx.Err() != nil {
				return
			}
			continue
		}
		g.released++
	}
}

func (g *relayer) tell(r *Result, seconds float64, _ phase) {
	r.Answered, r.PerSecond = len(g.times), float64(len(g.times))/seconds
	r.setup(g.times)
}

func (g *relayer) end(r *Result) { r.Completed, r.Failures = g.released, g.failures }

func (g *relayer) close() { g.client.Close() }
