package sdp

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// zrtpVersion is the one that we write; the third digit does not matter for reading (RFC 6189 section 4.1.1).
const zrtpVersion = "1.10"

// errNoHello is a plan for ZRTP without the hash of our Hello: a fault of the caller.
var errNoHello = errors.New("sdp: ZRTP without a Hello of ours: the Ports have no ZRTPHash")

// ZRTPParams is what one stream of one leg agreed on ZRTP. There is no key in it.
type ZRTPParams struct {
	PeerHash [32]byte // of the Hello that the peer will send
	HasHash  bool     // false: the peer wrote none that can be used, and its first Hello counts
	Fault    string   // why an a=zrtp-hash that is there is not used
	// Through: the phones agree with each other, see OfferPlan.Through.
	Through bool
}

// String tells whether there is a hash.
func (p *ZRTPParams) String() string {
	switch {
	case p.Through:
		return "through"
	case p.HasHash:
		return "hash"
	}
	return "no hash"
}

// ZRTPError is an a=zrtp-hash attribute that cannot be used.
type ZRTPError struct{ Reason string }

// Error implements error.
func (e *ZRTPError) Error() string { return "a=zrtp-hash: " + e.Reason }

// ZRTPHash is the value of the attribute for the hash of a Hello (RFC 6189 section 8).
func ZRTPHash(hello [32]byte) string { return zrtpVersion + " " + hex.EncodeToString(hello[:]) }

// ParseZRTPHash reads a value of the attribute. The error is *ZRTPError.
func ParseZRTPHash(value string) (hash [32]byte, err error) {
	version, digits, _ := strings.Cut(strings.TrimSpace(value), " ")
	digits = strings.TrimSpace(digits)
	switch {
	case !strings.HasPrefix(version, zrtpVersion[:3]) || len(version) > len(zrtpVersion):
		return hash, &ZRTPError{fmt.Sprintf("version %q is not one that we speak (%s)", clip(version), zrtpVersion)}
	case len(digits) != hex.EncodedLen(len(hash)):
		return hash, &ZRTPError{fmt.Sprintf("%d characters where a hash has %d hexadecimal digits", len(digits), hex.EncodedLen(len(hash)))}
	}
	if _, err := hex.Decode(hash[:], []byte(digits)); err != nil {
		return [32]byte{}, &ZRTPError{"the hash has characters that are no hexadecimal digits"}
	}
	return hash, nil
}

// zrtpHash takes one of several attributes, which a peer of several versions writes: the first that we speak.
func zrtpHash(have, value string) string {
	if have == "" {
		return value
	}
	if _, err := ParseZRTPHash(have); err == nil {
		return have
	}
	if _, err := ParseZRTPHash(value); err == nil {
		return value
	}
	return have
}

// shareHashes marks the sections that have the same hash: each stream has a Hello of its own, so that it is right for one at most. A
// value at session level comes here, too.
func (s *Session) shareHashes() {
	seen := make(map[string]*Media)
	for i := range s.Media {
		m := &s.Media[i]
		if m.ZRTPHash == "" || !m.live() {
			continue
		}
		if other := seen[m.ZRTPHash]; other != nil {
			m.sharesHash, other.sharesHash = true, true
		}
		seen[m.ZRTPHash] = m
	}
}

// peerHello reads what the peer wrote. Without a hash, or with one that nothing can be compared to, ZRTP goes on: the attribute is optional, and
// whoever could spoil it could leave it out.
func (m *Media) peerHello() *ZRTPParams {
	p := &ZRTPParams{}
	if m.ZRTPHash == "" {
		return p
	}
	if m.sharesHash {
		p.Fault = "a=zrtp-hash: several streams have the same one, and each has a Hello of its own"
		return p
	}
	hash, err := ParseZRTPHash(m.ZRTPHash)
	if err != nil {
		p.Fault = err.Error()
		return p
	}
	p.PeerHash, p.HasHash = hash, true
	return p
}

// hello puts the hash of our Hello into a section of ours; through, the one of the other leg's peer, which may have none.
func (m *Media) hello(hash string, through bool) error {
	if hash == "" && !through {
		return errNoHello
	}
	m.ZRTPHash, m.zrtp, m.through = hash, true, through
	return nil
}

// continuesZRTP tells whether a section of an offer that says nothing of keys is the stream of an earlier description with ZRTP. It goes on
// as it was: the attribute is optional, and nobody falls back to media in clear by leaving it out.
func (s Support) continuesZRTP(chosen Encryption, previous *Media) bool {
	return chosen == None && previous != nil && previous.zrtp && s.does(ZRTP)
}

// ourEncryption is that of a section of our own.
func (m *Media) ourEncryption() Encryption {
	if m.zrtp {
		return ZRTP // also through, for a peer without a hash
	}
	return m.Encryption()
}

// answerZRTP puts a section of ours beside theirs.
func (plan AnswerPlan) answerZRTP(m *Media, a *Agreed, theirs *Media, local Ports) error {
	a.ZRTP = theirs.peerHello()
	a.ZRTP.Through = plan.Through
	return m.hello(local.ZRTPHash, plan.Through)
}

// through tells whether the stream of the plan goes on to the other leg as it is.
func (plan OfferPlan) through() bool { return plan.Through && plan.Encryption == ZRTP }

// numbersKept are the codecs that are sent and received with the same number: what nobody decrypts on the way keeps the one that it has.
func numbersKept(codecs []Codec) []Codec {
	var list []Codec
	for _, c := range codecs {
		if !c.Renumbered {
			list = append(list, c)
		}
	}
	return list
}
