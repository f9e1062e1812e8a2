package transaction

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// Whatever comes in whatever order: every request of ours ends in exactly one final response or failure to its user, every INVITE and
// its CANCEL are told once, nothing is left in the end. The seeds are fixed; a failing one is named.
func TestRandomEvents(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { randomEvents(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

type chaos struct {
	*bench
	r       *rand.Rand
	ours    []*sip.Message
	ids     map[ID]bool // of our requests; true: ended for the user
	order   []ID
	theirs  []*sip.Message
	server  []ID
	told    map[ID]int
	cancels map[ID]int
}

func randomEvents(t *testing.T, r *rand.Rand) {
	c := &chaos{bench: newBench(t), r: r, ids: map[ID]bool{}, told: map[ID]int{}, cancels: map[ID]int{}}
	for i := range 300 {
		c.step(i)
		c.look()
	}
	for range 200 { // everything has ended long before: ring without end is the user's to end
		for _, id := range c.server {
			c.Respond(c.now, id, &sip.Message{Status: 500, Via: c.anyVia(), CSeq: sip.CSeq{Number: 1, Method: sip.INVITE}})
		}
		for _, id := range c.order {
			c.Cancel(c.now, id, nil)
		}
		c.advance(time.Second)
		c.look()
	}
	assert.Zero(t, c.Len())
	assert.Zero(t, c.Pending())
	for id, ended := range c.ids {
		assert.True(t, ended, "request %d never ended", id)
	}
}

func (c *chaos) anyVia() []sip.Via { return newRequest(sip.INVITE, "x").Via }

var methods = []sip.Method{sip.INVITE, sip.INVITE, sip.BYE, sip.INFO}

func (c *chaos) path() Path {
	if c.r.IntN(2) == 0 {
		return udpPath
	}
	return tcpPath
}

func (c *chaos) step(i int) {
	branch := strconv.Itoa(i)
	switch c.r.IntN(10) {
	case 0, 1:
		m := newRequest(methods[c.r.IntN(len(methods))], branch)
		id := c.NewID()
		c.ids[id], c.order = false, append(c.order, id)
		c.ours = append(c.ours, m)
		c.Request(c.now, id, m, c.path())
	case 2, 3:
		if len(c.ours) > 0 {
			m := c.ours[c.r.IntN(len(c.ours))]
			c.answer(m, []int{100, 180, 200, 200, 302, 486, 503, 603}[c.r.IntN(8)], strconv.Itoa(c.r.IntN(3)))
		}
	case 4:
		m := newRequest(methods[c.r.IntN(len(methods))], "in"+branch)
		c.theirs = append(c.theirs, m)
		c.Receive(c.now, m, c.path())
	case 5:
		if len(c.theirs) > 0 {
			c.again(c.theirs[c.r.IntN(len(c.theirs))])
		}
	case 6:
		if len(c.server) > 0 {
			id := c.server[c.r.IntN(len(c.server))]
			resp := sip.NewResponse(newRequest(sip.INVITE, "x"), []int{180, 200, 404, 500}[c.r.IntN(4)], "", "")
			c.Respond(c.now, id, resp)
			if c.r.IntN(2) == 0 {
				c.Acked(id, "")
			}
		}
	case 7:
		if len(c.order) > 0 {
			c.Cancel(c.now, c.order[c.r.IntN(len(c.order))], nil)
		}
	case 8:
		c.advance(time.Duration(c.r.IntN(5000)) * time.Millisecond)
	default:
		switch c.r.IntN(6) {
		case 0:
			c.FlowLost(tcpPath.Flow, errLost)
		case 1:
			c.Unreachable(udpPath.Flow, udpPath.Remote, errLost)
		default:
		}
	}
}

// again repeats a request of theirs, cancels it or acknowledges it.
func (c *chaos) again(m *sip.Message) {
	copied := *m
	switch c.r.IntN(3) {
	case 0:
	case 1:
		copied.Method, copied.CSeq.Method = sip.CANCEL, sip.CANCEL
	default:
		copied.Method, copied.CSeq.Method = sip.ACK, sip.ACK
	}
	c.Receive(c.now, &copied, c.path())
}

func (c *chaos) look() {
	for _, o := range c.outputs() {
		switch o.Kind {
		case Send, SendAck:
			require.NotEmpty(c.t, o.Wire)
			require.NotZero(c.t, o.Path.Flow)
		case Reconnect:
			switch c.r.IntN(3) {
			case 0:
				c.SendFailed(o.Tx, errLost)
			case 1:
				c.Reconnected(c.now, o.Tx, tcpPath)
			default: // no answer yet, or none at all
			}
		case Request:
			if o.Tx != 0 {
				c.told[o.Tx]++
				require.Equal(c.t, 1, c.told[o.Tx], "told twice")
				c.server = append(c.server, o.Tx)
			}
		case Cancel:
			c.cancels[o.Tx]++
			require.Equal(c.t, 1, c.cancels[o.Tx])
		case Response:
			require.Contains(c.t, c.ids, o.Tx)
			if o.Msg.Status >= 200 {
				require.True(c.t, !c.ids[o.Tx] || o.Msg.Status < 300, "two final responses")
				c.ids[o.Tx] = true
			} else {
				require.False(c.t, c.ids[o.Tx], "a provisional response after the end")
			}
		case Failure:
			if ended, ours := c.ids[o.Tx]; ours {
				require.False(c.t, ended, "a failure after the end")
				c.ids[o.Tx] = true
			}
		}
	}
}
