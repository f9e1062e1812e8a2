package transport

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/sip"
)

// The types of RFC 1035, RFC 2782 and RFC 3596 that are asked for.
const (
	typeA    = 1
	typeAAAA = 28
	typeSRV  = 33
)

// dnsServer answers on loopback from its records, keyed by "name type"; the data is as it goes on the wire.
type dnsServer struct {
	conn    *net.UDPConn
	records map[string][][]byte

	mu    sync.Mutex
	asked map[string]int
}

func address(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func srv(priority, weight, port uint16, name string) []byte {
	b := binary.BigEndian.AppendUint16(nil, priority)
	b = binary.BigEndian.AppendUint16(b, weight)
	return append(binary.BigEndian.AppendUint16(b, port), labels(name)...)
}

func labels(name string) (b []byte) {
	for l := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(l))), l...)
	}
	return append(b, 0)
}

func serveDNS(t *testing.T, records map[string][][]byte) (*dnsServer, *net.Resolver) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	s := &dnsServer{conn: conn, records: records, asked: map[string]int{}}
	done := make(chan struct{})
	go func() { defer close(done); s.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return s, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

func (s *dnsServer) serve() {
	buf := make([]byte, 2000)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if reply := s.reply(buf[:n]); reply != nil {
			_, _ = s.conn.WriteToUDPAddrPort(reply, from)
		}
	}
}

// reply answers the one question of a query (RFC 1035 section 4).
func (s *dnsServer) reply(q []byte) []byte {
	var name []string
	at := 12
	for at < len(q) && q[at] != 0 {
		name = append(name, string(q[at+1:at+1+int(q[at])]))
		at += 1 + int(q[at])
	}
	if at+5 > len(q) {
		return nil
	}
	at++
	kind := binary.BigEndian.Uint16(q[at:])
	key := fmt.Sprint(strings.ToLower(strings.Join(name, ".")), " ", kind)
	s.mu.Lock()
	s.asked[key]++
	s.mu.Unlock()
	list, known := s.records[key]
	flags := uint16(0x8180) // an answer, recursion done
	if !known && !slices.ContainsFunc([]int{typeA, typeAAAA, typeSRV}, func(other int) bool {
		_, ok := s.records[fmt.Sprint(strings.ToLower(strings.Join(name, ".")), " ", other)]
		return ok
	}) {
		flags |= 3 // no such name
	}
	out := append([]byte{q[0], q[1]}, byte(flags>>8), byte(flags), 0, 1, 0, byte(len(list)), 0, 0, 0, 0)
	out = append(out, q[12:at+4]...)
	for _, data := range list {
		out = append(out, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 60) // the name of the question, IN, a minute
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(data))), data...)
	}
	return out
}

func (s *dnsServer) count(name string, kind int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[fmt.Sprint(name, " ", kind)]
}

func askingDNS(r *net.Resolver) setting { return func(c *Config) { c.Resolver = r } }

