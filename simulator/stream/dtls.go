package stream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"time"

	"b2bua/media/sdp"

	pion "github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/srtp/v3"
)

// Identity is the certificate that a phone shows in DTLS, self-signed. Its key is never printed.
type Identity struct {
	certificate tls.Certificate
	fingerprint sdp.Fingerprint
}

// NewIdentity makes a certificate for a key on P-256.
func NewIdentity(now time.Time) (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("stream: key of a certificate: %w", err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("stream: certificate: %w", err)
	}
	return &Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, sdp.FingerprintOf(der)}, nil
}

// Fingerprint for the description.
func (i *Identity) Fingerprint() sdp.Fingerprint { return i.fingerprint }

// String is the fingerprint.
func (i *Identity) String() string { return i.fingerprint.String() }

// GoString is String.
func (i *Identity) GoString() string { return i.String() }

// DTLS is what a stream does when DTLS-SRTP is agreed.
type DTLS struct {
	Identity *Identity   // needed
	Suites   []sdp.Suite // SRTP protection profiles, most preferred first; empty: all
	Silent   bool        // it never says a word of DTLS
}

// flight is the time until the first repetition of a handshake message; it doubles.
const flight = 150 * time.Millisecond

// dtlsProfiles are the SRTP protection profiles of RFC 5764 section 4.1.2 and RFC 7714 section 14.2.
var dtlsProfiles = []struct {
	suite sdp.Suite
	dtls  pion.SRTPProtectionProfile
}{
	{sdp.AEADAES128GCM, pion.SRTP_AEAD_AES_128_GCM},
	{sdp.AESCM128SHA180, pion.SRTP_AES128_CM_HMAC_SHA1_80},
	{sdp.AEADAES256GCM, pion.SRTP_AEAD_AES_256_GCM},
	{sdp.AESCM128SHA132, pion.SRTP_AES128_CM_HMAC_SHA1_32},
}

func (d DTLS) profiles() (ids []pion.SRTPProtectionProfile) {
	for _, s := range d.Suites {
		for _, p := range dtlsProfiles {
			if p.suite == s {
				ids = append(ids, p.dtls)
			}
		}
	}
	if len(d.Suites) == 0 {
		for _, p := range dtlsProfiles {
			ids = append(ids, p.dtls)
		}
	}
	return ids
}

// association is one DTLS connection of one channel.
type association struct {
	s       *Stream
	ch      channel
	own     DTLS
	params  sdp.DTLSParams
	remote  netip.AddrPort
	pipe    *pipe
	keyed   bool // guarded by the stream's lock, like what follows
	failure error
}

// secure starts, keeps or ends the associations after an agreement. The stream's lock is held.
func (s *Stream) secure(a sdp.Agreed) error {
	for ch := range s.assocs {
		remote := s.remote(channel(ch), a)
		old := s.assocs[ch]
		switch {
		case !a.Enabled || a.Encryption != sdp.DTLS || channel(ch) == channelRTCP && a.Mux:
			s.drop(channel(ch))
			continue
		case old != nil && old.params.Same(a.DTLS) && old.own.Identity == s.own.Identity && (!remote.IsValid() || old.remote == remote || s.agent != nil):
			continue // RFC 5763 section 6.6
		case s.own.Identity == nil:
			return errors.New("stream: DTLS-SRTP without a certificate of ours")
		case !remote.IsValid():
			continue
		}
		s.drop(channel(ch))
		n := &association{s: s, ch: channel(ch), own: s.own, params: *a.DTLS, remote: remote}
		n.pipe = newPipe(remote, n.write)
		s.assocs[ch] = n
		if s.own.Silent {
			continue
		}
		if hello := s.hello[ch]; hello != nil {
			n.pipe.push(hello)
		}
		s.hello[ch] = nil
		s.wg.Go(n.run)
	}
	return nil
}

// drop ends an association. The keys that it made stay in force until there are others.
func (s *Stream) drop(ch channel) {
	if old := s.assocs[ch]; old != nil {
		old.pipe.close()
	}
	s.assocs[ch] = nil
}

