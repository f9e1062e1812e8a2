//go:build interop

package zrtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"b2bua/media/sdes"
	"b2bua/media/srtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
	"b2bua/steps/peers/bzrtp"
)

// filter is compiled once.
var filter struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(filter.dir)
	os.Exit(code)
}

// newLibrary starts libbzrtp.
func newLibrary(t testing.TB) *bzrtp.End {
	filter.once.Do(func() {
		filter.dir, filter.err = os.MkdirTemp("", "b2bua-bzrtp-") //nolint:usetesting // it outlives the test that comes first
		if filter.err == nil {
			filter.path, filter.err = bzrtp.Build(context.Background(), filter.dir)
		}
	})
	require.NoError(t, filter.err)
	e, err := bzrtp.Start(filter.path)
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// spoken is how many packets of RTP each side has to understand, on each stream.
const spoken = 5

// phone is libbzrtp as the other end of a world.
type phone struct {
	*bzrtp.End
	world    *world
	ours     *end
	self     *end // its place in the weather
	channels []channel
	mute     func(wire.Type) bool // nil: whatever it sends leaves
	deaf     func(wire.Type) bool // nil: it gets everything that arrives
	streams  int
	packets  int
}

// channel is one of the phone's, with what both sides heard on it.
type channel struct {
	started           bool
	receive, transmit bool
	secure            *bzrtp.Secure
	sent              uint16
	sender            *srtp.Sender   // ours
	receiver          *srtp.Receiver // ours
	heard, understood int            // RTP by us, RTP by the phone
	control           [2]int         // RTCP likewise
}

// against puts libbzrtp opposite to the end that has joined the world.
func against(w *world, library *bzrtp.End, c bzrtp.Call, streams int) *phone {
	p := &phone{End: library, world: w, ours: w.ends[0], self: &end{world: w, number: 1}, channels: make([]channel, streams), streams: streams}
	c.SSRC = 0x77000001
	require.NoError(w.t, library.Call(c))
	w.meddle = func(from *end, stream int, data []byte) [][]byte {
		if p.deaf == nil || !p.deaf(typeOf(data)) {
			w.fly(from, func() { p.arrive(stream, data) })
		}
		return nil
	}
	return p
}

func typeOf(datagram []byte) wire.Type {
	p, err := wire.Parse(datagram)
	if err != nil || p.Message == nil {
		return wire.Unknown
	}
	kind, _ := wire.Check(p.Message)
	return kind
}

// begin starts the phone's first channel at a time and its clock.
func (p *phone) begin(at time.Duration) {
	p.world.after(at, func() {
		p.channels[0].started = true
		p.take(p.Start(0))
		p.beat()
	})
}

// beat is what an application does every 10 ms.
func (p *phone) beat() {
	p.take(p.Tick(p.world.now.Sub(epoch)))
	for i := range p.channels {
		p.speak(i)
	}
	if !p.content() {
		p.world.after(10*time.Millisecond, p.beat)
	}
}

// content tells whether everything has come about that can.
func (p *phone) content() bool {
	for i := range p.channels {
		c := &p.channels[i]
		if c.secure == nil || !p.ours.lines[i].Secure() || min(c.heard, c.understood, c.control[0], c.control[1]) < spoken {
			return false
		}
	}
	return true
}

func (p *phone) take(events []bzrtp.Event, err error) {
	require.NoError(p.world.t, err)
	for _, e := range events {
		c := &p.channels[e.Channel]
		switch {
		case e.Message != "":
			p.world.t.Log(p.world.now.Sub(epoch), e.Channel, e.Message)
		case e.Send != nil:
			p.packets++
			if p.mute == nil || !p.mute(typeOf(e.Send)) {
				p.world.fly(p.self, func() { p.ours.do(e.Channel, Packet{Data: e.Send}) })
			}
		case e.Receive:
			c.receive = true
		case e.Transmit:
			c.transmit = true
		case e.Secure != nil:
			require.Nil(p.world.t, c.secure)
			c.secure = e.Secure
		}
	}
	// Its further channels begin when the first one is secure.
	for i := 1; i < p.streams && p.channels[0].secure != nil; i++ {
		if c := &p.channels[i]; !c.started {
			c.started = true
			require.NoError(p.world.t, p.AddChannel(0x77000001+uint32(i)))
			p.take(p.Start(i))
		}
	}
}

func (p *phone) arrive(stream int, data []byte) {
	if p.channels[stream].started {
		p.take(p.Receive(stream, data))
	}
}

// packet n of one side on a stream: RTP, or RTCP.
func packet(side byte, stream int, n uint16, rtcp bool) []byte {
	if rtcp {
		b := make([]byte, 28)
		b[0], b[1], b[3] = 0x80, 200, 6
		binary.BigEndian.PutUint32(b[4:], 0x77000001+uint32(stream))
		b[20], b[21] = side, byte(n)
		return b
	}
	b := make([]byte, 172)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], n)
	binary.BigEndian.PutUint32(b[8:], 0x77000001+uint32(stream))
	return append(b, bytes.Repeat([]byte{side, byte(n)}, 20)...)
}

