package transport

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"b2bua/core/sip"
)

// caller and callee of the benchmark: a call is INVITE, 100, 180, 200, ACK, BYE, 200.
type caller struct {
	*user
	target string
	done   chan struct{}
}

func (c *caller) HandleResponse(_ time.Time, tx TxID, m *sip.Message) {
	switch {
	case m.Status != 200:
	case m.CSeq.Method == sip.INVITE:
		ack := benchRequest(sip.ACK, c.target, m.CallID)
		ack.To = m.To
		c.stack.Ack(tx, ack, NextHop{})
		c.stack.Request(benchRequest(sip.BYE, c.target, m.CallID), NextHop{})
	case m.CSeq.Method == sip.BYE:
		c.done <- struct{}{}
	}
}

type callee struct{ *user }

func (c *callee) HandleRequest(_ time.Time, tx TxID, m *sip.Message, _ Flow) {
	switch m.Method { //nolint:exhaustive // the benchmark sends no other
	case sip.INVITE:
		c.stack.Respond(tx, sip.NewResponse(m, 180, "", "bob"))
		ok := sip.NewResponse(m, 200, "", "bob")
		ok.Contact = []sip.Address{{URI: sip.URI{Scheme: "sip"}}}
		c.stack.Respond(tx, ok)
		c.stack.Acked(tx)
	case sip.BYE:
		c.stack.Respond(tx, sip.NewResponse(m, 200, "", ""))
	}
}

func benchRequest(method sip.Method, target, callID string) *sip.Message {
	u, err := sip.ParseURI(target)
	if err != nil {
		panic(err)
	}
	return &sip.Message{
		Method: method, URI: u, MaxForwards: 70, CallID: callID, CSeq: sip.CSeq{Number: 20, Method: method},
		From: sip.Address{URI: sip.URI{Scheme: "sip", Host: "a"}}.WithTag("x"), To: sip.Address{URI: u},
		Contact: []sip.Address{{URI: sip.URI{Scheme: "sip"}}}, Body: make([]byte, 320), ContentType: "application/sdp",
	}
}

// BenchmarkCall is one whole call, both ends in this process, 100 at once.
func BenchmarkCall(b *testing.B) {
	for _, network := range []string{"udp", "tcp"} {
		b.Run(network, func(b *testing.B) {
			at := Listener{network, netip.MustParseAddrPort("127.0.66.1:0")}
			server := &callee{&user{}}
			_, err := New(Config{Listen: []Listener{at}, Attach: func(s *Stack) { server.stack = s }}, server)
			if err != nil {
				b.Fatal(err)
			}
			client := &caller{user: &user{}, done: make(chan struct{}, 1000)}
			client.target = fmt.Sprintf("sip:bob@%s;transport=%s", server.stack.Listening()[0].Addr, network)
			if _, err = New(Config{Attach: func(s *Stack) { client.stack = s }}, client); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			running, started := 0, 0
			for finished := 0; finished < b.N; {
				for running < 100 && started < b.N {
					id := fmt.Sprint("call", started)
					_ = client.stack.Do(func(time.Time) { client.stack.Request(benchRequest(sip.INVITE, client.target, id), NextHop{}) })
					running, started = running+1, started+1
				}
				<-client.done
				running, finished = running-1, finished+1
			}
			b.StopTimer()
			for _, s := range []*Stack{server.stack, client.stack} {
				if err := s.Close(b.Context()); err != nil {
					b.Error(err)
				}
			}
		})
	}
}
