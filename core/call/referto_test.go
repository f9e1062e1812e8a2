package call

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"b2bua/core/dialog"
	"b2bua/core/sip"
)

func TestReplacesIn(t *testing.T) {
	for headers, want := range map[string]string{
		"": "",
		"Replaces=a%40b%3Bfrom-tag%3D1%3Bto-tag%3D2":                   "a@b;from-tag=1;to-tag=2",
		"Subject=x&replaces=a%3Bfrom-tag%3D1%3Bto-tag%3D2&Priority=ur": "a;from-tag=1;to-tag=2",
		"Replaces=a":                    "", // it crashes the original
		"Replaces=a%3Bx%0D%0AEvil:%201": "",
		"Replaces=%zz%3B":               "",
		"Replaces":                      "",
	} {
		value, others := replacesIn(headers)
		assert.Equal(t, want, value, headers)
		assert.NotContains(t, strings.ToLower(strings.Join(others, "&")), "replaces")
	}
	assert.Equal(t, "a%40b%3Bfrom-tag%3D%25%22", escapeHeader(`a@b;from-tag=%"`))
}

// An INVITE may mean the dialog of a caller only, a REFER either.
func TestReplacedDialog(t *testing.T) {
	w := newWorld(t)
	w.command("invite sdp=pcma")
	w.command("b 200 sdp=pcma")
	w.command("ack")
	a, b := w.e.calls[1].a.dlg.ID(), w.e.calls[1].b.dlg.ID()
	name := func(id dialog.ID, local, remote string) string {
		return id.CallID + ";from-tag=" + local + ";to-tag=" + remote
	}
	named := name(a, a.Remote, a.Local) + ";early-only"
	for _, either := range []bool{true, false} {
		v, l := w.e.replaced(named, either)
		assert.Equal(t, name(b, b.Local, b.Remote), v)
		assert.Equal(t, SideB, l.side)
	}
	named = name(b, b.Remote, b.Local)
	v, l := w.e.replaced(named, true)
	assert.Equal(t, name(a, a.Local, a.Remote), v)
	assert.Equal(t, SideA, l.side)
	v, l = w.e.replaced(named, false)
	assert.Equal(t, named, v)
	assert.Nil(t, l)
	v, _ = w.e.replaced("x;from-tag=1", true)
	assert.Empty(t, v)
}

// Whatever a REFER says: what is sent on can be read again, has no line break and one Replaces at most.
func FuzzReferTo(f *testing.F) {
	for _, s := range []string{
		"<sip:carol@example.org>", `"Carol" <sip:carol@example.org;method=INVITE?Replaces=a%40b%3Bfrom-tag%3D1%3Bto-tag%3D2&Require=replaces>`,
		"sip:carol@example.org?Replaces=a%3Bx%0D%0AVia:%20y", "tel:+33123", "<sip:>", "<sip:a@b?Replaces=%3b;&replaces=c%3B>;x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		req := &sip.Message{Method: sip.REFER, Other: []sip.Header{{Name: "Refer-To", Value: s}}}
		to, err := referTo(req)
		if err != nil {
			return
		}
		w := newWorld(t)
		w.quiet = true
		w.command("invite sdp=pcma")
		w.command("b 200 sdp=pcma")
		w.command("ack")
		target, _ := w.e.calls[1].a.translate(req, to)
		text := target.String()
		if strings.ContainsAny(target.URI.Headers, "\r\n") {
			t.Fatalf("%q", text)
		}
		again, err := sip.ParseAddress(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if value, others := replacesIn(again.URI.Headers); value != "" && len(others) > strings.Count(s, "&")+1 {
			t.Fatalf("%q became %q", s, text)
		}
	})
}
