package redisfeed

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rig drives a Feed by hand.
type rig struct {
	t    *testing.T
	f    *Feed
	now  time.Time
	link Link
	log  []string
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: start, f: NewFeed(Config{
		Server: Host{"main", 6379}, CheckPeriod: time.Minute, UseReplicas: true, KeepAlive: 20 * time.Second,
	})}
	r.f.Start(r.now)
	return r
}

// out drains the outputs.
func (r *rig) out() string {
	var out []string
	for {
		o, ok := r.f.Poll()
		if !ok {
			return strings.Join(out, " ")
		}
		switch o := o.(type) {
		case Connect:
			r.link = o.Link
			out = append(out, "connect:"+o.Host.String())
		case AskRole:
			out = append(out, "role?")
		case Subscribe:
			out = append(out, "subscribe")
		case Ping:
			out = append(out, "ping")
		case Close:
			out = append(out, "close")
		case Reload:
			out = append(out, "reload")
		case Update:
			out = append(out, "update:"+o.Key.URI+"="+o.Key.Identifier)
		case Happened:
			r.log = append(r.log, o.Event.Text())
		}
	}
}

func (r *rig) expect(want string) {
	r.t.Helper()
	require.Equal(r.t, want, r.out())
}

// follow connects to the server that is asked for, which has these replicas.
func (r *rig) follow(info string) {
	r.t.Helper()
	r.f.Connected(r.now, r.link)
	r.expect("role?")
	r.f.Role(r.now, r.link, info)
	r.expect("subscribe")
	r.f.Subscribed(r.now, r.link)
	r.expect("reload")
}

// wait goes to the next deadline.
func (r *rig) wait(want time.Duration) {
	r.t.Helper()
	require.Equal(r.t, want, r.f.Deadline().Sub(r.now))
	r.f.Advance(r.f.Deadline().Add(-1))
	r.expect("")
	r.now = r.f.Deadline()
	r.f.Advance(r.now)
}

func (r *rig) told(parts ...string) {
	r.t.Helper()
	require.NotEmpty(r.t, r.log)
	for _, p := range parts {
		require.Contains(r.t, r.log[0], p)
	}
	r.log = r.log[1:]
}

const twoReplicas = "role:master\nslave0:ip=10.0.0.2,port=1,state=online\nslave1:ip=10.0.0.3,port=2,state=online\n"

func TestFollowing(t *testing.T) {
	r := newRig(t)
	r.expect("connect:main:6379")
	r.follow(twoReplicas)
	r.told("Redis main:6379: changes of accounts are followed, 2 replicas known; all accounts are read now")
	r.f.Message(r.now, r.link, []byte(`{"username":"a","domain":"b","identifier":"c"}`))
	r.expect("update:sip:a@b=c")
	for range 2 {
		r.wait(20 * time.Second)
		r.expect("ping")
		r.f.Pong(r.now, r.link)
	}
	r.wait(20 * time.Second) // both are due
	r.expect("ping role?")
	r.f.Role(r.now, r.link, twoReplicas)
	r.f.Pong(r.now, r.link)
	r.expect("")
	r.wait(20 * time.Second)
	r.expect("ping")
}

func TestAnUnansweredPingEndsTheSubscription(t *testing.T) {
	r := newRig(t)
	r.out()
	r.follow("role:master")
	r.wait(20 * time.Second)
	r.expect("ping")
	r.wait(patience)
	r.expect("close connect:main:6379")
	r.told("followed")
	r.told("Redis main:6379 is lost (no answer within 5s): accounts stay as they are")
	r.follow("role:master")
	r.told("again, after 0s")
}

