package sqlcache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

// A file does what memory does, over any program of updates and restarts.
func TestLikeMemory(t *testing.T) {
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(3, 4))
	var memory zrtp.Memory
	w := open(t, dir, 0)
	for n := range 400 {
		k := zrtp.Key{Own: alg.ZID{1}, Peer: alg.ZID{byte(rng.IntN(4))}, URI: []string{"", "sip:a@x", "sip:\xff\x00'"}[rng.IntN(3)]}
		u := zrtp.Update{Client: fmt.Sprint("c", n), Used: epoch.Add(time.Duration(n) * time.Millisecond), Mismatch: rng.IntN(4) == 0, Expire: rng.IntN(9) == 0}
		if rng.IntN(2) == 0 {
			u.Retained = secret(n)
		}
		if rng.IntN(2) == 0 {
			u.Expires = epoch.Add(time.Hour)
		}
		if verified := rng.IntN(2) == 0; rng.IntN(2) == 0 {
			u.Verified = &verified
		}
		require.NoError(t, memory.Store(k, u))
		w.store(t, k, u)
		if n%100 == 99 {
			// Expired records may be deleted, so the clock stands before them.
			w.close(t)
			w = open(t, dir, 0)
			w.sleep(-time.Hour)
		}
		want, err := memory.Load(k)
		require.NoError(t, err)
		if u.Expire {
			continue // may be deleted
		}
		have := w.load(t, k)
		require.True(t, want.Used.Equal(have.Used) && want.Expires.Equal(have.Expires), "update %d: times %v %v", n, want, have)
		want.Used, want.Expires, have.Used, have.Expires = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		require.Equal(t, want, have, "update %d", n)
	}
	assert.Empty(t, w.warned())
}

func TestZIDStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "parent", "data")
	first := open(t, dir, 0)
	zid := first.ZID()
	require.NotZero(t, zid)
	assert.Equal(t, zid, open(t, dir, 0).ZID(), "beside an open store")
	first.close(t)
	_, err := first.ClearAll(t.Context())
	require.ErrorIs(t, err, ErrClosed)
	assert.Equal(t, zid, open(t, dir, 0).ZID(), "after a restart")

	require.NoError(t, os.Remove(filepath.Join(dir, zidName)))
	assert.Equal(t, zid, open(t, dir, 0).ZID(), "from the cache")
	assert.FileExists(t, filepath.Join(dir, zidName), "written again")
	require.NoError(t, os.Remove(filepath.Join(dir, fileName)))
	assert.Equal(t, zid, open(t, dir, 0).ZID(), "from the file beside it")
	assert.NotEqual(t, zid, open(t, t.TempDir(), 0).ZID())
}

func TestNoRandomness(t *testing.T) {
	_, err := Open("", Options{Rand: strings.NewReader("short")})
	require.ErrorContains(t, err, "no randomness")
}

// Two calls with one phone read the same rs1, and both write: one secret of each remains (spec of retained secrets).
func TestParallelCalls(t *testing.T) {
	w := open(t, t.TempDir(), 0)
	w.store(t, key(1), update(1))
	var wait sync.WaitGroup
	for n := 2; n <= 3; n++ {
		wait.Go(func() { assert.NoError(t, w.Store.Store(key(1), update(n))) })
	}
	wait.Wait()
	r := w.load(t, key(1))
	assert.ElementsMatch(t, []alg.Secret{secret(2), secret(3)}, []alg.Secret{r.RS1, r.RS2})
}

// A loop asks and goes on; what it asked after a write sees the write.
func TestAsynchronous(t *testing.T) {
	w := open(t, t.TempDir(), 0)
	const calls = 500
	type answer struct {
		n int
		r zrtp.Record
	}
	answers, written := make(chan answer, calls), make(chan error, calls)
	for n := range calls {
		u := update(n)
		require.NoError(t, w.Write(t.Context(), key(n), u, func(err error) { written <- err }))
		u.Retained.Wipe() // the update was copied
		require.NoError(t, w.Lookup(t.Context(), key(n), func(r zrtp.Record, err error) {
			assert.NoError(t, err)
			answers <- answer{n, r}
		}))
	}
	for range calls {
		require.NoError(t, <-written)
		a := <-answers
		require.Equal(t, secret(a.n), a.r.RS1)
	}
}

