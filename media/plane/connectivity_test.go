package plane

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	pion "github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"b2bua/media/dtls"
	"b2bua/media/ice"
	"b2bua/media/relay"
	"b2bua/media/sdp"
)

var (
	oldCredentials = ice.Credentials{Ufrag: "frag", Pwd: ice.Secret("0123456789abcdefghijkl")}
	newCredentials = ice.Credentials{Ufrag: "garf", Pwd: ice.Secret("lkjihgfedcba9876543210")}
)

// probe sends a check from a socket and reads the response.
func probe(t testing.TB, c *net.UDPConn, to netip.AddrPort, with ice.Credentials, more ...stun.Setter) *stun.Message {
	t.Helper()
	list := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(with.Ufrag + ":them")}, more...)
	m, err := stun.Build(append(list, stun.NewShortTermIntegrity(string(with.Pwd)), stun.Fingerprint)...)
	require.NoError(t, err)
	_, err = c.WriteToUDPAddrPort(m.Raw, to)
	require.NoError(t, err)
	buf := make([]byte, 2048)
	for {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Second)))
		n, _, err := c.ReadFromUDPAddrPort(buf)
		require.NoError(t, err, "no response")
		if ans := (&stun.Message{Raw: buf[:n]}); stun.IsMessage(ans.Raw) && ans.Decode() == nil && ans.TransactionID == m.TransactionID {
			return ans
		}
	}
}

var nominate = stun.RawAttribute{Type: stun.AttrUseCandidate}

// fullAgent is a third party's.
func fullAgent(t testing.TB) *pion.Agent {
	t.Helper()
	agent, err := pion.NewAgentWithOptions(
		pion.WithNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4}), pion.WithCandidateTypes([]pion.CandidateType{pion.CandidateTypeHost}),
		pion.WithIncludeLoopback(), pion.WithIPFilter(net.IP.IsLoopback), pion.WithMulticastDNSMode(pion.MulticastDNSModeDisabled),
		pion.WithKeepaliveInterval(50*time.Millisecond), pion.WithHostAcceptanceMinWait(0),
	)
	require.NoError(t, err)
	t.Cleanup(func() { _ = agent.GracefulClose() })
	gather(t, agent)
	return agent
}

func gather(t testing.TB, agent *pion.Agent) {
	t.Helper()
	done := make(chan struct{})
	require.NoError(t, agent.OnCandidate(func(c pion.Candidate) {
		if c == nil {
			close(done)
		}
	}))
	require.NoError(t, agent.GatherCandidates())
	<-done
}

func remoteCandidate(t testing.TB, agent *pion.Agent, at sdp.Ports) {
	t.Helper()
	c, err := pion.UnmarshalCandidate(ice.Host(ice.RTP, netip.AddrPortFrom(at.Addr, at.RTP), 0).Attribute())
	require.NoError(t, err)
	require.NoError(t, agent.AddRemoteCandidate(c))
}

func TestAFullAgentConnects(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		told := &events{}
		cfg.Notify = told.add
		st, a, b := iceCall(t, cfg)
		agent := fullAgent(t)
		remoteCandidate(t, agent, st.Ports(B))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		conn, err := agent.Dial(ctx, oldCredentials.Ufrag, string(oldCredentials.Pwd))
		require.NoError(t, err)
		told.wait(t, B, PathSelected, 1)
		exchange(t, a, conn, 100, 10)

		before := st.Stats(B).Other
		eventually(t, "consent checks", func() bool { return st.Stats(B).Other > before+5 })
		pair, err := agent.GetSelectedCandidatePair()
		require.NoError(t, err)
		require.Equal(t, int(st.Ports(B).RTP), pair.Remote.Port())
		require.EqualValues(t, pair.Local.Port(), st.Stats(B).Remote.Port())

		require.NoError(t, agent.Restart("", "")) // with new sockets, as after a change of the network
		gather(t, agent)
		b.ICE.Local = newCredentials
		require.NoError(t, st.Set(B, *b))
		require.NoError(t, agent.SetRemoteCredentials(newCredentials.Ufrag, string(newCredentials.Pwd)))
		remoteCandidate(t, agent, st.Ports(B))
		told.wait(t, B, PathSelected, 2)
		exchange(t, a, conn, 200, 10)
	})
}

