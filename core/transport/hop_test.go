package transport

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
	"b2bua/core/transaction"
)

// deadPort is a port of that address where nothing listens.
func deadPort(t *testing.T, host string) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return addrOf(l.Addr()).Port()
}

// RFC 3263 section 4.3: the next server is tried after a refused connection, a 503 and a timeout; the branch is another one.
func TestFailover(t *testing.T) {
	quick := func(c *Config) { c.Timers = transaction.Timers{T1: 5 * time.Millisecond} }
	for _, first := range []string{"refused", "503", "silent"} {
		t.Run(first, func(t *testing.T) {
			good := answering(t, 200, listenOn("tcp", "127.0.64.1:0"))
			records := []*net.SRV{{Target: "one.example.com.", Port: 1}, {Target: "two.example.com.", Port: good.at().Port()}}
			var bad *user
			switch first {
			case "refused":
				records[0].Port = deadPort(t, "127.0.64.2")
			case "503":
				bad = answering(t, 503, listenOn("tcp", "127.0.64.2:0"))
				records[0].Port = bad.at().Port()
			default:
				bad = newUser(t, listenOn("tcp", "127.0.64.2:0"))
				records[0].Port = bad.at().Port()
			}
			zone := names{
				hosts: map[string][]string{"one.example.com": {"127.0.64.2"}, "two.example.com": {"127.0.64.1"}},
				srv:   map[string][]*net.SRV{"_sip._tcp.example.com": records},
			}
			uac := newUser(t, resolving(zone), quick)
			id := uac.request(newRequest(t, sip.OPTIONS, "sip:example.com;transport=tcp"), NextHop{})
			h := uac.next("response")
			assert.Equal(t, id, h.tx)
			assert.Equal(t, 200, h.msg.Status, "the 503 is not told")
			if bad != nil {
				assert.NotEqual(t, bad.next("request").msg.Via[0].Branch(), good.next("request").msg.Via[0].Branch())
			}
		})
	}
}

// RFC 3263 section 4.3: when the last server fails too, that is the result.
func TestFailoverExhausted(t *testing.T) {
	a, b := answering(t, 503, listenOn("tcp", "127.0.64.3:0")), answering(t, 503, listenOn("tcp", "127.0.64.4:0"))
	zone := names{
		hosts: map[string][]string{"one.example.com": {"127.0.64.3"}, "two.example.com": {"127.0.64.4"}},
		srv:   map[string][]*net.SRV{"_sip._tcp.example.com": {{Target: "one.example.com", Port: a.at().Port()}, {Target: "two.example.com", Port: b.at().Port()}}},
	}
	uac := newUser(t, resolving(zone))
	uac.request(newRequest(t, sip.OPTIONS, "sip:example.com;transport=tcp"), NextHop{})
	assert.Equal(t, 503, uac.next("response").msg.Status)

	id := uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:127.0.64.3:%d;transport=tcp", deadPort(t, "127.0.64.3"))), NextHop{})
	h := uac.next("failure")
	assert.Equal(t, id, h.tx)
	require.ErrorIs(t, h.err, syscall.ECONNREFUSED)
}

