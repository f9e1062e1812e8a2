package server

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/config"
	"b2bua/core/register"
	"b2bua/core/transport"
)

func TestStoppingTellsHowToHurry(t *testing.T) {
	assert.Equal(t, "stopping: 1 call may go on for 10m0s (b2bua/drain-timeout); a second TERM or INT ends what is left at once", stopping(1, 10*time.Minute))
	assert.Contains(t, stopping(2, time.Second), "2 calls may go on for 1s")
}

// A name that is being looked up does not hold up the stop, nor is it told as a fault.
func TestStopDuringTheStart(t *testing.T) {
	cfg, report := config.Load(nil, []string{"b2bua-server/data-directory=" + t.TempDir(), "b2bua-server/nat-addresses=hangs.example", "b2bua-server/transport=sip:127.0.92.3:0"})
	require.False(t, report.Failed())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, Run(ctx, cfg, Options{Log: slog.New(slog.DiscardHandler), Ready: func([]transport.Listener) { assert.Fail(t, "it is not ready") }}))
}

func TestHurryEndsTheWait(*testing.T) {
	hurry := make(chan struct{})
	close(hurry)
	await(nil, hurry, 24*time.Hour) // returns at all
	idle := make(chan struct{})
	close(idle)
	await(idle, nil, 24*time.Hour)
	await(nil, nil, time.Nanosecond)
}

// Un-registrations that go on are waited for, in bounds, with a word each second; those that stand still are not.
func TestRetreat(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	fresh := func() *retreat { return &retreat{began: begin, patience: 2 * time.Second, until: at(4500)} }

	r := fresh()
	on, line := r.look(begin, 100_000)
	assert.True(t, on)
	assert.Equal(t, "stopping: 100000 accounts are un-registered, for 4.5s at most (b2bua::timers/shutdown-timeout)", line)
	on, line = r.look(at(250), 90_000)
	assert.True(t, on)
	assert.Empty(t, line)
	on, line = r.look(at(1000), 60_000)
	assert.True(t, on)
	assert.Equal(t, "stopping: 40000 of 100000 accounts are un-registered", line)
	on, _ = r.look(at(2999), 60_000)
	assert.True(t, on)
	on, _ = r.look(at(3000), 60_000)
	assert.False(t, on, "no answer for two seconds")

	r = fresh()
	_, _ = r.look(begin, 100_000)
	on, _ = r.look(at(4500), 100)
	assert.False(t, on, "the time is over")

	r = fresh()
	_, line = r.look(begin, 3)
	assert.Empty(t, line)
	on, line = r.look(at(1500), 0)
	assert.True(t, on, "BYEs are waited for")
	assert.Empty(t, line)
	on, _ = r.look(at(2000), 0)
	assert.False(t, on)
}

func TestStayed(t *testing.T) {
	one := register.Left{Registrar: "sip:one", Accounts: 12, Names: []string{"sip:a@x", "sip:b@x", "sip:c@x"}, Why: "no answer so far"}
	two := register.Left{Registrar: "sip:two", Accounts: 1, Names: []string{"sip:d@x"}, Why: "the registrar answered 403 Forbidden"}
	assert.Equal(t, "13 accounts could not be un-registered: 12 at sip:one (sip:a@x, sip:b@x, sip:c@x, …): no answer so far; "+
		"1 at sip:two (sip:d@x): the registrar answered 403 Forbidden", stayed([]register.Left{one, two}))
	assert.Contains(t, stayed([]register.Left{one, two, two, two, two, two, two}), "18 accounts could not")
	assert.Contains(t, stayed([]register.Left{one, two, two, two, two, two, two}), "; the rest at 2 other registrars")
	assert.Contains(t, stayed([]register.Left{one, two, two, two, two, {Accounts: 50}}), "66 accounts could not")
	assert.Contains(t, stayed([]register.Left{one, two, two, two, two, {Accounts: 50}}), "; the rest at other registrars")
}
