package sip

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func lines(l ...string) []byte { return []byte(strings.Join(l, "\r\n") + "\r\n\r\n") }

var minimal = []string{
	"OPTIONS sip:bob@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@example.com>;tag=1",
	"To: <sip:b@example.com>", "Call-ID: 1", "CSeq: 1 OPTIONS",
}

// with replaces or adds a header of the minimal message.
func with(extra ...string) []byte {
	out := append([]string(nil), minimal...)
	for _, e := range extra {
		name, _, _ := strings.Cut(e, ":")
		replaced := false
		for i := range out {
			if i > 0 && strings.HasPrefix(out[i], name+":") {
				out[i], replaced = e, true
			}
		}
		if !replaced {
			out = append(out, e)
		}
	}
	return lines(out...)
}

// RFC 3261 section 19.1.3 and RFC 3966: URIs are written as they were read.
func TestRFC3261_19_1_3_Examples(t *testing.T) {
	for _, s := range []string{
		"sip:alice@atlanta.com",
		"sip:alice:secretword@atlanta.com;transport=tcp",
		"sips:alice@atlanta.com?subject=project%20x&priority=urgent",
		"sip:+1-212-555-1212:1234@gateway.com;user=phone",
		"sips:1212@gateway.com",
		"sip:alice@192.0.2.4",
		"sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
		"sip:alice;day=tuesday@atlanta.com",
		"sip:[2001:db8::10]:5070;lr",
		"sip:a@[2001:db8::10];x=;y;x=2",
		"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
		"tel:+358-555-1234567;postd=pp22",
		"tel:7042;phone-context=example.com",
		"urn:service:sos",
	} {
		u, err := ParseURI(s)
		require.NoError(t, err, s)
		assert.Equal(t, s, u.String())
	}
}

func TestURIParts(t *testing.T) {
	u, err := ParseURI("SIPS:al%69ce;x=1:pw@[2001:DB8::1]:5061;Transport=TCP;lr;e=?a=b&c=d")
	require.NoError(t, err)
	assert.Equal(t, URI{
		Scheme: "sips", User: "al%69ce;x=1", Password: "pw", Host: "[2001:DB8::1]", Port: 5061, Headers: "a=b&c=d",
		Params: Params{{"Transport", "TCP", true}, {"lr", "", false}, {"e", "", true}},
	}, u)
	assert.Equal(t, "[2001:DB8::1]:5061", u.HostPort())
	assert.Equal(t, "alice;x=1", Unescape(u.User))
	value, ok := u.Params.Get("transport")
	assert.True(t, ok)
	assert.Equal(t, "TCP", value)
	assert.True(t, u.Params.Has("LR"))
	assert.False(t, u.IsZero())
	u.Params = u.Params.With("TRANSPORT", "tls").Without("lr").WithFlag("ob")
	assert.Equal(t, "sips:al%69ce;x=1:pw@[2001:DB8::1]:5061;TRANSPORT=tls;e=;ob?a=b&c=d", u.String())
}

func TestURIRefused(t *testing.T) {
	for _, s := range []string{
		"", "sip", "sip:", ":x", "1sip:a", "sip:@host", "sip:a@", "sip:a@:5060", "sip:host:", "sip:host:0", "sip:host:65536", "sip:host:99999999",
		"sip:host:-1", "sip:host:+5", "sip:host:5060x", "sip:[::1", "sip:[::1]x", "sip:[1.2.3.4]", "sip:a b@c", "sip:a@b@c", "sip:<a@b>",
		"sip:a@b;=c", "sip:a@b%00", "sip:a@h\r\nX: y", "sip://host", "sip:a@ho st",
		"sip:a@h;" + strings.Repeat("x;", MaxParams+1),
	} {
		_, err := ParseURI(s)
		require.Error(t, err, "%q", s)
	}
}

// RFC 3261 section 19.1.4: the examples of the RFC.
func TestRFC3261_19_1_4_Equality(t *testing.T) {
	for _, v := range []struct {
		a, b string
		same bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;newparam=6", "sip:carol@chicago.com;newparam=5", false},
		{"sip:a@b;user=phone", "sip:a@b", false},
		{"sip:a@b;maddr=192.0.2.1", "sip:a@b", false},
		{"sip:a@b", "sips:a@b", false},
		{"tel:+1", "tel:+1", true},
		{"tel:+1", "tel:+2", false},
	} {
		a, err := ParseURI(v.a)
		require.NoError(t, err)
		b, err := ParseURI(v.b)
		require.NoError(t, err)
		assert.Equal(t, v.same, a.Equal(b), "%s | %s", v.a, v.b)
		assert.Equal(t, v.same, b.Equal(a), "%s | %s", v.b, v.a)
	}
}

