package peers

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/endpoint"
)

// webCall is a call with a browser in it.
type webCall struct {
	inLab
	ctx      context.Context //nolint:containedctx // that of its test
	withheld int             // packets that came while the one to whom they went held the call
}

// placed starts both and calls; media can flow when it returns.
func placed(t *testing.T, p pair) *webCall {
	t.Helper()
	w := &webCall{inLab: inLab{lab: newLab(t), pair: p, row: Row{Pair: p.String(), Wire: "as the browser tells"}}}
	t.Cleanup(func() {
		w.row.Failed = t.Failed()
		table.Add(w.row)
		t.Log(w.row)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
	t.Cleanup(cancel)
	w.ctx = ctx
	w.open(ctx, t)
	require.NoError(t, w.alice.Call("sip:bob@"+domain))
	require.NoError(t, w.alice.AwaitRunning(ctx))
	require.NoError(t, w.bob.AwaitRunning(ctx))
	return w
}

// until waits until what a browser reports is as it should be.
func (w *webCall) until(t *testing.T, p Peer, what string, ok func(Report) bool) Report {
	t.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var r Report
	for {
		var err error
		r, err = p.(*Chromium).Report(w.ctx)
		require.NoError(t, err, "%s: %+v", what, r)
		if ok(r) {
			return r
		}
		select {
		case <-look.C:
		case <-w.process.Exited():
			require.FailNow(t, "b2bua ended during the call", what)
		case <-w.ctx.Done():
			require.FailNow(t, "it did not happen in time: "+what, "%+v", r)
		}
	}
}

// connected judges the transport of a browser, which is one for all streams.
func connected(t *testing.T, r Report) {
	t.Helper()
	assert.Equal(t, "connected", r.Connection)
	assert.Contains(t, []string{"connected", "completed"}, r.ICE)
	assert.Len(t, r.Transports, 1)
	for _, way := range r.Transports {
		assert.Equal(t, "connected", way.DTLS)
		assert.Equal(t, "succeeded", way.Pair)
		assert.Equal(t, "FEFD", way.TLS, "DTLS 1.2")
		assert.NotEmpty(t, way.Cipher)
	}
}

// near tells whether a frequency is heard: the analyser of a browser has steps of 6 Hz.
func near(r Report, hertz float64) bool { return math.Abs(r.Hertz-hertz) < 12 }

func (w *webCall) phoneCall(t *testing.T, p Peer) *endpoint.Call {
	t.Helper()
	call, err := p.(*Phone).current(w.ctx)
	require.NoError(t, err)
	return call
}

// finish hangs up and notes the figures.
func (w *webCall) finish(t *testing.T) {
	t.Helper()
	require.NoError(t, w.alice.HangUp())
	a, err := w.alice.AwaitCounters(w.ctx)
	require.NoError(t, err)
	b, err := w.bob.AwaitCounters(w.ctx)
	require.NoError(t, err)
	w.row.Forth, w.row.Back, w.row.Lost = [2]int{a.Sent, b.Received}, [2]int{b.Sent, a.Received}, max(a.Lost, 0)+max(b.Lost, 0)
	assert.Equal(t, w.withheld, w.row.Lost, "lost packets")
	assert.Greater(t, min(w.row.Forth[1], w.row.Back[1]), 50)
}

func (w *webCall) note(format string, values ...any) {
	w.row.Note += "; " + fmt.Sprintf(format, values...)
}

// TestInteropBrowserToPhone: what happens in the middle of a call, with a phone that has neither ICE nor BUNDLE nor feedback.
func TestInteropBrowserToPhone(t *testing.T) {
	for _, p := range []pair{
		{caller: "chromium dtls ice video", callee: "phone none video"},
		{caller: "chromium dtls ice video max-bundle", callee: "phone srtp video"},
		{caller: "phone none video", callee: "chromium dtls ice video"},
		{caller: "phone srtp video", callee: "chromium dtls ice video"},
	} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			w := placed(t, p)
			web, phone := w.alice, w.bob
			if p.callee.kind() == "chromium" {
				web, phone = phone, web
			}
			w.live(t, web.(*Chromium), phone.(*Phone))
			w.finish(t)
		})
	}
}

