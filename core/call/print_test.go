package call

import (
	"fmt"
	"regexp"
	"strings"

	"b2bua/core/sip"
	"b2bua/media/sdp"
)

// print writes one output as one line (or the whole message, with full=true).
func (w *world) print(o Output) {
	switch o := o.(type) {
	case SendRequest:
		w.printMessage(w.legOf(o.Msg)+" <- ", o.Msg, o.Hop)
	case SendAck:
		w.printMessage(w.legOf(o.Msg)+" <- ", o.Msg, o.Hop)
	case SendResponse:
		w.printMessage(w.legOf(o.Msg)+" <- ", o.Msg, Hop{})
	case SendCancel:
		fmt.Fprintf(&w.out, "B <- CANCEL%s\n", headerList(o.Headers))
	case StopRepeating:
		fmt.Fprintf(&w.out, "tx %d acknowledged\n", o.Tx)
	case Forget:
	case Locate:
		fmt.Fprintf(&w.out, "locate %s\n", o.Hop.URI)
	case MediaOpen:
		fmt.Fprintf(&w.out, "media open %d %s on %s and %s\n", o.Index, o.Kind, o.A, o.B)
	case MediaSet:
		fmt.Fprintf(&w.out, "media set %d %s: %s\n", o.Index, o.Side, agreedLine(o.Agreed))
	case AskPicture:
		fmt.Fprintf(&w.out, "media ask %d %s for a picture\n", o.Index, o.Side)
	case PlayTone:
		fmt.Fprintf(&w.out, "media play %d %s: %s\n", o.Index, o.Side, o.Tone)
	case MediaInherit:
		fmt.Fprintf(&w.out, "media %d inherits the transport of %d on %s\n", o.Index, o.From, o.Side)
	case MediaClose:
		fmt.Fprintf(&w.out, "media close %d\n", o.Index)
	case Happened:
		fmt.Fprintf(&w.out, "%s %s\n", [...]string{"debug", "message", "warning", "error"}[o.Event.Level()], w.scrub(o.Event.Text()))
	}
}

func (w *world) legOf(m *sip.Message) string {
	if w.inviteA != nil && m.CallID == w.inviteA.CallID {
		return "A"
	}
	if m.CallID == "stray" {
		return "?"
	}
	return "B"
}

func (w *world) printMessage(prefix string, m *sip.Message, hop Hop) {
	if w.full {
		w.out.WriteString(prefix + "\n")
		for l := range strings.SplitSeq(strings.TrimRight(string(m.Bytes()), "\r\n"), "\r\n") {
			if l == "" {
				l = "~" // a blank line would end the block
			}
			w.out.WriteString("  " + w.scrub(l) + "\n")
		}
		return
	}
	line := prefix
	if m.IsRequest() {
		line += string(m.Method) + " " + m.URI.String()
		for _, r := range m.Route {
			line += " route=" + r.URI.String()
		}
		if hop.Flow != 0 {
			line += fmt.Sprintf(" flow=%d", hop.Flow)
		}
	} else {
		line += fmt.Sprintf("%d %s (%s)", m.Status, m.Reason, m.CSeq.Method)
	}
	var shown []sip.Header
	for _, h := range m.Other {
		switch h.Name {
		case "User-Agent", "Allow", "Supported", bridgeHeader:
		default:
			shown = append(shown, h)
		}
	}
	line += headerList(shown)
	if len(m.Body) > 0 && m.ContentType != sdpType {
		line += fmt.Sprintf(" %s %q", m.ContentType, m.Body)
	} else if len(m.Body) > 0 {
		s, err := sdp.Parse(m.Body)
		if err != nil {
			line += " sdp?" + err.Error()
		} else {
			line += " " + sdpLine(s)
		}
	}
	w.out.WriteString(w.scrub(line) + "\n")
}

func headerList(hs []sip.Header) string {
	var b strings.Builder
	for _, h := range hs {
		fmt.Fprintf(&b, " {%s: %s}", h.Name, h.Value)
	}
	return b.String()
}

func sdpLine(s *sdp.Session) string {
	var parts []string
	for _, m := range s.Media {
		p := fmt.Sprintf("%s %d %s", m.Type, m.Port, m.Proto)
		for _, c := range m.Codecs {
			p += fmt.Sprintf(" %d:%s", c.PT, c.Name)
		}
		if m.Port != 0 && m.Direction != sdp.SendRecv {
			p += " " + m.Direction.String()
		}
		if m.ZRTPHash != "" {
			p += " hello:" + shortHello(m.ZRTPHash)
		}
		for _, c := range m.Crypto {
			p += fmt.Sprintf(" %d:%s", c.Tag, c.Suite)
		}
		if m.Label != "" {
			p += " mid:" + m.Label
		}
		parts = append(parts, p)
	}
	if len(s.Bundle) > 0 {
		parts = append(parts, "bundle "+strings.Join(s.Bundle, " "))
	}
	return "[" + strings.Join(parts, " | ") + "]"
}

func agreedLine(g sdp.Agreed) string {
	if !g.Enabled {
		return "disabled"
	}
	s := fmt.Sprintf("%s %s %s", g.Remote, g.Direction, g.Encryption)
	if g.DTLS != nil {
		s += " " + g.DTLS.String()
	}
	if z := g.ZRTP; z != nil {
		s += fmt.Sprintf("(%s %x)", z, z.PeerHash[:1])
	}
	if g.Group != nil {
		s += fmt.Sprintf(" as %s (extension %d) on the transport of %d", g.Group.MID, g.Group.Extension, g.Group.Tagged)
	}
	if g.MayZRTP {
		s += "(may become zrtp)"
	}
	if g.SendKey.Suite != sdp.NoSuite {
		s += fmt.Sprintf(" send %s receive %s", g.SendKey.Suite, g.RecvKey.Suite)
	}
	for _, c := range g.Codecs {
		s += fmt.Sprintf(" %d:%s", c.PT, c.Name)
	}
	return s
}

// shortHello is what tells the Hellos of the transcripts apart.
func shortHello(value string) string {
	_, digits, _ := strings.Cut(value, " ")
	return digits[:min(2, len(digits))]
}

var keys = regexp.MustCompile(`inline:[A-Za-z0-9+/=]+`)

// scrub names what is random, so that a transcript says which value it is.
func (w *world) scrub(s string) string {
	s = keys.ReplaceAllString(s, "inline:<key>")
	if w.respA != nil {
		s = strings.ReplaceAll(s, w.respA.To.Tag(), "<tag-a>")
	}
	for _, c := range w.e.calls {
		s = strings.ReplaceAll(s, c.a.tag, "<tag-a>")
	}
	if w.reqB != nil {
		s = strings.ReplaceAll(s, w.reqB.CallID, "<call-b>")
		s = strings.ReplaceAll(s, w.reqB.From.Tag(), "<tag-b>")
	}
	for _, l := range w.e.calls {
		if l.b.invite != nil {
			s = strings.ReplaceAll(s, l.b.invite.CallID, "<call-b>")
			s = strings.ReplaceAll(s, l.b.tag, "<tag-b>")
		}
	}
	return s
}