// iceCall has a phone on leg A and a peer with ICE, of which nothing is known but its credentials, on leg B.
func iceCall(t testing.TB, cfg Config) (*Stream, *phone, *sdp.Agreed) {
	t.Helper()
	a := newPhone(t, sdp.NoSuite, pcma)
	st, err := newPlane(t, cfg).Open("test", sdp.Audio, loopback, loopback)
	require.NoError(t, err)
	t.Cleanup(st.Close)
	a.ports = st.Ports(A)
	require.NoError(t, st.Set(A, a.agreed))
	b := &sdp.Agreed{Enabled: true, Codecs: []sdp.Codec{pcma}, Mux: true, ICE: &ice.Params{Local: oldCredentials.Clone()}}
	require.NoError(t, st.Set(B, *b))
	return st, a, b
}

// exchange sends both ways until both ends have heard something new.
func exchange(t testing.TB, a *phone, conn net.Conn, first, n int) {
	t.Helper()
	heard := make(chan error, 1)
	go func() {
		buf := make([]byte, 2048)
		for i := 0; i < n; i++ {
			k, err := conn.Read(buf)
			if err == nil {
				err = (&rtp.Packet{}).Unmarshal(buf[:k])
			}
			if err != nil {
				heard <- err
				return
			}
		}
		heard <- nil
	}()
	for i := range n {
		a.say(8, "to b")
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 77, SequenceNumber: uint16(first + i)}, Payload: []byte(fmt.Sprint(i))}
		b, err := p.Marshal()
		require.NoError(t, err)
		_, err = conn.Write(b)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(a.hear().Payload))
	}
	require.NoError(t, <-heard)
}

func TestOnlyTheCheckedAddressSpeaksInClear(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		st, a, _ := iceCall(t, cfg)
		peer, stranger := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		peer.ports, stranger.ports = st.Ports(B), st.Ports(B)
		at := netip.AddrPortFrom(st.Ports(B).Addr, st.Ports(B).RTP)
		a.say(8, "too early")
		eventually(t, "nobody is sent to before a check", func() bool { return st.Stats(B).Unsent == 1 })
		require.Equal(t, stun.BindingSuccess, probe(t, peer.rtp, at, oldCredentials, nominate).Type)
		guess := ice.Credentials{Ufrag: oldCredentials.Ufrag, Pwd: newCredentials.Pwd}
		require.Equal(t, stun.BindingError, probe(t, stranger.rtp, at, guess, nominate).Type)
		stranger.say(8, "hijack")
		peer.say(8, "hello")
		require.Equal(t, "hello", string(a.hear().Payload))
		require.EqualValues(t, 1, st.Stats(B).Strangers)
		a.say(8, "to b")
		require.Equal(t, "to b", string(peer.hear().Payload))

		moved := newPhone(t, sdp.NoSuite, pcma)
		moved.ports, moved.ssrc, moved.seq = st.Ports(B), peer.ssrc, peer.seq+1
		probe(t, moved.rtp, at, oldCredentials)
		moved.say(8, "from elsewhere") // a valid pair may be used by the peer at once, and we stay with the one it nominated
		require.Equal(t, "from elsewhere", string(a.hear().Payload))
		a.say(8, "still here")
		require.Equal(t, "still here", string(peer.hear().Payload))
	})
}

