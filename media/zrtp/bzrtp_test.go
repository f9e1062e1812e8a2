//go:build interop

package zrtp

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // reads the library's database

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
	"b2bua/steps/peers/bzrtp"
)

// role is whose Commit is to count.
type role int

const (
	either role = iota // both commit at once
	weCommit
	theyCommit
)

func (r role) String() string { return [...]string{"contention", "we commit", "they commit"}[r] }

// impose lets the network decide about the roles: bzrtp commits as soon as our HelloACK comes.
func (p *phone) impose(r role) {
	switch r {
	case weCommit:
		p.deaf = func(t wire.Type) bool { return t == wire.HelloACK }
	case theyCommit:
		committed := false
		p.mute = func(t wire.Type) bool {
			committed = committed || t == wire.Commit
			return t == wire.HelloACK && !committed
		}
	case either:
	}
}

// caches are what both sides remember between the calls.
type caches struct {
	ours   *Memory
	theirs string
}

func newCaches(t testing.TB) caches {
	return caches{ours: &Memory{}, theirs: filepath.Join(t.TempDir(), "cache.db")}
}

// calling is one call with libbzrtp.
type calling struct {
	seed    uint64
	lists   Lists
	call    bzrtp.Call
	streams int
	role    role
	sky     weather
	offset  time.Duration // how much later we start than they
	prepare func(*phone)
	after   func(*phone)
}

func (c calling) run(t testing.TB, library *bzrtp.End, remembered caches) *phone {
	w := newWorld(t, c.seed)
	if c.sky.delay != 0 {
		w.sky = c.sky
	}
	ours := config(0)
	ours.Lists, ours.URI = c.lists, c.call.Peer
	w.join(0, ours, c.streams, remembered.ours)
	c.call.Cache = remembered.theirs
	p := against(w, library, c.call, c.streams)
	p.impose(c.role)
	if c.prepare != nil {
		c.prepare(p)
	}
	w.start(0, max(0, c.offset))
	p.begin(max(0, -c.offset))
	for w.run(time.Second); !p.content() && w.now.Sub(epoch) < 40*time.Second; {
		w.run(100 * time.Millisecond)
	}
	if c.after != nil {
		c.after(p)
	}
	require.NoError(t, library.HangUp())
	return p
}

// codes are those of libbzrtp 5.1.64, without DH2k, which we leave out.
func listsWith(agreement alg.Code, hash, cipher, auth, sas alg.Code) Lists {
	return Lists{
		alg.KindHash: {hash}, alg.KindCipher: {cipher}, alg.KindAuthTag: {auth}, alg.KindAgreement: {agreement, alg.Mult}, alg.KindSAS: {sas},
	}
}

func callWith(l Lists) bzrtp.Call {
	names := func(k alg.Kind) (out []string) {
		for _, c := range l[k] {
			out = append(out, c.String())
		}
		return out
	}
	return bzrtp.Call{
		Self: "sip:phone@example.org", Peer: "sip:peer@example.org",
		Hash: names(alg.KindHash), Cipher: names(alg.KindCipher), Auth: names(alg.KindAuthTag), Agreement: names(alg.KindAgreement), SAS: names(alg.KindSAS),
	}
}

// TestBzrtpAlgorithms: every algorithm that the library has, in both roles and in contention, with a second stream by Multistream and
// a second call that continues the first. Keys are proved by SRTP and SRTCP between media/srtp and libsrtp2.
func TestBzrtpAlgorithms(t *testing.T) {
	seed, library := uint64(0), newLibrary(t)
	for _, agreement := range []alg.Code{alg.X255, alg.X448, alg.DH3k} {
		for _, hash := range []alg.Code{alg.S256, alg.S384} {
			for _, cipher := range []alg.Code{alg.AES1, alg.AES3} {
				for _, auth := range []alg.Code{alg.HS80, alg.HS32} {
					for _, sas := range []alg.Code{alg.B32, alg.B256} {
						for _, r := range []role{either, weCommit, theyCommit} {
							lists := listsWith(agreement, hash, cipher, auth, sas)
							seed++
							t.Run(fmt.Sprint(agreement, hash, cipher, auth, sas, r), func(t *testing.T) {
								twice(t, library, calling{seed: seed, lists: lists, call: callWith(lists), streams: 2, role: r})
							})
						}
					}
				}
			}
		}
	}
}

