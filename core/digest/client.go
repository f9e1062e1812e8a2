package digest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	lib "github.com/icholy/digest"

	"b2bua/core/sip"
)

// Client answers challenges with the credentials of one user agent and counts how often it used each nonce.
type Client struct {
	credentials []Credentials
	random      io.Reader
	known       []known
}

// Format prints no credentials, by any verb: fmt does not ask fields that are not exported, so secrets would show.
func (c Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "digest client with %d credentials", len(c.credentials))
}

// known is the last challenge of one realm on one header. It refers to no message.
type known struct {
	challenge
	header string // "Authorization" or "Proxy-Authorization"
	count  int
}

// maxRealms bounds what is remembered: a request passes few proxies that each ask.
const maxRealms = 8

// NewClient makes a client; the credentials are tried in their order. They are not copied.
func NewClient(credentials []Credentials, random io.Reader) *Client {
	return &Client{credentials: credentials, random: random}
}

// Answer takes the challenges of a 401 or 407 to req and returns the request to send instead: a copy with credentials and without Via.
// The caller gives it the next CSeq number. The error wraps ErrNoChallenge, ErrNoCredentials, ErrAlgorithm or ErrRefused.
func (c *Client) Answer(req, resp *sip.Message) (*sip.Message, error) {
	challengeHeader, header := "WWW-Authenticate", "Authorization"
	if resp.Status == 407 {
		challengeHeader, header = "Proxy-Authenticate", "Proxy-Authorization"
	}
	challenges := parseChallenges(resp, challengeHeader)
	if len(challenges) == 0 {
		return nil, fmt.Errorf("%d %s: %w", resp.Status, resp.Reason, ErrNoChallenge)
	}
	realms, err := c.choose(header, req, challenges)
	if err != nil {
		return nil, err
	}
	if realms == 0 {
		return nil, c.unmet(challenges)
	}
	out := req.Clone()
	out.Via = nil
	return out, c.Authorize(out)
}

// choose remembers for each realm the first challenge that the credentials can answer.
func (c *Client) choose(header string, req *sip.Message, challenges []challenge) (realms int, err error) {
	for i := range challenges {
		ch := &challenges[i]
		if slices.ContainsFunc(challenges[:i], func(o challenge) bool { return o.realm == ch.realm && c.find(&o) != nil }) || c.find(ch) == nil {
			continue
		}
		if refused(req, header, ch) {
			return 0, fmt.Errorf("realm %q: %w", ch.realm, ErrRefused)
		}
		realms++
		c.remember(header, ch)
	}
	return realms, nil
}

// refused: the request had credentials for the realm and the server does not call them stale.
// A nonce that was counted up may have ended without the server saying so; that one is tried again.
func refused(req *sip.Message, header string, ch *challenge) bool {
	for _, value := range req.Values(header) {
		used, ok := parseAnswer(value)
		if ok && used.realm == ch.realm {
			return !ch.stale && (used.nonce == ch.nonce || used.count <= 1)
		}
	}
	return false
}

func (c *Client) find(ch *challenge) *Credentials {
	for i := range c.credentials {
		if c.credentials[i].usable(ch.realm, ch.algorithm) {
			return &c.credentials[i]
		}
	}
	return nil
}

// unmet tells why none of the challenges can be answered.
func (c *Client) unmet(challenges []challenge) error {
	for _, ch := range challenges {
		for i := range c.credentials {
			if own := &c.credentials[i]; own.HA1 != "" && own.usable(ch.realm, own.Algorithm) {
				return fmt.Errorf("realm %q wants a hash by %s, the secret is one by %s: %w", ch.realm, algorithmOr(ch.algorithm), algorithmOr(own.Algorithm), ErrAlgorithm)
			}
		}
	}
	return fmt.Errorf("realm %q: %w", challenges[0].realm, ErrNoCredentials)
}

func (c *Client) remember(header string, ch *challenge) {
	for i := range c.known {
		if k := &c.known[i]; k.header == header && k.realm == ch.realm {
			if k.nonce != ch.nonce {
				k.count = 0
			}
			k.challenge = ch.kept(k.realm)
			return
		}
	}
	if len(c.known) >= maxRealms {
		c.known = slices.Delete(c.known, 0, 1)
	}
	c.known = append(c.known, known{header: header, challenge: ch.kept(c.find(ch).Realm)})
}

// kept is the challenge without its message; realm may be the same text somewhere else.
func (ch *challenge) kept(realm string) challenge {
	k := *ch
	k.nonce, k.opaque = strings.Clone(ch.nonce), strings.Clone(ch.opaque)
	if k.realm = realm; realm != ch.realm {
		k.realm = strings.Clone(ch.realm)
	}
	switch ch.algorithm {
	case "MD5":
		k.algorithm = "MD5"
	case "SHA-256":
		k.algorithm = "SHA-256"
	default:
		k.algorithm = strings.Clone(ch.algorithm)
	}
	return k
}

// Authorize puts credentials for all challenges seen so far on a request, so that it is not challenged again.
// Credentials that it carries already are replaced. ACK and CANCEL can't be challenged: ACK repeats those of its INVITE, CANCEL has none.
func (c *Client) Authorize(req *sip.Message) error {
	for _, header := range []string{"Authorization", "Proxy-Authorization"} {
		req.Del(header)
	}
	for i := range c.known {
		k := &c.known[i]
		cred := c.find(&k.challenge)
		if cred == nil {
			continue
		}
		value, err := c.compute(k, cred, req)
		if err != nil {
			return err
		}
		req.Add(k.header, value)
	}
	return nil
}

func (c *Client) compute(k *known, cred *Credentials, req *sip.Message) (string, error) {
	var nonce [8]byte
	if _, err := io.ReadFull(c.random, nonce[:]); err != nil {
		return "", fmt.Errorf("digest: no randomness: %w", err)
	}
	k.count++
	ch := lib.Challenge{Realm: k.realm, Nonce: k.nonce, Opaque: k.opaque, Algorithm: k.algorithm, Userhash: k.userhash}
	if k.qop != "" {
		ch.QOP = []string{k.qop}
	}
	answer, err := lib.Digest(&ch, lib.Options{
		Method: string(req.Method), URI: req.URI.String(), Count: k.count, Cnonce: hex.EncodeToString(nonce[:]),
		Username: cred.User, Password: string(cred.Password), A1: strings.ToLower(string(cred.HA1)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body)), nil },
	})
	if err != nil {
		return "", fmt.Errorf("realm %q: %w", k.realm, ErrNoChallenge)
	}
	return format(answer), nil
}
