package dtls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/media/sdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	addrA = netip.MustParseAddrPort("192.0.2.1:4000")
	addrB = netip.MustParseAddrPort("192.0.2.2:5000")
	addrX = netip.MustParseAddrPort("198.51.100.66:666")
)

// handshaker with a certificate of its own and times for tests.
func handshaker(t testing.TB, cfg Config) *Handshaker {
	t.Helper()
	if cfg.Certificate == nil {
		cfg.Certificate = certificate(t)
	}
	if cfg.Flight == 0 {
		cfg.Flight = 20 * time.Millisecond
	}
	h, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(h.Close)
	return h
}

func certificate(t testing.TB) *Certificate {
	t.Helper()
	c, warning, err := LoadCertificate("", time.Now())
	require.NoError(t, err)
	require.NoError(t, warning)
	return c
}

// wire carries datagrams between two associations. Its filter sees each before it is delivered; false: lost.
type wire struct {
	mu     sync.Mutex
	ends   map[netip.AddrPort]*Association
	filter func(from, to netip.AddrPort, b []byte) bool
	seen   []string
}

func newWire(filter func(from, to netip.AddrPort, b []byte) bool) *wire {
	return &wire{ends: map[netip.AddrPort]*Association{}, filter: filter}
}

func (w *wire) send(from netip.AddrPort) func(b []byte, to netip.AddrPort) {
	return func(b []byte, to netip.AddrPort) {
		w.mu.Lock()
		end := w.ends[to]
		ok := w.filter == nil || w.filter(from, to, b)
		w.seen = append(w.seen, fmt.Sprintf("%s %d", from, b[0]))
		w.mu.Unlock()
		if end != nil && ok {
			end.Receive(slices.Clone(b), from)
		}
	}
}

func (w *wire) records(prefix string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.seen {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// join starts one end. The channel gives its results.
func (w *wire) join(t testing.TB, h *Handshaker, at, remote netip.AddrPort, active bool, peer sdp.Fingerprint) (*Association, chan Result) {
	t.Helper()
	results := make(chan Result, 8)
	w.mu.Lock()
	defer w.mu.Unlock()
	a, err := h.Start(Params{
		DTLS: sdp.DTLSParams{Active: active, Fingerprint: peer}, Remote: remote, Send: w.send(at), Done: func(r Result) { results <- r },
	})
	require.NoError(t, err)
	w.ends[at] = a
	return a, results
}

func result(t testing.TB, results chan Result) Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(20 * time.Second):
		require.FailNow(t, "no result")
	}
	return Result{}
}

func requireKeys(t testing.TB, client, server Result) {
	t.Helper()
	require.NoError(t, client.Err)
	require.NoError(t, server.Err)
	require.Equal(t, sdp.AEADAES128GCM, client.Send.Suite)
	require.Equal(t, []byte(client.Send.Key), []byte(server.Recv.Key))
	require.Equal(t, []byte(client.Recv.Key), []byte(server.Send.Key))
	require.NotEqual(t, []byte(client.Recv.Key), []byte(client.Send.Key))
}

func TestBothRoles(t *testing.T) {
	a, b := handshaker(t, Config{}), handshaker(t, Config{})
	w := newWire(nil)
	_, server := w.join(t, b, addrB, addrA, false, a.Fingerprint())
	_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
	c, s := result(t, client), result(t, server)
	requireKeys(t, c, s)
	require.Equal(t, addrB, c.Remote)
	require.Equal(t, addrA, s.Remote)
	a.Close()
	b.Close()
	require.Zero(t, w.records(addrA.String()+" 21"), "a close_notify was sent")
	require.Zero(t, w.records(addrB.String()+" 21"), "a close_notify was sent")
}

func TestLoss(t *testing.T) {
	for seed := range int64(8) {
		r := rand.New(rand.NewSource(seed))
		w := newWire(func(_, _ netip.AddrPort, _ []byte) bool { return r.Intn(100) >= 30 })
		a, b := handshaker(t, Config{}), handshaker(t, Config{})
		_, server := w.join(t, b, addrB, addrA, false, a.Fingerprint())
		_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
		requireKeys(t, result(t, client), result(t, server))
		a.Close()
		b.Close()
	}
}

