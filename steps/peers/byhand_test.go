package peers

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/steps/wire"
)

// byHand is a phone whose SIP is literal and whose packets are made here; a library protects them, or nobody.
type byHand struct {
	name      string
	phone     *wire.Phone
	rtp, rtcp *net.UDPConn
	to        netip.AddrPort // the other side's RTP
	ssrc      uint32
}

func newByHand(t *testing.T, l *lab, name string, ssrc uint32) byHand {
	t.Helper()
	at := l.address(t)
	e := byHand{name: name, ssrc: ssrc}
	var err error
	e.phone, err = wire.NewPhone(name, name, "udp", netip.AddrPortFrom(at, sipPort), nil)
	require.NoError(t, err)
	t.Cleanup(e.phone.Close)
	for port, conn := range map[uint16]**net.UDPConn{rtpPort: &e.rtp, rtpPort + 1: &e.rtcp} {
		opened, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, port)))
		require.NoError(t, err)
		t.Cleanup(func() { _ = opened.Close() })
		*conn = opened
	}
	return e
}

func (e *byHand) hand() *byHand { return e }

// party is a phone by hand with what it writes into its description, and reads in the other's.
type party interface {
	hand() *byHand
	describe(t *testing.T) string
	take(t *testing.T, body string)
}

// meet places the call; both know where to send, and their keys if these stand in descriptions, when it returns.
func meet(ctx context.Context, t *testing.T, l *lab, alice, bob party) (out, in *wire.Call) {
	t.Helper()
	out, err := alice.hand().phone.Call(l.b2bua, wire.Setup{
		RequestURI: "sip:bob@" + l.b2bua.String(), From: "<sip:alice@example.org>", To: "<sip:bob@example.org>", Body: alice.describe(t),
	})
	require.NoError(t, err)
	in, err = bob.hand().phone.AwaitCall(ctx)
	require.NoError(t, err)
	bob.take(t, in.Invite.Body)
	require.NoError(t, in.Answer(200, "OK", bob.describe(t)))
	answer, err := out.AwaitAnswer(ctx, "200", func(m *wire.Received) bool { return m.Status() >= 200 })
	require.NoError(t, err)
	require.Equal(t, 200, answer.Status())
	alice.take(t, answer.Body)
	_, err = in.AwaitRequest(ctx, "ACK")
	require.NoError(t, err)
	return out, in
}

// audio is a description of PCMU with more attributes.
func (e *byHand) audio(profile string, more ...string) string {
	return wire.Describe(e.phone.Addr().Addr(), 1, wire.Section{
		Kind: "audio", Port: rtpPort, Profile: profile, Formats: []string{"0"}, Attributes: slices.Concat([]string{"rtpmap:0 PCMU/8000"}, more),
	})
}

// taken takes the address of the other's description, and gives its one section, which must have a profile.
func (e *byHand) taken(t *testing.T, body, profile string) wire.Section {
	t.Helper()
	var err error
	e.to, err = wire.MediaAddress(body)
	require.NoError(t, err)
	sections, err := wire.Sections(body)
	require.NoError(t, err)
	require.Len(t, sections, 1)
	require.Equal(t, profile, sections[0].Profile)
	return sections[0]
}

// header of packet n, which has a sequence number of its own, with room for the payload.
func (e *byHand) header(n int, number uint16) []byte {
	p := make([]byte, 12, clearLength)
	p[0] = 0x80
	binary.BigEndian.PutUint16(p[2:], number)
	binary.BigEndian.PutUint32(p[4:], uint32(160*n))
	binary.BigEndian.PutUint32(p[8:], e.ssrc)
	return p
}

// report n is a sender report that says how many packets were sent (RFC 3550 section 6.4.1).
func (e *byHand) report(n int) []byte {
	p := make([]byte, 28)
	p[0], p[1], p[3] = 0x80, 200, 6
	binary.BigEndian.PutUint32(p[4:], e.ssrc)
	binary.BigEndian.PutUint32(p[8:], uint32(n))
	binary.BigEndian.PutUint32(p[20:], uint32(n+1))
	return p
}

// send sends RTP or RTCP that protect has made of p; nil: p itself.
func (e *byHand) send(t *testing.T, rtcp bool, p []byte, protect func(rtcp bool, p []byte) ([]byte, error)) {
	from, to := e.rtp, e.to
	if rtcp {
		from, to = e.rtcp, netip.AddrPortFrom(to.Addr(), to.Port()+1)
	}
	var err error
	if protect != nil {
		if p, err = protect(rtcp, p); !assert.NoError(t, err, e.name) {
			return
		}
	}
	_, err = from.WriteToUDPAddrPort(p, to)
	assert.NoError(t, err, e.name)
}

// encrypted: a packet in clear would have another length.
func (e *byHand) encrypted(t *testing.T, p []byte) {
	assert.NotEqual(t, clearLength, len(p), "%s got as many octets as a packet in clear has", e.name)
}
