package plane

import (
	"context"
	"fmt"
	"math/rand"
	"net/netip"
	"sync"
	"testing"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
)

// memory is a cache that answers from another goroutine, as a real one does.
type memory struct {
	zrtp.Memory
	wg sync.WaitGroup
}

func (m *memory) Lookup(_ context.Context, k zrtp.Key, done func(zrtp.Record, error)) error {
	m.wg.Go(func() { done(m.Load(k)) })
	return nil
}

func (m *memory) Write(_ context.Context, k zrtp.Key, u zrtp.Update, done func(error)) error {
	u.Retained = u.Retained.Clone()
	m.wg.Go(func() { done(m.Store(k, u)) })
	return nil
}

// quick is the cheapest agreement.
func quick() zrtp.Lists {
	l := zrtp.DefaultLists()
	l[alg.KindAgreement] = []alg.Code{alg.X255, alg.Mult}
	return l
}

func zrtpConfig(t testing.TB, name string, l zrtp.Lists) *ZRTPConfig {
	m := &memory{}
	t.Cleanup(m.wg.Wait)
	return &ZRTPConfig{ZID: alg.ZID([]byte(fmt.Sprintf("%-12.12s", name))), Client: "b2bua test", Lists: l, Cache: m, JobsPerSecond: 10000}
}

// zrtpNode is a plane with one call: plain on A, ZRTP on B.
type zrtpNode struct {
	*node
	streams []*Stream
	phones  []*phone
}

func newZRTPNode(t testing.TB, cfg Config, z *ZRTPConfig, streams int) *zrtpNode {
	t.Helper()
	n := &zrtpNode{node: &node{events: &events{}}}
	cfg.ZRTP, cfg.Notify = z, n.events.add
	n.plane = newPlane(t, cfg)
	for range streams {
		n.open(t, n.plane)
	}
	n.stream, n.phone = n.streams[0], n.phones[0]
	return n
}

func (n *zrtpNode) open(t testing.TB, p *Plane) {
	t.Helper()
	ph := newPhone(t, sdp.NoSuite, pcma, events8k)
	ph.ssrc = rand.Uint32()
	st, err := p.Open("call", sdp.Audio, loopback, loopback)
	require.NoError(t, err)
	t.Cleanup(st.Close)
	ph.ports = st.Ports(A)
	require.NoError(t, st.Set(A, ph.agreed))
	n.streams, n.phones = append(n.streams, st), append(n.phones, ph)
}

// offer is what a description of the node's says about a stream, as the other one agrees to it.
func (n *zrtpNode) offer(t testing.TB, i int, hash bool) sdp.Agreed {
	t.Helper()
	at := n.streams[i].Ports(B)
	a := sdp.Agreed{
		Enabled: true, Encryption: sdp.ZRTP, Codecs: []sdp.Codec{pcma, events8k}, ZRTP: &sdp.ZRTPParams{},
		Remote: netip.AddrPortFrom(at.Addr, at.RTP), RemoteRTCP: netip.AddrPortFrom(at.Addr, at.RTCP),
	}
	if hash {
		value := n.streams[i].ZRTPHash(B)
		require.Equal(t, value, n.streams[i].ZRTPHash(B))
		var err error
		a.ZRTP.PeerHash, err = sdp.ParseZRTPHash(value)
		require.NoError(t, err)
		a.ZRTP.HasHash = true
	}
	return a
}

// join makes the legs of two nodes agree on ZRTP.
func join(t testing.TB, a, b *zrtpNode, hash bool) {
	t.Helper()
	for i := range a.streams {
		ofA, ofB := a.offer(t, i, hash), b.offer(t, i, hash)
		require.NoError(t, a.streams[i].Set(B, ofB))
		require.NoError(t, b.streams[i].Set(B, ofA))
	}
}

func TestZRTPBetweenPlanes(t *testing.T) {
	drivers(t, func(t *testing.T, cfg Config) {
		for _, hash := range []bool{true, false} {
			t.Run(fmt.Sprintf("hash=%t", hash), func(t *testing.T) {
				a := newZRTPNode(t, cfg, zrtpConfig(t, "alice", quick()), 2)
				b := newZRTPNode(t, cfg, zrtpConfig(t, "bob", quick()), 2)
				join(t, a, b, hash)
				ra, rb := a.events.wait(t, B, Secured, 2), b.events.wait(t, B, Secured, 2)
				for i := range ra {
					require.Equal(t, ra[0].ZRTP.SAS, ra[i].ZRTP.SAS)
					require.Equal(t, ra[0].ZRTP.SAS, rb[i].ZRTP.SAS)
					require.Equal(t, hash, ra[i].ZRTP.HashVerified)
					require.Equal(t, sdp.AEADAES128GCM, ra[i].Suite)
					require.Equal(t, "b2bua test", ra[i].ZRTP.Client)
				}
				require.Empty(t, a.events.find(B, Suspicious))
				require.Empty(t, a.events.find(B, SecureFailed))
				for i := range a.phones {
					exchangeMedia(t, a.phones[i], b.phones[i])
				}
			})
		}
	})
}

// exchangeMedia sends both ways until all has come, and reports by RTCP.
func exchangeMedia(t testing.TB, a, b *phone) {
	t.Helper()
	for i := range 20 {
		a.say(8, fmt.Sprint("to b ", i))
		require.Equal(t, fmt.Sprint("to b ", i), string(b.hear().Payload))
		b.say(8, fmt.Sprint("to a ", i))
		require.Equal(t, fmt.Sprint("to a ", i), string(a.hear().Payload))
	}
	a.report(&rtcp.SenderReport{SSRC: a.ssrc, NTPTime: 1}, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: a.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "a@example"}}}}})
	require.IsType(t, &rtcp.SenderReport{}, b.readReport()[0])
}