func TestWrongFingerprint(t *testing.T) {
	other := sdp.FingerprintOf([]byte("somebody else"))
	for _, wrongAtServer := range []bool{false, true} {
		a, b := handshaker(t, Config{}), handshaker(t, Config{})
		w := newWire(nil)
		ofA, ofB := a.Fingerprint(), other
		if wrongAtServer {
			ofA, ofB = other, b.Fingerprint()
		}
		_, server := w.join(t, b, addrB, addrA, false, ofA)
		_, client := w.join(t, a, addrA, addrB, true, ofB)
		c, s := result(t, client), result(t, server)
		wrong, told := c, s
		if wrongAtServer {
			wrong, told = s, c
		}
		require.ErrorIs(t, wrong.Err, ErrFingerprint)
		require.ErrorContains(t, told.Err, "BadCertificate")
		require.Empty(t, c.Send.Key)
		require.Empty(t, s.Send.Key)
	}
}

// Others may send what they like to a passive association: it waits for its peer.
func TestStrangers(t *testing.T) {
	a, b, x := handshaker(t, Config{}), handshaker(t, Config{}), handshaker(t, Config{})
	w := newWire(nil)
	end, server := w.join(t, b, addrB, addrA, false, a.Fingerprint())
	var sent [][]byte
	w.filter = func(from, _ netip.AddrPort, p []byte) bool {
		if from == addrX {
			sent = append(sent, slices.Clone(p))
		}
		return true
	}
	_, stranger := w.join(t, x, addrX, addrB, true, b.Fingerprint())
	require.ErrorContains(t, result(t, stranger).Err, "BadCertificate") // it has the cookie, but another certificate
	for i := range 2000 {
		from := netip.AddrPortFrom(addrX.Addr(), uint16(1000+i))
		end.Receive(sent[i%len(sent)], from)
		end.Receive([]byte{22, 254, 253, byte(i)}, from)
	}
	end.mu.Lock()
	require.LessOrEqual(t, len(end.peers), strangers)
	end.mu.Unlock()
	_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
	requireKeys(t, result(t, client), result(t, server))
	// What was recorded before means nothing afterwards.
	for _, p := range sent {
		end.Receive(p, addrA)
		end.Receive(p, addrX)
	}
	require.Empty(t, server)
}

// A peer behind a NAT speaks from elsewhere: its certificate proves it.
func TestPeerFromElsewhere(t *testing.T) {
	a, b := handshaker(t, Config{}), handshaker(t, Config{})
	w := newWire(nil)
	_, server := w.join(t, b, addrB, netip.MustParseAddrPort("10.0.0.1:4000"), false, a.Fingerprint())
	_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
	s := result(t, server)
	requireKeys(t, result(t, client), s)
	require.Equal(t, addrA, s.Remote)
}

// A silent peer is told once, and the handshake succeeds all the same when it wakes up.
func TestSilence(t *testing.T) {
	a, b := handshaker(t, Config{Timeout: 200 * time.Millisecond}), handshaker(t, Config{Timeout: 200 * time.Millisecond})
	w := newWire(nil)
	_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
	_, server := w.join(t, b, addrX, addrA, false, a.Fingerprint())
	c, s := result(t, client), result(t, server)
	require.ErrorIs(t, c.Err, ErrTimeout)
	require.ErrorIs(t, s.Err, ErrTimeout)
	require.ErrorContains(t, s.Err, "a peer that sent nothing")
	_, server = w.join(t, b, addrB, addrA, false, a.Fingerprint())
	for c = result(t, client); c.Err != nil; c = result(t, client) {
		require.ErrorIs(t, c.Err, ErrTimeout)
	}
	s = result(t, server)
	requireKeys(t, c, s)
}