// RFC 3263 section 4 and RFC 2782 over the wire: the server of the lowest priority value first, the next when it refuses, by IPv4 and IPv6;
// a name asked for again within seconds costs no further question.
func TestDNS(t *testing.T) {
	first, second := answering(t, 200, listenOn("tcp", "127.0.68.1:0")), answering(t, 200, listenOn("tcp", "[::1]:0"))
	dead := deadPort(t, "127.0.68.2")
	server, resolver := serveDNS(t, map[string][][]byte{
		"_sip._tcp.up.test 33":   {srv(20, 0, second.at().Port(), "v6.up.test"), srv(10, 5, first.at().Port(), "v4.up.test")},
		"_sip._tcp.half.test 33": {srv(20, 0, second.at().Port(), "v6.up.test"), srv(10, 0, dead, "dead.test")},
		"_sip._tcp.down.test 33": {srv(10, 0, dead, "dead.test"), srv(20, 0, dead, "dead.test")},
		"v4.up.test 1":           {address("127.0.68.1")},
		"v6.up.test 28":          {address("::1")},
		"dead.test 1":            {address("127.0.68.2")},
		"both.test 1":            {address("127.0.68.1")},
		"both.test 28":           {address("2001:db8::1")},
	})
	uac := newUser(t, askingDNS(resolver))
	send := func(uri string) { uac.request(newRequest(t, sip.OPTIONS, uri), NextHop{}) }

	for range 3 {
		send("sip:up.test;transport=tcp")
		assert.Equal(t, 200, uac.next("response").msg.Status)
		first.next("request")
	}
	assert.Equal(t, 1, server.count("_sip._tcp.up.test", typeSRV), "the answer is kept for a while")

	send("sip:half.test;transport=tcp")
	assert.Equal(t, 200, uac.next("response").msg.Status)
	assert.True(t, second.next("request").flow.Local.Addr().Is6(), "the second record, by its AAAA")

	send("sip:down.test;transport=tcp")
	var refused *FlowError
	require.ErrorAs(t, uac.next("failure").err, &refused)
	assert.Equal(t, "127.0.68.2", refused.Remote.Addr().String())

	send(fmt.Sprintf("sip:both.test:%d;transport=tcp", first.at().Port()))
	assert.Equal(t, 200, uac.next("response").msg.Status)
	assert.Zero(t, server.count("_sip._tcp.both.test", typeSRV), "a port in the URI asks for no SRV")

	send("sip:nobody.test;transport=tcp")
	var unknown *ResolveError
	require.ErrorAs(t, uac.next("failure").err, &unknown)
	assert.Equal(t, "nobody.test", unknown.Host)
}

// RFC 2782: among records of one priority the weight decides how often each comes first; one of weight 0 hardly ever.
func TestDNSWeights(t *testing.T) {
	_, resolver := serveDNS(t, map[string][][]byte{
		"_sip._udp.pool.test 33": {srv(1, 0, 5001, "a.test"), srv(1, 90, 5002, "a.test"), srv(2, 100, 5003, "a.test")},
		"a.test 1":               {address("192.0.2.1")},
	})
	d, err := destinationOf(uriOf(t, "sip:pool.test"))
	require.NoError(t, err)
	begins := map[uint16]int{}
	for range 30 {
		list, err := newResolver(resolver).lookup(t.Context(), d)
		require.NoError(t, err)
		require.Len(t, list, 3)
		begins[list[0].addr.Port()]++
		assert.Equal(t, uint16(5003), list[2].addr.Port(), "the other priority is the last resort")
	}
	assert.Greater(t, begins[5002], begins[5001])
}

// Many requests to one name at once are one question, and leave in their order.
func TestDNSAskedOnce(t *testing.T) {
	uas := answering(t, 200, listenOn("tcp", "127.0.68.3:0"))
	server, resolver := serveDNS(t, map[string][][]byte{"one.test 1": {address("127.0.68.3")}})
	uac := newUser(t, askingDNS(resolver))
	var ids []string
	uac.do(func() {
		for range 50 {
			m := newRequest(t, sip.OPTIONS, fmt.Sprintf("sip:one.test:%d;transport=tcp", uas.at().Port()))
			ids = append(ids, m.CallID)
			uac.stack.Request(m, NextHop{})
		}
	})
	for _, id := range ids {
		assert.Equal(t, id, uas.next("request").msg.CallID)
	}
	assert.Equal(t, 1, server.count("one.test", typeA))
}

// What is kept is bounded in number and in time.
func TestResolvedBounds(t *testing.T) {
	r, now := newResolver(names{}), time.Now()
	for i := range resolvedSize {
		r.keep(destination{host: fmt.Sprint(i)}, answer{at: now.Add(-resolvedLife * time.Duration(i%2))})
	}
	r.keep(destination{host: "fresh"}, answer{at: now})
	assert.Len(t, r.known, resolvedSize/2+1, "what is out of date goes first")
	_, ok := r.cached(destination{host: "0"}, now)
	assert.True(t, ok)
	_, ok = r.cached(destination{host: "0"}, now.Add(resolvedLife))
	assert.False(t, ok)
	for i := range 2 * resolvedSize {
		r.keep(destination{host: fmt.Sprint("new", i)}, answer{at: now})
		require.LessOrEqual(t, len(r.known), resolvedSize)
	}
}