// RFC 3261 section 20.10: display names, and whose parameters those without brackets are.
func TestRFC3261_20_10_Addresses(t *testing.T) {
	for _, v := range []struct {
		in, display, uri, params string
	}{
		{`"Mr. Watson" <sip:watson@example.com>;q=0.7`, "Mr. Watson", "sip:watson@example.com", ";q=0.7"},
		{`"A \"B\" \\C" <sip:a@b;lr>`, `A "B" \C`, "sip:a@b;lr", ""},
		{`  Anonymous User<sip:c8oqz84zk7z@privacy.org> ; tag = hyh8`, "Anonymous User", "sip:c8oqz84zk7z@privacy.org", ";tag=hyh8"},
		{`sip:+12125551212@server.phone2net.com;tag=887s`, "", "sip:+12125551212@server.phone2net.com", ";tag=887s"},
		{`<sip:a@b?x=y>`, "", "sip:a@b?x=y", ""},
		{`<tel:+1;phone-context=x>;tag=1`, "", "tel:+1;phone-context=x", ";tag=1"},
		{`"" <sip:a@b>`, "", "sip:a@b", ""},
		{`"<sip:not@this>, \"" <sip:a@b>`, `<sip:not@this>, "`, "sip:a@b", ""},
		{`<sip:a@b>;+sip.instance="<urn:uuid:1,2;3>";expires=7`, "", "sip:a@b", `;+sip.instance="<urn:uuid:1,2;3>";expires=7`},
	} {
		a, err := ParseAddress(v.in)
		require.NoError(t, err, v.in)
		assert.Equal(t, v.display, a.Display)
		assert.Equal(t, v.uri, a.URI.String())
		assert.Equal(t, v.params, string(a.Params.appendTo(nil)))
		again, err := ParseAddress(a.String())
		require.NoError(t, err)
		assert.Equal(t, a, again)
	}
	for _, s := range []string{
		"", "x", "<sip:a@b", "sip:a@b>", `"x <sip:a@b>`, `"x" sip:a@b`, "<sip:a@b>x", "a,b <sip:a@b>", "sip:a@b?x=y", "sip:a,b@c",
		"<sip:a@b>;x y", `<sip:a@b>;x="`, "<sip:a@b>;=1", "<sip:a@b>;x=a b", "< sip:a@b >",
	} {
		_, err := ParseAddress(s)
		require.Error(t, err, "%q", s)
	}
	list, err := ParseAddresses(`"a, b" <sip:a,b@c;x>;q="1,2", sip:d@e;q=1 ,<sip:f@g>`)
	require.NoError(t, err)
	require.Len(t, list, 3)
	assert.Equal(t, `"1,2"`, list[0].Params[0].Value)
	assert.Equal(t, "1,2", Unquote(list[0].Params[0].Value))
	a := list[2].WithTag("new")
	assert.Equal(t, "new", a.Tag())
	assert.Empty(t, list[2].Tag(), "the original stays as it was")
	assert.Empty(t, a.WithTag("").Tag())
}

