package transport

import (
	"bytes"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// A UAS that sends 183 and 200 back to back, hundreds of calls at once: the 183 always comes, and always first.
func TestOrderOfResponses(t *testing.T) {
	const calls = 400
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			uas := &user{}
			uas.on = func(h happening) {
				if h.what != "request" || h.msg.Method != sip.INVITE {
					return
				}
				for _, status := range []int{183, 200} {
					uas.stack.Respond(h.tx, sip.NewResponse(h.msg, status, "", "bob"))
				}
				uas.stack.Acked(h.tx)
			}
			startUser(t, uas, listenOn(network, "127.0.62.1:0"))
			got := map[TxID][]int{}
			answered := atomic.Int32{}
			done := make(chan struct{})
			uac := &user{on: func(h happening) {
				if h.what != "response" {
					return
				}
				got[h.tx] = append(got[h.tx], h.msg.Status)
				if h.msg.Status == 200 && answered.Add(1) == calls {
					close(done)
				}
			}}
			startUser(t, uac, listenOn(network, "127.0.62.2:0"))
			target := fmt.Sprintf("sip:bob@%s;transport=%s", uas.at(), network)
			for range calls {
				uac.request(newRequest(t, sip.INVITE, target), NextHop{})
			}
			wait(t, done)
			uac.do(func() {
				assert.Len(t, got, calls)
				for id, list := range got {
					assert.Equal(t, []int{100, 183, 200}, list, "transaction %d", id)
				}
			})
		})
	}
}

func wait(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		require.Fail(t, "it did not happen in time")
	}
}

// INVITE and CANCEL in one segment, and pipelined requests on one connection: handled in the order in which they were written.
func TestOrderOfRequests(t *testing.T) {
	const pairs, pipelined = 300, 2000
	var seen []string
	done := make(chan struct{})
	uas := &user{}
	uas.on = func(h happening) {
		switch {
		case h.what == "cancel":
			seen = append(seen, "CANCEL "+h.msg.CallID)
			uas.stack.Respond(h.tx, sip.NewResponse(h.msg, 487, "", ""))
		case h.msg.Method == sip.INVITE:
			seen = append(seen, "INVITE "+h.msg.CallID)
		case h.msg.Method == sip.INFO:
			seen = append(seen, "INFO "+h.msg.CSeq.String())
			uas.stack.Respond(h.tx, sip.NewResponse(h.msg, 200, "", ""))
		}
		if len(seen) == 2*pairs+pipelined {
			close(done)
		}
	}
	startUser(t, uas, listenOn("tcp", "127.0.62.3:0"))
	conn, err := net.Dial("tcp", uas.at().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	go func() { // reads the answers away; ends with the connection
		buf := make([]byte, 65536)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	var want []string
	for i := range pairs {
		invite := newRequest(t, sip.INVITE, "sip:bob@example.com")
		invite.Contact[0].URI.Host = "127.0.0.1"
		invite.Via = []sip.Via{{Transport: "TCP", Host: "127.0.0.1", Params: sip.Params{{Name: "branch", Value: fmt.Sprint("z9hG4bK", i), HasValue: true}}}}
		cancel := invite.Clone()
		cancel.Method, cancel.CSeq.Method, cancel.Contact = sip.CANCEL, sip.CANCEL, nil
		_, err := conn.Write(cancel.Append(invite.Bytes()))
		require.NoError(t, err)
		want = append(want, "INVITE "+invite.CallID, "CANCEL "+invite.CallID)
	}
	var pipe bytes.Buffer
	for i := range pipelined {
		info := newRequest(t, sip.INFO, "sip:bob@example.com")
		info.CSeq.Number = uint32(i)
		info.Via = []sip.Via{{Transport: "TCP", Host: "127.0.0.1", Params: sip.Params{{Name: "branch", Value: fmt.Sprint("z9hG4bKi", i), HasValue: true}}}}
		pipe.Write(info.Bytes())
		want = append(want, "INFO "+info.CSeq.String())
	}
	_, err = conn.Write(pipe.Bytes())
	require.NoError(t, err)
	wait(t, done)
	uas.do(func() { assert.Equal(t, want, seen) })
}
