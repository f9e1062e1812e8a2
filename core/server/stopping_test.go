package server

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/config"
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
