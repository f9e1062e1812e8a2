package call

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"b2bua/core/account"
	"b2bua/core/app"
	"b2bua/core/sip"
	"b2bua/core/transaction"
	"b2bua/media/dtmf"
	"b2bua/media/sdp"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts' expected blocks from what the engine did")

// TestTranscripts runs testdata/*.txt: blocks of commands, a line "----", and all that the engine did. With -rewrite the
// expectations are made anew, and the diff under review is the change of behaviour.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			in, err := os.ReadFile(f)
			require.NoError(t, err)
			got := runTranscript(t, string(in))
			if *rewrite {
				require.NoError(t, os.WriteFile(f, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(in), got)
		})
	}
}

// runTranscript gives the transcript back with the blocks of output replaced by what happened.
func runTranscript(t *testing.T, in string) string {
	w := newWorld(t)
	var out strings.Builder
	lines := strings.Split(strings.TrimRight(in, "\n"), "\n")
	for i := 0; i < len(lines); {
		var cmds []string
		for ; i < len(lines) && lines[i] != "----"; i++ {
			out.WriteString(lines[i] + "\n")
			if l := strings.TrimSpace(lines[i]); l != "" && l[0] != '#' {
				cmds = append(cmds, l)
			}
		}
		if i == len(lines) {
			require.Empty(t, cmds, "commands without a ---- after them")
			break
		}
		for lines[i] != "" { // the old expectation ends with a blank line
			if i++; i == len(lines) {
				break
			}
		}
		out.WriteString("----\n")
		for _, c := range cmds {
			w.command(c)
		}
		out.WriteString(w.take())
	}
	w.finish()
	return out.String()
}

// world is an engine with scripted surroundings: it finds every next hop and has ports, unless told otherwise.
type world struct {
	t       *testing.T
	e       *Engine
	now     time.Time
	out     strings.Builder
	app     *scriptedApp
	hop     string     // our address towards leg B's next hop
	route   netip.Addr // our address towards leg A's media
	hold    bool       // Locate is not answered by itself
	located error      // what Locate meets
	ports   error      // what MediaOpen meets
	slow    bool       // MediaOpen is answered by the command opened
	opening []MediaOpen
	txRe    TxID // last re-INVITE of leg A
	full    bool // print messages whole
	quiet   bool // print nothing
	txN     TxID
	open    map[string]bool // streams

	inviteA *sip.Message // last initial INVITE of a caller
	txA     TxID
	respA   *sip.Message // our last response to it with a tag
	seqA    uint32
	refB    Ref
	reqB    *sip.Message // last INVITE on leg B
	tagB    string
	seqB    uint32
	ownReq  map[Ref]*sip.Message
	reRef   Ref // last re-INVITE of ours
	last    map[string]*sdp.Session
	infoRef Ref                // last INFO of ours
	asked   map[sip.Method]Ref // last REFER and NOTIFY of ours
	byes    []*sip.Message     // of ours
	closed  bool               // a BYE without credentials is challenged
	opened  map[string]int     // streams, how often
	keys    map[string]string  // of ours: the stream that uses it
}

type scriptedApp struct {
	d  app.Decision
	to sip.Address // of transfers; zero: they stay as they are
}

func (a *scriptedApp) Transfer(f app.Facts, _ *account.Account) (sip.Address, string, bool) {
	if a.to.URI.IsZero() {
		return sip.Address{}, "nobody knows " + f.To.String() + " of " + f.From.String() + " at " + f.RequestURI.String(), false
	}
	return a.to, "the transcript", true
}

func (a *scriptedApp) Decide(f app.Facts) app.Decision {
	d := a.d
	if d.Callee.URI.Host == "" {
		d.Callee = f.To
	}
	if d.From.URI.Host == "" {
		d.From = f.From
	}
	d.Why = "the transcript"
	return d
}

func newWorld(t *testing.T) *world {
	proxy, err := sip.ParseAddress("<sip:127.0.0.1:5060;transport=tcp;lr>")
	require.NoError(t, err)
	w := &world{t: t, now: time.Unix(1000, 0), app: &scriptedApp{d: app.Decision{Proxy: proxy}}, open: map[string]bool{}, asked: map[sip.Method]Ref{}, ownReq: map[Ref]*sip.Message{}, last: map[string]*sdp.Session{}}
	w.hop = "127.0.0.2"
	w.config(nil)
	return w
}

