package peers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// srtpFilter is compiled once.
var srtpFilter = struct {
	once sync.Once
	dir  string
	path string
	err  error
}{}

func filterPath(ctx context.Context) (string, error) {
	srtpFilter.once.Do(func() {
		if srtpFilter.dir, srtpFilter.err = os.MkdirTemp("", "b2bua-libsrtp-"); srtpFilter.err == nil {
			srtpFilter.path, srtpFilter.err = BuildFilter(ctx, srtpFilter.dir)
		}
	})
	return srtpFilter.path, srtpFilter.err
}

const (
	libsrtpPackets = 300 // RTP each way
	libsrtpReports = 15  // RTCP each way
	// A line towards SRTP begins in the lower half of the numbers (RFC 3711 section 3.3.1); with the packets between them lost, 300
	// of them go over the roll-over all the same.
	firstNumber = 32000
	everyNumber = 120
)

// TestInteropLibsrtp: libsrtp2 decrypts what b2bua puts on the wire and b2bua decrypts what libsrtp2 does, RTP and RTCP, over a
// roll-over, for every suite, on either leg and on both.
func TestInteropLibsrtp(t *testing.T) {
	for i, s := range Suites {
		other := Suites[(i+1)%len(Suites)]
		for _, legs := range [][2]string{{s.Name, ""}, {"", s.Name}, {s.Name, other.Name}} {
			t.Run(fmt.Sprintf("%s calls %s", orPlain(legs[0]), orPlain(legs[1])), func(t *testing.T) {
				t.Parallel()
				throughLibsrtp(t, legs[0], legs[1])
			})
		}
	}
}

func orPlain(suite string) string {
	if suite == "" {
		return "plain"
	}
	return suite
}