// speaks takes a datagram of DTLS (RFC 5764 section 5.1.2), and tells whether it was one.
func (s *Stream) speaks(ch channel, b []byte) bool {
	if len(b) == 0 || b[0] < 20 || b[0] > 63 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b = append([]byte(nil), b...)
	if a := s.assocs[ch]; a != nil {
		a.pipe.push(b)
	} else {
		s.hello[ch] = b // of an answerer that is quicker than its answer
	}
	return true
}

// write sends a message of the handshake, over the same bad network as media.
func (a *association) write(b []byte) {
	s := a.s
	s.mu.Lock()
	current := s.assocs[a.ch] == a
	if current && a.ch == channelRTP {
		s.tx.path.Push(time.Now(), b)
		s.hurry()
	}
	s.mu.Unlock()
	if current && a.ch == channelRTCP {
		s.write(s.socket(channelRTCP), a.remote, b)
	}
}

// run does the handshake, then answers repetitions until the association ends.
func (a *association) run() {
	conn, err := a.dial()
	if err == nil {
		err = conn.HandshakeContext(a.pipe.ctx)
	}
	if err == nil {
		err = a.take(conn)
	}
	a.s.mu.Lock()
	if a.s.assocs[a.ch] == a && err != nil {
		a.failure = err
	}
	a.s.mu.Unlock()
	a.s.changed()
	for b := make([]byte, 2048); err == nil; {
		_, err = conn.Read(b)
	}
	a.pipe.close()
	if conn != nil {
		_ = conn.Close() // nothing is sent any more
	}
}

// dial makes the library's connection, in the role that was agreed.
func (a *association) dial() (*pion.Conn, error) {
	shared := []pion.Option{
		pion.WithCertificates(a.own.Identity.certificate), pion.WithSRTPProtectionProfiles(a.own.profiles()...),
		pion.WithExtendedMasterSecret(pion.RequestExtendedMasterSecret), pion.WithFlightInterval(flight),
		pion.WithInsecureSkipVerify(true), // the fingerprint is what counts
		pion.WithVerifyConnection(a.verify), pion.WithLoggerFactory(quiet{}),
	}
	if a.params.Active {
		var options []pion.ClientOption
		for _, o := range shared {
			options = append(options, o)
		}
		return pion.ClientWithOptions(a.pipe, a.pipe.addr, options...)
	}
	var options []pion.ServerOption
	for _, o := range shared {
		options = append(options, o)
	}
	return pion.ServerWithOptions(a.pipe, a.pipe.addr, append(options, pion.WithClientAuth(pion.RequireAnyClientCert))...)
}

var errFingerprint = errors.New("the peer's certificate is not the one of its description")

func (a *association) verify(state *pion.State) error {
	if len(state.PeerCertificates) == 0 || !a.params.Accepts(state.PeerCertificates[0]) {
		return errFingerprint
	}
	return nil
}

// take puts the keys in force that the handshake made.
func (a *association) take(conn *pion.Conn) error {
	state, ok := conn.ConnectionState()
	id, agreed := conn.SelectedSRTPProtectionProfile()
	if !ok || !agreed {
		return errors.New("no SRTP protection profile was agreed")
	}
	var k contexts
	for _, p := range dtlsProfiles {
		if p.dtls == id {
			k.suite = p.suite
		}
	}
	cfg := srtp.Config{Profile: profiles[k.suite]}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, a.params.Active); err != nil {
		return fmt.Errorf("export of the keys: %w", err)
	}
	var err error
	if k.encrypt, err = rawContext(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt, k.suite, nil); err == nil {
		k.decrypt, err = rawContext(cfg.Keys.RemoteMasterKey, cfg.Keys.RemoteMasterSalt, k.suite, nil)
	}
	if err != nil {
		return err
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.s.assocs[a.ch] == a {
		a.keyed, a.s.keys[a.ch] = true, k
		a.s.handshakes++
	}
	return nil
}

// quiet keeps the library from writing to the standard error.
type quiet struct{}

// NewLogger gives a logger that drops everything.
func (quiet) NewLogger(scope string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope(scope, logging.LogLevelDisabled, nil)
}