// After the handshake a peer that lost our last messages gets them again; later the association is gone.
func TestLinger(t *testing.T) {
	a, b := handshaker(t, Config{}), handshaker(t, Config{Linger: 300 * time.Millisecond})
	var mu sync.Mutex
	lost := 0
	w := newWire(nil)
	w.filter = func(from, _ netip.AddrPort, p []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		if from == addrB && p[0] == 20 && lost < 3 { // ChangeCipherSpec and Finished of the server
			lost++
			return false
		}
		return true
	}
	end, server := w.join(t, b, addrB, addrA, false, a.Fingerprint())
	_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
	requireKeys(t, result(t, client), result(t, server))
	require.Equal(t, 3, lost)
	require.Eventually(t, func() bool { end.mu.Lock(); defer end.mu.Unlock(); return len(end.peers) == 0 }, 30*time.Second, 5*time.Millisecond)
}

// The rate is kept, in the order of arrival, and what cannot be done in time is refused.
func TestRate(t *testing.T) {
	h := handshaker(t, Config{PerSecond: 100})
	now := time.Now()
	var last time.Duration
	for i := range burst + 100 {
		d, err := h.reserve(now)
		require.NoError(t, err)
		require.GreaterOrEqual(t, d, last)
		if i <= burst {
			require.Zero(t, d)
		}
		last = d
	}
	require.InDelta(t, time.Second.Seconds(), last.Seconds(), 0.02)
	n := 0
	for ; ; n++ {
		if _, err := h.reserve(now); err != nil {
			require.ErrorIs(t, err, ErrBusy)
			break
		}
	}
	require.InDelta(t, 100*(waitSeconds-1), n, 3)
}

func TestBusy(t *testing.T) {
	a, b := handshaker(t, Config{Running: 1, Timeout: 300 * time.Millisecond}), handshaker(t, Config{})
	w := newWire(nil)
	_, first := w.join(t, a, addrA, addrX, true, b.Fingerprint()) // holds the only place until its time is over
	require.Eventually(t, func() bool { return w.records(addrA.String()) > 0 }, 30*time.Second, time.Millisecond)
	_, second := w.join(t, a, addrB, addrX, true, b.Fingerprint())
	require.ErrorIs(t, result(t, second).Err, ErrBusy)
	require.ErrorIs(t, result(t, first).Err, ErrTimeout)
}

func TestClosed(t *testing.T) {
	h := handshaker(t, Config{})
	h.Close()
	h.Close()
	_, err := h.Start(Params{})
	require.ErrorIs(t, err, ErrClosed)
	_, err = New(Config{})
	require.Error(t, err)
}

func TestCertificateIsKept(t *testing.T) {
	now := time.Now()
	dir := filepath.Join(t.TempDir(), "flexisip", "b2b")
	c, warning, err := LoadCertificate(dir, now)
	require.NoError(t, err)
	require.NoError(t, warning)
	path := filepath.Join(dir, fileName)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	info, err = os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	again, warning, err := LoadCertificate(dir, now)
	require.NoError(t, err)
	require.NoError(t, warning)
	require.Equal(t, c.Fingerprint(), again.Fingerprint())
	leaf, err := x509.ParseCertificate(again.tls.Certificate[0])
	require.NoError(t, err)
	require.Equal(t, x509.ECDSA, leaf.PublicKeyAlgorithm)
	require.Equal(t, c.String(), fmt.Sprintf("%v", c))
	require.NotContains(t, fmt.Sprintf("%+v %#v", c, c), "PrivateKey")

	for name, spoil := range map[string]func(){
		"expired":     func() { now = now.Add(2 * validity) },
		"no file":     func() { require.NoError(t, errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))) },
		"broken":      func() { require.NoError(t, os.WriteFile(path, []byte("nonsense"), 0o600)) },
		"deleted key": func() { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			spoil()
			fresh, warning, err := LoadCertificate(dir, now)
			require.NoError(t, err)
			require.ErrorContains(t, warning, "was replaced")
			require.ErrorContains(t, warning, path+".bak")
			require.NotEqual(t, again.Fingerprint(), fresh.Fingerprint())
			_, warning, err = LoadCertificate(dir, now)
			require.NoError(t, err)
			require.NoError(t, warning)
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, warning, err = LoadCertificate(filepath.Join(file, "below"), now)
	require.NoError(t, err)
	require.ErrorContains(t, warning, "data-directory")
	require.ErrorIs(t, warning, ErrNotKept)
}

