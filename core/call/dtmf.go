package call

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"b2bua/core/sip"
	"b2bua/media/dtmf"
	"b2bua/media/sdp"
)

// Tones that a leg receives, as telephone events or as INFO, are given to the other leg (spec 2.9): as telephone events if that leg
// agreed on them, else as INFO, one after the other.

const (
	relayType  = "application/dtmf-relay"
	singleType = "application/dtmf"
	// infoDuration is what an INFO of ours says, ms; that of the original is not preserved (spec 2.9).
	infoDuration = 250
)

// infos are the INFOs of one leg: one is under way, the others wait. They are sent in the order of the tones, which no other
// arrangement of requests promises.
type infos struct {
	ref   Ref // under way
	queue []dtmf.Tone
	full  bool // told
	told  bool // that the peer refuses them
	noise bool // told that the peer's own cannot be read

	picture   bool // a whole picture is to be asked for
	wished    bool // likewise, once the leg has video
	noPicture bool // the peer refuses to be asked
}

// PlayTone asks the media plane to play a tone to one side of a stream.
type PlayTone struct {
	Call  uint64
	Index int
	Side  Side
	Tone  dtmf.Tone
}

func (PlayTone) output() {}

// Tone is a telephone event that one side of a stream received and that the media plane cannot relay.
func (e *Engine) Tone(_ time.Time, number uint64, side Side, t dtmf.Tone) {
	if c := e.calls[number]; c != nil && t.Valid() {
		c.leg(side).other().tone(t)
	}
}

// info is an INFO: it is answered here whatever it carries, and its tone goes to the other leg, if need be when that is answered.
func (l *leg) info(tx TxID, req *sip.Message) {
	c := l.call
	c.e.respond(tx, req, 200, "", "", sip.Header{Name: "Allow", Value: c.e.allow()})
	if len(req.Body) == 0 {
		return
	}
	kind, _, _ := strings.Cut(req.ContentType, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case controlType:
		if bytes.Contains(req.Body, []byte("picture_fast_update")) {
			l.other().askPicture()
		}
	case relayType, singleType:
		if t, ok := parseTone(req.Body); ok {
			l.other().tone(t)
			return
		}
		if l.infos.noise {
			return
		}
		l.infos.noise = true
		c.peerFault(l, fmt.Sprintf("INFO of type %s without a digit that can be read (Signal=0-9 * # A-D): not relayed", kind))
	default:
		c.note(fmt.Sprintf("%s sent INFO of type %q, not relayed", l.side, req.ContentType))
	}
}

// tone gives a tone to the leg's peer.
func (l *leg) tone(t dtmf.Tone) {
	c := l.call
	if i, ok := l.plays(); ok {
		c.e.emit(PlayTone{Call: c.number, Index: i, Side: l.side, Tone: t})
		return
	}
	if len(l.infos.queue) >= maxInfos {
		if !l.infos.full {
			l.infos.full = true
			c.peerFault(l, fmt.Sprintf("%d digits wait to be sent as INFO already, more are dropped: the other leg dials faster than this one answers", maxInfos))
		}
		return
	}
	l.infos.queue = append(l.infos.queue, t)
	l.nextInfo()
}

// plays tells the stream on which tones can be played to the leg.
func (l *leg) plays() (index int, ok bool) {
	index = slices.IndexFunc(l.agreed, hasEvents)
	return index, index >= 0 && !l.call.through // nobody but the phones has the keys there
}

func hasEvents(g sdp.Agreed) bool {
	return g.Enabled && g.Kind == sdp.Audio && slices.ContainsFunc(g.Codecs, sdp.Codec.IsEvents)
}

// nextInfo sends the tone that has waited longest, once the dialog is there and the INFO before has its answer. What waited for the answer
// is played all the same if that brought telephone events.
func (l *leg) nextInfo() {
	c := l.call
	if c.state != stRunning || l.infos.ref != 0 {
		return
	}
	if i, ok := l.plays(); ok {
		for _, t := range l.infos.queue {
			c.e.emit(PlayTone{Call: c.number, Index: i, Side: l.side, Tone: t})
		}
		l.infos.queue = nil
	}
	if len(l.infos.queue) == 0 {
		l.sendPicture()
		return
	}
	t := l.infos.queue[0]
	l.infos.queue = slices.Delete(l.infos.queue, 0, 1)
	req := l.newRequest(sip.INFO)
	req.ContentType, req.Body = relayType, fmt.Appendf(nil, "Signal=%s\r\nDuration=%d\r\n", t, infoDuration)
	l.infos.ref = c.e.start(l, req, l.hop(), l.infoOutcome)
}

// infoOutcome: a peer that refuses a digit, or does not answer, loses digits and nothing else.
func (l *leg) infoOutcome(_ time.Time, resp *sip.Message, err error) {
	c := l.call
	if err == nil && resp.Status < 200 {
		return
	}
	l.infos.ref = 0
	if c.state != stRunning {
		return
	}
	refusal := ""
	switch {
	case err != nil:
		refusal = fmt.Sprintf("did not answer an INFO with a digit (%v); %d that waited are dropped, they would be too late", err, len(l.infos.queue))
		l.infos.queue = nil
	case resp.Status >= 300:
		refusal = fmt.Sprintf("answered %d %s to an INFO with a digit: the digit is lost. It has no telephone-event in its SDP, so it can get digits in no other way",
			resp.Status, resp.Reason)
	}
	if refusal != "" && !l.infos.told {
		l.infos.told = true
		c.peerFault(l, refusal)
	}
	l.nextInfo()
}

// parseTone reads "Signal=5" CRLF "Duration=250", in any order and spelling of devices, or the bare digit of application/dtmf.
// Events of two figures are numbers: 10 and 11 are * and #, 12 to 15 A to D.
func parseTone(body []byte) (dtmf.Tone, bool) {
	if len(body) > maxInfoBody {
		return 0, false
	}
	bare := ""
	for line := range strings.Lines(string(body)) {
		line = strings.Trim(line, " \t\r\n")
		name, value, pair := strings.Cut(line, "=")
		switch {
		case pair && strings.EqualFold(strings.TrimSpace(name), "Signal"):
			return toneOf(value)
		case !pair && bare == "":
			bare = line
		}
	}
	return toneOf(bare)
}

func toneOf(s string) (dtmf.Tone, bool) {
	s = strings.Trim(s, " \t\"")
	if len(s) == 2 && s[0] == '1' && s[1] >= '0' && s[1] <= '5' {
		return dtmf.Tone(10 + s[1] - '0'), true
	}
	if len(s) != 1 {
		return 0, false
	}
	return dtmf.Parse(s[0])
}
