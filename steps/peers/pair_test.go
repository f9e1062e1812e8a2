package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/proxy"
)

const domain = "sip.example.org"

// spoken is how many packets the two have to exchange: enough for the counters to tell a stream from a few packets.
const spoken = 100 // two seconds

// side is one of a pair, as the tables of the tests name it: "linphone dtls ice".
type side string

func (s side) kind() string       { return strings.Fields(string(s))[0] }
func (s side) encryption() string { return strings.Fields(string(s))[1] }
func (s side) ice() bool          { return s.is("ice") }
func (s side) video() bool        { return s.is("video") }

// is tells whether one of the words behind the encryption is that.
func (s side) is(word string) bool { return slices.Contains(strings.Fields(string(s))[2:], word) }

// audio is Config.Audio.
func (s side) audio() []string {
	switch {
	case s.is("opus"):
		return []string{"opus/48000/2", "telephone-event/48000"}
	case s.is("mute"): // no telephone events
		return []string{"opus/48000/2"}
	}
	return nil
}

// pair is a call from one to the other.
type pair struct {
	caller, callee side
	suite          string     // of SDES, offered by b2bua to the callee; empty: its default
	callerSuite    string     // of SDES, of the caller; of a linphone with ZRTP the one that it takes cipher and tag from
	noICE          bool       // b2bua's enable-ice=false
	transparent    bool       // b2bua's zrtp-transparent=true
	second         netip.Addr // of this machine on another network, which peers with ICE check from as well
	// shortRTCP: the peer on leg B expects a tag of 32 bits in SRTCP as well. RFC 3711 section 3.4 and RFC 4568 section 6.2.2 want 80.
	shortRTCP bool
}

func (p pair) String() string {
	text := strings.TrimSpace(string(p.caller)+" "+p.callerSuite) + " > " + strings.TrimSpace(string(p.callee)+" "+p.suite)
	if p.noICE {
		text += " (enable-ice=false)"
	}
	if p.transparent {
		text += " (zrtp-transparent=true)"
	}
	if p.second.IsValid() {
		text += " (two networks)"
	}
	return text
}

// browsers is the pattern of callees that are some.
func (p pair) browsers() string {
	if p.callee.kind() == "chromium" {
		return "sip:bob@.*"
	}
	return ""
}

func (p pair) has(encryption string) bool {
	return p.caller.encryption() == encryption || p.callee.encryption() == encryption
}

// leaks tells whether one of them sends packets in clear before it has keys and after: baresip says hello and goodbye that way.
func (p pair) leaks() bool {
	for _, s := range []side{p.caller, p.callee} {
		if s.kind() == "baresip" && s.encryption() != "none" {
			return true
		}
	}
	return false
}

// inLab is a pair at work.
type inLab struct {
	*lab
	pair       pair
	alice, bob Peer
	sniffer    *Sniffer
	row        Row
	clear      int // packets that peers sent in clear on encrypted legs
}