// RFC 3261 sections 7.3.1 and 7.3.3: folding, compact forms, names without regard to case, lists.
func TestRFC3261_7_3_Headers(t *testing.T) {
	m, err := Parse([]byte("INVITE sip:bob@example.com SIP/2.0\nv: SIP/2.0/TCP a.example.com:5070 ;branch=z9hG4bK1 , SIP/2.0/UDP [2001:db8::1];received=::1;rport\n" +
		"f: <sip:a@b>;tag=1\nT: sip:c@d\nI: x@y\nCSEQ: 7\n INVITE\nm:\t<sip:a@b>\nmax-forwards: 12\nk: 100rel,\r\n timer\nS: \nROUTE: <sip:p1;lr>,<sip:p2;lr>\nroute: <sip:p3;lr>\n" +
		"c: text/plain\nl: 3\nX-Own: a\nx-own: b\nREFERRED-BY: <sip:r@s>\n\nabcdef"))
	require.NoError(t, err)
	assert.Equal(t, []Via{
		{Transport: "TCP", Host: "a.example.com", Port: 5070, Params: Params{{"branch", "z9hG4bK1", true}}},
		{Transport: "UDP", Host: "[2001:db8::1]", Params: Params{{"received", "::1", true}, {"rport", "", false}}},
	}, m.Via)
	assert.Equal(t, CSeq{7, INVITE}, m.CSeq)
	assert.Equal(t, 12, m.MaxForwards)
	assert.Len(t, m.Route, 3)
	assert.Equal(t, "abc", string(m.Body), "what follows Content-Length is dropped (section 18.3)")
	assert.Equal(t, []Header{{"Supported", "100rel, timer"}, {"Subject", ""}, {"X-Own", "a"}, {"x-own", "b"}, {"Referred-By", "<sip:r@s>"}}, m.Other)
	value, ok := m.Header("k")
	assert.True(t, ok)
	assert.Equal(t, "100rel, timer", value)
	assert.True(t, m.ListHas("supported", "TIMER"))
	assert.False(t, m.ListHas("supported", "time"))
	assert.Equal(t, []string{"a", "b"}, m.Values("X-OWN"))
	c := m.Clone()
	c.Set("X-Own", "c")
	c.Del("subject")
	c.Add("s", "later")
	assert.Equal(t, []string{"c"}, c.Values("x-own"))
	assert.Equal(t, "later", c.Other[len(c.Other)-1].Value)
	assert.Equal(t, []string{"a", "b"}, m.Values("x-own"), "the original stays as it was")
}

// What the header parsers let through and RFC 3261 does not.
func TestValidation(t *testing.T) {
	_, err := Parse(with())
	require.NoError(t, err)
	_, err = Parse(append([]byte("\r\n\r\n"), with()...))
	require.NoError(t, err, "line breaks before a message")
	for _, v := range []struct {
		status int
		what   string
		msg    []byte
	}{
		{400, "no From", []byte(strings.Replace(string(with()), "From: <sip:a@example.com>;tag=1\r\n", "", 1))},
		{400, "no Call-ID", []byte(strings.Replace(string(with()), "Call-ID: 1\r\n", "", 1))},
		{0, "no Via", []byte(strings.Replace(string(with()), "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n", "", 1))},
		{400, "2 headers To", with("t: <sip:x@y>")},
		{400, "2 headers CSeq", with("cseq: 2 OPTIONS")},
		{400, "2 headers Max-Forwards", with("Max-Forwards: 1", "MAX-FORWARDS: 2")},
		{400, "another method", with("CSeq: 1 INVITE")},
		{400, "out of range", with("CSeq: 2147483648 OPTIONS")},
		{400, "port of a Via", with("Via: SIP/2.0/UDP 192.0.2.1:99999;branch=z9hG4bK1", "v: SIP/2.0/UDP a;branch=z9hG4bK2")},
		{400, "0 to 255", with("Max-Forwards: 256")},
		{400, "shorter than Content-Length", with("Content-Length: 5")},
		{400, "Content-Length", with("Content-Length: +0")},
		{400, "Contact", with("Contact: *", "m: <sip:a@b>")},
		{400, "white space", with("Call-ID: a b")},
		{400, "without a colon", with("nonsense")},
		{400, "no token", with("a(b): c")},
		{400, "header fields", with(strings.Repeat("X: y\r\n", MaxHeaders) + "X: y")},
		{400, "more than 70 Via", with("Via: " + strings.Repeat("SIP/2.0/UDP h;branch=z9hG4bK1,", MaxVia) + "SIP/2.0/UDP h")},
		{400, "addresses", with("Route: " + strings.Repeat("<sip:a>,", MaxAddresses) + "<sip:a>")},
		{400, "carriage return", with("X: a\rb")},
		{0, "longer than", with("X: " + strings.Repeat("y", MaxMessage))},
		{0, "no empty line", with()[:100]},
		{0, "neither request nor response", []byte("hello\r\n\r\n")},
	} {
		_, err := Parse(v.msg)
		var fault *ParseError
		require.ErrorAs(t, err, &fault, v.what)
		assert.Contains(t, fault.What, v.what)
		if v.what != "port of a Via" { // whose answer has no way back
			assert.Equal(t, v.status, fault.Status, v.what)
			assert.Equal(t, v.status != 0, fault.Request != nil, v.what)
		}
	}
	for _, s := range []string{"SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 +20 x", "SIP/3.0 200 OK", "SIP/2.0  200 OK"} {
		_, err := Parse(lines(append([]string{s}, minimal[1:]...)...))
		require.Error(t, err, s)
	}
	m, err := Parse(lines(append([]string{"SIP/2.0 200"}, minimal[1:]...)...))
	require.NoError(t, err, "the space before an empty reason is forgotten often")
	assert.Equal(t, 200, m.Status)
}

