package dtls

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"time"

	pion "github.com/pion/dtls/v3"

	"b2bua/media/sdp"
)

// label of the exporter (RFC 5764 section 4.2).
const label = "EXTRACTOR-dtls_srtp"

// profile is an SRTP protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2); octets.
type profile struct {
	id        pion.SRTPProtectionProfile
	suite     sdp.Suite
	key, salt int
}

// profiles in our order, which decides where we are the server (decision 16).
var profiles = []profile{
	{pion.SRTP_AEAD_AES_128_GCM, sdp.AEADAES128GCM, 16, 12},
	{pion.SRTP_AES128_CM_HMAC_SHA1_80, sdp.AESCM128SHA180, 16, 14},
	{pion.SRTP_AEAD_AES_256_GCM, sdp.AEADAES256GCM, 32, 12},
	{pion.SRTP_AES128_CM_HMAC_SHA1_32, sdp.AESCM128SHA132, 16, 14},
}

func profileIDs() []pion.SRTPProtectionProfile {
	var ids []pion.SRTPProtectionProfile
	for _, p := range profiles {
		ids = append(ids, p.id)
	}
	return ids
}

// attempt is one handshake with a peer. After success it stays until the peer needs no repetition any more.
func (a *Association) attempt(p *peer) error {
	defer p.leave()
	var verdict error // of the peer's certificate; written before the handshake ends
	conn, err := a.conn(p, func(s *pion.State) error {
		verdict = a.verify(s)
		return verdict
	})
	if err != nil {
		return err
	}
	ctx, cancel := a.deadline(p)
	defer cancel()
	err = conn.HandshakeContext(ctx)
	if err != nil {
		late, gone := errors.Is(context.Cause(ctx), ErrTimeout), a.ctx.Err() != nil || p.ctx.Err() != nil && verdict == nil
		p.cancel()
		_ = conn.Close() // nothing is sent any more
		switch {
		case verdict != nil:
			return verdict
		case late:
			return ErrTimeout
		case gone && !errors.As(err, new(*pion.FatalError)) && !alerted(err):
			return context.Canceled
		}
		return explain(err)
	}
	p.leave()
	a.finish(p, conn)
	return nil
}

// deadline ends the handshake with a peer when its time is over, or, once it is told, when nothing is to be expected any more.
func (a *Association) deadline(p *peer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(p.ctx)
	end := func() { cancel(ErrTimeout) }
	t := time.AfterFunc(a.h.cfg.Timeout, func() {
		if !a.keep(p) {
			end()
			return
		}
		p.leave()
		last := time.AfterFunc((patience-1)*a.h.cfg.Timeout, end)
		context.AfterFunc(ctx, func() { last.Stop() })
	})
	return ctx, func() {
		t.Stop()
		cancel(nil)
	}
}

// finish tells the keys, then answers repetitions for a while.
func (a *Association) finish(p *peer, conn *pion.Conn) {
	defer conn.Close() //nolint:errcheck // the peer is cancelled before: nothing is sent
	defer p.cancel()
	r, err := a.keys(p, conn)
	switch {
	case err != nil:
		a.fail(p, err)
		if a.p.DTLS.Active {
			a.tell(Result{Err: a.fault(p.addr, err)}, true)
		}
		return
	case !a.settle(p):
		r.Send.Key.Wipe()
		r.Recv.Key.Wipe()
		return
	}
	defer a.forget()
	a.tell(r, true)
	t := time.AfterFunc(a.h.cfg.Linger, p.cancel)
	defer t.Stop()
	stop := context.AfterFunc(p.ctx, func() { _ = conn.SetReadDeadline(time.Unix(0, 1)) })
	defer stop()
	b := make([]byte, maxRecord)
	for p.ctx.Err() == nil {
		if _, err := conn.Read(b); errors.Is(err, io.EOF) {
			return
		}
	}
}

func (a *Association) conn(p *peer, verify func(*pion.State) error) (*pion.Conn, error) {
	cert := a.h.cfg.Certificate.tls
	shared := []pion.Option{
		pion.WithCertificates(cert),
		pion.WithSRTPProtectionProfiles(profileIDs()...),
		pion.WithExtendedMasterSecret(pion.RequestExtendedMasterSecret),
		pion.WithFlightInterval(a.h.cfg.Flight),
		pion.WithInsecureSkipVerify(true), // the fingerprint is the proof, not a chain
		pion.WithVerifyConnection(verify),
		pion.WithLoggerFactory(silence{}),
	}
	if !a.p.DTLS.Active {
		var options []pion.ServerOption
		for _, o := range shared {
			options = append(options, o)
		}
		// Requested, and its absence judged by verify: the library's own check would hide what is wrong.
		return pion.ServerWithOptions(p, p.udp, append(options, pion.WithClientAuth(pion.RequestClientCert))...)
	}
	var options []pion.ClientOption
	for _, o := range shared {
		options = append(options, o)
	}
	// Without this the library sends none to a server whose list of authorities or algorithms it finds no match in.
	return pion.ClientWithOptions(p, p.udp, append(options, pion.WithGetClientCertificate(
		func(*pion.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }))...)
}

// verify checks the peer's certificate, of which the handshake proves that the peer has the key.
func (a *Association) verify(s *pion.State) error {
	switch {
	case len(s.PeerCertificates) == 0:
		return ErrNoCertificate
	case !a.p.DTLS.Accepts(s.PeerCertificates[0]):
		return ErrFingerprint
	}
	return nil
}

// keys exports what RFC 5764 section 4.2 names: both keys, then both salts, the client's first.
func (a *Association) keys(p *peer, conn *pion.Conn) (Result, error) {
	state, ok := conn.ConnectionState()
	if !ok {
		return Result{}, errors.New("the library gives no state")
	}
	if err := a.verify(&state); err != nil {
		return Result{}, err
	}
	id, _ := conn.SelectedSRTPProtectionProfile()
	for _, f := range profiles {
		if f.id != id {
			continue
		}
		m, err := state.ExportKeyingMaterial(label, nil, 2*(f.key+f.salt))
		if err != nil {
			return Result{}, err
		}
		client := sdp.Crypto{Suite: f.suite, Key: join(m[:f.key], m[2*f.key:2*f.key+f.salt])}
		server := sdp.Crypto{Suite: f.suite, Key: join(m[f.key:2*f.key], m[2*f.key+f.salt:])}
		clear(m)
		if a.p.DTLS.Active {
			return Result{Send: client, Recv: server, Remote: p.addr}, nil
		}
		return Result{Send: server, Recv: client, Remote: p.addr}, nil
	}
	return Result{}, ErrNoProfile
}

func join(key, salt []byte) sdp.Secret {
	return append(append(make(sdp.Secret, 0, len(key)+len(salt)), key...), salt...)
}

// alerted tells whether the peer ended the handshake with an alert, after which the library closes its connection.
func alerted(err error) bool { return strings.Contains(err.Error(), "alert") }

// explain puts the library's error into words of ours where one is known.
func explain(err error) error {
	var h *pion.HandshakeError
	if errors.As(err, &h) && h.Err != nil {
		err = h.Err
	}
	if strings.Contains(err.Error(), "SRTP") { // its kinds are not exported
		return ErrNoProfile
	}
	return err
}
