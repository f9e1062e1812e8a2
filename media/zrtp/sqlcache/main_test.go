package sqlcache

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

// role makes the test binary a process of its own that uses the directory of the test.
const role = "B2BUA_SQLCACHE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(role) != "" {
		os.Exit(child(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// child writes records from a number on, prints each number when it is durable, and goes on to a number or until it is killed.
func child(args []string) int {
	from, _ := strconv.Atoi(args[1])
	to, _ := strconv.Atoi(args[2])
	s, err := Open(args[0], Options{Warn: func(err error) { fmt.Println("warning:", err) }})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Printf("zid %x\n", s.ZID())
	for n := from; n != to; n++ {
		for _, k := range []zrtp.Key{key(n), shared} {
			if err := s.Store(k, update(n)); err != nil {
				fmt.Println("error:", err)
				return 1
			}
		}
		fmt.Println("stored", n)
	}
	if err := s.Close(context.Background()); err != nil {
		return 1
	}
	return 0
}

// shared is the record that all processes write to.
var shared = zrtp.Key{Own: alg.ZID{0xff}, Peer: alg.ZID{0xfe}}

var epoch = time.Date(2026, 11, 22, 5, 30, 0, 0, time.UTC)

func key(n int) zrtp.Key {
	k := zrtp.Key{Own: alg.ZID{1}}
	binary.BigEndian.PutUint32(k.Peer[:], uint32(n)+1)
	return k
}

// secret is found in no file by chance.
func secret(n int) alg.Secret {
	return binary.BigEndian.AppendUint32(bytes.Repeat([]byte{0xA5, 0x5A, 0xC3, 0x3C}, 7), uint32(n))
}

func update(n int) zrtp.Update {
	return zrtp.Update{Retained: secret(n), Client: "test", Used: epoch.Add(time.Duration(n) * time.Second)}
}

// world is a store with its clock and its warnings.
type world struct {
	*Store
	mu       sync.Mutex
	now      time.Time
	warnings []string
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) sleep(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) warned() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.warnings...)
}

func open(t *testing.T, dir string, limit int) *world {
	w := &world{now: epoch}
	s, err := Open(dir, Options{Limit: limit, Now: w.clock, Warn: func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.warnings = append(w.warnings, err.Error())
	}})
	require.NoError(t, err)
	w.Store = s
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	return w
}

func (w *world) close(t *testing.T) { require.NoError(t, w.Close(context.Background())) }

func (w *world) load(t *testing.T, k zrtp.Key) zrtp.Record {
	r, err := w.Load(k)
	require.NoError(t, err)
	return r
}

func (w *world) store(t *testing.T, k zrtp.Key, u zrtp.Update) {
	require.NoError(t, w.Store.Store(k, u))
}

func (w *world) entries(t *testing.T) (all []Entry) {
	for e, err := range w.List(t.Context()) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}