// RFC 3261 section 8.2.6.2: what a response repeats of its request.
func TestRFC3261_8_2_6_2_Response(t *testing.T) {
	req, err := Parse(with("Record-Route: <sip:p;lr>", "Timestamp: 54"))
	require.NoError(t, err)
	for _, status := range []int{100, 180, 200, 404} {
		resp := NewResponse(req, status, "", "tag")
		assert.Equal(t, req.Via, resp.Via)
		assert.Equal(t, req.From, resp.From)
		assert.Equal(t, req.CallID, resp.CallID)
		assert.Equal(t, req.CSeq, resp.CSeq)
		assert.Equal(t, ReasonPhrase(status), resp.Reason)
		assert.Equal(t, status != 100, resp.To.Tag() == "tag")
		assert.Equal(t, status > 100 && status < 300, len(resp.RecordRoute) == 1, "section 12.1.1")
		_, timestamp := resp.Header("Timestamp")
		assert.Equal(t, status == 100, timestamp)
		_, err := Parse(resp.Bytes())
		require.NoError(t, err)
	}
	req.To = req.To.WithTag("theirs")
	assert.Equal(t, "theirs", NewResponse(req, 200, "Fine", "tag").To.Tag())
	assert.Equal(t, "Fine", NewResponse(req, 200, "Fine", "tag").Reason)
	for status, want := range map[int]string{199: "Early Dialog Terminated", 299: "OK", 399: "Redirection", 499: "Request Failure", 599: "Server Failure", 699: "Global Failure", 150: "Session Progress"} {
		assert.Equal(t, want, ReasonPhrase(status))
	}
}

// Nothing put into a message can make a header of its own.
func TestNoHeaderInjection(t *testing.T) {
	m, err := Parse(with())
	require.NoError(t, err)
	const evil = "x\r\nInjected: yes"
	m.Set("X", evil)
	m.From.Display, m.From.Params = evil, m.From.Params.With("p", evil)
	m.To.URI.User, m.CallID, m.ContentType = evil, evil, evil
	assert.NotContains(t, string(m.Bytes()), "\nInjected")
	resp := NewResponse(m, 200, evil, "t")
	assert.NotContains(t, string(resp.Bytes()), "\nInjected")
}

func TestIdentifiers(t *testing.T) {
	source := rand.NewChaCha8([32]byte{})
	seen := map[string]bool{}
	for range 1000 {
		for _, s := range []string{NewTag(source), NewBranch(source), NewCallID(source)} {
			require.True(t, isToken(s))
			require.False(t, seen[s])
			seen[s] = true
		}
	}
	assert.True(t, strings.HasPrefix(NewBranch(source), MagicCookie))
	assert.Panics(t, func() { NewTag(strings.NewReader("short")) })
}

// RFC 3261 section 18.3: messages of a stream, however it is cut.
func TestRFC3261_18_3_Stream(t *testing.T) {
	var all []byte
	var want []string
	for i := range 5 {
		m, err := Parse(with(fmt.Sprintf("Call-ID: %d", i)))
		require.NoError(t, err)
		m.ContentType, m.Body = "text/plain", []byte(strings.Repeat("\r\n\r\nx", i))
		all = m.Append(append(all, "\r\n"...))
		want = append(want, m.CallID)
	}
	for _, size := range []int{1, 2, 3, 7, 100, len(all)} {
		r := NewStreamReader(StreamLimits{})
		var got []string
		for rest := all; len(rest) > 0; {
			n := min(size, len(rest))
			r.Feed(rest[:n])
			rest = rest[n:]
			for {
				m, ping, err := r.Next()
				require.NoError(t, err)
				assert.False(t, ping)
				if m == nil {
					break
				}
				assert.NotEmpty(t, r.Last())
				got = append(got, m.CallID)
			}
		}
		assert.Equal(t, want, got, "pieces of %d", size)
		assert.Zero(t, r.Buffered())
	}
}