// speak sends SRTP and SRTCP both ways, as soon as the keys of a direction are in use.
func (p *phone) speak(i int) {
	c, l := &p.channels[i], p.ours.lines[i]
	n := c.sent
	c.sent++
	for _, rtcp := range []bool{false, true} {
		if c.transmit {
			b, err := p.Protect(i, rtcp, packet('p', i, n, rtcp))
			require.NoError(p.world.t, err)
			p.world.fly(p.self, func() { p.hear(i, n, rtcp, b) })
		}
		if len(l.send) > 0 {
			if c.sender == nil {
				var err error
				c.sender, err = srtp.NewSender(p.crypto(l, l.send[0]), srtp.EqualTags)
				require.NoError(p.world.t, err)
			}
			protect := c.sender.Protect
			if rtcp {
				protect = c.sender.ProtectRTCP
			}
			b, err := protect(append(make([]byte, 0, 400), packet('b', i, n, rtcp)...))
			require.NoError(p.world.t, err)
			p.world.fly(p.ours, func() { p.understand(i, n, rtcp, b) })
		}
	}
}

func (p *phone) crypto(l *line, master alg.Secret) sdes.Crypto {
	return sdes.Crypto{Suite: l.suite.SRTP(), Key: master}
}

// hear is SRTP from the phone.
func (p *phone) hear(i int, n uint16, rtcp bool, b []byte) {
	c, l := &p.channels[i], p.ours.lines[i]
	if len(l.receive) == 0 {
		return
	}
	if c.receiver == nil {
		var err error
		c.receiver, err = srtp.NewReceiver(p.crypto(l, l.receive[0]), srtp.EqualTags)
		require.NoError(p.world.t, err)
	}
	open := c.receiver.Unprotect
	if rtcp {
		open = c.receiver.UnprotectRTCP
	}
	opened, err := open(append([]byte(nil), b...))
	if err != nil {
		require.ErrorIs(p.world.t, err, srtp.ErrReplay, "stream %d, packet %d, RTCP %t", i, n, rtcp) // the network repeats
		return
	}
	require.Equal(p.world.t, packet('p', i, n, rtcp), opened)
	if rtcp {
		c.control[0]++
		return
	}
	c.heard++
	p.ours.do(i, Authenticated{})
}

// understand is SRTP from us.
func (p *phone) understand(i int, n uint16, rtcp bool, b []byte) {
	c := &p.channels[i]
	if !c.receive {
		return
	}
	opened, err := p.Unprotect(i, rtcp, b)
	if err != nil {
		require.Contains(p.world.t, []string{"0x9", "0xa"}, err.Error()[len(err.Error())-3:], "%v", err) // srtp_err_status_replay_fail, _old
		return
	}
	require.Equal(p.world.t, packet('b', i, n, rtcp), opened)
	if rtcp {
		c.control[1]++
	} else {
		c.understood++
	}
}

// agree checks that both sides say the same.
func (p *phone) agree() (Report, *bzrtp.Secure) {
	t := p.world.t
	for i, c := range p.channels {
		l := p.ours.lines[i]
		require.True(t, c.secure != nil && l.Secure(), "stream %d: ours %v, theirs %+v", i, l, c)
		require.Empty(t, l.failures)
		require.Len(t, l.send, 1)
		require.Len(t, l.receive, 1)
		s, want := l.reports[0].Suite, c.secure
		require.Equal(t, []string{want.Hash, want.Cipher, want.Auth, want.Agreement},
			[]string{s.Hash.Code().String(), s.Cipher.Code().String(), s.AuthTag.String(), s.Agreement.String()}, "stream %d", i)
	}
	require.True(t, p.content(), "%+v", p.channels)
	r, s := p.ours.lines[0].reports[0], p.channels[0].secure
	require.Equal(t, s.SAS, r.SAS)
	require.NotEmpty(t, r.SAS)
	require.Equal(t, "BZRTPv1.1", r.Client)
	require.Equal(t, s.Mismatch, r.Mismatch, "both see the mismatch or neither does")
	return r, s
}

// String is for messages about a call that failed.
func (p *phone) String() string { return fmt.Sprintf("%d packets, %+v", p.packets, p.channels) }
