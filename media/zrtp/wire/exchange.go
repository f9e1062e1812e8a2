package wire

// CommitFields are the fields of a Commit. Which of HVI, Nonce and KeyID are there depends on Agreement: "Mult" has a nonce,
// "Prsh" a nonce and a KeyID, every other an HVI. Public, which aliases the message, is the initiator's public key of a key
// encapsulation with its padding, else empty.
type CommitFields struct {
	H2        [32]byte
	ZID       [12]byte
	Hash      Code
	Cipher    Code
	AuthTag   Code
	Agreement Code
	SAS       Code
	HVI       [32]byte
	Nonce     [16]byte
	KeyID     [8]byte
	Public    []byte
}

func checkCommit(m []byte) error {
	switch Code(m[68:]) {
	case mult:
		if len(m) != commitMult {
			return ErrTypeLength
		}
	case prsh:
		if len(m) != commitPrsh {
			return ErrTypeLength
		}
	default:
		if len(m) < commitDH {
			return ErrTypeLength
		}
	}
	return nil
}

// ParseCommit reads a message that is known to be a Commit.
func ParseCommit(m []byte) CommitFields {
	c := CommitFields{
		H2: [32]byte(m[12:]), ZID: [12]byte(m[44:]),
		Hash: Code(m[56:]), Cipher: Code(m[60:]), AuthTag: Code(m[64:]), Agreement: Code(m[68:]), SAS: Code(m[72:]),
	}
	switch c.Agreement {
	case mult:
		c.Nonce = [16]byte(m[76:])
	case prsh:
		c.Nonce, c.KeyID = [16]byte(m[76:]), [8]byte(m[92:])
	default:
		c.HVI, c.Public = [32]byte(m[76:]), m[108:len(m)-macSize]
	}
	return c
}

// AppendCommit appends a Commit without its MAC, Public padded with zeros.
func AppendCommit(dst []byte, c CommitFields) []byte {
	size := commitDH + pad(len(c.Public))
	switch c.Agreement {
	case mult:
		size = commitMult
	case prsh:
		size = commitPrsh
	}
	start := len(dst)
	dst = appendStart(dst, Commit, size)
	dst = append(dst, c.H2[:]...)
	dst = append(dst, c.ZID[:]...)
	for _, code := range [...]Code{c.Hash, c.Cipher, c.AuthTag, c.Agreement, c.SAS} {
		dst = append(dst, code[:]...)
	}
	switch c.Agreement {
	case mult:
		dst = append(dst, c.Nonce[:]...)
	case prsh:
		dst = append(append(dst, c.Nonce[:]...), c.KeyID[:]...)
	default:
		dst = append(append(dst, c.HVI[:]...), c.Public...)
	}
	return append(dst, make([]byte, start+size-len(dst))...)
}

// DHPartFields are the fields of a DHPart1 or DHPart2. Parsed, Public aliases the message and has its padding.
type DHPartFields struct {
	H1     [32]byte
	RS1    [8]byte
	RS2    [8]byte
	Aux    [8]byte
	PBX    [8]byte
	Public []byte
}

// ParseDHPart reads a message that is known to be a DHPart1 or DHPart2.
func ParseDHPart(m []byte) DHPartFields {
	return DHPartFields{
		H1: [32]byte(m[12:]), RS1: [8]byte(m[44:]), RS2: [8]byte(m[52:]), Aux: [8]byte(m[60:]), PBX: [8]byte(m[68:]),
		Public: m[76 : len(m)-macSize],
	}
}

// AppendDHPart appends a DHPart1 or DHPart2 without its MAC, Public padded with zeros.
func AppendDHPart(dst []byte, t Type, d DHPartFields) []byte {
	size := 76 + pad(len(d.Public)) + macSize
	start := len(dst)
	dst = appendStart(dst, t, size)
	dst = append(dst, d.H1[:]...)
	dst = append(dst, d.RS1[:]...)
	dst = append(dst, d.RS2[:]...)
	dst = append(dst, d.Aux[:]...)
	dst = append(dst, d.PBX[:]...)
	dst = append(dst, d.Public...)
	return append(dst, make([]byte, start+size-len(dst))...)
}