func TestRoundOfServers(t *testing.T) {
	r := newRig(t)
	r.out()
	r.follow(twoReplicas)
	r.now = r.now.Add(stable)
	old := r.link
	r.f.Failed(r.now, r.link, Failure{Unreachable, "EOF"})
	r.expect("close connect:main:6379")
	r.f.Message(r.now, old, []byte(`{"username":"a","domain":"b","identifier":"c"}`))
	r.f.Failed(r.now, old, Failure{Unreachable, "EOF"})
	r.expect("")
	r.f.Failed(r.now, r.link, Failure{Unreachable, "connection refused"})
	r.expect("close connect:10.0.0.2:1")
	r.f.Connected(r.now, r.link)
	r.expect("role?")
	r.f.Role(r.now, r.link, "role:slave\nmaster_host:main\nmaster_port:6379\nmaster_link_status:down")
	r.expect("close connect:10.0.0.3:2")
	r.wait(patience)
	r.expect("close")
	r.told("followed")
	r.told("is lost (EOF)")
	r.told("no server to follow for 5s", "main:6379: connection refused", "10.0.0.2:1: it is a replica of main:6379 and has lost it",
		"10.0.0.3:2: no answer within 5s", "redis-server-domain")
	for range 30 { // tried each second, told once
		r.wait(time.Second)
		r.expect("connect:main:6379")
		r.f.Failed(r.now, r.link, Failure{Unreachable, "connection refused"})
		r.expect("close connect:10.0.0.2:1")
		r.f.Failed(r.now, r.link, Failure{Unreachable, "connection refused"})
		r.expect("close connect:10.0.0.3:2")
		r.f.Failed(r.now, r.link, Failure{Unreachable, "connection refused"})
		r.expect("close")
	}
	require.Empty(t, r.log)
	r.wait(time.Second)
	r.out()
	r.f.Failed(r.now, r.link, Failure{Unreachable, "connection refused"})
	r.expect("close connect:10.0.0.2:1")
	r.follow("role:master") // it has been promoted
	r.told("Redis 10.0.0.2:1: changes of accounts are followed again, after 36s")
	r.now = r.now.Add(stable)
	r.f.Failed(r.now, r.link, Failure{Unreachable, "EOF"})
	r.expect("close connect:10.0.0.2:1") // the last good one first
	r.f.Failed(r.now, r.link, Failure{Unreachable, "EOF"})
	r.expect("close connect:main:6379")
}

func TestAReplicaLeadsToItsMaster(t *testing.T) {
	r := newRig(t)
	r.out()
	r.f.Connected(r.now, r.link)
	r.expect("role?")
	r.f.Role(r.now, r.link, "role:slave\nmaster_host:10.0.0.9\nmaster_port:6400\nmaster_link_status:up")
	r.expect("close connect:10.0.0.9:6400")
	r.follow("role:master")
	r.told("Redis 10.0.0.9:6400: changes")

	r.now = r.now.Add(time.Minute) // it is demoted while we listen
	r.f.Advance(r.now)
	r.expect("ping role?")
	r.f.Pong(r.now, r.link)
	r.f.Role(r.now, r.link, "role:slave\nmaster_host:10.0.0.8\nmaster_port:6400\nmaster_link_status:up")
	r.expect("close connect:10.0.0.8:6400")
	r.follow("role:master")
}

func TestReplicasThatNameEachOther(t *testing.T) {
	r := newRig(t)
	r.out()
	dials := 1
	for i := range 100 {
		r.f.Connected(r.now, r.link)
		r.out()
		r.f.Role(r.now, r.link, fmt.Sprintf("role:slave\nmaster_host:h%d\nmaster_port:1\nmaster_link_status:up", i))
		dials += strings.Count(r.out(), "connect")
	}
	assert.Equal(t, maxVisits, dials)
	assert.Equal(t, time.Second, r.f.Deadline().Sub(r.now))
}

var growing = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, maxRest, maxRest}

func TestWrongCredentials(t *testing.T) {
	r := newRig(t)
	r.out()
	for i, rest := range growing {
		r.f.Failed(r.now, r.link, Answered("WRONGPASS invalid username-password pair or user is disabled.", "Mellon"))
		r.expect("close")
		if i == 0 {
			r.told("WRONGPASS", "correct redis-auth-user and redis-auth-password")
		}
		r.wait(rest)
		r.expect("connect:main:6379")
	}
	require.Empty(t, r.log, "told once")
	r.follow("role:master")
}