func TestNoAnswerWithoutICE(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		st, _, b := iceCall(t, cfg)
		c := listen(t, loopback)
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("frag:x"), stun.NewShortTermIntegrity(string(oldCredentials.Pwd)), stun.Fingerprint)
		require.NoError(t, err)
		_, err = c.WriteToUDPAddrPort(m.Raw, netip.AddrPortFrom(loopback, st.Ports(A).RTP))
		require.NoError(t, err)
		eventually(t, "counted", func() bool { return st.Stats(A).Other == 1 })
		b.ICE = nil
		require.NoError(t, st.Set(B, *b))
		_, err = c.WriteToUDPAddrPort(m.Raw, netip.AddrPortFrom(loopback, st.Ports(B).RTP))
		require.NoError(t, err)
		eventually(t, "counted", func() bool { return st.Stats(B).Other == 1 })
		st.Close()
		<-st.Closed()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, _, err = c.ReadFromUDPAddrPort(make([]byte, 100))
		require.ErrorContains(t, err, "timeout")
	})
}

func TestACheckBeforeTheAnswerIsAnsweredWithIt(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		told := &events{}
		cfg.Notify = told.add
		st, err := newPlane(t, cfg).Open("test", sdp.Audio, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(st.Close)
		c := listen(t, loopback)
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("frag:x"), nominate, stun.NewShortTermIntegrity(string(oldCredentials.Pwd)), stun.Fingerprint)
		require.NoError(t, err)
		_, err = c.WriteToUDPAddrPort(m.Raw, netip.AddrPortFrom(loopback, st.Ports(B).RTCP))
		require.NoError(t, err)
		eventually(t, "it is there", func() bool { return st.Stats(B).Other == 1 })
		require.NoError(t, st.Set(B, sdp.Agreed{Enabled: true, Codecs: []sdp.Codec{pcma}, ICE: &ice.Params{Local: oldCredentials}}))
		got := told.wait(t, B, PathSelected, 1)
		require.Equal(t, relay.RTCP, got[0].Channel)
		require.Equal(t, local(c), got[0].Addr)
	})
}

// The client of DTLS sends its first message when and where the peer nominates, and the association survives when the path moves.
func TestDTLSFollowsThePath(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		a, b := newNode(t, cfg, dtls.Config{}), newNode(t, cfg, dtls.Config{})
		ends := [2]netip.AddrPort{netip.AddrPortFrom(loopback, a.stream.Ports(B).RTP), netip.AddrPortFrom(loopback, b.stream.Ports(B).RTP)}
		first := newLossy(t, 1, 0, ends) // two paths between them
		second := newLossy(t, 1, 0, ends)
		for i, n := range []*node{a, b} {
			agreed := n.agreed([]*node{b, a}[i], sdp.Ports{Addr: loopback, RTP: 9, RTCP: 9}, i == 0, true)
			agreed.ICE = &ice.Params{Local: oldCredentials}
			require.NoError(t, n.stream.Set(B, agreed))
		}
		require.Empty(t, a.events.find(B, Secured))
		path := func(l *lossy) {
			t.Helper()
			for i, c := range l.conns { // the path's own ports ask to be sent to
				m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("frag:x"), nominate, stun.NewShortTermIntegrity(string(oldCredentials.Pwd)), stun.Fingerprint)
				require.NoError(t, err)
				_, err = c.WriteToUDPAddrPort(m.Raw, ends[i])
				require.NoError(t, err)
			}
		}
		path(first)
		for _, n := range []*node{a, b} {
			n.events.wait(t, B, Secured, 1)
		}
		talk(t, a, b)
		path(second)
		for _, n := range []*node{a, b} {
			n.events.wait(t, B, PathSelected, 2)
		}
		talk(t, a, b)
		require.Len(t, a.events.find(B, Secured), 1, "no second handshake")
	})
}

