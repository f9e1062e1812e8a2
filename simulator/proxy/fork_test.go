package proxy_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"b2bua/core/sip"
	"b2bua/core/transport"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// doubleUAS answers every INVITE twice, as two phones behind another forking proxy do, and tells what it is told then.
type doubleUAS struct {
	stack *transport.Stack
	told  chan string // "ACK one", "BYE two"
}

func (u *doubleUAS) HandleRequest(_ time.Time, tx transport.TxID, req *sip.Message, _ transport.Flow) {
	if req.Method != sip.INVITE {
		u.told <- string(req.Method) + " " + req.To.Tag()
	}
	switch req.Method { //nolint:exhaustive // it gets no other
	case sip.INVITE:
		for _, tag := range []string{"one", "two"} {
			resp := sip.NewResponse(req, 200, "", tag)
			resp.Contact = []sip.Address{{URI: sip.URI{Scheme: "sip", User: "pauline"}}}
			resp.ContentType, resp.Body = "application/sdp", []byte("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n")
			u.stack.Respond(tx, resp)
		}
	case sip.BYE:
		u.stack.Respond(tx, sip.NewResponse(req, 200, "", ""))
	}
}

func (u *doubleUAS) HandleCancel(time.Time, transport.TxID, *sip.Message)   {}
func (u *doubleUAS) HandleResponse(time.Time, transport.TxID, *sip.Message) {}
func (u *doubleUAS) HandleFailure(time.Time, transport.TxID, error)         {}
func (u *doubleUAS) HandleTime(time.Time)                                   {}
func (u *doubleUAS) Deadline() (time.Time, bool)                            { return time.Time{}, false }

// RFC 3261 section 16.7 step 5: every 2xx reaches the caller, who acknowledges each and releases the one that it does not want.
func TestEverySuccessIsForwarded(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			uas := &doubleUAS{told: make(chan string, 100)}
			stack, err := transport.New(transport.Config{
				Listen: []transport.Listener{{Network: network, Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
				Attach: func(s *transport.Stack) { uas.stack = s },
			}, uas)
			require.NoError(t, err)
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				assert.NoError(t, stack.Close(ctx))
			})
			p := start(t, proxy.Config{Listen: []string{network + ":127.0.0.1:0"}})
			require.NoError(t, p.Bind("sip:pauline@sip.example.org", fmt.Sprintf("sip:pauline@%s;transport=%s", stack.Listening()[0].Addr, network)))
			a, err := phone(t, p, endpoint.Config{Name: "marie"}).Call("sip:pauline@sip.example.org", endpoint.CallOptions{})
			require.NoError(t, err)
			require.NoError(t, a.WaitRunning(within(t)))
			told := map[string]bool{}
			await := func(what string) {
				t.Helper()
				for !told[what] {
					select {
					case s := <-uas.told:
						told[s] = true
					case <-within(t).Done():
						require.Fail(t, "no "+what, "%v", told)
					}
				}
			}
			await("ACK one")
			await("ACK two")
			await("BYE two")
			require.NoError(t, a.HangUp())
			await("BYE one")
		})
	}
}