// run places the call, lets them talk, and judges.
func (p pair) run(t *testing.T) {
	t.Helper()
	l := &inLab{lab: newLab(t), pair: p, row: Row{Pair: p.String()}}
	defer func() {
		l.row.Failed = t.Failed()
		table.Add(l.row)
		t.Log(l.row)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	l.open(ctx, t)
	require.NoError(t, l.alice.Call("sip:bob@"+domain))
	require.NoError(t, l.alice.AwaitRunning(ctx))
	require.NoError(t, l.bob.AwaitRunning(ctx))
	for name, s := range map[string]side{"A": p.caller, "B": p.callee} {
		if agent, ok := map[string]Peer{"A": l.alice, "B": l.bob}[name].(*Linphone); ok && s.ice() && !p.noICE {
			require.NoError(t, agent.AwaitICE(ctx))
		}
		if s.encryption() == "zrtp" && !p.transparent {
			l.sameSAS(ctx, t, name, 1)
		}
		if s.encryption() == "dtls" {
			_, err := l.process.AwaitLine(ctx, regexp.MustCompile("leg "+name+": secured: audio dtls-srtp"))
			require.NoError(t, err)
		}
	}
	if p.transparent {
		l.endToEnd(ctx, t)
	}
	l.talk(ctx, t)
	require.NoError(t, l.bob.HangUp())
	l.judge(ctx, t)
	if p.caller.video() {
		l.judgeVideo(ctx, t)
	}
}

// open starts everything and waits until both are registered.
func (l *inLab) open(ctx context.Context, t *testing.T) {
	t.Helper()
	sniffer, err := Sniff()
	if !errors.Is(err, ErrNotAllowed) {
		require.NoError(t, err)
	}
	t.Cleanup(sniffer.Close)
	l.sniffer = sniffer
	at := l.address(t).String() + ":5060"
	binary, err := builder.Binary(ctx)
	require.NoError(t, err)
	registrar, err := proxy.New(proxy.Config{
		Listen: []string{"tcp:" + at, "udp:" + at}, Domains: []string{domain},
		Divert: proxy.Divert{URI: "sip:" + l.b2bua.String() + ";transport=tcp", UserAgent: "Flexisip-B2BUA/" + binary.Version},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = registrar.Close() })
	mode := map[string]string{"srtp": "sdes", "none": "none", "dtls": "dtls-srtp", "zrtp": "zrtp"}[l.pair.callee.encryption()]
	more := []string{"[b2bua-server]", fmt.Sprintf("enable-ice=%t", !l.pair.noICE), "[b2bua]", fmt.Sprintf("zrtp-transparent=%t", l.pair.transparent), "webrtc-regex=" + l.pair.browsers(), "[b2bua-server::trenscrypter]", "outgoing-enc-regex=" + mode + " sip:bob@.*"}
	if l.pair.suite != "" {
		more = append(more, "outgoing-srtp-regex="+l.pair.suite+" sip:bob@.*")
	}
	l.start(t, "tcp", registrar.URI(), more...)
	l.bob = l.peer(ctx, t, Config{Name: "bob", AutoAnswer: true, Proxy: at}, l.pair.callee)
	l.alice = l.peer(ctx, t, Config{Name: "alice", Proxy: at}, l.pair.caller)
	require.NoError(t, l.bob.AwaitRegistered(ctx))
	require.NoError(t, l.alice.AwaitRegistered(ctx))
}

func (l *inLab) peer(ctx context.Context, t *testing.T, cfg Config, s side) Peer {
	t.Helper()
	cfg.Kind, cfg.Encryption, cfg.ICE, cfg.Video, cfg.Domain = s.kind(), s.encryption(), s.ice(), s.video(), cmp.Or(cfg.Domain, domain)
	cfg.Audio = s.audio()
	if s.is("max-bundle") {
		cfg.Bundle = "max-bundle"
	}
	cfg.Addr, cfg.Dir = l.address(t), l.subdir(t, cfg.Name)
	if cfg.Name == "alice" && l.pair.callerSuite != "" {
		cfg.Suites = []string{l.pair.callerSuite}
	}
	p, err := Start(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return p
}

// talk lets the two speak until the sniffer has seen enough from both and to both. Without it there is nothing to wait for but time:
// their counters come only at the end of the call.
func (l *inLab) talk(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	patience, look := time.After(4*time.Second), time.NewTicker(50*time.Millisecond)
	defer look.Stop()
	for !l.haveTalked() {
		select {
		case <-look.C:
		case <-patience:
			if l.sniffer == nil {
				return
			}
		case <-l.process.Exited():
			t.Fatal("b2bua ended during the call")
		case <-ctx.Done():
			t.Log("too few packets were on the wire: the counters will tell whose")
			return
		}
	}
}

func (l *inLab) haveTalked() bool {
	if l.sniffer == nil {
		return false
	}
	for _, p := range []Peer{l.alice, l.bob} {
		to, from := l.sniffer.Between(mediaOf(p))
		if min(to.RTP, from.RTP) < spoken+20 {
			return false
		}
	}
	return true
}

// mediaOf tells a peer's media ports, whatever it answers SIP on.
func mediaOf(p Peer) func(netip.AddrPort) bool {
	return func(at netip.AddrPort) bool { return at.Port() != sipPort && p.Owns(at) }
}

// judge compares what both peers, b2bua and the sniffer counted.
func (l *inLab) judge(ctx context.Context, t *testing.T) {
	t.Helper()
	a, b := l.counters(ctx, t, "alice", l.alice), l.counters(ctx, t, "bob", l.bob)
	ours := l.traffic(ctx, t)
	for leg, c := range []Counters{a, b} {
		withheld := 20
		if [2]side{l.pair.caller, l.pair.callee}[leg].encryption() == "zrtp" {
			withheld = 100 // linphone counts what it did not send for want of keys
		}
		assert.InDelta(t, c.Sent, ours.received[leg], float64(withheld), "what the peer of leg %c sent, b2bua received", 'A'+leg)
		assert.InDelta(t, ours.sent[leg], c.Received, 10, "what b2bua sent, the peer of leg %c received", 'A'+leg)
		if !l.pair.has("dtls") && !l.pair.has("zrtp") { // until its handshake is done, what the other one says goes nowhere
			assert.InDelta(t, ours.received[leg], ours.sent[1-leg], 10, "what b2bua received on leg %c, it sent on the other", 'A'+leg)
		}
	}
	l.row.Forth, l.row.Back = [2]int{a.Sent, b.Received}, [2]int{b.Sent, a.Received}
	l.row.Lost = max(a.Lost, 0) + max(b.Lost, 0) + ours.lost
	l.row.Wire = l.wire(t, "A", l.alice, l.pair.caller) + " | " + l.wire(t, "B", l.bob, l.pair.callee)
	if l.sniffer == nil && l.pair.leaks() {
		l.clear = ours.refused // nobody has seen whether they were
	}
	if l.pair.shortRTCP {
		assert.Positive(t, b.ControlErrors, "the peer has been mended: judge it like the others")
		b.Errors -= b.ControlErrors
		l.row.Note += "; SRTCP apart: the peer wants a tag of 32 bits, RFC 4568 has 80"
		ours.refused = 0 // its SRTCP
	}
	l.row.Undecryptable = a.Errors + b.Errors + max(ours.refused-l.clear, 0)
	if l.clear > 0 {
		l.row.Note += fmt.Sprintf("; baresip sent %d packets in clear, b2bua refused %d", l.clear, ours.refused)
	}
	assert.Zero(t, l.row.Undecryptable, "packets that somebody could not decrypt: alice %d, bob %d, b2bua %d", a.Errors, b.Errors, ours.refused)
	assert.Zero(t, l.row.Lost, "lost packets")
	if l.pair.suite != "" {
		assert.Equal(t, l.pair.suite, b.Suite)
	}
}

func (l *inLab) counters(ctx context.Context, t *testing.T, name string, p Peer) Counters {
	t.Helper()
	c, err := p.AwaitCounters(ctx)
	require.NoError(t, err)
	t.Logf("%s: %+v", name, c)
	assert.Greater(t, c.Sent, spoken, "%s sent audio", name)
	assert.Greater(t, c.Received, spoken, "%s received audio", name)
	assert.Zero(t, c.Bad, "%s got malformed packets", name)
	assert.NotEmpty(t, c.Heard, "%s heard the other, and not silence", name)
	return c
}

// traffic is what b2bua says about a stream at the end of a call, by leg.
type traffic struct {
	received, sent [2]int
	lost, refused  int // of both legs
}

var (
	trafficLine    = regexp.MustCompile(`stream 0: leg A (received \d+.*); leg B (received \d+.*)`)
	trafficPart    = regexp.MustCompile(`(received|lost|sent) (\d+)`)
	trafficRefused = regexp.MustCompile(`(\d+) (?:not authentic|replayed|late|from elsewhere|not agreed or malformed)`)
)

func readTraffic(line string) (sum traffic, err error) {
	legs := trafficLine.FindStringSubmatch(line)
	if legs == nil {
		return sum, fmt.Errorf("no figures of a stream: %s", line)
	}
	number := func(text string) int {
		n, convErr := strconv.Atoi(text)
		err = errors.Join(err, convErr)
		return n
	}
	for leg, text := range legs[1:] {
		text, _, _ = strings.Cut(text, ", peer reports") // the peer's words of the same names
		seen := map[string]bool{}
		for _, m := range trafficPart.FindAllStringSubmatch(text, -1) {
			seen[m[1]] = true
			switch m[1] {
			case "received":
				sum.received[leg] = number(m[2])
			case "sent":
				sum.sent[leg] = number(m[2])
			case "lost":
				sum.lost += number(m[2])
			}
		}
		if len(seen) != 3 && (len(seen) != 2 || seen["lost"] || sum.received[leg] > 0) { // nothing can be lost of nothing
			err = errors.Join(err, fmt.Errorf("figures are missing: %s", text))
		}
		for _, m := range trafficRefused.FindAllStringSubmatch(legs[1+leg], -1) {
			sum.refused += number(m[1])
		}
	}
	return sum, err
}

func (l *inLab) traffic(ctx context.Context, t *testing.T) traffic {
	t.Helper()
	line, err := l.process.AwaitLine(ctx, trafficLine)
	require.NoError(t, err)
	t.Log(line.Message())
	sum, err := readTraffic(line.Message())
	require.NoError(t, err)
	assert.Greater(t, min(sum.received[0], sum.received[1]), spoken)
	return sum
}

// wire judges what was on the wire between a peer and b2bua. A peer may leak a packet before its keys are there or after it has
// thrown them away; b2bua must not, and must refuse them.
func (l *inLab) wire(t *testing.T, leg string, p Peer, s side) string {
	t.Helper()
	if l.sniffer == nil {
		l.row.Note = "; " + ErrNotAllowed.Error()
		return "not read"
	}
	encrypted := s.encryption() != "none"
	to, from := l.sniffer.Between(mediaOf(p))
	for direction, w := range map[string]*Wire{"to": &to, "from": &from} {
		assert.NoError(t, w.Check(encrypted), "leg %s, %s the peer", leg, direction)
		assert.Equal(t, s.encryption() == "dtls", w.DTLS > 0, "leg %s, %s the peer: DTLS on the wire", leg, direction)
		assert.Equal(t, s.encryption() == "zrtp", w.ZRTP > 0, "leg %s, %s the peer: ZRTP on the wire", leg, direction)
		if s.ice() && !l.pair.noICE {
			assert.Positive(t, w.STUN, "leg %s, %s the peer: STUN on the wire", leg, direction)
		}
	}
	if l.pair.second.IsValid() && s.ice() {
		_, elsewhere := l.sniffer.Between(func(at netip.AddrPort) bool { return at.Addr() == l.pair.second })
		assert.Positive(t, elsewhere.STUN, "leg %s: checks from the second network", leg)
	}
	if l.pair.noICE {
		assert.Zero(t, to.STUN, "leg %s: answers to checks that b2bua was told not to give", leg)
	}
	if encrypted {
		assert.Zero(t, to.ClearRTP+to.ClearRTCP, "leg %s: b2bua sent packets in clear", leg)
		if s.kind() != "baresip" {
			assert.Zero(t, from.ClearRTP+from.ClearRTCP, "leg %s: the peer sent packets in clear", leg)
		}
		l.clear += from.ClearRTP + from.ClearRTCP
	}
	text := fmt.Sprintf("%.2f/%.2f bit", to.Entropy(encrypted), from.Entropy(encrypted))
	if n := to.DTLS + from.DTLS; n > 0 {
		text += fmt.Sprintf(" dtls %d", n)
	}
	if n := to.ZRTP + from.ZRTP; n > 0 {
		text += fmt.Sprintf(" zrtp %d", n)
	}
	if n := to.STUN + from.STUN; n > 0 {
		text += fmt.Sprintf(" stun %d", n)
	}
	return text
}