// A phone with several candidates checks from all of them before its answer is here, and speaks from any afterwards.
func TestChecksOfSeveralCandidatesBeforeTheAnswer(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		told := &events{}
		cfg.Notify = told.add
		a := newPhone(t, sdp.NoSuite, pcma)
		st, err := newPlane(t, cfg).Open("test", sdp.Audio, loopback, loopback)
		require.NoError(t, err)
		t.Cleanup(st.Close)
		a.ports = st.Ports(A)
		require.NoError(t, st.Set(A, a.agreed))
		at := netip.AddrPortFrom(st.Ports(B).Addr, st.Ports(B).RTP)
		first, second := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		first.ports, second.ports = st.Ports(B), st.Ports(B)
		for i, list := range [][]stun.Setter{{}, {}, {nominate}} {
			m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername("frag:x")}, append(list, stun.NewShortTermIntegrity(string(oldCredentials.Pwd)), stun.Fingerprint)...)...)
			require.NoError(t, err)
			_, err = [...]*phone{first, second, second}[i].rtp.WriteToUDPAddrPort(m.Raw, at)
			require.NoError(t, err)
		}
		eventually(t, "they are there", func() bool { return st.Stats(B).Other == 3 })
		require.NoError(t, st.Set(B, sdp.Agreed{Enabled: true, Codecs: []sdp.Codec{pcma}, Mux: true, ICE: &ice.Params{Local: oldCredentials}}))
		require.Equal(t, local(second.rtp), told.wait(t, B, PathSelected, 1)[0].Addr)
		require.EqualValues(t, 3, st.Stats(B).Checks)
		for _, c := range []*net.UDPConn{first.rtp, second.rtp, second.rtp} {
			answered(t, c)
		}
		for i := range 10 {
			speaker := [...]*phone{first, second}[i%2]
			speaker.ssrc, speaker.seq = 7, uint16(i)
			speaker.say(8, fmt.Sprint(i))
			require.Equal(t, fmt.Sprint(i), string(a.hear().Payload))
			a.say(8, "to b")
			require.Equal(t, "to b", string(second.hear().Payload), "and hears where it has nominated")
		}
		require.Zero(t, st.Stats(B).Strangers)
	})
}

// answered reads a response to a check.
func answered(t *testing.T, c *net.UDPConn) {
	t.Helper()
	buf := make([]byte, 2048)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Second)))
	n, _, err := c.ReadFromUDPAddrPort(buf)
	require.NoError(t, err, "no response")
	ans := &stun.Message{Raw: buf[:n]}
	require.NoError(t, ans.Decode())
	require.Equal(t, stun.BindingSuccess, ans.Type)
}

func TestFewChecksAreKept(t *testing.T) {
	at := func(i int) netip.AddrPort { return netip.AddrPortFrom(loopback, uint16(1000+i)) }
	var list []early
	for i := range 20 {
		list = keepCheck(list, at(i), []byte{byte(i)})
		list = keepCheck(list, at(i), []byte{byte(i)})
	}
	require.Len(t, list, maxChecks)
	require.Equal(t, at(20-maxChecks), list[0].from)
	list = keepCheck(list, at(19), []byte("another"))
	require.Equal(t, "another", string(list[maxChecks-1].b), "of the same source: a nomination may follow")
	require.Equal(t, list, keepCheck(list, at(1), make([]byte, maxCheck+1)))
}

// A peer that starts ICE anew at the address where it is ends with that what was before: who else was at a valid address is not heard any more
// when what is in flight has come.
func TestARestartAtTheSameAddress(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		st, a, agreed := iceCall(t, cfg)
		peer, other := newPhone(t, sdp.NoSuite, pcma), newPhone(t, sdp.NoSuite, pcma)
		peer.ports, other.ports = st.Ports(B), st.Ports(B)
		at := netip.AddrPortFrom(st.Ports(B).Addr, st.Ports(B).RTP)
		probe(t, peer.rtp, at, oldCredentials, nominate)
		probe(t, other.rtp, at, oldCredentials)
		other.say(8, "valid")
		require.Equal(t, "valid", string(a.hear().Payload))
		agreed.ICE = &ice.Params{Local: newCredentials.Clone()}
		require.NoError(t, st.Set(B, *agreed))
		probe(t, peer.rtp, at, newCredentials, nominate)
		eventually(t, "the former address is none of the peer's", func() bool {
			other.say(8, "still there")
			return st.Stats(B).Strangers > 0
		})
		require.Equal(t, "still there", string(a.hear().Payload), "what was in flight")
	})
}
