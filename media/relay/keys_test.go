package relay

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdp"
	"b2bua/media/srtp"
)

func dtlsSide(remote netip.AddrPort, mux bool) sdp.Agreed {
	a := agreed(remote, sdp.NoSuite, 0, pcmu)
	a.Encryption, a.Mux = sdp.DTLS, mux
	if mux {
		a.RemoteRTCP = a.Remote
	}
	return a
}

// secure gives one channel of side A the keys of seed, and the peer its own.
func (x *bench) secure(now time.Time, ch Channel, from netip.AddrPort, suite sdp.Suite, seed uint64) {
	x.t.Helper()
	p, err := PrepareKeys(key(suite, seed), key(suite, seed+1))
	require.NoError(x.t, err)
	x.r.Secure(now, A, ch, from, p)
	x.send[A], err = srtp.NewSender(key(suite, seed+1))
	require.NoError(x.t, err)
	x.recv[A], err = srtp.NewReceiver(key(suite, seed))
	require.NoError(x.t, err)
}

// Nothing flows in either direction before the keys, and no plain packet after.
func TestKeysOfAHandshake(t *testing.T) {
	x := newBench(t, dtlsSide(addrA, true), agreed(addrB, sdp.NoSuite, 0, pcmu))
	early := 0
	x.r.cfg.Early = func(on Side, ch Channel, from netip.AddrPort, b []byte) {
		require.Equal(t, []any{A, RTP, natA, 172}, []any{on, ch, from, len(b)})
		early++
	}
	require.False(t, x.flows(start, natA, A, 1, 7))
	require.False(t, x.flows(start, addrB, B, 1, 9))
	require.Equal(t, 1, early)
	require.EqualValues(t, 1, x.r.Stats(A).NotReady)
	require.EqualValues(t, 1, x.r.Stats(A).Unsent)

	plain := x.wire(A, 0, 2, 7)
	x.events = nil
	x.secure(start, RTP, natA, sdp.AEADAES128GCM, 1)
	require.Equal(t, []Event{{Kind: Secured, Side: A, Channel: RTP, Addr: natA, Suite: sdp.AEADAES128GCM}}, x.events)
	_, out, ok := x.talk(start, addrB, B, 0, 2, 9)
	require.True(t, ok)
	require.Equal(t, natA, out.To, "the handshake showed where the peer is")
	require.True(t, x.flows(start, natA, A, 3, 7))
	_, _, ok = x.deliver(start, natA, A, plain)
	require.False(t, ok)
	require.EqualValues(t, 1, x.r.Stats(A).AuthFailed)
	require.Equal(t, 1, early)
}

