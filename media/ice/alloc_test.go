//go:build !race

package ice

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The race detector makes pools forget at random.
func TestAConsentCheckAllocatesNothing(t *testing.T) {
	c := credentials(t, 1)
	a := New(Params{Local: c})
	req, out := check(t, c, controlling, priority(1), use), make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() { out, _ = a.Handle(start, RTP, one, req, out[:0]) })
	assert.Zero(t, n)
	assert.NotEmpty(t, out)
}