func TestAUserThatMayOnlySubscribe(t *testing.T) {
	r := newRig(t)
	r.out()
	r.f.Connected(r.now, r.link)
	r.expect("role?")
	r.f.Failed(r.now, r.link, Answered("NOPERM this user has no permissions to run the 'info' command", ""))
	r.expect("subscribe")
	r.told("allow it +info")
	r.f.Failed(r.now, r.link, Answered("NOPERM this user has no permissions to access one of the channels used as arguments", ""))
	r.expect("close")
	r.told("ACL SETUSER <user> +subscribe +ping +info &flexisip/B2BUA/account")
}

func TestAServerThatHangsUpAtOnce(t *testing.T) {
	r := newRig(t)
	r.out()
	for _, rest := range growing { // each subscription costs a full load
		r.follow("role:master")
		r.f.Failed(r.now, r.link, Failure{Unreachable, "EOF"})
		r.expect("close")
		r.wait(rest)
		r.expect("connect:main:6379")
	}
}

func TestMalformedMessagesAreToldInBounds(t *testing.T) {
	r := newRig(t)
	r.out()
	r.follow("role:master")
	r.log = nil
	for range 10_000 {
		r.f.Message(r.now, r.link, []byte(`{"password":"Mellon"}`))
	}
	r.expect("")
	require.Len(t, r.log, badLines)
	assert.Equal(t, `Redis main:6379: message on flexisip/B2BUA/account ignored: the member "username" is missing; `+
		`wanted: {"username":"…","domain":"…","identifier":"…"}`, r.log[0])
	r.log = nil
	r.f.Advance(r.now.Add(badWindow))
	r.out()
	r.told("9995 more messages", "the member \"username\" is missing")
}

func TestStop(t *testing.T) {
	r := newRig(t)
	r.out()
	r.follow("role:master")
	r.f.Stop()
	r.expect("close")
	r.f.Failed(r.now, r.link, Failure{})
	r.f.Advance(r.now.Add(time.Hour))
	r.expect("")
	assert.Zero(t, r.f.Deadline())
}

// TestRandomOrders: whatever comes in whatever order, one link at most is open, a rest ends, and once the server is sound it is followed.
func TestRandomOrders(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		r := newRig(t)
		open, links := Link(0), []Link{0}
		drain := func() {
			for o, ok := r.f.Poll(); ok; o, ok = r.f.Poll() {
				switch o := o.(type) {
				case Connect:
					require.Zero(t, open, "seed %d", seed)
					open, links = o.Link, append(links, o.Link)
				case Close:
					require.Equal(t, open, o.Link, "seed %d", seed)
					open = 0
				case AskRole:
					require.Equal(t, open, o.Link)
				case Subscribe:
					require.Equal(t, open, o.Link)
				case Ping:
					require.Equal(t, open, o.Link)
				case Reload, Update, Happened:
				}
			}
		}
		infos := []string{
			"role:master", twoReplicas, "",
			"role:slave\nmaster_host:m\nmaster_port:1\nmaster_link_status:up",
			"role:slave\nmaster_host:m\nmaster_port:1\nmaster_link_status:down",
		}
		for range 400 {
			r.now = r.now.Add(time.Duration(rnd.IntN(3000)) * time.Millisecond)
			l := links[max(0, len(links)-1-rnd.IntN(2))]
			switch rnd.IntN(8) {
			case 0, 1:
				r.f.Connected(r.now, l)
			case 2, 3:
				r.f.Role(r.now, l, infos[rnd.IntN(len(infos))])
			case 4:
				r.f.Subscribed(r.now, l)
			case 5:
				r.f.Failed(r.now, l, Failure{Cause(rnd.IntN(4)), "x"})
			case 6:
				r.f.Pong(r.now, l)
			default:
				r.f.Advance(r.now)
			}
			drain()
			require.NotZero(t, r.f.Deadline(), "seed %d: it never stands still", seed)
		}
		for range 1000 { // everything is sound now
			if _, ok := r.f.Listening(); ok {
				break
			}
			r.now = r.f.Deadline()
			r.f.Advance(r.now)
			drain()
			r.f.Connected(r.now, open)
			r.f.Role(r.now, open, "role:master")
			r.f.Subscribed(r.now, open)
			drain()
		}
		_, ok := r.f.Listening()
		require.True(t, ok, "seed %d", seed)
	}
}
