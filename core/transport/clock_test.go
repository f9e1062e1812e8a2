package transport

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// stepped is the same moment, read from a wall clock that was set by that much: by administrators, NTP or a machine that slept.
func stepped(t *testing.T, now time.Time, by time.Duration) time.Time {
	t.Helper()
	was := now
	wall := (*uint64)(unsafe.Pointer(&now))              // the first field of time.Time, with the seconds above 30 bits of nanoseconds
	*wall += uint64(by/time.Second) << 30                //nolint:gosec // steps of tests are small
	require.Zero(t, now.Sub(was))                        // by the monotonic clock
	require.Equal(t, by, now.Round(0).Sub(was.Round(0))) // by the wall clock
	return now
}

// Setting the system's clock does not look like silence.
func TestClockStep(t *testing.T) {
	u := answering(t, 200, listenOn("tcp", "127.0.65.17:0"))
	uac := newUser(t, func(c *Config) { c.KeepAlive = time.Hour })
	target := fmt.Sprintf("sip:%s;transport=tcp", u.stack.Listening()[0].Addr)
	uac.request(newRequest(t, sip.OPTIONS, target), NextHop{})
	uac.next("response")
	first := u.next("request").flow
	for _, side := range []*user{u, uac} {
		side.do(func() { side.stack.sweepFlows(stepped(t, time.Now(), 48*time.Hour)) })
	}
	uac.request(newRequest(t, sip.OPTIONS, target), NextHop{})
	uac.next("response")
	assert.Equal(t, first, u.next("request").flow, "the same connection")
	uac.do(func() {
		for _, f := range uac.stack.flows {
			assert.Zero(t, f.pinged, "no keep-alive is due")
		}
	})
}
