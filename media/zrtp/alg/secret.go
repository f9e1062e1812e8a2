package alg

import "b2bua/media/sdes"

// Secret is key material: it prints redacted and has Wipe.
type Secret = sdes.Secret

// Role in one exchange. It is unrelated to who called, and may differ between the streams of a call.
type Role uint8

// Roles.
const (
	Initiator Role = iota // whose Commit is in force
	Responder
)

// Peer is the other role.
func (r Role) Peer() Role { return r ^ 1 }

// String is the word that goes into secret IDs and labels (RFC 6189 sections 4.3.1 and 4.5.3).
func (r Role) String() string {
	if r == Initiator {
		return "Initiator"
	}
	return "Responder"
}
