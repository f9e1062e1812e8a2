package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"b2bua/media/ice"
	"b2bua/media/sdp"
	"b2bua/simulator/iceagent"
	"b2bua/simulator/impair"
	"b2bua/simulator/tone"

	"github.com/pion/srtp/v3"
)

// Config of one stream.
type Config struct {
	Kind sdp.Kind
	IP   netip.Addr
	// Second is an address on another network, invalid: there is none. With ICE it is a candidate, too, and media leaves from both.
	Second netip.Addr
	// Favours is the network whose pair ICE nominates: 0 the first, 1 the second.
	Favours int
	Tone    float64       // Hz, what is played
	Impair  impair.Config // of what is sent on the RTP port
	// Arriving is what the network does to what is received there.
	Arriving impair.Config
	Rand     io.Reader // SSRC and first sequence number
	// SSRC and Sequence are those of the first packet; 0: by chance. An SRTP receiver of RFC 3711 that misses the packets before a
	// wrap guesses wrong, so a Sequence near 65535 is for paths without loss.
	SSRC     uint32
	Sequence uint16
	// Record is given every packet as on the wire; nil: nothing. Notify is called when something a waiter may look at has changed, about
	// every 50 ms. Both are called without locks held and must not block.
	Record func(at time.Time, sent bool, from, to netip.AddrPort, payload []byte)
	Notify func()
}

// Stream is a running one.
type Stream struct {
	cfg        Config
	ports      sdp.Ports // of the description
	done       chan struct{}
	wake       chan struct{}
	wg         sync.WaitGroup
	close      sync.Once
	mu         sync.Mutex
	sockets    [2]socket // by channel
	second     [2]socket // on the second network
	strays     uint64    // packets that came on another network than the nominated one
	agreed     sdp.Agreed
	set        bool
	tx         sender
	rx         receiver
	keys       [2]contexts // by channel; with rtcp-mux, and of SDES, RTCP has those of RTP
	sendKey    sdp.Crypto  // of SDES
	recvKey    sdp.Crypto
	own        DTLS
	zrtp       handshake
	bundle     Bundle
	riders     []*Stream // on this one's transport
	assocs     [2]*association
	ice        *ICE
	agent      *iceagent.Agent
	restarts   int
	hello      [2][]byte // datagrams of DTLS that came before there was an association
	handshakes int
	lastNotify time.Time
	peerKeys   int      // of SDES, one after the other
	firs       uint8    // FIR that were sent
	recent     [][]byte // the newest packets that were sent, as on the wire
}

// channel of a stream.
type channel int

const (
	channelRTP channel = iota
	channelRTCP
)

// contexts are SRTP in both directions, nil: not yet.
type contexts struct {
	suite            sdp.Suite
	encrypt, decrypt *srtp.Context
}

// Open binds the ports and starts the stream, which is silent until Set.
func Open(cfg Config) (*Stream, error) {
	rtp, rtcp, err := bindPair(cfg.IP)
	if err != nil {
		return nil, err
	}
	var seed [8]byte
	if _, err := io.ReadFull(cfg.Rand, seed[:]); err != nil {
		return nil, fmt.Errorf("stream: random numbers: %w", err)
	}
	s := &Stream{
		cfg: cfg, ports: sdp.Ports{Addr: rtp.at.Addr(), RTP: rtp.at.Port(), RTCP: rtcp.at.Port()}, sockets: [2]socket{rtp, rtcp}, done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	// The first sequence number stays in the lower half, so that SRTP's roll-over counter can't be guessed wrong (RFC 3711 section 3.3.1).
	s.tx = newSender(binary.BigEndian.Uint32(seed[:]), binary.BigEndian.Uint16(seed[4:])>>1, cfg)
	if cfg.SSRC != 0 {
		s.tx.ssrc = cfg.SSRC
	}
	if cfg.Sequence != 0 {
		s.tx.seq = cfg.Sequence
	}
	s.rx = newReceiver()
	s.rx.path = impair.New(cfg.Arriving)
	s.listen()
	if err := s.openSecond(); err != nil {
		s.Close()
		return nil, err
	}
	s.wg.Go(s.send)
	return s, nil
}

// listen starts the readers of the present sockets. Each ends when its socket is closed.
func (s *Stream) listen() {
	rtp, rtcp := s.sockets[channelRTP], s.sockets[channelRTCP]
	s.wg.Go(func() { s.read(rtp, s.receive) })
	s.wg.Go(func() { s.read(rtcp, s.receiveRTCP) })
}

// bindPair looks for an even port with a free odd one after it (RFC 3550 section 11).
func bindPair(ip netip.Addr) (rtp, rtcp socket, err error) {
	for range 200 {
		if rtp, err = bind(ip, 0); err != nil {
			break
		}
		if port := rtp.at.Port(); port%2 == 0 {
			if rtcp, err = bind(ip, port+1); err == nil {
				return rtp, rtcp, nil
			}
		}
		_ = rtp.conn.Close() // nothing was sent on it
	}
	return socket{}, socket{}, fmt.Errorf("stream: no pair of free ports on %s: %w", ip, err)
}

func bind(ip netip.Addr, port uint16) (socket, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
	if err != nil {
		return socket{}, fmt.Errorf("stream: %w", err)
	}
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	return socket{conn, at}, err
}

// Ports for the SDP.
func (s *Stream) Ports() sdp.Ports { return s.ports }

// SetDTLS tells what is done in DTLS from the next Set on.
func (s *Stream) SetDTLS(d DTLS) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = d
}