// RFC 3263 section 4: which transport and port a URI means, and what is looked up for it.
func TestRFC3263_4(t *testing.T) {
	zone := names{
		hosts: map[string][]string{"a.example.com": {"192.0.2.1", "2001:db8::1"}, "host.example.com": {"192.0.2.9"}},
		srv: map[string][]*net.SRV{
			"_sip._udp.both.example.com":  {{Target: "a.example.com.", Port: 5070}},
			"_sip._tcp.both.example.com":  {{Target: "a.example.com.", Port: 5071}},
			"_sips._tcp.both.example.com": {{Target: "a.example.com.", Port: 5072}},
			"_sip._tcp.tcp.example.com":   {{Target: "a.example.com.", Port: 5080}},
			"_sip._udp.none.example.com":  {{Target: ".", Port: 0}},
		},
	}
	for _, v := range []struct {
		uri, want, fault string
	}{
		{uri: "sip:192.0.2.7", want: "[udp 192.0.2.7:5060]"},
		{uri: "sip:192.0.2.7:5070;transport=TCP", want: "[tcp 192.0.2.7:5070]"},
		{uri: "sips:192.0.2.7", want: "[tls 192.0.2.7:5061]"},
		{uri: "sips:192.0.2.7;transport=tcp", want: "[tls 192.0.2.7:5061]"},
		{uri: "sip:[2001:db8::7];transport=tls", want: "[tls [2001:db8::7]:5061]"},
		{uri: "sip:a.example.com;maddr=192.0.2.8", want: "[udp 192.0.2.8:5060]"},
		{uri: "sip:both.example.com", want: "[udp 192.0.2.1:5070 udp [2001:db8::1]:5070]"},
		{uri: "sip:BOTH.example.com;transport=tcp", want: "[tcp 192.0.2.1:5071 tcp [2001:db8::1]:5071]"},
		{uri: "sips:both.example.com", want: "[tls 192.0.2.1:5072 tls [2001:db8::1]:5072]"},
		{uri: "sip:tcp.example.com", want: "[tcp 192.0.2.1:5080 tcp [2001:db8::1]:5080]"},
		{uri: "sip:host.example.com", want: "[udp 192.0.2.9:5060]"},
		{uri: "sip:host.example.com:5099;transport=tls", want: "[tls 192.0.2.9:5099]"},
		{uri: "sips:host.example.com", want: "[tls 192.0.2.9:5061]"},
		{uri: "sip:none.example.com", fault: "no such host"},
		{uri: "sip:192.0.2.7;transport=sctp", fault: "transport"},
		{uri: "sips:192.0.2.7;transport=udp", fault: "TLS over TCP only"},
		{uri: "tel:+123", fault: "only sip and sips"},
	} {
		t.Run(v.uri, func(t *testing.T) {
			d, err := destinationOf(uriOf(t, v.uri))
			var list []candidate
			if err == nil {
				list, err = newResolver(zone).lookup(t.Context(), d)
			}
			if v.fault != "" {
				require.ErrorContains(t, err, v.fault)
				var e *ResolveError
				require.ErrorAs(t, err, &e)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, c := range list {
				got = append(got, c.network+" "+c.addr.String())
			}
			assert.Equal(t, v.want, fmt.Sprint(got))
		})
	}
}

// RFC 3261 section 18.1.1: a long request for UDP goes by TCP, by UDP where TCP is refused, and asks for answers by UDP.
func TestRFC3261_18_1_1_LongRequests(t *testing.T) {
	long := func(uri string) *sip.Message {
		m := newRequest(t, sip.INVITE, uri)
		m.ContentType, m.Body = "text/plain", bytes.Repeat([]byte{'x'}, 2000)
		return m
	}
	udpOnly := newUser(t, listenOn("udp", "127.0.64.5:0"))
	uac := newUser(t, listenOn("udp", "127.0.64.6:0"))
	target := fmt.Sprintf("sip:bob@%s", udpOnly.at())
	for range 2 {
		uac.request(long(target), NextHop{})
		h := udpOnly.next("request")
		assert.Equal(t, "udp", h.flow.Network)
		assert.Len(t, h.msg.Body, 2000)
	}
	both := newUser(t, listenOn("udp", "127.0.64.7:0"), func(c *Config) {
		// TCP on the port of the UDP socket of the test before would not be known yet; take a free one for both.
		port := deadPort(t, "127.0.64.7")
		at := netip.AddrPortFrom(netip.MustParseAddr("127.0.64.7"), port)
		c.Listen = []Listener{{"udp", at}, {"tcp", at}}
	})
	target = fmt.Sprintf("sip:bob@%s", both.at())
	uac.request(long(target), NextHop{})
	h := both.next("request")
	assert.Equal(t, "tcp", h.flow.Network)
	assert.Equal(t, "TCP", h.msg.Via[0].Transport)
	assert.Equal(t, uac.at().String(), h.msg.Contact[0].URI.HostPort())
	assert.False(t, h.msg.Contact[0].URI.Params.Has("transport"), "the peer comes back by UDP")
	uac.request(newRequest(t, sip.INVITE, target), NextHop{})
	assert.Equal(t, "udp", both.next("request").flow.Network, "short ones go by UDP")
}

// Spec 4.11: connections and UDP ports are shared, apart from those with a key; UDP leaves from the listening port.
func TestSourcePorts(t *testing.T) {
	for _, v := range []struct {
		listen, out string
		own         bool // the source is the listening port
	}{{"tcp", "tcp", false}, {"tcp", "udp", false}, {"udp", "tcp", false}, {"udp", "udp", true}} {
		t.Run(v.listen+" "+v.out, func(t *testing.T) {
			uas := answering(t, 200, listenOn(v.out, "127.0.64.8:0"))
			uac := newUser(t, listenOn(v.listen, "127.0.64.9:0"))
			from := func(key string) netip.AddrPort {
				uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s;transport=%s", uas.at(), v.out)), NextHop{Key: key})
				uac.next("response")
				return uas.next("request").flow.Remote
			}
			shared := from("")
			assert.Equal(t, shared, from(""))
			assert.Equal(t, v.own, shared.Port() == uac.at().Port())
			one, two := from("one"), from("two")
			assert.NotEqual(t, one, two)
			assert.NotEqual(t, shared, one)
			assert.Equal(t, one, from("one"))
		})
	}
}

// Locate tells our address, connects, and the request after it takes the same way; done comes after the present callback.
func TestLocate(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			uas := answering(t, 200, listenOn(network, "127.0.64.10:0"))
			uac := newUser(t, listenOn("udp", "127.0.64.11:0"))
			hop := NextHop{URI: uriOf(t, fmt.Sprintf("sip:%s;transport=%s", uas.at(), network))}
			found := make(chan Located, 1)
			uac.do(func() {
				uac.stack.Locate(hop, func(_ time.Time, at Located, err error) {
					assert.NoError(t, err)
					uac.stack.Request(newRequest(t, sip.OPTIONS, "sip:elsewhere.invalid"), hop)
					found <- at
				})
				assert.Empty(t, found)
			})
			at := <-found
			assert.Equal(t, "127.0.64.11", at.Local.Addr().String())
			assert.Equal(t, network, at.Network)
			assert.Equal(t, at.Local, uas.next("request").flow.Remote)
		})
	}
	uac := newUser(t, resolving(names{}))
	failed := make(chan error, 1)
	uac.do(func() {
		uac.stack.Locate(NextHop{URI: uriOf(t, "sip:nowhere.example.com")}, func(_ time.Time, _ Located, err error) { failed <- err })
	})
	var e *ResolveError
	require.ErrorAs(t, <-failed, &e)
}

