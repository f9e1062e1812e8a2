package iceagent

import (
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/ice"
)

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// own are the addresses of the agent, by network.
var own = [2]netip.AddrPort{addr("192.0.2.9:9000"), addr("203.0.113.9:9000")}

// run lets an agent work with a lite one until a time; reachable are the addresses that answer.
func run(a *Agent, lite *ice.Agent, from, until time.Time, reachable ...netip.AddrPort) {
	for now := from; now.Before(until); now = now.Add(20 * time.Millisecond) {
		for _, d := range a.Due(now) {
			for _, at := range reachable {
				if d.To == at {
					out, _ := lite.Handle(now, d.Component, own[d.Network], d.B, nil)
					a.Receive(now, d.Network, d.Component, at, out)
				}
			}
		}
	}
}

func TestItNominatesTheBestThatAnswers(t *testing.T) {
	local, err := ice.NewCredentials(rand.Reader)
	require.NoError(t, err)
	remote, err := ice.NewCredentials(rand.Reader)
	require.NoError(t, err)
	best, second, third := addr("203.0.113.1:4000"), addr("192.0.2.1:4000"), addr("192.0.2.2:4000")
	cfg := Config{Local: local, Remote: remote, Components: 1, Candidates: []ice.Candidate{
		ice.Host(ice.RTP, third, 2), ice.Host(ice.RTP, second, 1), ice.Host(ice.RTP, best, 0), ice.Host(ice.RTCP, best, 0),
	}}
	start := time.Unix(1_700_000_000, 0)
	a, lite := New(cfg), ice.New(ice.Params{Local: remote})
	run(a, lite, start, start.Add(time.Second), second, third)
	assert.Equal(t, second, a.Selected(ice.RTP))
	assert.False(t, a.Selected(ice.RTCP).IsValid())
	assert.Equal(t, own[0], lite.Selected(ice.RTP))
	had := a.Stats().Consents
	run(a, lite, start.Add(time.Second), start.Add(3*time.Second), second, third)
	assert.Greater(t, a.Stats().Consents, had+5)
	assert.True(t, a.Same(cfg))

	cfg.Remote = ice.Credentials{Ufrag: remote.Ufrag, Pwd: local.Pwd}
	a, lite = New(cfg), ice.New(ice.Params{Local: remote})
	run(a, lite, start, start.Add(time.Second), best)
	assert.Equal(t, 401, a.Stats().Refused)
	assert.False(t, a.Selected(ice.RTP).IsValid())
}

func TestOfTwoNetworksItNominatesTheFavouredOne(t *testing.T) {
	remote, err := ice.NewCredentials(rand.Reader)
	require.NoError(t, err)
	at, start := addr("192.0.2.1:4000"), time.Unix(1_700_000_000, 0)
	for favours := range 2 {
		a := New(Config{Local: remote, Remote: remote, Components: 1, Candidates: []ice.Candidate{ice.Host(ice.RTP, at, 0)}, Networks: 2, Favours: favours})
		lite := ice.New(ice.Params{Local: remote})
		run(a, lite, start, start.Add(later), at)
		assert.True(t, a.Valid(1, ice.RTP), "checked at once")
		assert.False(t, a.Valid(0, ice.RTP))
		run(a, lite, start.Add(later), start.Add(time.Second), at)
		assert.True(t, a.Valid(0, ice.RTP))
		assert.Equal(t, own[favours], lite.Selected(ice.RTP))
	}
}
