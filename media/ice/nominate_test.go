package ice

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/assert"
)

// elector is a peer that checks.
type elector struct {
	t *testing.T
	a *Agent
	c Credentials
}

func newElector(t *testing.T) *elector {
	c := credentials(t, 1)
	return &elector{t, New(Params{Local: c}), c}
}

func (v *elector) check(after time.Duration, from netip.AddrPort, p uint32, more ...stun.Setter) bool {
	req := check(v.t, v.c, append(more, controlling, priority(p))...)
	_, res := v.a.Handle(start.Add(after), RTP, from, req, nil)
	return res.Selected
}

func (v *elector) nominate(after time.Duration, from netip.AddrPort, p uint32) bool {
	return v.check(after, from, p, use)
}

// A peer that nominates with the keepalives of two pairs has a path that stays: the better of them.
func TestTwoPairsThatAreNominatedInTurns(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		worse uint32
		most  int
	}{
		"a worse one":               {time.Second, 5, 3},
		"a worse one, often":        {20 * time.Millisecond, 5, 3},
		"a worse one, with consent": {3 * time.Second, 5, 3},
		"one as good":               {20 * time.Millisecond, 10, 5},
	} {
		t.Run(name, func(t *testing.T) {
			v, moves := newElector(t), 0
			for i := range 500 {
				after := time.Duration(i) * c.every
				if v.nominate(after, one, 10) {
					moves++
				}
				if v.nominate(after+c.every/2, two, c.worse) {
					moves++
				}
			}
			assert.LessOrEqual(t, moves, c.most)
			if c.worse < 10 {
				assert.Equal(t, one, v.a.Selected(RTP))
			}
		})
	}
}

// With three pairs nobody returns to the one before: then their number is bounded.
func TestManyPairsThatAreNominatedInTurns(t *testing.T) {
	v, moves := newElector(t), 0
	for i := range 3000 {
		after := time.Duration(i) * 20 * time.Millisecond
		if v.nominate(after, netip.AddrPortFrom(one.Addr(), uint16(1+i%30)), uint32(1+i%30)) {
			moves++
		}
	}
	assert.LessOrEqual(t, moves, 1+7*maxMoves, "in a minute")
}

// Who leaves its network is followed at once, there and back, and after it has nominated two pairs when the selected one is silent.
func TestAPhoneThatLeavesItsNetworkIsFollowed(t *testing.T) {
	v := newElector(t)
	assert.True(t, v.nominate(0, one, 10))
	assert.False(t, v.nominate(9*time.Second, one, 10))
	assert.True(t, v.nominate(10*time.Second, two, 5), "the radio")
	assert.False(t, v.nominate(12*time.Second, two, 5))
	assert.True(t, v.nominate(30*time.Second, one, 10), "and back")
	assert.True(t, v.nominate(60*time.Second, two, 5))
	assert.True(t, v.nominate(65*time.Second, one, 10), "better")
	assert.False(t, v.nominate(66*time.Second, two, 5), "it nominates both")
	assert.False(t, v.check(72*time.Second-1, two, 5))
	assert.False(t, v.check(72*time.Second, six, 5))
	assert.True(t, v.check(72*time.Second, two, 5), "the selected one is not nominated any more, and each check repeats that word")
	assert.Equal(t, two, v.a.Selected(RTP))
}

// What was refused counts no more when the selected pair has been nominated since.
func TestAWordThatWasTakenBack(t *testing.T) {
	v := newElector(t)
	assert.True(t, v.nominate(0, one, 10))
	assert.True(t, v.nominate(4*time.Second, two, 5))
	assert.True(t, v.nominate(5*time.Second, one, 10))
	assert.False(t, v.nominate(6*time.Second, two, 5))
	assert.False(t, v.nominate(7*time.Second, one, 10))
	assert.False(t, v.check(time.Hour, two, 5))
	assert.Equal(t, one, v.a.Selected(RTP))
}