// A request that was cancelled before it left never leaves.
func TestCancelBeforeItLeft(t *testing.T) {
	uas := newUser(t, listenOn("tcp", "127.0.64.12:0"))
	uac := newUser(t)
	var id TxID
	uac.do(func() {
		id = uac.stack.Request(newRequest(t, sip.INVITE, fmt.Sprintf("sip:%s;transport=tcp", uas.at())), NextHop{})
		uac.stack.Cancel(id, nil)
	})
	h := uac.next("failure")
	assert.Equal(t, id, h.tx)
	require.ErrorIs(t, h.err, ErrCancelled)
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s;transport=tcp", uas.at())), NextHop{})
	assert.Equal(t, sip.OPTIONS, uas.next("request").msg.Method)
}

// A connection that breaks ends its transactions on both sides at once.
func TestLostConnection(t *testing.T) {
	uas := newUser(t, listenOn("tcp", "127.0.64.13:0"))
	uac := newUser(t)
	id := uac.request(newRequest(t, sip.INVITE, fmt.Sprintf("sip:%s;transport=tcp", uas.at())), NextHop{})
	invite := uas.next("request")
	uac.next("response")
	uas.do(func() {
		f := uas.stack.flows[invite.flow.ID]
		f.hangUp("receive", errors.New("pulled"))
	})
	for _, side := range []struct {
		*user
		tx TxID
	}{{uac, id}, {uas, invite.tx}} {
		h := side.next("failure")
		assert.Equal(t, side.tx, h.tx)
		var flow *FlowError
		require.ErrorAs(t, h.err, &flow)
	}
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s;transport=tcp", uas.at())), NextHop{})
	assert.NotEqual(t, invite.flow.Remote, uas.next("request").flow.Remote, "the next request connects again")
}

