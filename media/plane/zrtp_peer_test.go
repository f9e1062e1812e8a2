package plane

import (
	"crypto/rand"
	"errors"
	mathrand "math/rand"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	pionrtp "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"b2bua/media/rtp"
	"b2bua/media/sdp"
	"b2bua/media/srtp"
	"b2bua/media/zrtp"
	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// zrtpPhone is an endpoint with ZRTP of its own on one port: the engine, without a plane.
type zrtpPhone struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
	wg   sync.WaitGroup
	// drop tells whether a datagram is lost, in either direction.
	drop func(out bool, b []byte) bool

	mu      sync.Mutex
	cfg     zrtp.Config
	session *zrtp.Session
	stream  *zrtp.Stream
	send    *srtp.Sender
	recv    *srtp.Receiver
	report  *zrtp.Report
	failed  *zrtp.Failure
	alerts  []zrtp.Suspicion
	media   chan []byte
	clear   int // RTP that came before the keys
	seq     uint16
}

type zrtpPhoneConfig struct {
	name  string
	lists zrtp.Lists
	drop  func(out bool, b []byte) bool
	ssrc  uint32
	// passive never begins, so that it is the responder.
	passive bool
}

func newZRTPPhone(t testing.TB, c zrtpPhoneConfig) *zrtpPhone {
	t.Helper()
	if c.lists[alg.KindAgreement] == nil {
		c.lists = quick()
	}
	if c.ssrc == 0 {
		c.ssrc = mathrand.Uint32()
	}
	p := &zrtpPhone{t: t, conn: listen(t, loopback), drop: c.drop, media: make(chan []byte, 1000)}
	var err error
	p.cfg = zrtp.Config{ZID: alg.ZID([]byte(c.name + "            ")[:12]), Client: "phone", Lists: c.lists, Rand: rand.Reader, Passive: c.passive}
	p.session, err = zrtp.NewSession(p.cfg)
	require.NoError(t, err)
	p.stream, err = p.session.NewStream(c.ssrc)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = p.conn.Close()
		p.wg.Wait()
		p.session.Close()
	})
	return p
}

// agreed is what the plane agrees on with the phone.
func (p *zrtpPhone) agreed() sdp.Agreed {
	return sdp.Agreed{
		Enabled: true, Encryption: sdp.ZRTP, Codecs: []sdp.Codec{pcma, events8k}, Remote: local(p.conn), RemoteRTCP: local(p.conn), Mux: true,
		ZRTP: &sdp.ZRTPParams{PeerHash: p.stream.HelloHash(), HasHash: true},
	}
}

// start runs the phone towards a port of the plane.
func (p *zrtpPhone) start(to sdp.Ports) {
	p.to = netip.AddrPortFrom(to.Addr, to.RTP)
	p.mu.Lock()
	p.perform(p.stream.Handle(time.Now(), zrtp.Start{}))
	p.mu.Unlock()
	p.wg.Go(p.run)
}

func (p *zrtpPhone) run() {
	buf := make([]byte, 2048)
	for {
		p.mu.Lock()
		at, ok := p.stream.Deadline()
		p.mu.Unlock()
		if !ok {
			at = time.Now().Add(time.Second)
		}
		_ = p.conn.SetReadDeadline(at)
		n, _, err := p.conn.ReadFromUDPAddrPort(buf)
		now := time.Now()
		p.mu.Lock()
		var e net.Error
		switch {
		case err == nil && (p.drop == nil || !p.drop(false, buf[:n])):
			p.take(now, buf[:n])
		case errors.As(err, &e) && e.Timeout():
			p.perform(p.stream.Handle(now, zrtp.Tick{}))
		case err != nil:
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
	}
}

func (p *zrtpPhone) take(now time.Time, b []byte) {
	if rtp.Classify(b) == rtp.ClassZRTP {
		p.perform(p.stream.Handle(now, zrtp.Packet{Data: b}))
		return
	}
	if p.recv == nil {
		p.clear++
		return
	}
	b = append([]byte(nil), b...)
	out, err := p.recv.Unprotect(b)
	if err != nil {
		p.clear++
		return
	}
	p.perform(p.stream.Handle(now, zrtp.Authenticated{}))
	p.media <- out
}

func (p *zrtpPhone) perform(out []zrtp.Output) {
	for _, o := range out {
		switch x := o.Effect.(type) {
		case zrtp.Send:
			p.write(x.Data)
		case zrtp.NeedKeys:
			x.Job.Run()
			p.perform(p.stream.Handle(time.Now(), zrtp.KeysDone(x)))
		case zrtp.InstallReceive:
			p.recv, _ = srtp.NewReceiver(crypto(x.Suite, x.Master), srtp.EqualTags)
		case zrtp.InstallSend:
			p.send, _ = srtp.NewSender(crypto(x.Suite, x.Master), srtp.EqualTags)
		case zrtp.Secure:
			p.report = &x.Report
		case zrtp.Failed:
			p.failed = &x.Reason
		case zrtp.Alert:
			p.alerts = append(p.alerts, x.Reason)
		}
	}
}

// met tells whether the phone has our Hello.
func (p *zrtpPhone) met() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.stream.PeerHello()
	return ok
}

