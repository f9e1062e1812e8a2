package event

import "fmt"

// ZRTP is how the keys of a stream were agreed on (RFC 6189). The SAS is no secret: it is what people read to each other.
type ZRTP struct {
	SAS                     string // of the leg, the same for all of its streams
	Hash, Cipher, Agreement string // "S256", "AES1", "X255"; "Mult": from the leg's first stream
	Client, ZID             string // what the phone calls itself, and its identity
	// Continuity: the phone has the secret of the last call, so it is the one of then. Mismatch: it has not, although there is one.
	Continuity, Mismatch, AuxMismatch bool
	// Verified: the SAS was compared in an earlier call, as we remember; PeerVerified: as the phone remembers. Both count together.
	Verified, PeerVerified bool
	HashVerified           bool // the phone's first message was the one that its a=zrtp-hash announced
	PeerMitM, Disclosure   bool // the phone says that it is a PBX; that it gives keys away
}

// Multistream is the Agreement of a stream whose keys come from those that the leg had already.
const Multistream = "Mult"

// String is the part of a line.
func (z ZRTP) String() string {
	if z.Agreement == Multistream {
		return "SAS " + z.SAS + " as before"
	}
	text := fmt.Sprintf("SAS %s, agreement %s, hash %s, cipher %s, continuity %s, verified %s", z.SAS, z.Agreement, z.Hash, z.Cipher, z.continuity(), z.verified())
	if z.HashVerified {
		text += ", zrtp-hash right"
	}
	if z.AuxMismatch {
		text += ", auxiliary secret differs"
	}
	if z.PeerMitM {
		text += ", the phone is a PBX"
	}
	if z.Disclosure {
		text += ", the phone gives keys away"
	}
	return fmt.Sprintf("%s, peer %q ZID %s", text, z.Client, z.ZID)
}

func (z ZRTP) continuity() string {
	switch {
	case z.Mismatch:
		return "MISMATCH"
	case z.Continuity:
		return "yes"
	}
	return "first call"
}

func (z ZRTP) verified() string {
	switch {
	case z.Verified && z.PeerVerified:
		return "yes"
	case z.Verified:
		return "by us only"
	case z.PeerVerified:
		return "by the phone only"
	}
	return "no"
}

// Compared is a SAS that people have compared.
type Compared struct {
	Call Call
	Leg  string
	SAS  string
	Same bool
}

// Level of Compared.
func (e Compared) Level() Level {
	if e.Same {
		return Message
	}
	return Warning
}

// Text of Compared.
func (e Compared) Text() string {
	if e.Same {
		return fmt.Sprintf("%v: %s: the SAS %s was compared and is the same: the phone is verified", e.Call, e.Leg, e.SAS)
	}
	return fmt.Sprintf("%v: %s: the phone shows another SAS than %s: somebody is in the middle, who hears this call", e.Call, e.Leg, e.SAS)
}

// Suspicion is something odd in ZRTP that ended nothing: a mismatch of retained secrets, a forged message.
type Suspicion struct {
	Call   Call
	Stream int
	Leg    string
	What   string
}

// Level of Suspicion.
func (Suspicion) Level() Level { return Warning }

// Text of Suspicion.
func (e Suspicion) Text() string {
	return fmt.Sprintf("%v: %s: ZRTP of stream %d: %s", e.Call, e.Leg, e.Stream, e.What)
}
