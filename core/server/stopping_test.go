package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestStoppingTellsHowToHurry(t *testing.T) {
	assert.Equal(t, "stopping: 1 call may go on for 10m0s (b2bua/drain-timeout); a second TERM or INT ends what is left at once", stopping(1, 10*time.Minute))
	assert.Contains(t, stopping(2, time.Second), "2 calls may go on for 1s")
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
