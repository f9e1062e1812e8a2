package call

import (
	"fmt"

	"b2bua/core/sip"
	"b2bua/media/sdp"

	"github.com/stretchr/testify/require"
)

// answerOpen is the media plane: ports that tell the call, the stream and the leg.
func (w *world) answerOpen(o MediaOpen) {
	base := uint16(10000 + 100*o.Call + 4*uint64(o.Index))
	w.open[fmt.Sprint(o.Call, "/", o.Index)] = w.ports == nil
	if w.ports != nil {
		delete(w.open, fmt.Sprint(o.Call, "/", o.Index))
	}
	w.e.MediaOpened(w.now, o.Call, o.Index, sdp.Ports{Addr: o.A, RTP: base, RTCP: base + 1}, sdp.Ports{Addr: o.B, RTP: base + 2, RTCP: base + 3}, w.ports)
}

// follows checks RFC 3264 section 8 for every description of ours: the session id stays, the version grows by one with a change and
// stays without, and no section of an offer disappears.
func (w *world) follows(o Output) {
	var m *sip.Message
	key := ""
	switch o := o.(type) {
	case SendRequest:
		m, key = o.Msg, o.Msg.CallID+" "+o.Msg.From.Tag()
	case SendResponse:
		m, key = o.Msg, o.Msg.CallID+" "+o.Msg.To.Tag()
	}
	if m == nil || len(m.Body) == 0 || m.ContentType != sdpType {
		return
	}
	s, err := sdp.Parse(m.Body)
	require.NoError(w.t, err)
	before := w.last[key]
	w.last[key] = s
	if before == nil {
		return
	}
	grown, same := uint64(0), *s
	same.Version = before.Version
	if string(same.Marshal()) != string(before.Marshal()) {
		grown = 1
	}
	require.Equal(w.t, before.ID, s.ID)
	require.Equal(w.t, before.Version+grown, s.Version, "%s", m.Body)
	if m.IsRequest() {
		require.GreaterOrEqual(w.t, len(s.Media), len(before.Media))
	}
}