// live is the life of a call between a browser and a phone.
func (w *webCall) live(t *testing.T, web *Chromium, phone *Phone) {
	t.Helper()
	call := w.phoneCall(t, phone)
	hears := func(r Report) bool { return near(r, phone.phone.Tone()) }
	talk := func(what string) {
		t.Helper()
		w.until(t, web, what+": the phone's tone", hears)
		require.NoError(t, call.WaitAudio(w.ctx, chromiumTone(web)), what)
	}
	talk("at first")
	require.NoError(t, call.WaitPackets(w.ctx, "video", 10))
	r := w.until(t, web, "a round trip by RTCP", func(r Report) bool { return r.Audio.Reports > 0 && r.Video.Reports > 0 })
	connected(t, r)
	assert.Zero(t, r.Audio.Lost)
	_, theirs := web.Descriptions()
	assert.NotContains(t, theirs, "transport-cc", "its header extension is nobody's")
	for _, line := range []string{"a=rtcp-mux", "a=ice-lite", "a=group:BUNDLE 0 1\r\n", " UDP/TLS/RTP/SAVPF ", "nack pli"} {
		assert.Contains(t, theirs, line)
	}
	w.note("%s", r.Transports[0].Cipher)

	before := r.Video.KeyFrames
	require.NoError(t, call.AskPicture(w.ctx))
	w.until(t, web, "a key frame", func(r Report) bool { return r.Video.KeyFrames > before && r.Video.Wanted.PLI+r.Video.Wanted.FIR > 0 })

	require.NoError(t, web.do(w.ctx, nil, "digits", "12#"))
	require.NoError(t, call.WaitSummary(w.ctx, "digits as events", func(s endpoint.Summary) bool { return strings.Contains(s.Audio().Events, "12#") }))

	for _, way := range []string{"sendonly", "sendrecv"} {
		require.NoError(t, web.do(w.ctx, nil, "direction", way))
		_, _, err := web.Reoffer(w.ctx)
		require.NoError(t, err)
		want := map[string]string{"sendonly": "recvonly", "sendrecv": "sendrecv"}[way]
		require.NoError(t, call.WaitSummary(w.ctx, "the hold", func(s endpoint.Summary) bool { return s.Audio().Direction == want }))
	}
	talk("after its hold")
	lost := func() int { return int(call.Summary().Audio().Lost) }
	assert.Zero(t, lost())
	for _, way := range []string{"sendonly", "sendrecv"} {
		require.NoError(t, call.Reinvite(w.ctx, phone.media(way)))
		want := map[string]string{"sendonly": "recvonly", "sendrecv": "sendrecv"}[way]
		w.until(t, web, "the phone's hold: "+want, func(r Report) bool { return r.Direction == want })
	}
	talk("after the phone's hold")
	w.withheld = lost()

	ufrag := r.Transports[0].Ufrag
	require.NoError(t, web.do(w.ctx, nil, "restart"))
	_, _, err := web.Reoffer(w.ctx)
	require.NoError(t, err)
	r = w.until(t, web, "the restart of ICE", func(r Report) bool {
		return r.Transports[0].Ufrag != ufrag && r.Transports[0].Pair == "succeeded" && r.ICE != "checking"
	})
	connected(t, r)
	talk("after the restart")

	require.NoError(t, web.do(w.ctx, nil, "removeVideo"))
	_, _, err = web.Reoffer(w.ctx)
	require.NoError(t, err)
	require.NoError(t, call.WaitSummary(w.ctx, "video off", func(s endpoint.Summary) bool { return !s.Video().Enabled }))
	require.NoError(t, web.do(w.ctx, nil, "addVideo"))
	_, _, err = web.Reoffer(w.ctx)
	require.NoError(t, err)
	require.NoError(t, call.WaitSummary(w.ctx, "video on", func(s endpoint.Summary) bool { return s.Video().Enabled }))
	require.NoError(t, call.WaitPackets(w.ctx, "video", 10))
	talk("with video again")
}

