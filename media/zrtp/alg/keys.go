package alg

import (
	"encoding/binary"
	"slices"
)

// ZID identifies an endpoint (RFC 6189 section 4.9).
type ZID [12]byte

// Context is what all keys of one exchange are bound to (RFC 6189 section 4.5.2).
type Context struct {
	Initiator, Responder ZID
	TotalHash            []byte
}

// TotalHash is the hash over the exchange: the responder's Hello, Commit, DHPart1 and DHPart2 (RFC 6189 section 4.4.1.4), in
// Multistream the responder's Hello and Commit (section 4.4.3.2); complete messages without packet header and CRC.
func TotalHash(h Hash, messages ...[]byte) []byte { return h.Sum(messages...) }

// bytes is KDF_Context.
func (c Context) bytes() []byte { return slices.Concat(c.Initiator[:], c.Responder[:], c.TotalHash) }

// zids is the context of secrets that outlive an exchange.
func (c Context) zids() []byte { return slices.Concat(c.Initiator[:], c.Responder[:]) }

// Shared are the secrets of earlier times that both sides have: retained, auxiliary, PBX. Any may be nil.
type Shared struct{ S1, S2, S3 Secret }

// S0 is the root of all keys in DH mode (RFC 6189 section 4.4.1.4). result is Party.Result's; wipe it, and the clones of shared,
// once S0 is there.
func S0(h Hash, result Secret, c Context, shared Shared) Secret {
	return h.Sum(s0Input(result, c, shared)...)
}

func s0Input(result Secret, c Context, shared Shared) [][]byte {
	parts := [][]byte{{0, 0, 0, 1}, result, []byte("ZRTP-HMAC-KDF"), c.bytes()}
	for _, s := range []Secret{shared.S1, shared.S2, shared.S3} {
		parts = append(parts, binary.BigEndian.AppendUint32(nil, uint32(len(s))), s)
	}
	return parts
}

// MultistreamS0 is the root of a further stream's keys; session is the first stream's Keys.Session, c the context of this
// stream, whose roles may differ from the first's (RFC 6189 section 4.4.3.2).
func MultistreamS0(h Hash, session Secret, c Context) Secret {
	return h.KDF(session, "ZRTP MSK", c.bytes(), 8*h.Size())
}

// PBXSecret is what enrollment with a PBX leaves on both sides (RFC 6189 section 7.3.1).
func PBXSecret(h Hash, session Secret, c Context) Secret {
	return h.KDF(session, "Trusted MiTM key", c.zids(), 256)
}

// ExportedSubkey derives a key for another protocol from Keys.Exported (RFC 6189 section 4.5.2). bits is at most the hash's.
func ExportedSubkey(h Hash, exported Secret, label string, c Context, bits int) Secret {
	return h.KDF(exported, label, c.bytes(), bits)
}

// Direction are the keys of what one role sends.
type Direction struct {
	SRTPKey, SRTPSalt Secret
	MACKey, ZRTPKey   Secret // for Confirm and SASrelay
	Hash              Hash
}

// Master is the SRTP master key followed by the master salt, a copy.
func (d *Direction) Master() Secret { return slices.Concat(d.SRTPKey, d.SRTPSalt) }

// Wipe overwrites the keys.
func (d *Direction) Wipe() { wipe([]Secret{d.SRTPKey, d.SRTPSalt, d.MACKey, d.ZRTPKey}) }

// Keys is everything that comes from one s0.
type Keys struct {
	// These are nil in Multistream.
	Session  Secret // ZRTPSess, for further streams; kept to the end of the dialog
	Retained Secret // the new rs1
	SASHash  Secret // 32 octets
	Exported Secret

	Initiator, Responder Direction
}

// Sent are the keys of what a role sends.
func (k *Keys) Sent(r Role) *Direction {
	if r == Initiator {
		return &k.Initiator
	}
	return &k.Responder
}

// Wipe overwrites all keys.
func (k *Keys) Wipe() {
	wipe([]Secret{k.Session, k.Retained, k.SASHash, k.Exported})
	k.Initiator.Wipe()
	k.Responder.Wipe()
}

// Derive computes all keys from s0 (RFC 6189 sections 4.5.2 and 4.5.3); the suite decides their lengths. With Mult as its
// agreement only those of one stream. Wipe s0 afterwards.
func Derive(s Suite, s0 Secret, c Context) *Keys {
	h, context := s.Hash, c.bytes()
	k := &Keys{Initiator: s.direction(Initiator, s0, context), Responder: s.direction(Responder, s0, context)}
	if s.Agreement != Mult {
		k.Session = h.KDF(s0, "ZRTP Session Key", context, 8*h.Size())
		k.Retained = h.KDF(s0, "retained secret", context, 256)
		k.SASHash = h.KDF(s0, "SAS", context, 256)
		k.Exported = h.KDF(s0, "Exported key", context, 8*h.Size())
	}
	return k
}

func (s Suite) direction(r Role, s0 Secret, context []byte) Direction {
	h, role, key := s.Hash, r.String(), 8*s.Cipher.KeyLen()
	return Direction{
		SRTPKey:  h.KDF(s0, role+" SRTP master key", context, key),
		SRTPSalt: h.KDF(s0, role+" SRTP master salt", context, 8*s.SRTP().SaltLen()),
		MACKey:   h.KDF(s0, role+" HMAC key", context, 8*h.Size()),
		ZRTPKey:  h.KDF(s0, role+" ZRTP key", context, key),
		Hash:     h,
	}
}