// hold keeps the goroutine of the store busy, as a disk that hangs does, until release is called.
func (w *world) hold(t *testing.T) (release func()) {
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	require.NoError(t, w.submit(context.Background(), &request{other: func(context.Context, *database) error {
		close(held)
		<-free
		return nil
	}}, func(err error) { done <- err }))
	<-held
	return func() {
		close(free)
		assert.NoError(t, <-done)
	}
}

func TestDiskHangs(t *testing.T) {
	w := open(t, t.TempDir(), 0)
	release := w.hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan error, 2*maxWaiting)
	asked := 0
	var refused error
	for refused == nil {
		if refused = w.Lookup(ctx, key(1), func(_ zrtp.Record, err error) { answers <- err }); refused == nil {
			asked++
		}
		require.LessOrEqual(t, asked, maxWaiting)
	}
	require.ErrorIs(t, refused, ErrBusy)
	cancel()
	for range asked {
		require.ErrorIs(t, <-answers, context.Canceled)
	}
	require.ErrorIs(t, w.Lookup(ctx, key(1), nil), context.Canceled)
	release()
	require.Eventually(t, func() bool {
		_, err := w.Load(key(1))
		return !errors.Is(err, ErrBusy)
	}, timeout, time.Millisecond)
	assert.Empty(t, answers, "nobody is answered twice")
}

// The peer keeps the new secret, so a write goes on after its call stopped waiting, and Close waits for it.
func TestLateWrite(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, 0)
	release := w.hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	require.NoError(t, w.Write(ctx, key(1), update(1), func(err error) { answer <- err }))
	cancel()
	require.ErrorIs(t, <-answer, context.Canceled)
	expired, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, w.Close(expired), context.Canceled)
	require.ErrorIs(t, w.Store.Store(key(2), update(2)), ErrClosed)
	release()
	w.close(t)
	assert.Equal(t, secret(1), open(t, dir, 0).load(t, key(1)).RS1)
}

func TestRefusesWhatIsTooLong(t *testing.T) {
	w := open(t, t.TempDir(), 0)
	k := key(1)
	k.URI = strings.Repeat("u", maxURI+1)
	_, err := w.Load(k)
	require.ErrorIs(t, err, errKey)
	require.ErrorIs(t, w.Store.Store(key(1), zrtp.Update{Client: strings.Repeat("c", maxClient+1)}), errKey)
	require.ErrorIs(t, w.Store.Store(key(1), zrtp.Update{Retained: make(alg.Secret, maxSecret+1)}), errKey)
	assert.Empty(t, w.entries(t))
}

func TestExpiry(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, 0)
	for n, life := range []time.Duration{time.Minute, 2 * time.Hour, 0} {
		u := update(n)
		if life != 0 {
			u.Expires = epoch.Add(life)
		}
		w.store(t, key(n), u)
	}
	w.sleep(time.Hour)
	assert.Equal(t, secret(0), w.load(t, key(0)).RS1, "usable as long as it exists")
	w.sweep()
	_ = w.load(t, key(0))
	require.Len(t, w.entries(t), 2)
	w.store(t, key(2), zrtp.Update{Expire: true, Used: w.clock()})
	w.sweep()
	require.Len(t, w.entries(t), 1)
	assert.Equal(t, secret(1), w.load(t, key(1)).RS1)
}