// twice is a call, and another that continues it.
func twice(t *testing.T, library *bzrtp.End, c calling) {
	remembered := newCaches(t)
	for number := range 2 {
		p := c.run(t, library, remembered)
		r, _ := p.agree()
		assert.Equal(t, number == 1, r.Continuity, "call %d", number)
		assert.False(t, r.Mismatch)
		wanted, implied := c.lists, c.lists.implied()
		assert.Equal(t, wanted[alg.KindAgreement][0], r.Suite.Agreement)
		assert.Contains(t, implied[alg.KindAuthTag], r.Suite.AuthTag)
		if c.role != either {
			assert.Equal(t, c.role == weCommit, r.Role == alg.Initiator)
		}
	}
}

// shuffled is a part of a kind's algorithms in any order.
func shuffled(w *world, codes ...alg.Code) []alg.Code {
	w.rng.Shuffle(len(codes), func(i, j int) { codes[i], codes[j] = codes[j], codes[i] })
	return codes[:1+w.rng.IntN(len(codes))]
}

func randomLists(w *world) Lists {
	return Lists{
		alg.KindHash: shuffled(w, alg.S256, alg.S384), alg.KindCipher: shuffled(w, alg.AES1, alg.AES3),
		alg.KindAuthTag: shuffled(w, alg.HS80, alg.HS32), alg.KindSAS: shuffled(w, alg.B32, alg.B256),
		alg.KindAgreement: append(shuffled(w, alg.X255, alg.X448, alg.DH3k), alg.Mult),
	}
}

// TestBzrtpPreferences: whatever both sides like best, they find the same, and the next call continues. The library prepares for its
// own choice as soon as it has our Hello.
func TestBzrtpPreferences(t *testing.T) {
	library := newLibrary(t)
	for seed := range seeds(t) / 5 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed+1000)
			c := calling{seed: seed, lists: randomLists(w), streams: 2, role: role(w.rng.IntN(3))}
			c.call = callWith(randomLists(w))
			t.Logf("ours %v, theirs %v, %v", c.lists, c.call, c.role)
			remembered := newCaches(t)
			for number := range 2 {
				r, _ := c.run(t, library, remembered).agree()
				require.Equal(t, number == 1, r.Continuity, "call %d", number)
			}
		})
	}
}

// TestBzrtpWeather: up to 30 % of loss, repetition and reordering, a start up to 12 s apart.
func TestBzrtpWeather(t *testing.T) {
	library := newLibrary(t)
	var slowest time.Duration
	for seed := range seeds(t) / 10 {
		w := newWorld(t, seed+5000)
		agreement := []alg.Code{alg.X255, alg.X255, alg.X448, alg.DH3k}[w.rng.IntN(4)]
		lists := listsWith(agreement, alg.S256, alg.AES1, alg.HS80, alg.B32)
		c := calling{
			seed: seed, lists: lists, call: callWith(lists), streams: 1 + w.rng.IntN(2),
			offset: time.Duration(w.rng.IntN(300)-150) * time.Millisecond,
			sky: weather{
				delay: time.Duration(1+w.rng.IntN(60)) * time.Millisecond, jitter: 20 * time.Millisecond,
				loss: 0.3 * w.rng.Float64(), duplicate: 0.05, late: 0.2, lateness: 120 * time.Millisecond,
			},
		}
		if w.rng.IntN(4) == 0 {
			c.offset = time.Duration(w.rng.IntN(24000)-12000) * time.Millisecond
		}
		remembered := newCaches(t)
		for number := range 2 {
			p := c.run(t, library, remembered)
			slowest = max(slowest, p.world.now.Sub(epoch)-c.offset.Abs())
			if r, _ := p.agree(); t.Failed() || !assert.Equal(t, number == 1, r.Continuity) {
				t.Fatalf("seed %d, call %d: %+v", seed, number, c)
			}
		}
	}
	t.Logf("the slowest was complete, SRTP and SRTCP included, %v after both had started", slowest)
}