func throughLibsrtp(t *testing.T, suiteA, suiteB string) {
	row := Row{Pair: "libsrtp2 " + orPlain(suiteA) + " > " + orPlain(suiteB), Wire: "RTP and RTCP by libsrtp2, roll-over 1"}
	defer func() {
		row.Failed = t.Failed()
		table.Add(row)
		t.Log(row)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	l := newLab(t)
	bob := newEnd(ctx, t, l, "bob", suiteB)
	mode := "none"
	if suiteB != "" {
		mode = "sdes"
	}
	more := []string{"[b2bua-server::trenscrypter]", "outgoing-enc-regex=" + mode + " .*"}
	if suiteB != "" {
		more = append(more, "outgoing-srtp-regex="+suiteB+" .*")
	}
	l.start(t, "udp", "sip:"+bob.phone.Addr().String()+";transport=udp", more...)
	alice := newEnd(ctx, t, l, "alice", suiteA)
	call, _ := meet(ctx, t, l, alice, bob)
	var wg sync.WaitGroup
	for _, pair := range [][2]*end{{alice, bob}, {bob, alice}} {
		wg.Go(func() { pair[0].speak(t) })
		wg.Go(func() { pair[1].listen(ctx, t, pair[0]) })
	}
	wg.Wait()
	_, err := call.Request("BYE", "")
	require.NoError(t, err)
	line, err := l.process.AwaitLine(ctx, trafficLine)
	require.NoError(t, err)
	ours, err := readTraffic(line.Message())
	require.NoError(t, err)
	all := [2]int{libsrtpPackets, libsrtpPackets}
	between := 2 * (libsrtpPackets - 1) * (everyNumber - 1) // the numbers left out, each way
	assert.Equal(t, traffic{received: all, sent: all, lost: between}, ours)
	row.Forth, row.Back = [2]int{libsrtpPackets, bob.got}, [2]int{libsrtpPackets, alice.got}
	row.Lost, row.Undecryptable = 2*libsrtpPackets-bob.got-alice.got, alice.bad+bob.bad
}

// end is a phone whose media libsrtp2 protects.
type end struct {
	byHand
	suite    string // empty: plain RTP
	filter   *Filter
	key      []byte
	got, bad int // written by listen
}

func newEnd(ctx context.Context, t *testing.T, l *lab, name, suite string) *end {
	t.Helper()
	e := &end{byHand: newByHand(t, l, name, map[string]uint32{"alice": 0x01020304, "bob": 0x0a0b0c0d}[name]), suite: suite}
	if suite == "" {
		return e
	}
	path, err := filterPath(ctx)
	require.NoError(t, err)
	e.filter, err = StartFilter(path)
	require.NoError(t, err)
	t.Cleanup(e.filter.Close)
	for _, s := range Suites {
		if s.Name == suite {
			e.key = make([]byte, s.Length)
		}
	}
	_, err = rand.Read(e.key)
	require.NoError(t, err)
	return e
}

func (e *end) describe(*testing.T) string {
	if e.suite == "" {
		return e.audio("RTP/AVP")
	}
	return e.audio("RTP/SAVP", "crypto:1 "+e.suite+" inline:"+base64.StdEncoding.EncodeToString(e.key))
}

// take takes the other's description: its address and, for libsrtp2, its key.
func (e *end) take(t *testing.T, body string) {
	t.Helper()
	if e.suite == "" {
		e.taken(t, body, "RTP/AVP")
		return
	}
	section := e.taken(t, body, "RTP/SAVP")
	require.Equal(t, []string{e.suite}, section.Suites())
	for _, a := range section.Attributes {
		if text, ok := strings.CutPrefix(a, "crypto:1 "+e.suite+" inline:"); ok {
			text, _, _ = strings.Cut(text, "|")
			theirs, err := base64.StdEncoding.DecodeString(text)
			require.NoError(t, err)
			require.NoError(t, e.filter.Keys(e.suite, e.key, theirs))
			return
		}
	}
	require.Fail(t, "b2bua's description has no key with tag 1")
}

// packet n of an end: a payload that nobody else sends.
func (e *end) packet(n int) []byte {
	p := e.header(n, uint16(firstNumber+everyNumber*n))
	if n == 0 {
		p[1] = 0x80
	}
	for i := range 160 {
		p = append(p, byte(i*n)^byte(e.ssrc)^byte(n>>3))
	}
	return p
}

// speak sends everything.
func (e *end) speak(t *testing.T) {
	var protect func(bool, []byte) ([]byte, error)
	if e.filter != nil {
		protect = e.filter.Protect
	}
	every := libsrtpPackets / libsrtpReports
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := range libsrtpPackets {
		<-tick.C
		e.send(t, false, e.packet(n), protect)
		if n%every == every-1 {
			e.send(t, true, e.report(n), protect)
		}
	}
}

// listen takes everything that the other end has sent and compares it octet by octet.
func (e *end) listen(ctx context.Context, t *testing.T, other *end) {
	deadline, _ := ctx.Deadline()
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = e.rtcp.SetReadDeadline(deadline)
		for n := range libsrtpReports {
			p, _, ok := e.receive(t, e.rtcp, opUnprotectRTCP)
			if !ok {
				return
			}
			want := other.report((n+1)*libsrtpPackets/libsrtpReports - 1)
			assert.Equal(t, want[20:24], p[20:24], "%s, report %d", e.name, n)
			assert.Equal(t, want[:2], p[:2], "%s, report %d", e.name, n)
		}
	})
	_ = e.rtp.SetReadDeadline(deadline)
	var rollOver uint32
	for n := range libsrtpPackets {
		p, roc, ok := e.receive(t, e.rtp, opUnprotect)
		if !ok {
			break
		}
		if assert.Equal(t, other.packet(n), p, "%s, packet %d", e.name, n) {
			e.got++
		}
		rollOver = roc
	}
	if e.filter != nil {
		assert.Equal(t, uint32(1), rollOver, "%s: the roll-over counter of libsrtp2", e.name)
	}
	wg.Wait()
}

func (e *end) receive(t *testing.T, from *net.UDPConn, operation byte) (p []byte, rollOver uint32, ok bool) {
	b := make([]byte, 2048)
	n, _, err := from.ReadFromUDPAddrPort(b)
	if !assert.NoError(t, err, e.name) {
		return nil, 0, false
	}
	if p = b[:n]; e.filter == nil {
		return p, 0, true
	}
	if operation == opUnprotect {
		e.encrypted(t, p)
	}
	if p, rollOver, err = e.filter.do(operation, p); !assert.NoError(t, err, e.name) {
		e.bad++
		return nil, 0, false
	}
	return p, rollOver, true
}