func (w *world) config(args map[string]string) {
	cfg := Config{
		App: w.app, UserAgent: "B2BUA/test", MaxCalls: 10, RingTimeout: 240 * time.Second, Linger: 32 * time.Second,
		Support: sdp.Support{Encryptions: []sdp.Encryption{sdp.None, sdp.SDES, sdp.DTLS}, Bundle: true}, Hello: w.hello,
		Fingerprint: sdp.FingerprintOf([]byte("our certificate")), SecureTimeout: 10 * time.Second, Rand: rand.NewChaCha8([32]byte{1}),
	}
	for k, v := range args {
		switch k {
		case "max-calls":
			cfg.MaxCalls, _ = strconv.Atoi(v)
		case "ring":
			cfg.RingTimeout, _ = time.ParseDuration(v)
		case "max-duration":
			cfg.MaxDuration, _ = time.ParseDuration(v)
		case "refer":
			cfg.NoRefer = v == "no"
		case "full":
			w.full = v == "true"
		case "hold":
			w.hold = v == "true"
		case "located":
			w.located = failure(v)
		case "hop":
			w.hop = v
		case "transfer":
			w.app.to = sip.Address{}
			if v != "" {
				w.app.to = w.addr(v)
			}
		case "route":
			w.route = netip.MustParseAddr(v)
		case "media":
			cfg.MediaAddresses = []netip.Addr{netip.MustParseAddr(v)}
		case "ports":
			w.ports = failure(v)
		case "zrtp": // yes, or transparent
			cfg.Support.Encryptions = append(cfg.Support.Encryptions, sdp.ZRTP)
			cfg.Transparent = v == "transparent"
		default:
			w.t.Fatalf("config: %s?", k)
		}
	}
	w.e, w.last = New(cfg), map[string]*sdp.Session{}
	w.opened, w.keys = map[string]int{}, map[string]string{}
}

type noTransportError struct{ error }

func (noTransportError) Impossible() bool { return true }

func failure(kind string) error {
	switch kind {
	case "":
		return nil
	case "timeout":
		return &transaction.TimeoutError{}
	case "impossible":
		return noTransportError{errors.New("no TLS here")}
	default:
		return errors.New(kind)
	}
}

var sides = map[string]Side{"a": SideA, "b": SideB}

// command runs one line: a verb and key=value arguments, values in double quotes if they hold blanks.
// What it makes the engine do is carried out at once, or after the next command where a + stands before it.
func (w *world) command(line string) {
	line, more := strings.CutPrefix(line, "+")
	verb, args, multi := w.split(line)
	switch verb {
	case "config":
		w.finish()
		w.take()
		w.config(args)
	case "app":
		w.setApp(args)
	case "invite":
		w.invite(args, multi)
	case "cancel":
		c := &sip.Message{Method: sip.CANCEL, CallID: w.inviteA.CallID}
		w.headers(c, multi)
		w.e.Cancelled(w.now, w.txA, c)
	case "cancel-re": // of leg A's last re-INVITE
		w.e.Cancelled(w.now, w.txRe, &sip.Message{Method: sip.CANCEL, CallID: w.inviteA.CallID})
	case "a-re-fails":
		w.e.ResponseFailed(w.now, w.txRe, failure(multi["method"][0]))
	case "re-fails":
		w.e.RequestFailed(w.now, w.reRef, failure(multi["method"][0]))
	case "surroundings": // change while calls run
		for k, v := range args {
			switch k {
			case "ports":
				w.ports = failure(v)
			case "slow":
				w.slow = v == "true"
			}
		}
	case "opened":
		if len(w.opening) > 0 {
			o := w.opening[0]
			w.opening = w.opening[1:]
			w.answerOpen(o)
		}
	case "ack":
		w.fromA(sip.ACK, args, multi)
	case "from-a":
		w.fromA(sip.Method(multi["method"][0]), args, multi)
	case "from-b":
		w.fromB(sip.Method(multi["method"][0]), args, multi)
	case "b":
		w.responseB(args, multi)
	case "re":
		w.responseRe(args, multi)
	case "tone":
		tone, _ := dtmf.Parse(multi["method"][1][0])
		w.e.Tone(w.now, 1, sides[multi["method"][0]], tone)
	case "picture":
		w.e.PictureLost(w.now, 1, sides[multi["method"][0]])
	case "info":
		w.responseInfo(args, multi)
	case "refer", "notify":
		status, err := strconv.Atoi(multi["method"][0])
		require.NoError(w.t, err)
		ref := w.asked[sip.Method(strings.ToUpper(verb))]
		resp := sip.NewResponse(w.ownReq[ref], status, args["phrase"], "")
		w.headers(resp, multi)
		w.e.Response(w.now, ref, resp, Source{})
	case "refer-fails":
		w.e.RequestFailed(w.now, w.asked[sip.REFER], failure(multi["method"][0]))
	case "notify-fails":
		w.e.RequestFailed(w.now, w.asked[sip.NOTIFY], failure(multi["method"][0]))
	case "info-fails":
		w.e.RequestFailed(w.now, w.infoRef, failure(multi["method"][0]))
	case "b-fails":
		w.e.RequestFailed(w.now, w.refB, failure(multi["method"][0]))
	case "a-fails":
		w.e.ResponseFailed(w.now, w.txA, failure(multi["method"][0]))
	case "located":
		w.e.Located(w.now, 1, w.location(), failure(args["error"]))
	case "media-lost":
		w.e.MediaLost(w.now, 1, sides[multi["method"][0]], 30*time.Second)
	case "secured":
		w.secured(args, multi)
	case "unsecured":
		w.e.Unsecured(w.now, 1, 0, sides[multi["method"][0]])
	case "suspicious":
		w.e.Suspicious(1, 0, sides[multi["method"][0]], "a test's reason")
	case "insecure":
		w.e.SecureFailed(w.now, 1, 0, sides[multi["method"][0]], errors.New("the peer shows another certificate"))
	case "advance":
		d, err := time.ParseDuration(multi["method"][0])
		require.NoError(w.t, err)
		w.now = w.now.Add(d)
		w.e.Advance(w.now)
	case "stray":
		w.stray(args, multi)
	case "shutdown":
		w.e.Shutdown(w.now, "the server is stopping")
	case "timer-fault": // the transport recovers from the panic and says that no Call-ID is known
		w.now = w.now.Add(time.Minute)
		w.e.timers.h[0].run = func(time.Time) { panic("a test fault") }
		require.Panics(w.t, func() { w.e.Advance(w.now) })
		w.e.Fail(w.now, "", "a test fault")
	case "fault":
		w.e.Fail(w.now, w.inviteA.CallID, "a test fault")
	case "state":
		fmt.Fprintf(&w.out, "calls=%d pending=%d dialogs=%d server=%d streams=%d\n",
			w.e.Active(), w.e.Pending(), len(w.e.dialogs), len(w.e.server), len(w.open))
	default:
		w.t.Fatalf("what is %q?", line)
	}
	if !more {
		w.drain()
	}
}