// RFC 5626 section 4.4.1: keep-alives of a stream, and their answers on one that we opened.
func TestRFC5626_4_4_1_StreamKeepAlive(t *testing.T) {
	next := func(r *StreamReader, s string) (pings int, msgs int) {
		r.Feed([]byte(s))
		for {
			m, ping, err := r.Next()
			require.NoError(t, err)
			switch {
			case ping:
				pings++
			case m != nil:
				msgs++
			default:
				return pings, msgs
			}
		}
	}
	msg := string(with("l: 0"))
	r := NewStreamReader(StreamLimits{})
	p, m := next(r, "\r\n\r")
	assert.Equal(t, []int{0, 0}, []int{p, m})
	p, m = next(r, "\n"+msg+"\r\n\r\n\r\n\r\n"+msg+"\r\n"+msg)
	assert.Equal(t, []int{3, 3}, []int{p, m})

	r = NewStreamReader(StreamLimits{})
	r.Pongs = true
	p, m = next(r, "\r\n")
	assert.Equal(t, []int{0, 0}, []int{p, m})
	assert.True(t, r.TakePong())
	p, m = next(r, "\r\n"+msg)
	assert.Equal(t, []int{0, 1}, []int{p, m})
	assert.True(t, r.TakePong())
	assert.False(t, r.TakePong())
}

// A stream that can't be cut any more ends; where its sender is known it is answered first.
func TestStreamFaults(t *testing.T) {
	for _, v := range []struct {
		name   string
		in     string
		status int
		fatal  bool
	}{
		{"no Content-Length", string(with()), 400, true},
		{"two of them", string(with("Content-Length: 1", "l: 2")), 400, true},
		{"not a number", string(with("Content-Length: x")), 400, true},
		{"negative", string(with("Content-Length: -1")), 400, true},
		{"too long", string(with("Content-Length: 70000")), 513, true},
		{"endless headers", strings.Repeat("x", MaxMessage+1), 0, true},
		{"folded out of sight", string(with("X: y\r\n Content-Length: 5")), 400, true},
		{"merely wrong", string(with("l: 0", "CSeq: 1 INVITE")), 400, false},
		{"response", "SIP/2.0 200 OK\r\n\r\n", 0, true},
	} {
		t.Run(v.name, func(t *testing.T) {
			r := NewStreamReader(StreamLimits{})
			r.Feed([]byte(v.in))
			_, _, err := r.Next()
			var fault *ParseError
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, v.status, fault.Status)
			assert.Equal(t, v.fatal, fault.Fatal)
			assert.Equal(t, v.status != 0, fault.Request != nil)
			r.Feed(with("l: 0"))
			m, _, err := r.Next()
			assert.Equal(t, !v.fatal, err == nil && m != nil)
		})
	}
}

// Parse and Append cost well below 20 µs for a usual INVITE: the number of allocations shows a regression before the clock does.
func TestParseAllocations(t *testing.T) {
	msg := []byte(benchInvite + strings.Repeat("x", 320))
	n := testing.AllocsPerRun(100, func() {
		m, err := Parse(msg)
		if err != nil {
			panic(err)
		}
		_ = m.Bytes()
	})
	assert.LessOrEqual(t, n, 32.0)
}

// RFC 3261 section 7.5: line breaks between messages are not part of one, so nothing waits for its rest.
func TestRFC3261_7_5_NothingBegun(t *testing.T) {
	for after, want := range map[string]int{"": 0, "\r": 0, "\r\n": 0, "\r\n\r": 0, "\n": 0, "\r\nO": 1, "\rO": 2, "OPT": 3} {
		r := NewStreamReader(StreamLimits{})
		r.Feed(append(with("l: 0"), after...))
		m, _, err := r.Next()
		if err != nil || m == nil {
			t.Fatal(err)
		}
		if m, ping, err := r.Next(); m != nil || ping || err != nil {
			t.Fatal(after, m, ping, err)
		}
		if got := r.Buffered(); got != want {
			t.Errorf("after %q: %d octets of a message, want %d", after, got, want)
		}
	}
}