// Set configures or re-configures the stream. Unchanged keys keep their SRTP contexts. What is heard now (Stats.Now) was heard
// since then.
func (s *Stream) Set(a sdp.Agreed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set && a.Encryption != s.agreed.Encryption {
		s.keys = [2]contexts{} // those of another mode
	}
	own := a
	if s.rides() { // all this is the other stream's
		own.Encryption, s.ice = sdp.None, nil
	}
	if own.Enabled && own.Encryption == sdp.SDES {
		if err := s.setKeys(own); err != nil {
			return err
		}
	}
	s.gather(own)
	if err := errors.Join(s.secure(own), s.meet(own)); err != nil {
		return err
	}
	s.agreed, s.set = a, a.Enabled
	s.rx.detector.Mark()
	s.rx.heardAt = time.Time{}
	s.tx.codec, s.tx.ok = mainCodec(a.Codecs)
	s.hurry()
	return nil
}

// hurry wakes the sender.
func (s *Stream) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Stream) setKeys(a sdp.Agreed) (err error) {
	k := s.keys[channelRTP]
	if k.encrypt == nil || !s.sendKey.Same(a.SendKey) {
		if k.encrypt, err = newContext(a.SendKey); err != nil {
			return fmt.Errorf("stream: our key: %w", err)
		}
		s.sendKey = a.SendKey.Clone()
	}
	if k.decrypt == nil || !s.recvKey.Same(a.RecvKey) {
		if k.decrypt, err = newContext(a.RecvKey); err != nil {
			return fmt.Errorf("stream: the peer's key: %w", err)
		}
		s.recvKey = a.RecvKey.Clone()
		s.peerKeys++
	}
	k.suite = a.SendKey.Suite
	s.keys = [2]contexts{k, k}
	return nil
}

// profiles maps SDES suites to the library's names.
var profiles = map[sdp.Suite]srtp.ProtectionProfile{
	sdp.AESCM128SHA180: srtp.ProtectionProfileAes128CmHmacSha1_80,
	sdp.AESCM128SHA132: srtp.ProtectionProfileAes128CmHmacSha1_32,
	sdp.AES256CMSHA180: srtp.ProtectionProfileAes256CmHmacSha1_80,
	sdp.AES256CMSHA132: srtp.ProtectionProfileAes256CmHmacSha1_32,
	sdp.AEADAES128GCM:  srtp.ProtectionProfileAeadAes128Gcm,
	sdp.AEADAES256GCM:  srtp.ProtectionProfileAeadAes256Gcm,
}

func newContext(c sdp.Crypto) (*srtp.Context, error) {
	if len(c.Key) != c.Suite.KeyLen()+c.Suite.SaltLen() {
		return nil, fmt.Errorf("suite %s with a key of %d octets can't be used", c.Suite, len(c.Key))
	}
	n := c.Suite.KeyLen()
	return rawContext(c.Key[:n], c.Key[n:], c.Suite, c.MKI)
}