// split reads `verb word key=value "header: value"`; words and headers are collected under method and header.
func (w *world) split(line string) (verb string, args map[string]string, multi map[string][]string) {
	args, multi = map[string]string{}, map[string][]string{}
	for len(line) > 0 {
		var tok string
		line = strings.TrimLeft(line, " ")
		inQuote, i := false, 0
		for ; i < len(line) && (inQuote || line[i] != ' '); i++ {
			if line[i] == '\'' {
				inQuote = !inQuote
			}
		}
		tok, line = strings.ReplaceAll(line[:i], "'", ""), line[i:]
		k, v, isKV := strings.Cut(tok, "=")
		switch {
		case verb == "":
			verb = tok
		case strings.Contains(k, ": "):
			multi["header"] = append(multi["header"], tok)
		case isKV:
			args[k] = v
		case tok != "":
			multi["method"] = append(multi["method"], tok)
		}
	}
	return verb, args, multi
}

func (w *world) headers(m *sip.Message, multi map[string][]string) {
	for _, h := range multi["header"] {
		name, value, _ := strings.Cut(h, ": ")
		switch strings.ToLower(name) {
		case "max-forwards":
			m.MaxForwards, _ = strconv.Atoi(value)
		case "contact":
			a, err := sip.ParseAddresses(value)
			require.NoError(w.t, err)
			m.Contact = a
		default:
			m.Add(name, value)
		}
	}
}

func (w *world) addr(s string) sip.Address {
	a, err := sip.ParseAddress(s)
	require.NoError(w.t, err)
	return a
}

func (w *world) setApp(args map[string]string) {
	for k, v := range args {
		switch k {
		case "enc":
			enc, err := sdp.ParseEncryption(v)
			require.NoError(w.t, err)
			w.app.d.Encryption = enc
		case "suites":
			w.app.d.Suites = nil
			for s := range strings.SplitSeq(v, ";") {
				suite, err := sdp.ParseSuite(s)
				require.NoError(w.t, err)
				w.app.d.Suites = append(w.app.d.Suites, suite)
			}
		case "avpf":
			w.app.d.AVPF = v == "true"
		case "bundle":
			w.app.d.Bundle = v == "true"
		case "refuse":
			w.app.d.Refusal = nil
			if v != "" {
				w.app.d.Refusal = &app.Refusal{Status: 488, Why: v}
			}
		case "callee":
			w.app.d.Callee = w.addr(v)
		case "transfer":
			w.app.to = sip.Address{}
			if v != "" {
				w.app.to = w.addr(v)
			}
		case "route":
			w.app.d.Proxy = sip.Address{}
		default:
			w.t.Fatalf("app: %s?", k)
		}
	}
}

