package wire

import (
	"bufio"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/simulator/tone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const invite = "INVITE sip:bob@example.org SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: \"A;tag=no\" <sip:a@b;x=1>;tag=77\r\n" +
	"Subject: folded\r\n line\r\nCSeq: 3 INVITE\r\nl: 3\r\n\r\nxyz"

func TestMessageIsReadAndWritten(t *testing.T) {
	m, err := Parse([]byte(invite))
	require.NoError(t, err)
	assert.Equal(t, "INVITE", m.Method())
	assert.Equal(t, "sip:bob@example.org", m.RequestURI())
	assert.Equal(t, "z9hG4bK1", Parameter(m.Get("Via"), "branch"))
	assert.Equal(t, "77", Parameter(m.Get("from"), "tag"))
	assert.Equal(t, "sip:a@b;x=1", URI(m.Get("From")))
	assert.Equal(t, "folded line", m.Get("Subject"))
	number, method := m.CSeq()
	assert.Equal(t, 3, number)
	assert.Equal(t, "INVITE", method)
	assert.Equal(t, "xyz", m.Body)
	m.Set("Subject", "other")
	again, err := Parse(m.Bytes())
	require.NoError(t, err)
	assert.Equal(t, "other", again.Get("Subject"))
	_, err = Parse([]byte("no end"))
	assert.Error(t, err)
	response, err := Parse([]byte("SIP/2.0 486 Busy Here\r\nCSeq: 3 INVITE\r\n\r\n"))
	require.NoError(t, err)
	assert.Equal(t, 486, response.Status())
	assert.Equal(t, "Busy Here", response.Reason())
	assert.Empty(t, response.Method())
}

func TestStreamIsFramed(t *testing.T) {
	r := bufio.NewReader(strings.NewReader("\r\n\r\n" + invite + "BYE x SIP/2.0\r\n\r\n"))
	first, err := readFramed(r)
	require.NoError(t, err)
	assert.Equal(t, invite, string(first))
	second, err := readFramed(r)
	require.NoError(t, err)
	assert.Equal(t, "BYE x SIP/2.0\r\n\r\n", string(second))
	_, err = readFramed(r)
	assert.Error(t, err)
}

func TestDescriptions(t *testing.T) {
	at := netip.MustParseAddr("127.0.0.5")
	offer := Describe(at, 1, Audio().WithSDES("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"), Video())
	sections, err := Sections(offer)
	require.NoError(t, err)
	require.Len(t, sections, 2)
	assert.Equal(t, "sdes", sections[0].Encryption())
	assert.Equal(t, []string{"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"}, sections[0].Suites())
	assert.Equal(t, []string{"PCMU/8000", "PCMA/8000", "telephone-event/8000"}, sections[0].Codecs())
	assert.Equal(t, "none", sections[1].Encryption())
	assert.Equal(t, "sendrecv", sections[1].Direction())
	answer, err := AnswerTo(offer, at)
	require.NoError(t, err)
	sections, err = Sections(answer)
	require.NoError(t, err)
	assert.Equal(t, []string{"AES_CM_128_HMAC_SHA1_80"}, sections[0].Suites())
	media, err := MediaAddress(answer)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.5:41000", media.String())
	_, err = MediaAddress("v=0\r\n")
	assert.Error(t, err)
}

// TestTwoPhonesCallEachOther: the literal phone itself, over each transport, from INVITE to BYE and with CANCEL.
func TestTwoPhonesCallEachOther(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			alice, bob := phone(t, "alice", network), phone(t, "bob", network)
			call := func() (*Call, *Call) {
				out, err := alice.Call(bob.Addr(), Setup{RequestURI: "sip:bob@x", From: "<sip:alice@x>", To: "<sip:bob@x>", Body: Describe(alice.Addr().Addr(), 1, Audio())})
				require.NoError(t, err)
				in, err := bob.AwaitCall(ctx)
				require.NoError(t, err)
				return out, in
			}
			out, in := call()
			answer, err := AnswerTo(in.Invite.Body, bob.Addr().Addr())
			require.NoError(t, err)
			require.NoError(t, in.Answer(200, "OK", answer))
			_, err = out.AwaitAnswer(ctx, "200", func(m *Received) bool { return m.Status() == 200 })
			require.NoError(t, err)
			_, err = in.AwaitRequest(ctx, "ACK")
			require.NoError(t, err)
			assert.True(t, out.Up() && in.Up())
			branch, err := out.Request("BYE", "")
			require.NoError(t, err)
			m, err := out.AwaitResponse(ctx, branch)
			require.NoError(t, err)
			assert.Equal(t, 200, m.Status())
			assert.True(t, out.Over() && in.Over())

			out, in = call()
			require.NoError(t, out.Cancel())
			m, err = out.AwaitAnswer(ctx, "487", func(m *Received) bool { return m.Status() >= 200 })
			require.NoError(t, err)
			assert.Equal(t, 487, m.Status())
			_, err = in.AwaitRequest(ctx, "ACK")
			require.NoError(t, err)
			assert.False(t, in.Up())
		})
	}
}

func phone(t *testing.T, name, network string) *Phone {
	t.Helper()
	p, err := NewPhone(name, name, network, netip.MustParseAddrPort("127.0.0.1:0"), nil)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestRetransmissionsAreNotDelivered(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	alice, bob := phone(t, "alice", "udp"), phone(t, "bob", "udp")
	raw := []byte("OPTIONS sip:bob@x SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n")
	for range 3 {
		require.NoError(t, alice.Send(bob.Addr(), raw))
	}
	require.NoError(t, alice.Send(bob.Addr(), []byte("BYE sip:bob@x SIP/2.0\r\nCall-ID: 1\r\nCSeq: 2 BYE\r\n\r\n")))
	_, err := bob.Await(ctx, "BYE", func(m *Received) bool { return m.Method() == "BYE" })
	require.NoError(t, err)
	assert.Len(t, bob.All(func(m *Received) bool { return m.Method() == "OPTIONS" }), 1)
}

func TestAwaitTellsWhatCameInstead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := phone(t, "bob", "udp").Await(ctx, "a call", func(*Received) bool { return false })
	assert.ErrorContains(t, err, "bob did not get a call in time; it got: nothing")
}

func TestLinesHearTones(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	open := func() *Line {
		l, err := OpenLine(netip.MustParseAddrPort("127.0.0.1:0"), nil)
		require.NoError(t, err)
		t.Cleanup(l.Close)
		return l
	}
	a, b := open(), open()
	stop := a.Play(b.Addr(), 1000, 0)
	defer stop()
	require.NoError(t, b.Await(ctx, "1000 Hz", func(_ []Packet, heard tone.Heard) bool {
		return heard.Hertz == 1000 && heard.Confidence > tone.Clear
	}))
	require.NoError(t, a.PlaySome(b.Addr(), 96, 2))
	require.NoError(t, b.Await(ctx, "payload type 96", func(packets []Packet, _ tone.Heard) bool {
		return packets[len(packets)-1].Payload[1] == 96
	}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte("SIP/2.0 200\r\n\r\n"))
	f.Add([]byte("\r\n\r\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		m, err := Parse(raw)
		if err != nil {
			return
		}
		_, _ = m.CSeq()
		_ = m.Summary() + m.RequestURI() + m.Method() + m.Reason() + Parameter(m.Get("Via"), "branch") + URI(m.Get("From"))
		if _, err := Sections(m.Body); err == nil {
			_, _ = MediaAddress(m.Body)
		}
	})
}