// TestInteropBrowsers: two browsers see and hear each other.
func TestInteropBrowsers(t *testing.T) {
	for _, p := range []pair{
		{caller: "chromium dtls ice opus video", callee: "chromium dtls ice opus video"},
		{caller: "chromium dtls ice video max-bundle", callee: "chromium dtls ice video max-bundle"},
	} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			w := placed(t, p)
			both := []*Chromium{w.alice.(*Chromium), w.bob.(*Chromium)}
			seen := [2]int{}
			meet := func(what string) {
				t.Helper()
				for i, c := range both {
					r := w.until(t, c, what, func(r Report) bool {
						return near(r, chromiumTone(both[1-i])) && r.Video.Decoded > seen[i]+10 && r.Audio.Reports > 0 && r.Video.Reports > 0
					})
					connected(t, r)
					assert.Equal(t, 320, r.Video.Width, what)
					seen[i] = r.Video.Decoded
				}
			}
			meet("at first")
			for i, c := range both {
				require.NoError(t, c.do(w.ctx, nil, "restart"))
				_, _, err := c.Reoffer(w.ctx)
				require.NoError(t, err)
				seen = [2]int{} // streams that are not announced are counted anew after a description
				meet(fmt.Sprintf("after the restart of ICE by %d", i))
			}
			w.finish(t)
		})
	}
}

// TestInteropBrowserDigits: a browser has telephone events of 48000 Hz beside opus, a phone none at all.
func TestInteropBrowserDigits(t *testing.T) {
	for p, digits := range map[pair]func(endpoint.Summary) string{
		{caller: "chromium dtls ice opus", callee: "phone none opus"}: func(s endpoint.Summary) string { return s.Audio().Events },
		{caller: "chromium dtls ice opus", callee: "phone srtp mute"}: func(s endpoint.Summary) string { return s.Infos },
	} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			w := placed(t, p)
			web, call := w.alice.(*Chromium), w.phoneCall(t, w.bob)
			require.NoError(t, call.WaitPackets(w.ctx, "audio", 50))
			require.NoError(t, web.do(w.ctx, nil, "digits", "7*0"))
			require.NoError(t, call.WaitSummary(w.ctx, "the digits", func(s endpoint.Summary) bool { return digits(s) == "7*0" }))
			w.finish(t)
		})
	}
}

// TestInteropBrowserAddsVideo: a browser that was called for audio alone offers video as well, on the transport and with the header extensions
// that it has from us, and the caller sees it.
func TestInteropBrowserAddsVideo(t *testing.T) {
	w := placed(t, pair{caller: "chromium dtls ice", callee: "chromium dtls ice"})
	caller, callee := w.alice.(*Chromium), w.bob.(*Chromium)
	for _, c := range []*Chromium{caller, callee} {
		w.until(t, c, "audio", func(r Report) bool { return r.Audio.Reports > 0 })
	}
	require.NoError(t, callee.do(w.ctx, nil, "addVideo"))
	offer, answer, err := callee.Reoffer(w.ctx)
	require.NoError(t, err)
	assert.Contains(t, offer, "m=video")
	extensions := map[string]string{}
	for line := range strings.Lines(offer) {
		if number, uri, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "a=extmap:"), " "); ok && strings.HasPrefix(line, "a=extmap:") {
			assert.Equal(t, uri, cmp.Or(extensions[number], uri), "number %s", number)
			extensions[number] = uri
		}
	}
	assert.Equal(t, "urn:ietf:params:rtp-hdrext:sdes:mid", extensions["4"])
	assert.Greater(t, len(extensions), 1, "those of its own for video beside ours")
	assert.Contains(t, answer, "a=group:BUNDLE 0 1\r\n")
	w.until(t, caller, "the picture", func(r Report) bool { return r.Video.Decoded > 10 })
	for i, c := range []*Chromium{caller, callee} {
		other := []*Chromium{callee, caller}[i]
		connected(t, w.until(t, c, "the other's tone", func(r Report) bool { return near(r, chromiumTone(other)) }))
	}
	w.finish(t)
}
