package peers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/steps/peers/bzrtp"
)

// bzrtpFilter is compiled once.
var bzrtpFilter = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "b2bua-bzrtp-")
	if err != nil {
		return "", err
	}
	bzrtpDir = dir
	return bzrtp.Build(context.Background(), dir)
})

// bzrtpDir is removed at the end.
var bzrtpDir string

// algorithms of a phone with libbzrtp; nil: it has plain RTP.
type algorithms struct{ Hash, Cipher, Auth, Agreement, SAS []string }

func (a *algorithms) String() string {
	if a == nil {
		return "plain"
	}
	return strings.Join([]string{a.Agreement[0], a.Hash[0], a.Cipher[0], a.Auth[0], a.SAS[0]}, " ")
}

func wants(agreement, hash, cipher, sas string) *algorithms {
	return &algorithms{[]string{hash}, []string{cipher}, []string{"HS80"}, []string{agreement, "Mult"}, []string{sas}}
}

// short is a phone that takes tags of 32 bits where it decides. b2bua never does.
func short(agreement string) *algorithms {
	a := wants(agreement, "S256", "AES1", "B32")
	a.Auth = []string{"HS32"}
	return a
}

// TestInteropBzrtp: phones around libbzrtp that want what linphone does not by itself, on leg A, on leg B and on both, in two calls that
// their cache connects. Their RTP and RTCP, protected by libsrtp2, is compared octet by octet behind b2bua.
func TestInteropBzrtp(t *testing.T) {
	for _, legs := range [][2]*algorithms{
		{wants("X255", "S256", "AES1", "B32"), nil},
		{nil, wants("X255", "S384", "AES3", "B256")},
		{wants("X448", "S256", "AES3", "B32"), wants("DH3k", "S384", "AES1", "B256")},
		{wants("DH3k", "S256", "AES3", "B256"), wants("X448", "S384", "AES3", "B32")},
		{short("X255"), short("DH3k")},
	} {
		t.Run(fmt.Sprintf("%s calls %s", legs[0], legs[1]), func(t *testing.T) {
			t.Parallel()
			throughBzrtp(t, legs)
		})
	}
}