// A request over a given connection goes there whatever its URI says, and elsewhere when the connection is gone.
func TestNextHopFlow(t *testing.T) {
	uas := newUser(t, listenOn("tcp", "127.0.64.14:0"))
	uac := newUser(t, listenOn("udp", "127.0.64.15:0"))
	uac.request(newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:%s;transport=tcp", uas.at())), NextHop{})
	flow := uas.next("request").flow
	target := fmt.Sprintf("sip:%s", uac.at())
	uas.request(newRequest(t, sip.INFO, target), NextHop{Flow: flow.ID})
	assert.Equal(t, "tcp", uac.next("request").flow.Network)
	uas.request(newRequest(t, sip.INFO, target), NextHop{Flow: 999})
	assert.Equal(t, "udp", uac.next("request").flow.Network)
}

// RFC 3261 section 18.4: a UDP port that nobody listens on fails the request at once, not after 32 s, and fails no other.
func TestRFC3261_18_4_PortUnreachable(t *testing.T) {
	for _, listen := range []string{"127.0.64.16:0", "0.0.0.0:0", "[::]:0"} {
		t.Run(listen, func(t *testing.T) {
			uas := newUser(t, listenOn("udp", "127.0.64.17:0"))
			uac := newUser(t, listenOn("udp", listen))
			alive := uac.request(newRequest(t, sip.INVITE, fmt.Sprintf("sip:%s", uas.at())), NextHop{})
			invite := uas.next("request")
			dead := uac.request(newRequest(t, sip.INVITE, fmt.Sprintf("sip:127.0.64.17:%d", deadPort(t, "127.0.64.17"))), NextHop{})
			h := uac.next("failure")
			assert.Equal(t, dead, h.tx)
			require.ErrorIs(t, h.err, syscall.ECONNREFUSED)
			uas.respond(invite.tx, sip.NewResponse(invite.msg, 200, "", "bob"))
			for {
				if h := uac.next("response"); h.msg.Status == 200 {
					assert.Equal(t, alive, h.tx)
					break
				}
			}
			uas.do(func() { uas.stack.Acked(invite.tx) })
		})
	}
}

// The answer to a datagram leaves from the address that it was sent to, also from a wildcard socket.
func TestAnswerFromTheAddressAsked(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0"} {
		t.Run(listen, func(t *testing.T) {
			uas := answering(t, 200, listenOn("udp", listen))
			conn, err := net.Dial("udp", fmt.Sprintf("127.0.64.18:%d", uas.at().Port())) // connected: takes datagrams from there only
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			m := newRequest(t, sip.OPTIONS, "sip:bob@example.com")
			m.Via = []sip.Via{{Transport: "UDP", Host: "127.0.0.1", Params: sip.Params{{Name: "rport"}, {Name: "branch", Value: "z9hG4bK1", HasValue: true}}}}
			_, err = conn.Write(m.Bytes())
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
			n, err := conn.Read(make([]byte, 2000))
			require.NoError(t, err)
			assert.NotZero(t, n)
			assert.Equal(t, "127.0.64.18", uas.next("request").flow.Local.Addr().String())
		})
	}
}