// A flood of new ZIDs costs the oldest records, and those last whose SAS was compared.
func TestLimit(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, 20)
	for n := range 10 {
		u := update(n)
		verified := n < 5
		u.Verified = &verified
		w.store(t, key(n), u)
	}
	for n := 10; n < 200; n++ {
		w.store(t, key(n), update(n))
	}
	for n := range 200 {
		assert.Equal(t, n < 5 || n >= 185, w.load(t, key(n)).RS1 != nil, "record %d", n)
	}
	w.close(t)
	w = open(t, dir, 3)
	w.store(t, key(300), update(300))
	assert.Len(t, w.entries(t), 3, "a smaller limit holds from the next new record on")
}

func TestListAndClear(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, 0)
	const phones = 2*page + 7
	for n := range phones {
		w.store(t, key(n), update(n))
	}
	second := key(1)
	second.URI = "sip:bob@example.org"
	w.store(t, second, update(2))
	yes, no := true, false
	w.store(t, key(3), zrtp.Update{Retained: secret(3), Verified: &yes, Client: "BZRTPv1.1", Used: epoch})
	w.store(t, key(4), zrtp.Update{Verified: &no, Mismatch: true, Client: "stranger", Used: epoch})

	admin, err := OpenExisting(dir, Options{})
	require.NoError(t, err)
	assert.Equal(t, w.ZID(), admin.ZID())
	var lines []string
	for e, err := range admin.List(t.Context()) {
		require.NoError(t, err)
		lines = append(lines, e.String())
	}
	require.Len(t, lines, phones+1)
	assert.Equal(t, `000000040000000000000000 last-use=2026-11-22T05:30:00Z expires=never verified=true mismatches=0 client="BZRTPv1.1" uri=""`, lines[3])
	assert.Contains(t, lines[4], `verified=false mismatches=1 client="test"`)
	assert.Contains(t, lines[phones], `uri="sip:bob@example.org"`)
	for _, err := range admin.List(t.Context()) {
		require.NoError(t, err)
		break
	}

	zid, err := ParseZID(lines[1][:24])
	require.NoError(t, err)
	count, err := admin.Clear(t.Context(), zid)
	require.NoError(t, err)
	assert.Equal(t, 2, count)
	assert.Zero(t, w.load(t, key(1)), "the running server sees it")
	count, err = admin.ClearAll(t.Context())
	require.NoError(t, err)
	assert.Equal(t, phones-1, count)
	assert.Empty(t, w.entries(t))
	require.NoError(t, admin.Close(t.Context()))
	assert.Equal(t, open(t, dir, 0).ZID(), w.ZID())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range w.List(ctx) {
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestParseZID(t *testing.T) {
	for _, text := range []string{"", "0", "00000000000000000000000", "00000000000000000000000g", strings.Repeat("0", 24), strings.Repeat("1", 26)} {
		_, err := ParseZID(text)
		assert.Error(t, err, text)
	}
}

func TestOpenExistingMakesNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenExisting(dir, Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, fileName), nil, 0o600))
	_, err = OpenExisting(dir, Options{})
	require.ErrorContains(t, err, "no server has used it yet")
}

// No secret is printed, and none is left in the files once it is cleared.
func TestSecretsStayInside(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, 0)
	for n := range 50 {
		w.store(t, key(n), update(n))
	}
	pattern := string(secret(0)[:8])
	assert.True(t, onDisk(t, dir, pattern))
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{w.Store, w.load(t, key(1)), w.entries(t)[0]} {
			text := strings.ToLower(fmt.Sprintf(format, value))
			assert.NotContains(t, text, pattern)
			assert.NotContains(t, text, "a55ac33c")
			assert.NotContains(t, text, "165, 90")
			assert.NotContains(t, text, "165 90")
			assert.NotContains(t, text, "0xa5")
		}
	}
	_, err := w.ClearAll(t.Context())
	require.NoError(t, err)
	assert.False(t, onDisk(t, dir, pattern))
}

func onDisk(t *testing.T, dir, pattern string) bool {
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		if strings.Contains(string(text), pattern) {
			return true
		}
	}
	return false
}
