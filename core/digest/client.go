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

// known is the last challenge of one realm on one header.
type known struct {
	header    string // "Authorization" or "Proxy-Authorization"
	challenge *lib.Challenge
	count     int
}

// maxRealms bounds what is remembered: a request passes few proxies that each ask.
const maxRealms = 8

// NewClient makes a client; the credentials are tried in their order.
func NewClient(credentials []Credentials, random io.Reader) *Client {
	return &Client{credentials: slices.Clone(credentials), random: random}
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
func (c *Client) choose(header string, req *sip.Message, challenges []*lib.Challenge) (realms int, err error) {
	var done []string
	for _, ch := range challenges {
		if slices.Contains(done, ch.Realm) || c.find(ch) == nil {
			continue
		}
		done = append(done, ch.Realm)
		if refused(req, header, ch) {
			return 0, fmt.Errorf("realm %q: %w", ch.Realm, ErrRefused)
		}
		c.remember(header, ch)
	}
	return len(done), nil
}

// refused: the request had credentials for the realm and the server does not call them stale.
// A nonce that was counted up may have ended without the server saying so; that one is tried again.
func refused(req *sip.Message, header string, ch *lib.Challenge) bool {
	for _, value := range req.Values(header) {
		used, err := lib.ParseCredentials(value)
		if err == nil && used.Realm == ch.Realm {
			return !ch.Stale && (used.Nonce == ch.Nonce || used.Nc <= 1)
		}
	}
	return false
}

func (c *Client) find(ch *lib.Challenge) *Credentials {
	for i := range c.credentials {
		if c.credentials[i].usable(ch.Realm, ch.Algorithm) {
			return &c.credentials[i]
		}
	}
	return nil
}

// unmet tells why none of the challenges can be answered.
func (c *Client) unmet(challenges []*lib.Challenge) error {
	for _, ch := range challenges {
		for i := range c.credentials {
			if own := &c.credentials[i]; own.HA1 != "" && own.usable(ch.Realm, own.Algorithm) {
				return fmt.Errorf("realm %q wants a hash by %s, the secret is one by %s: %w", ch.Realm, algorithmOr(ch.Algorithm), algorithmOr(own.Algorithm), ErrAlgorithm)
			}
		}
	}
	return fmt.Errorf("realm %q: %w", challenges[0].Realm, ErrNoCredentials)
}

func (c *Client) remember(header string, ch *lib.Challenge) {
	for i := range c.known {
		if k := &c.known[i]; k.header == header && k.challenge.Realm == ch.Realm {
			if k.challenge.Nonce != ch.Nonce {
				k.count = 0
			}
			k.challenge = ch
			return
		}
	}
	if len(c.known) >= maxRealms {
		c.known = slices.Delete(c.known, 0, 1)
	}
	c.known = append(c.known, known{header: header, challenge: ch})
}

// Authorize puts credentials for all challenges seen so far on a request, so that it is not challenged again.
// Credentials that it carries already are replaced. ACK and CANCEL can't be challenged: ACK repeats those of its INVITE, CANCEL has none.
func (c *Client) Authorize(req *sip.Message) error {
	for _, header := range []string{"Authorization", "Proxy-Authorization"} {
		req.Del(header)
	}
	for i := range c.known {
		k := &c.known[i]
		cred := c.find(k.challenge)
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
	answer, err := lib.Digest(k.challenge, lib.Options{
		Method: string(req.Method), URI: req.URI.String(), Count: k.count, Cnonce: hex.EncodeToString(nonce[:]),
		Username: cred.User, Password: string(cred.Password), A1: strings.ToLower(string(cred.HA1)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body)), nil },
	})
	if err != nil {
		return "", fmt.Errorf("realm %q: %w", k.challenge.Realm, ErrNoChallenge)
	}
	return answer.String(), nil
}
