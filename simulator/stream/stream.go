package stream

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"b2bua/media/sdp"
	"b2bua/simulator/impair"
	"b2bua/simulator/tone"

	"github.com/pion/srtp/v3"
)

// Config of one stream.
type Config struct {
	Kind   sdp.Kind
	IP     netip.Addr
	Tone   float64 // Hz, what is played
	Impair impair.Config
	Rand   io.Reader // SSRC and first sequence number
	// Record is given every packet as on the wire; nil: nothing. Notify is called when something a waiter may look at has changed, about
	// every 50 ms. Both are called without locks held and must not block.
	Record func(at time.Time, sent bool, from, to netip.AddrPort, payload []byte)
	Notify func()
}

// Stream is a running one.
type Stream struct {
	cfg        Config
	rtp, rtcp  *net.UDPConn
	local      netip.AddrPort
	done       chan struct{}
	wake       chan struct{}
	wg         sync.WaitGroup
	close      sync.Once
	mu         sync.Mutex
	agreed     sdp.Agreed
	set        bool
	tx         sender
	rx         receiver
	encrypt    *srtp.Context
	decrypt    *srtp.Context
	sendKey    sdp.Crypto
	recvKey    sdp.Crypto
	lastNotify time.Time
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
	local, _ := netip.ParseAddrPort(rtp.LocalAddr().String())
	s := &Stream{cfg: cfg, rtp: rtp, rtcp: rtcp, local: local, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	// The first sequence number stays in the lower half, so that SRTP's roll-over counter can't be guessed wrong (RFC 3711 section 3.3.1).
	s.tx = newSender(binary.BigEndian.Uint32(seed[:]), binary.BigEndian.Uint16(seed[4:])>>1, cfg)
	s.rx = newReceiver()
	s.wg.Add(3)
	go s.receiveRTP()
	go s.receiveRTCP()
	go s.send()
	return s, nil
}

// bindPair looks for an even port with a free odd one after it (RFC 3550 section 11).
func bindPair(ip netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	for range 200 {
		if rtp, err = listen(ip, 0); err != nil {
			break
		}
		port := netip.MustParseAddrPort(rtp.LocalAddr().String()).Port()
		if port%2 == 0 {
			if rtcp, err = listen(ip, port+1); err == nil {
				return rtp, rtcp, nil
			}
		}
		_ = rtp.Close() // nothing was sent on it
	}
	return nil, nil, fmt.Errorf("stream: no pair of free ports on %s: %w", ip, err)
}

func listen(ip netip.Addr, port uint16) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
	if err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	return conn, nil
}

// Ports for the SDP.
func (s *Stream) Ports() sdp.Ports {
	return sdp.Ports{Addr: s.local.Addr(), RTP: s.local.Port(), RTCP: s.local.Port() + 1}
}

// Set configures or re-configures the stream. Unchanged keys keep their SRTP contexts.
func (s *Stream) Set(a sdp.Agreed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Enabled && a.Encryption == sdp.SDES {
		if err := s.keys(a); err != nil {
			return err
		}
	}
	s.agreed, s.set = a, a.Enabled
	s.tx.codec, s.tx.ok = mainCodec(a.Codecs)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

func (s *Stream) keys(a sdp.Agreed) (err error) {
	if s.encrypt == nil || !s.sendKey.Same(a.SendKey) {
		if s.encrypt, err = context(a.SendKey); err != nil {
			return fmt.Errorf("stream: our key: %w", err)
		}
		s.sendKey = a.SendKey.Clone()
	}
	if s.decrypt == nil || !s.recvKey.Same(a.RecvKey) {
		if s.decrypt, err = context(a.RecvKey); err != nil {
			return fmt.Errorf("stream: the peer's key: %w", err)
		}
		s.recvKey = a.RecvKey.Clone()
	}
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

func context(c sdp.Crypto) (*srtp.Context, error) {
	profile, ok := profiles[c.Suite]
	if !ok || len(c.Key) != c.Suite.KeyLen()+c.Suite.SaltLen() {
		return nil, fmt.Errorf("suite %s with a key of %d octets can't be used", c.Suite, len(c.Key))
	}
	options := []srtp.ContextOption{srtp.SRTPNoReplayProtection(), srtp.SRTCPNoReplayProtection()} // duplicates are counted, not hidden
	if len(c.MKI) > 0 {
		options = append(options, srtp.MasterKeyIndicator(c.MKI))
	}
	n := c.Suite.KeyLen()
	ctx, err := srtp.CreateContext(c.Key[:n], c.Key[n:], profile, options...)
	if err != nil {
		return nil, fmt.Errorf("suite %s: the library refused the key", c.Suite) // its error text could hold the key
	}
	return ctx, nil
}

// Close stops the stream and waits. It is idempotent.
func (s *Stream) Close() {
	s.close.Do(func() {
		close(s.done)
		_ = s.rtp.Close()
		_ = s.rtcp.Close()
		s.wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sendKey.Key.Wipe()
		s.recvKey.Key.Wipe()
		s.encrypt, s.decrypt, s.set = nil, nil, false
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
	if due && s.cfg.Notify != nil {
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
	st.Sent, st.Tone = s.tx.packets, s.cfg.Tone
	st.Local = s.local
	st.MOS = 0
	if st.Received > 0 {
		st.MOS = tone.MOS(st.Loss, s.rx.delay, st.Jitter)
	}
	return st
}