func throughBzrtp(t *testing.T, legs [2]*algorithms) {
	row := Row{Pair: fmt.Sprintf("libbzrtp %s > %s", legs[0], legs[1]), Wire: "RTP and RTCP by libsrtp2"}
	defer func() {
		row.Failed = t.Failed()
		table.Add(row)
		t.Log(row)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	l := newLab(t)
	alice, bob := newBzrtpEnd(t, l, "alice", legs[0]), newBzrtpEnd(t, l, "bob", legs[1])
	mode := "none"
	if legs[1] != nil {
		mode = "zrtp"
	}
	l.start(t, "udp", "sip:"+bob.phone.Addr().String()+";transport=udp", "[b2bua-server::trenscrypter]", "outgoing-enc-regex="+mode+" .*")
	for number := range 2 {
		for _, e := range []*bzrtpEnd{alice, bob} {
			e.begin(t)
		}
		call, incoming := meet(ctx, t, l, alice, bob)
		var wg sync.WaitGroup
		for _, e := range []*bzrtpEnd{alice, bob} {
			wg.Go(func() { e.run(ctx, t) })
		}
		wg.Wait()
		for i, e := range []*bzrtpEnd{alice, bob} {
			if e.library != nil {
				sas := e.judge(ctx, t, l, "AB"[i:i+1], number)
				row.Note += fmt.Sprintf("; SAS %c %s", "AB"[i], sas)
			}
		}
		_, err := call.Request("BYE", "")
		require.NoError(t, err)
		_, err = incoming.AwaitRequest(ctx, "BYE")
		require.NoError(t, err)
		row.Forth[0], row.Forth[1] = row.Forth[0]+bzrtpPackets, row.Forth[1]+bob.got
		row.Back[0], row.Back[1] = row.Back[0]+bzrtpPackets, row.Back[1]+alice.got
		row.Lost += 2*bzrtpPackets - alice.got - bob.got
	}
}

// Each side sends so many packets, and a report after every twentieth.
const bzrtpPackets = 100

// bzrtpEnd is a phone whose keys and packets are the library's.
type bzrtpEnd struct {
	byHand
	wants   *algorithms
	library *bzrtp.End // nil: plain RTP
	cache   string

	receive, transmit bool
	secure            *bzrtp.Secure
	sent, got         int
	reports           int
}

func newBzrtpEnd(t *testing.T, l *lab, name string, wants *algorithms) *bzrtpEnd {
	t.Helper()
	ssrc := binary.BigEndian.Uint32([]byte(name + "zzzz"))
	e := &bzrtpEnd{byHand: newByHand(t, l, name, ssrc), wants: wants, cache: filepath.Join(l.subdir(t, name), "cache.db")}
	if wants != nil {
		path, err := bzrtpFilter()
		require.NoError(t, err)
		e.library, err = bzrtp.Start(path)
		require.NoError(t, err)
		t.Cleanup(e.library.Close)
	}
	return e
}

// begin begins a call.
func (e *bzrtpEnd) begin(t *testing.T) {
	t.Helper()
	e.receive, e.transmit, e.secure, e.sent, e.got, e.reports = e.library == nil, e.library == nil, nil, 0, 0, 0
	for _, conn := range []*net.UDPConn{e.rtp, e.rtcp} { // what is left of the call before is for other keys
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		for err := error(nil); err == nil; {
			_, _, err = conn.ReadFromUDPAddrPort(make([]byte, 1))
		}
	}
	if e.library == nil {
		return
	}
	require.NoError(t, e.library.Call(bzrtp.Call{
		SSRC: e.ssrc, Cache: e.cache, Self: "sip:" + e.name + "@example.org", Peer: "sip:other@example.org",
		Hash: e.wants.Hash, Cipher: e.wants.Cipher, Auth: e.wants.Auth, Agreement: e.wants.Agreement, SAS: e.wants.SAS,
	}))
}

func (e *bzrtpEnd) describe(t *testing.T) string {
	t.Helper()
	if e.library == nil {
		return e.audio("RTP/AVP")
	}
	hash, err := e.library.Hash(0)
	require.NoError(t, err)
	return e.audio("RTP/AVP", "zrtp-hash:"+hash)
}

func (e *bzrtpEnd) take(t *testing.T, body string) {
	t.Helper()
	hash := ""
	for _, a := range e.taken(t, body, "RTP/AVP").Attributes {
		if value, ok := strings.CutPrefix(a, "zrtp-hash:"); ok {
			hash = value
		}
	}
	if e.library == nil {
		require.Empty(t, hash, "a leg without ZRTP")
		return
	}
	require.NoError(t, e.library.PeerHash(0, hash))
}

// packet n of an end; its payload tells whose it is.
func (e *bzrtpEnd) packet(n int) []byte {
	return append(e.header(n, uint16(1000+n)), bytes.Repeat([]byte{byte(n), e.name[0]}, 80)...)
}

// run is the call's media: it ends when everything was sent and everything came.
func (e *bzrtpEnd) run(ctx context.Context, t *testing.T) {
	began, deadline := time.Now(), time.Now().Add(20*time.Second)
	if e.library != nil && !e.obey(t)(e.library.Start(0)) {
		return
	}
	// What the other side sends before our keys are in use is lost, so everybody sends until both have enough.
	var next time.Time
	for ctx.Err() == nil && !t.Failed() && (e.got < bzrtpPackets || e.sent < 3*bzrtpPackets) {
		now := time.Now()
		if !assert.True(t, now.Before(deadline), "%s: sent %d, got %d, reports %d, secure %+v", e.name, e.sent, e.got, e.reports, e.secure) {
			return
		}
		if e.library != nil && !e.obey(t)(e.library.Tick(now.Sub(began))) {
			return
		}
		if e.transmit && !now.Before(next) {
			next = now.Add(10 * time.Millisecond)
			e.speak(t)
		}
		for _, conn := range []*net.UDPConn{e.rtp, e.rtcp} {
			e.listen(t, conn)
		}
	}
}

func (e *bzrtpEnd) obey(t *testing.T) func([]bzrtp.Event, error) bool {
	return func(events []bzrtp.Event, err error) bool {
		if !assert.NoError(t, err, e.name) {
			return false
		}
		for _, event := range events {
			switch {
			case event.Send != nil:
				_, err := e.rtp.WriteToUDPAddrPort(event.Send, e.to)
				assert.NoError(t, err, e.name)
			case event.Receive:
				e.receive = true
			case event.Transmit:
				e.transmit = true
			case event.Secure != nil:
				e.secure = event.Secure
			}
		}
		return true
	}
}

func (e *bzrtpEnd) speak(t *testing.T) {
	var protect func(bool, []byte) ([]byte, error)
	if e.library != nil {
		protect = func(rtcp bool, p []byte) ([]byte, error) { return e.library.Protect(0, rtcp, p) }
	}
	e.send(t, false, e.packet(e.sent), protect)
	if e.sent++; e.sent%20 == 0 {
		e.send(t, true, e.report(e.sent), protect)
	}
}

// listen takes what has come on a socket.
func (e *bzrtpEnd) listen(t *testing.T, conn *net.UDPConn) {
	b := make([]byte, 2048)
	for {
		assert.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Millisecond)))
		n, _, err := conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, os.ErrDeadlineExceeded) || !assert.NoError(t, err, e.name) {
			return
		}
		p := b[:n]
		if n > 12 && p[0]>>4 == 1 {
			if e.library != nil && !e.obey(t)(e.library.Receive(0, p)) {
				return
			}
			continue
		}
		if !e.receive {
			continue // before our keys
		}
		rtcp := conn == e.rtcp
		if e.library != nil {
			e.encrypted(t, p)
			if p, err = e.library.Unprotect(0, rtcp, p); !assert.NoError(t, err, e.name) {
				return
			}
		}
		e.hear(t, p, rtcp)
	}
}

