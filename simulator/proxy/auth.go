package proxy

import (
	"errors"
	"slices"
	"strings"
	"time"

	"b2bua/core/digest"
	"b2bua/core/sip"
)

// realmKey names a digest server: registrations are challenged with 401, the rest with 407.
type realmKey struct {
	realm string
	proxy bool
}

// challenge is the 401, 403 or 407 of a request that has to authenticate, or nil. Requests inside a dialog pass if the proxy is not strict.
func (p *Proxy) challenge(now time.Time, req *sip.Message, tag string) *sip.Message {
	domain := strings.ToLower(req.From.URI.Host)
	if req.To.Tag() != "" && !p.cfg.Strict || req.Method == sip.ACK || !slices.ContainsFunc(p.cfg.AuthDomains, func(d string) bool { return strings.EqualFold(d, domain) }) || p.fromB2BUA(req) {
		return nil
	}
	server, err := p.digestServer(domain, req.Method != sip.REGISTER)
	if err != nil {
		return sip.NewResponse(req, 500, "", tag)
	}
	_, err = server.Verify(now, req, func(user string) (digest.Credentials, bool) {
		password, ok := p.cfg.Passwords[user+"@"+domain]
		if !ok && p.cfg.SharedPassword != "" {
			password, ok = p.cfg.SharedPassword, true
		}
		return digest.Credentials{User: user, Password: digest.Secret(password)}, ok
	})
	switch {
	case err == nil:
		req.Del("Proxy-Authorization") // ours: it is consumed here (RFC 3261 section 22.3)
		return nil
	case errors.Is(err, digest.ErrWrong):
		return sip.NewResponse(req, 403, "", tag)
	}
	return server.Challenge(now, req, tag, errors.Is(err, digest.ErrStale))
}

// fromB2BUA: the B2BUA is a trusted host of the proxy.
func (p *Proxy) fromB2BUA(req *sip.Message) bool {
	return p.divert.URI != "" && req.Method == sip.INVITE && p.ofB2BUA(req)
}

func (p *Proxy) digestServer(domain string, proxy bool) (*digest.Server, error) {
	k := realmKey{domain, proxy}
	if p.cfg.Realm != "" {
		k.realm = p.cfg.Realm
	}
	if s := p.digests[k]; s != nil {
		return s, nil
	}
	s, err := digest.NewServer(digest.ServerConfig{
		Realm: k.realm, Proxy: proxy, Rand: p.rand, Algorithms: p.cfg.Algorithms, Life: p.cfg.NonceLife, Once: p.cfg.NonceOnce, Nonces: p.cfg.Nonces,
	})
	if err == nil {
		p.digests[k] = s
	}
	return s, err
}