func (w *world) invite(args map[string]string, multi map[string][]string) {
	get := func(k, def string) string {
		if v, ok := args[k]; ok {
			return v
		}
		return def
	}
	w.txN++
	w.txA, w.seqA = w.txN, 1
	m := &sip.Message{
		Method: sip.INVITE, From: w.addr(get("from", `"Al Ice" <sip:alice@sip.example.org>`)).WithTag("ft"), To: w.addr(get("to", "<sip:bob@sip.example.org>")),
		CallID: get("callid", "call-a"), CSeq: sip.CSeq{Number: 1, Method: sip.INVITE}, MaxForwards: 70,
		Via:     []sip.Via{{Transport: "TCP", Host: "127.0.0.9", Port: 5062}},
		Contact: []sip.Address{w.addr("<sip:alice@127.0.0.9:5062;transport=tcp>")},
	}
	u, err := sip.ParseURI(get("ruri", "sip:bob@127.0.0.1:6067"))
	require.NoError(w.t, err)
	m.URI = u
	w.headers(m, multi)
	w.body(m, get("sdp", "pcma"))
	w.inviteA = m
	w.e.Request(w.now, w.txA, m, Source{
		Peer: netip.MustParseAddrPort("127.0.0.9:5062"), Local: netip.MustParseAddrPort("127.0.0.1:6067"), Flow: 7, Reliable: true,
	})
}

// inDialog is a request of a peer inside a dialog of ours.
func (w *world) inDialog(method sip.Method, seq uint32, callID string, from, to sip.Address, args map[string]string, multi map[string][]string) {
	m := &sip.Message{Method: method, CallID: callID, From: from, To: to, CSeq: sip.CSeq{Number: seq, Method: method}, MaxForwards: 70}
	if v, ok := args["cseq"]; ok {
		n, _ := strconv.Atoi(v)
		m.CSeq.Number = uint32(n)
	}
	w.headers(m, multi)
	w.body(m, args["sdp"])
	if kind, ok := args["type"]; ok {
		m.ContentType, m.Body = kind, []byte(strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(args["body"]))
	}
	tx := TxID(0)
	if method != sip.ACK {
		w.txN++
		tx = w.txN
	}
	w.e.Request(w.now, tx, m, Source{Peer: netip.MustParseAddrPort("127.0.0.9:5062"), Local: netip.MustParseAddrPort("127.0.0.1:6067")})
}

func (w *world) fromA(method sip.Method, args map[string]string, multi map[string][]string) {
	if method != sip.ACK {
		w.seqA++
	}
	to := w.inviteA.To
	if w.respA != nil {
		to = w.respA.To
	}
	if method == sip.INVITE {
		w.txRe = w.txN + 1
	}
	w.inDialog(method, w.seqA, w.inviteA.CallID, w.inviteA.From, to, args, multi)
}

func (w *world) fromB(method sip.Method, args map[string]string, multi map[string][]string) {
	if method != sip.ACK {
		w.seqB++
	}
	w.inDialog(method, w.seqB, w.reqB.CallID, w.reqB.To.WithTag(w.tagB), w.reqB.From, args, multi)
}

func (w *world) responseB(args map[string]string, multi map[string][]string) {
	status, err := strconv.Atoi(multi["method"][0])
	require.NoError(w.t, err)
	tag := args["tag"]
	switch tag {
	case "":
		tag = "bt"
	case "null":
		tag = ""
	}
	w.tagB = tag
	resp := sip.NewResponse(w.reqB, status, args["phrase"], tag)
	if status < 300 {
		resp.Contact = []sip.Address{w.addr("<sip:bob@127.0.0.8:5064;transport=tcp>")}
	}
	w.headers(resp, multi)
	w.answer(resp, w.reqB, args["sdp"])
	w.e.Response(w.now, w.refB, resp, Source{})
}