// A new handshake: the keys before serve until it is done, and five seconds more for what is in flight.
func TestSecondHandshake(t *testing.T) {
	x := newBench(t, dtlsSide(addrA, true), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.secure(start, RTP, addrA, sdp.AESCM128SHA180, 1)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	x.apply(start, A, dtlsSide(natA, true))
	require.True(t, x.flows(start, addrA, A, 2, 7))
	late, later := x.wire(A, 0, 3, 7), x.wire(A, 0, 4, 7)
	x.secure(start, RTP, natA, sdp.AEADAES128GCM, 5)
	require.True(t, x.flows(start, natA, A, 5, 7))
	_, _, ok := x.deliver(after(4*time.Second), natA, A, late)
	require.True(t, ok)
	_, _, ok = x.deliver(after(6*time.Second), natA, A, later)
	require.False(t, ok)
	require.True(t, x.flows(after(6*time.Second), natA, A, 6, 7))
}

// On two ports RTCP has keys of its own.
func TestKeysByChannel(t *testing.T) {
	report := func() []byte {
		return append(make([]byte, 0, 8+Headroom), 0x80, 201, 0, 1, 0, 0, 0, 7)
	}
	x := newBench(t, dtlsSide(addrA, false), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.secure(start, RTP, addrA, sdp.AEADAES128GCM, 1)
	require.True(t, x.flows(start, addrA, A, 1, 7))
	rtpKeys, err := srtp.NewSender(key(sdp.AEADAES128GCM, 2))
	require.NoError(t, err)
	b, err := rtpKeys.ProtectRTCP(report())
	require.NoError(t, err)
	require.Empty(t, x.r.Handle(start, addrA, A, RTCP, roomy(b)).Packet)
	require.EqualValues(t, 1, x.r.Stats(A).NotReady)
	require.Empty(t, x.r.Handle(start, addrB, B, RTCP, report()).Packet, "sent without keys")

	x.secure(start, RTCP, natA, sdp.AESCM128SHA180, 11)
	require.Empty(t, x.r.Handle(start, addrA, A, RTCP, roomy(b)).Packet, "under the keys of the other channel")
	b, err = x.send[A].ProtectRTCP(report())
	require.NoError(t, err)
	require.NotEmpty(t, x.r.Handle(start, natA, A, RTCP, roomy(b)).Packet)
	out := x.r.Handle(start, addrB, B, RTCP, report())
	require.Equal(t, natA, out.To)
	require.Equal(t, RTCP, out.Ch)
	_, err = x.recv[A].UnprotectRTCP(out.Packet)
	require.NoError(t, err)

	// With one port there is no RTCP channel any more.
	x.apply(start, A, dtlsSide(addrA, true))
	p, err := PrepareKeys(key(sdp.AEADAES128GCM, 1), key(sdp.AEADAES128GCM, 2))
	require.NoError(t, err)
	x.events = nil
	x.r.Secure(start, A, RTCP, natA, p)
	require.Empty(t, x.events)
	require.Nil(t, x.r.sides[A].keys[RTCP].recv)
	_, err = p.recv.Unprotect(packet(0, 1, 7))
	require.ErrorIs(t, err, srtp.ErrWiped)
}

func TestFailedHandshake(t *testing.T) {
	x := newBench(t, dtlsSide(addrA, true), agreed(addrB, sdp.NoSuite, 0, pcmu))
	x.secure(start, RTP, addrA, sdp.AEADAES128GCM, 1)
	x.events = nil
	fault := errors.New("wrong")
	x.r.Fail(A, RTP, fault, true)
	require.Equal(t, []Event{{Kind: SecureFailed, Side: A, Err: fault, Retried: true}}, x.events)
	require.True(t, x.flows(start, addrA, A, 1, 7), "the keys of a former handshake are good while another is tried")
	require.True(t, x.flows(start, addrB, B, 1, 9))
	x.events = nil
	x.r.Revoke(B, RTP)
	x.r.Fail(B, RTP, fault, false)
	require.Empty(t, x.events, "a side without DTLS has no handshake")
	require.True(t, x.flows(start, addrA, A, 2, 7))

	x.r.Revoke(A, RTP)
	require.Empty(t, x.events)
	require.False(t, x.flows(start, addrA, A, 3, 7))
	require.False(t, x.flows(start, addrB, B, 3, 9))
	x.secure(start, RTP, addrA, sdp.AEADAES128GCM, 3)
	require.True(t, x.flows(start, addrA, A, 4, 7))
	x.r.Fail(A, RTP, fault, false)
	require.False(t, x.flows(start, addrA, A, 5, 7))
	require.False(t, x.flows(start, addrB, B, 5, 9))
}

// Another encryption starts without the keys of the one before, and a side with DTLS takes no keys from a description.
func TestEncryptionChanges(t *testing.T) {
	x := newBench(t, agreed(addrA, sdp.AESCM128SHA180, 1, pcmu), agreed(addrB, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, addrA, A, 1, 7))
	x.apply(start, A, dtlsSide(addrA, false))
	require.False(t, x.flows(start, addrA, A, 2, 7))
	x.secure(start, RTP, addrA, sdp.AEADAES128GCM, 3)
	x.secure(start, RTCP, addrA, sdp.AEADAES128GCM, 5)
	x.set(start, A, agreed(addrA, sdp.AESCM128SHA180, 7, pcmu))
	require.True(t, x.flows(start, addrA, A, 3, 7))
	require.Nil(t, x.r.sides[A].keys[RTCP].recv)
	x.set(start, A, agreed(addrA, sdp.NoSuite, 0, pcmu))
	require.True(t, x.flows(start, addrA, A, 4, 7))
	require.Nil(t, x.r.sides[A].keys[RTP].recv)

	wrong := agreed(addrA, sdp.AESCM128SHA180, 1, pcmu)
	wrong.Encryption = sdp.DTLS
	_, err := Prepare(wrong)
	require.Error(t, err)
}