func (p *zrtpPhone) write(b []byte) {
	if p.drop == nil || !p.drop(true, b) {
		_, _ = p.conn.WriteToUDPAddrPort(b, p.to)
	}
}

// renew takes another stream, in the session that there is or in another one; it begins with meet.
func (p *zrtpPhone) renew(keep bool) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	ssrc := p.stream.SSRC()
	p.perform(p.stream.Handle(time.Now(), zrtp.Stop{}))
	if !keep {
		p.session.Close()
		session, err := zrtp.NewSession(p.cfg)
		require.NoError(p.t, err)
		p.session = session
	}
	stream, err := p.session.NewStream(ssrc)
	require.NoError(p.t, err)
	p.stream, p.report = stream, nil
}

// meet begins the exchange of a stream that was renewed.
func (p *zrtpPhone) meet(hash [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.perform(p.stream.Handle(time.Now(), zrtp.PeerHash{Hash: hash}))
	p.perform(p.stream.Handle(time.Now(), zrtp.Start{}))
}

// secure waits until the phone has its keys.
func (p *zrtpPhone) secure() zrtp.Report {
	p.t.Helper()
	var r *zrtp.Report
	require.Eventually(p.t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		r = p.report
		return r != nil
	}, 20*time.Second, time.Millisecond, "the phone is not secure")
	return *r
}

// packet is the phone's next one; clear: without encryption whatever it has.
func (p *zrtpPhone) packet(payload string, inClear bool) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	b, err := (&pionrtp.Packet{Header: pionrtp.Header{Version: 2, PayloadType: 8, SequenceNumber: p.seq, Timestamp: uint32(p.seq) * 160, SSRC: p.stream.SSRC()}, Payload: []byte(payload)}).Marshal()
	require.NoError(p.t, err)
	b = append(make([]byte, 0, len(b)+srtp.MaxOverhead), b...)
	if !inClear {
		require.NotNil(p.t, p.send)
		b, err = p.send.Protect(b)
		require.NoError(p.t, err)
	}
	return b
}

func (p *zrtpPhone) say(payload string) { p.write(p.packet(payload, false)) }

// chatter goes on talking, as a phone does that has not heard yet that another one answered, until the returned function is called.
func (p *zrtpPhone) chatter() (quiet func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			p.say("still here")
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// hear waits for one packet of media.
func (p *zrtpPhone) hear() *pionrtp.Packet {
	p.t.Helper()
	select {
	case b := <-p.media:
		var out pionrtp.Packet
		require.NoError(p.t, out.Unmarshal(b))
		return &out
	case <-time.After(30 * time.Second):
		require.Fail(p.t, "nothing came")
		return nil
	}
}

// inClear is how many packets came that were not protected.
func (p *zrtpPhone) inClear() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clear
}

// zrtpType is the type of a ZRTP message, 0 of what is none.
func zrtpType(b []byte) wire.Type {
	p, err := wire.Parse(b)
	if err != nil || p.Message == nil {
		return 0
	}
	t, _ := wire.Check(p.Message)
	return t
}

// losing drops a share of the ZRTP packets, the same for the same seed.
func losing(seed int64, share float64) func(bool, []byte) bool {
	r := mathrand.New(mathrand.NewSource(seed))
	return func(_ bool, b []byte) bool { return rtp.Classify(b) == rtp.ClassZRTP && r.Float64() < share }
}