func rawContext(key, salt []byte, suite sdp.Suite, mki []byte) (*srtp.Context, error) {
	profile, ok := profiles[suite]
	if !ok {
		return nil, fmt.Errorf("suite %s can't be used", suite)
	}
	options := []srtp.ContextOption{srtp.SRTPNoReplayProtection(), srtp.SRTCPNoReplayProtection()} // duplicates are counted, not hidden
	if len(mki) > 0 {
		options = append(options, srtp.MasterKeyIndicator(mki))
	}
	ctx, err := srtp.CreateContext(key, salt, profile, options...)
	if err != nil {
		return nil, fmt.Errorf("suite %s: the library refused the key", suite) // its error text could hold the key
	}
	return ctx, nil
}

// Close stops the stream and waits. It is idempotent.
func (s *Stream) Close() {
	s.close.Do(func() {
		s.leave()
		s.mu.Lock()
		close(s.done)
		for ch := range s.sockets {
			s.drop(channel(ch))
			_ = s.sockets[ch].conn.Close() // its reader ends
			if s.second[ch].conn != nil {
				_ = s.second[ch].conn.Close()
			}
		}
		s.mu.Unlock()
		s.wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sendKey.Key.Wipe()
		s.recvKey.Key.Wipe()
		for ch := range s.keys { // the suite stays for who asks what was used
			s.keys[ch].encrypt, s.keys[ch].decrypt = nil, nil
		}
		s.set = false
	})
}

// notify tells the owner at most every 20 ms.
func (s *Stream) notify(now time.Time) {
	s.mu.Lock()
	due := now.Sub(s.lastNotify) >= 20*time.Millisecond
	if due {
		s.lastNotify = now
	}
	s.mu.Unlock()
	if due {
		s.changed()
	}
}

func (s *Stream) changed() {
	if s.cfg.Notify != nil {
		s.cfg.Notify()
	}
}

func (s *Stream) record(at time.Time, sent bool, from, to netip.AddrPort, p []byte) {
	if s.cfg.Record != nil {
		s.cfg.Record(at, sent, from, to, p)
	}
}

func sends(d sdp.Direction) bool { return d == sdp.SendRecv || d == sdp.SendOnly }

// mainCodec is the first codec that carries the medium itself.
func mainCodec(codecs []sdp.Codec) (sdp.Codec, bool) {
	for _, c := range codecs {
		if !isEvent(c) {
			return c, true
		}
	}
	return sdp.Codec{}, false
}

// Stats so far.
func (s *Stream) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.rx.stats()
	st.Sent, st.Tone, st.PeerKeys = s.tx.packets, s.cfg.Tone, s.peerKeys
	st.SSRC = s.tx.ssrc
	if s.rx.last != nil {
		st.HeardSSRC = s.rx.last.ssrc
	}
	s.transportStats(&st)
	if s.agreed.Encryption == sdp.ZRTP && st.Fault == "" {
		st.Fault = s.zrtp.failure
	}
	st.ZRTP = s.zrtp.report
	st.ZRTP.Alerts = slices.Clone(st.ZRTP.Alerts)
	st.MOS = 0
	if st.Received > 0 {
		st.MOS = tone.MOS(st.Loss, s.rx.delay, st.Jitter)
	}
	return st
}

// transportStats are those of what the stream is sent over. The stream's lock is held.
func (s *Stream) transportStats(st *Stats) {
	if s.rides() {
		t := s.bundle.On
		t.mu.Lock()
		defer t.mu.Unlock()
		s = t
	}
	st.Local, st.Handshakes = s.sockets[channelRTP].at, s.handshakes
	if s.agreed.Encryption != sdp.None {
		st.Suite = s.keys[channelRTP].suite
	}
	for _, a := range s.assocs {
		if a != nil && a.failure != nil && st.Fault == "" {
			st.Fault = a.failure.Error()
		}
	}
	if s.agent != nil {
		st.Path, st.Agents, st.ICE = s.agent.Selected(ice.RTP), s.restarts, s.agent.Stats()
		st.Strays = s.strays
	}
}
