package digest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	lib "github.com/icholy/digest"

	"b2bua/core/sip"
)

// Server challenges requests and checks their credentials. Its nonces carry their time and are signed, so that a challenge costs no memory.
type Server struct {
	realm      string
	algorithms []string
	proxy      bool
	life       time.Duration
	random     io.Reader
	once       bool
	key        [32]byte
	counts     map[string]int // highest nc by nonce, of nonces used at least once
	most       int            // of counts
}

// ServerConfig describes a Server; only Realm and Rand are needed.
type ServerConfig struct {
	Realm      string
	Algorithms []string      // in order of preference; empty: SHA-256, MD5
	Proxy      bool          // 407 and Proxy-Authorization in place of 401 and Authorization
	Life       time.Duration // of a nonce, 0: 5 minutes
	Once       bool          // a nonce is good for one request; the next one with it is told that it is stale
	Nonces     int           // whose use is counted at most, 0: 10 000; one user uses one at a time
	Rand       io.Reader
}

// defaultNonces bounds the nonces whose use is counted. Beyond it all are forgotten, and their next use is told to be stale.
const defaultNonces = 10000

// NewServer makes a server; it fails only for want of randomness.
func NewServer(cfg ServerConfig) (*Server, error) {
	s := &Server{
		realm: cfg.Realm, algorithms: cfg.Algorithms, proxy: cfg.Proxy, life: cfg.Life, once: cfg.Once, random: cfg.Rand,
		counts: map[string]int{}, most: cfg.Nonces,
	}
	if len(s.algorithms) == 0 {
		s.algorithms = []string{"SHA-256", "MD5"}
	}
	if s.life <= 0 {
		s.life = 5 * time.Minute
	}
	if s.most <= 0 {
		s.most = defaultNonces
	}
	if _, err := io.ReadFull(s.random, s.key[:]); err != nil {
		return nil, fmt.Errorf("digest: no randomness: %w", err)
	}
	return s, nil
}

// Challenge is the 401 or 407 to a request; stale says that the credentials were right apart from the nonce.
func (s *Server) Challenge(now time.Time, req *sip.Message, toTag string, stale bool) *sip.Message {
	status, header := 401, "WWW-Authenticate"
	if s.proxy {
		status, header = 407, "Proxy-Authenticate"
	}
	resp := sip.NewResponse(req, status, "", toTag)
	for _, algorithm := range s.algorithms {
		c := lib.Challenge{Realm: s.realm, Nonce: s.nonce(now), Algorithm: algorithm, QOP: []string{"auth"}, Stale: stale}
		resp.Add(header, c.String())
	}
	return resp
}

const nonceRandom = 8 // octets after the 8 of the time, before the 16 of the signature

func (s *Server) nonce(now time.Time) string {
	var b [8 + nonceRandom]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixNano()))
	if _, err := io.ReadFull(s.random, b[8:]); err != nil {
		return "" // no client can answer it
	}
	return hex.EncodeToString(append(b[:], s.sign(b[:])...))
}

func (s *Server) sign(b []byte) []byte {
	h := hmac.New(sha256.New, s.key[:])
	_, _ = h.Write(b) // never fails
	return h.Sum(nil)[:16]
}

// made returns when a nonce was made; false when it is none of ours.
func (s *Server) made(nonce string) (time.Time, bool) {
	b, err := hex.DecodeString(nonce)
	if err != nil || len(b) != 8+nonceRandom+16 || !hmac.Equal(s.sign(b[:8+nonceRandom]), b[8+nonceRandom:]) {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b))), true
}

// Verify checks the credentials of a request and returns their user name. look finds the credentials of a user; users that do not exist
// cost as much time as wrong passwords. The error is ErrNoCredentials, ErrStale or ErrWrong.
func (s *Server) Verify(now time.Time, req *sip.Message, look func(user string) (Credentials, bool)) (user string, err error) {
	header := "Authorization"
	if s.proxy {
		header = "Proxy-Authorization"
	}
	for _, value := range req.Values(header) {
		if got, ok := parseAnswer(value); ok && got.realm == s.realm {
			return s.check(now, req, &got, look)
		}
	}
	return "", ErrNoCredentials
}

func (s *Server) check(now time.Time, req *sip.Message, got *answer, look func(string) (Credentials, bool)) (string, error) {
	cred, exists := look(got.user)
	if !exists {
		cred = Credentials{User: got.user, Password: "nobody"}
	}
	made, ours := s.made(got.nonce)
	if !s.offers(got.algorithm) || got.qop != "auth" || !cred.usable(s.realm, got.algorithm) || !sameURI(got.uri, req.URI) {
		return "", ErrWrong
	}
	want, err := lib.Digest(&lib.Challenge{Realm: s.realm, Nonce: got.nonce, Algorithm: got.algorithm, QOP: []string{got.qop}}, lib.Options{
		Method: string(req.Method), URI: got.uri, Count: got.count, Cnonce: got.cnonce,
		Username: got.user, Password: string(cred.Password), A1: strings.ToLower(string(cred.HA1)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body)), nil },
	})
	if err != nil || subtle.ConstantTimeCompare([]byte(want.Response), []byte(strings.ToLower(got.response))) != 1 || !exists {
		return "", ErrWrong
	}
	if !ours || now.Sub(made) > s.life || now.Before(made) || !s.fresh(got.nonce, got.count) {
		return "", ErrStale
	}
	return got.user, nil
}

// fresh counts the use of a nonce; a count that was used before is a replay.
func (s *Server) fresh(nonce string, count int) bool {
	last, seen := s.counts[nonce]
	if count <= last || (!seen || s.once) && count != 1 {
		return false
	}
	if !seen && len(s.counts) >= s.most {
		clear(s.counts)
	}
	s.counts[nonce] = count
	return true
}

func (s *Server) offers(algorithm string) bool {
	for _, a := range s.algorithms {
		if sameAlgorithm(a, algorithm) {
			return true
		}
	}
	return false
}

func sameURI(text string, u sip.URI) bool {
	got, err := sip.ParseURI(text)
	return err == nil && got.Equal(u)
}