// TestBzrtpMemory: what the caches say about the other side, over calls in which one of them is lost and the SAS is compared.
func TestBzrtpMemory(t *testing.T) {
	library := newLibrary(t)
	lists := listsWith(alg.X255, alg.S256, alg.AES1, alg.HS80, alg.B32)
	c := calling{lists: lists, call: callWith(lists), streams: 1}
	remembered := newCaches(t)
	next := func(continuity, mismatch, verified bool) {
		t.Helper()
		c.seed++
		p := c.run(t, library, remembered)
		r, s := p.agree()
		assert.Equal(t, continuity, r.Continuity, "call %d", c.seed)
		assert.Equal(t, mismatch, r.Mismatch, "call %d", c.seed)
		assert.Equal(t, verified, r.Verified && r.PeerVerified, "call %d", c.seed)
		assert.Equal(t, verified, s.Verified, "call %d", c.seed)
	}
	bothCompare := func(p *phone) {
		p.ours.carry(p.ours.Confirm(p.world.now, true))
		require.NoError(t, p.Compared(true))
	}
	c.after = bothCompare
	next(false, false, false)
	c.after = nil
	next(true, false, true)
	next(true, false, true)

	// Another URI of the same phone has secrets of its own.
	usual := c.call.Peer
	c.call.Peer = "sip:somebody@example.org"
	next(false, false, false)
	next(true, false, false)
	c.call.Peer = usual
	next(true, false, true)

	// We lose our cache: the phone knows that we should have had one.
	*remembered.ours = Memory{}
	p := c.run(t, library, remembered)
	assert.True(t, p.channels[0].secure.Mismatch)
	assert.False(t, p.ours.lines[0].reports[0].Mismatch, "we know nothing")

	// The phone loses its own: we know.
	remembered = newCaches(t)
	next(false, false, false)
	db, err := sql.Open("sqlite", remembered.theirs)
	require.NoError(t, err)
	_, err = db.Exec("DELETE FROM zrtp")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	c.seed++
	p = c.run(t, library, remembered)
	assert.True(t, p.ours.lines[0].reports[0].Mismatch)
	assert.False(t, p.channels[0].secure.Mismatch)
	assert.Contains(t, p.ours.lines[0].alerts, CacheMismatch)
}

// TestBzrtpHelloHash: the value for a=zrtp-hash is the one that the other side computes, both ways, and a wrong one is never secure.
func TestBzrtpHelloHash(t *testing.T) {
	library := newLibrary(t)
	lists := listsWith(alg.X255, alg.S256, alg.AES1, alg.HS80, alg.B32)
	exchange := func(spoil func(ours, theirs []byte)) func(*phone) {
		return func(p *phone) {
			theirs, err := p.Hash(0)
			require.NoError(t, err)
			require.Len(t, theirs, len("1.10 ")+64)
			require.Equal(t, "1.10 ", theirs[:5])
			hash, err := hex.DecodeString(theirs[5:])
			require.NoError(t, err)
			ours := p.ours.lines[0].HelloHash()
			spoil(ours[:], hash)
			require.NoError(t, p.PeerHash(0, fmt.Sprintf("1.10 %x", ours)))
			p.ours.do(0, PeerHash{Hash: [32]byte(hash)})
		}
	}
	c := calling{seed: 1, lists: lists, call: callWith(lists), streams: 1, prepare: exchange(func(_, _ []byte) {})}
	r, _ := c.run(t, library, newCaches(t)).agree()
	assert.True(t, r.HashVerified)

	c.prepare = exchange(func(ours, _ []byte) { ours[3] ^= 1 })
	p := c.run(t, library, newCaches(t))
	assert.Nil(t, p.channels[0].secure)
	assert.False(t, p.ours.lines[0].Secure())

	c.prepare = exchange(func(_, theirs []byte) { theirs[3] ^= 1 })
	p = c.run(t, library, newCaches(t))
	assert.Nil(t, p.channels[0].secure)
	assert.Contains(t, p.ours.lines[0].alerts, HelloHashMismatch)
}

// TestBzrtpLeadingZeros: one result of DH3k in 256 begins with a zero octet.
func TestBzrtpLeadingZeros(t *testing.T) {
	library := newLibrary(t)
	lists := listsWith(alg.DH3k, alg.S256, alg.AES1, alg.HS80, alg.B32)
	for seed := range seeds(t) / 5 {
		c := calling{seed: seed, lists: lists, call: callWith(lists), streams: 1, role: role(seed % 3)}
		c.run(t, library, caches{ours: &Memory{}}).agree()
	}
}
