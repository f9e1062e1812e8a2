package call

import (
	"fmt"
	"strconv"
	"strings"

	"b2bua/core/event"
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

// hello is the media plane: a Hello for each stream and leg.
func (w *world) hello(number uint64, index int, side Side) string {
	require.True(w.t, w.open[fmt.Sprint(number, "/", index)], "a Hello for a stream that is not open")
	return sdp.ZRTPHash([32]byte{0: byte(0xe0 + 2*index + int(side))})
}

// secured tells of keys, those of ZRTP with zrtp=<what the retained secrets tell>.
func (w *world) secured(args map[string]string, multi map[string][]string) {
	index, _ := strconv.Atoi(args["stream"])
	var z *event.ZRTP
	if how, ok := args["zrtp"]; ok {
		z = &event.ZRTP{
			SAS: "e8yz", Hash: "S256", Cipher: "AES1", Agreement: "X255", Client: "a phone", ZID: "0102030405060708090a0b0c",
			Continuity: how == "again", Mismatch: how == "mismatch",
		}
	}
	w.e.Secured(w.now, 1, index, sides[multi["method"][0]], sdp.AEADAES128GCM, z)
}

// protects checks RFC 3711 section 9.1 for every stream that we protect: a key serves one stream of the media plane, from its opening to its
// end. That stream counts what was sent under the key; another one begins anew, and would make the same keystream.
func (w *world) protects(o Output) {
	switch o := o.(type) {
	case MediaOpen:
		w.opened[fmt.Sprint(o.Call, "/", o.Index)]++
	case MediaSet:
		key := string(o.Agreed.SendKey.Key)
		if !o.Agreed.Enabled || key == "" {
			return
		}
		require.NotEmpty(w.t, strings.Trim(key, "\x00"), "a key that was wiped")
		index := fmt.Sprint(o.Call, "/", o.Index)
		stream := fmt.Sprint(index, " ", o.Side, " #", w.opened[index])
		if in, known := w.keys[key]; known {
			require.Equal(w.t, in, stream, "a key is used again")
		}
		w.keys[key] = stream
	}
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
	for _, key := range []string{"a=Ik:", "a=lime-Iks:"} { // "Ik" alone may stand in any key
		require.NotContains(w.t, string(m.Body), key, "LIME's keys are passed on")
	}
	for i := range s.Media { // a phone that is given the hash of another one's Hello drops ours
		hash := shortHello(s.Media[i].ZRTPHash)
		require.True(w.t, w.e.cfg.Transparent || hash == "" || hash[0] == 'e', "the Hello of a phone is passed on: %s", m.Body)
	}
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
