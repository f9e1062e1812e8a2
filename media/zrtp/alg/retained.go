package alg

import "io"

// Secrets are those of earlier times that one side has for a peer; empty: none.
type Secrets struct {
	RS1, RS2 Secret // retained from the last two exchanges
	Aux, PBX Secret
}

// IDs name secrets in DHPart without showing them (RFC 6189 section 4.3.1).
type IDs struct{ RS1, RS2, Aux, PBX MAC8 }

// NewIDs computes what a role sends; h3 is its own. An absent secret has a random ID, so that absence does not show.
func NewIDs(h Hash, role Role, h3 Image, s Secrets, rand io.Reader) (ids IDs, err error) {
	ids = secretIDs(h, role, h3, s)
	for _, x := range []struct {
		secret Secret
		id     *MAC8
	}{{s.RS1, &ids.RS1}, {s.RS2, &ids.RS2}, {s.Aux, &ids.Aux}, {s.PBX, &ids.PBX}} {
		if len(x.secret) == 0 {
			random, err := read(rand, len(x.id))
			if err != nil {
				return IDs{}, err
			}
			*x.id = MAC8(random)
		}
	}
	return ids, nil
}

func secretIDs(h Hash, role Role, h3 Image, s Secrets) IDs {
	name := []byte(role.String())
	return IDs{
		RS1: h.short(s.RS1, name), RS2: h.short(s.RS2, name),
		Aux: h.short(s.Aux, h3[:]), PBX: h.short(s.PBX, name),
	}
}

// Match finds the secrets that both sides have (RFC 6189 section 4.3): own is our role, peerH3 and peer what its Hello and
// DHPart carried. The secrets of the result are those of mine, not copies. Both sides find the same S1, whatever each has
// moved from rs1 to rs2.
func Match(h Hash, own Role, mine Secrets, peerH3 Image, peer IDs) (s Shared) {
	expect := secretIDs(h, own.Peer(), peerH3, mine)
	is := func(secret Secret, id, theirs MAC8) bool { return len(secret) > 0 && id.Equal(theirs) }
	// The initiator's rs1 is looked for before its rs2, so the middle two change places with the role.
	tries := []struct {
		secret     Secret
		id, theirs MAC8
	}{
		{mine.RS1, expect.RS1, peer.RS1},
		{mine.RS1, expect.RS1, peer.RS2},
		{mine.RS2, expect.RS2, peer.RS1},
		{mine.RS2, expect.RS2, peer.RS2},
	}
	if own == Responder {
		tries[1], tries[2] = tries[2], tries[1]
	}
	for _, t := range tries {
		if is(t.secret, t.id, t.theirs) {
			s.S1 = t.secret
			break
		}
	}
	if is(mine.Aux, expect.Aux, peer.Aux) {
		s.S2 = mine.Aux
	}
	if is(mine.PBX, expect.PBX, peer.PBX) {
		s.S3 = mine.PBX
	}
	return s
}