// responseRe answers the last re-INVITE of ours.
func (w *world) responseRe(args map[string]string, multi map[string][]string) {
	status, err := strconv.Atoi(multi["method"][0])
	require.NoError(w.t, err)
	req := w.ownReq[w.reRef]
	resp := sip.NewResponse(req, status, args["phrase"], "")
	w.headers(resp, multi)
	w.answer(resp, req, args["sdp"])
	w.e.Response(w.now, w.reRef, resp, Source{})
}

// responseInfo answers the last INFO of ours.
func (w *world) responseInfo(args map[string]string, multi map[string][]string) {
	status, err := strconv.Atoi(multi["method"][0])
	require.NoError(w.t, err)
	w.e.Response(w.now, w.infoRef, sip.NewResponse(w.ownReq[w.infoRef], status, args["phrase"], ""), Source{})
}

func (w *world) stray(args map[string]string, multi map[string][]string) {
	w.txN++
	method := sip.Method(multi["method"][0])
	m := &sip.Message{
		Method: method, CallID: "stray", From: w.addr("<sip:x@y>").WithTag("1"), To: w.addr("<sip:bob@sip.example.org>"),
		CSeq: sip.CSeq{Number: 1, Method: method}, MaxForwards: 70,
	}
	if tag, ok := args["tag"]; ok {
		m.To = m.To.WithTag(tag)
	}
	w.headers(m, multi)
	tx := w.txN
	if method == sip.ACK {
		tx = 0
	}
	w.e.Request(w.now, tx, m, Source{Peer: netip.MustParseAddrPort("127.0.0.9:5062")})
}

func (w *world) location() Location {
	return Location{Local: netip.MustParseAddr(w.hop), Route: w.route}
}

func (w *world) take() string {
	s := w.out.String()
	w.out.Reset()
	return s
}

// finish: after every transcript nothing may be left, however it ended.
func (w *world) finish() {
	w.e.Shutdown(w.now, "end of the transcript")
	w.drain()
	for ref := range w.e.client {
		w.e.RequestFailed(w.now, ref, &transaction.TimeoutError{})
	}
	for tx := range w.e.server {
		w.e.ResponseFailed(w.now, tx, &transaction.TimeoutError{})
	}
	w.drain()
	for ref := range w.e.client { // BYEs of what was just given up
		w.e.RequestFailed(w.now, ref, &transaction.TimeoutError{})
	}
	w.now = w.now.Add(time.Hour)
	w.e.Advance(w.now)
	w.drain()
	require.Zero(w.t, w.e.Active(), "calls")
	require.Zero(w.t, w.e.Pending(), "requests")
	require.Empty(w.t, w.e.client, "client transactions")
	require.Empty(w.t, w.e.dialogs, "dialogs")
	require.Empty(w.t, w.e.server, "server transactions")
	require.Empty(w.t, w.e.timers.h, "timers")
	require.Empty(w.t, w.open, "streams")
}

// drain carries out what the engine said, prints it, and answers what surroundings answer by themselves.
func (w *world) drain() {
	for {
		o, ok := w.e.Poll()
		if !ok {
			return
		}
		if !w.quiet {
			w.print(o)
		}
		if h, ok := o.(Happened); ok && w.quiet {
			require.NotContains(w.t, h.Event.Text(), "broken invariant")
		}
		w.follows(o)
		w.protects(o)
		switch o := o.(type) {
		case SendRequest:
			w.ownReq[o.Ref] = o.Msg
			switch {
			case o.Msg.Method == sip.INVITE && o.Msg.To.Tag() == "":
				w.refB, w.reqB, w.seqB, w.tagB = o.Ref, o.Msg, 100, ""
			case o.Msg.Method == sip.INVITE:
				w.reRef = o.Ref
			case o.Msg.Method == sip.INFO:
				w.infoRef = o.Ref
			case o.Msg.Method == sip.REFER, o.Msg.Method == sip.NOTIFY:
				w.asked[o.Msg.Method] = o.Ref
			case o.Msg.Method == sip.BYE:
				w.answerBye(o)
			}
		case SendResponse:
			if o.Tx == w.txA && o.Msg.To.Tag() != "" {
				w.respA = o.Msg
			}
		case Locate:
			if !w.hold {
				w.e.Located(w.now, o.Call, w.location(), w.located)
			}
		case MediaOpen:
			if w.slow {
				w.opening = append(w.opening, o)
			} else {
				w.answerOpen(o)
			}
		case MediaClose:
			for k := range w.open {
				if k == fmt.Sprint(o.Call, "/", o.Index) || o.Index == AllStreams && strings.HasPrefix(k, fmt.Sprint(o.Call, "/")) {
					delete(w.open, k)
				}
			}
		}
	}
}