// hear compares a packet with the one that the other end has sent, whose name its payload tells.
func (e *bzrtpEnd) hear(t *testing.T, p []byte, rtcp bool) {
	other := map[string]*bzrtpEnd{"alice": {byHand: byHand{name: "bob"}}, "bob": {byHand: byHand{name: "alice"}}}[e.name]
	if rtcp {
		e.reports++
		return
	}
	if !assert.Len(t, p, clearLength, e.name) {
		return
	}
	n := int(binary.BigEndian.Uint32(p[4:]) / 160)
	if assert.Equal(t, other.packet(n)[12:], p[12:], "%s, packet %d", e.name, n) {
		e.got = min(e.got+1, bzrtpPackets)
	}
}

// judge compares what the library and b2bua say about the call, and returns the SAS.
func (e *bzrtpEnd) judge(ctx context.Context, t *testing.T, l *lab, leg string, number int) string {
	t.Helper()
	require.NotNil(t, e.secure, e.name)
	assert.False(t, e.secure.Mismatch, "%s takes the call for an attack", e.name)
	assert.Equal(t, e.wants.Agreement[0], e.secure.Agreement)
	continuity := [2]string{"first call", "yes"}[number]
	re := regexp.MustCompile(fmt.Sprintf(`leg %s: secured: audio zrtp \S+_%s, SAS (?i)%s(?-i), agreement %s, hash %s, cipher %s, continuity %s`,
		leg, map[string]string{"HS80": "80", "HS32": "32"}[e.secure.Auth], regexp.QuoteMeta(e.secure.SAS), e.secure.Agreement, e.secure.Hash, e.secure.Cipher, continuity))
	_, err := l.process.AwaitLine(ctx, re)
	require.NoError(t, err)
	assert.Positive(t, e.reports, "%s got RTCP", e.name)
	require.NoError(t, e.library.HangUp())
	return e.secure.SAS
}