// A file that came back from a backup with other modes is still the certificate that peers know.
func TestCertificateThatOthersMayReadIsClosedToThem(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	c, _, err := LoadCertificate(dir, now)
	require.NoError(t, err)
	path := filepath.Join(dir, fileName)
	require.NoError(t, os.Chmod(path, 0o644))
	again, warning, err := LoadCertificate(dir, now)
	require.NoError(t, err)
	require.ErrorContains(t, warning, "mode 0644")
	require.Equal(t, c.Fingerprint(), again.Fingerprint())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestWhatIsNoCertificateIsSetAside(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	path := filepath.Join(dir, fileName)
	for _, text := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, warning, err := LoadCertificate(dir, now)
		require.NoError(t, err)
		require.ErrorContains(t, warning, path+".bak")
	}
	for name, want := range map[string]string{path + ".bak": "one", path + ".bak2": "two"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
}

// Servers that start together on one directory show one certificate, with locks and without.
func TestStartsAtTheSameTimeAgree(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	prints := make([]sdp.Fingerprint, 16)
	for i := range prints {
		all.Go(func() {
			c, warning, err := LoadCertificate(dir, time.Now())
			assert.NoError(t, errors.Join(warning, err))
			prints[i] = c.Fingerprint()
		})
	}
	all.Wait()
	for _, p := range prints {
		require.Equal(t, prints[0], p)
	}
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	require.NoError(t, err)
	require.ErrorIs(t, create(filepath.Join(dir, fileName), []byte("mine")), os.ErrExist)
	kept, err := os.ReadFile(filepath.Join(dir, fileName))
	require.NoError(t, err)
	require.Equal(t, text, kept)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing temporary stays")
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, ok := parseHello(b); ok && len(h.cookie) > 255 {
			t.Fatal("cookie longer than its length octet says")
		}
		if c, ok := parseCookie(b); ok && len(c) > 255 {
			t.Fatal("cookie longer than its length octet says")
		}
		kept, n := hellos(b)
		require.Equal(t, b[:len(kept)], kept)
		require.GreaterOrEqual(t, len(kept), n*(handshakeHeader+1), "each has an octet at least")
		again, m := hellos(kept)
		require.Equal(t, kept, again)
		require.Equal(t, n, m)
	})
}

func TestFewDatagramsAtATime(t *testing.T) {
	h := handshaker(t, Config{})
	var taken []func()
	for range cap(h.reading) {
		done, ok := h.begin(t.Context())
		require.True(t, ok)
		taken = append(taken, done)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, ok := h.begin(gone)
	require.False(t, ok, "all places are taken, and the source is gone")
	taken[0]()
	taken[0]()
	done, ok := h.begin(t.Context())
	require.True(t, ok)
	_, ok = h.begin(gone)
	require.False(t, ok, "a place is given back once")
	for _, f := range append(taken[1:], done) {
		f()
	}
	going, cancel := context.WithCancel(t.Context())
	for range cap(h.reading) {
		_, ok = h.begin(going)
		require.True(t, ok)
	}
	cancel()
	done, ok = h.begin(t.Context())
	require.True(t, ok, "a source that is given up in the middle gives its place back")
	done()
}

func TestManyAtOnce(t *testing.T) {
	w := newWire(nil)
	server, client := handshaker(t, Config{PerSecond: 10000, Timeout: time.Minute}), handshaker(t, Config{PerSecond: 10000, Timeout: time.Minute, Flight: time.Second})
	var servers, clients []chan Result
	for i := range uint16(100) {
		a, b := netip.AddrPortFrom(addrA.Addr(), 10000+i), netip.AddrPortFrom(addrB.Addr(), 10000+i)
		_, s := w.join(t, server, a, b, false, client.Fingerprint())
		_, c := w.join(t, client, b, a, true, server.Fingerprint())
		servers, clients = append(servers, s), append(clients, c)
	}
	for i := range servers {
		requireKeys(t, result(t, clients[i]), result(t, servers[i]))
	}
	// The last repetitions may still be looked at. The associations themselves would end only after a minute.
	require.Eventually(t, func() bool { return len(server.reading) == 0 }, 20*time.Second, time.Millisecond, "every place was given back")
}
