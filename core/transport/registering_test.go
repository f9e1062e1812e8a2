package transport

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// Spec 4.11: the Contact of a REGISTER names the connection's own port, that of a call the port where we listen. Its loss is told.
func TestRegisterByConnection(t *testing.T) {
	lost := make(chan Flow, 1)
	uas := answering(t, 200, listenOn("tcp", "127.0.69.1:0"))
	uac := newUser(t, listenOn("tcp", "127.0.69.2:0"), func(c *Config) { c.OnFlowLost = func(_ time.Time, f Flow) { lost <- f } })
	contact := []sip.Address{{URI: sip.URI{Scheme: "sip", User: "line"}}}
	send := func(method sip.Method, key string) (*sip.Message, Flow) {
		m := newRequest(t, method, "sip:"+uas.at().String()+";transport=tcp")
		m.Contact = contact
		uac.request(m, NextHop{Key: key})
		got := uas.next("request")
		uac.next("response")
		return got.msg, got.flow
	}
	m, flow := send(sip.REGISTER, "")
	assert.Equal(t, flow.Remote.Port(), uint16(m.Contact[0].URI.Port)) //nolint:gosec // a port
	assert.NotEqual(t, uac.at().Port(), flow.Remote.Port())
	invite, by := send(sip.OPTIONS, "")
	assert.Equal(t, flow.ID, by.ID, "one connection")
	assert.Equal(t, int(uac.at().Port()), invite.Contact[0].URI.Port)
	_, other := send(sip.REGISTER, "line 2")
	assert.NotEqual(t, flow.ID, other.ID, "a connection of its own")

	uac.do(func() {
		var own Flow
		for _, f := range uac.stack.flows {
			if f.Local == flow.Remote {
				own = f.Flow
			}
		}
		registered := uac.stack.RegisteredContact(own)
		assert.Equal(t, "sip:127.0.69.2:"+strconv.Itoa(int(flow.Remote.Port()))+";transport=tcp", registered.String())
		assert.Zero(t, uac.stack.Came(), "no response is being handled")
	})
	uas.do(func() { uas.stack.HangUp(flow.ID); uas.stack.HangUp(12345) })
	select {
	case f := <-lost:
		assert.Equal(t, flow.Remote, f.Local)
	case <-time.After(patience):
		require.Fail(t, "the loss was not told")
	}
}
