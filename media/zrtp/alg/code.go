package alg

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Code is the four ASCII characters that name an algorithm in Hello and Commit (RFC 6189 section 5.1), first one highest.
type Code uint32

// code packs a name, padded with blanks.
func code(name string) Code {
	var b [4]byte
	copy(b[copy(b[:], name):], "    ")
	return Code(binary.BigEndian.Uint32(b[:]))
}

// The codes that this package implements. Mult is no agreement of its own: it derives from a session that has one.
const (
	S256 Code = 0x53323536 // RFC 6189 section 5.1.2
	S384 Code = 0x53333834
	S512 Code = 0x53353132 // not in the RFC; what bzrtp wants with post-quantum agreements

	AES1 Code = 0x41455331 // RFC 6189 section 5.1.3
	AES3 Code = 0x41455333

	HS32 Code = 0x48533332 // RFC 6189 section 5.1.4
	HS80 Code = 0x48533830
	GCM  Code = 0x47434d20 // not in the RFC; SRTP of RFC 7714

	DH3k Code = 0x4448336b // RFC 6189 section 5.1.5
	EC25 Code = 0x45433235
	EC38 Code = 0x45433338
	Mult Code = 0x4d756c74
	X255 Code = 0x58323535 // these and the following: bzrtp
	X448 Code = 0x58343438
	K255 Code = 0x4b323535
	K448 Code = 0x4b343438
	MLK1 Code = 0x4d4c4b31
	MLK2 Code = 0x4d4c4b32
	MLK3 Code = 0x4d4c4b33
	X1M1 Code = 0x58314d31
	X3M3 Code = 0x58334d33
	X1K1 Code = 0x58314b31
	X3K3 Code = 0x58334b33

	B32  Code = 0x42333220 // RFC 6189 section 5.1.6
	B256 Code = 0x42323536
)

// ParseCode reads the code at the start of b, which has at least four octets.
func ParseCode(b []byte) Code { return Code(binary.BigEndian.Uint32(b)) }

// Append writes the four characters behind b.
func (c Code) Append(b []byte) []byte { return binary.BigEndian.AppendUint32(b, uint32(c)) }

// Bytes are the four characters.
func (c Code) Bytes() (b [4]byte) {
	binary.BigEndian.PutUint32(b[:], uint32(c))
	return b
}

// String is the name without its padding; characters that a log should not see are escaped.
func (c Code) String() string {
	name := strings.TrimRight(string(c.Append(nil)), " ")
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			quoted := fmt.Sprintf("%+q", name)
			return quoted[1 : len(quoted)-1]
		}
	}
	return name
}

// Kind is one of the five lists of a Hello, in the order that it has them.
type Kind uint8

// Kinds.
const (
	KindHash Kind = iota
	KindCipher
	KindAuthTag
	KindAgreement
	KindSAS
	Kinds // their number
)

var kinds = [Kinds]struct {
	name      string
	mandatory []Code // RFC 6189 section 5.2: implied at the end of every list
	supported []Code
	alarm     uint32
}{
	KindHash:    {"hash", []Code{S256}, []Code{S256, S384, S512}, 0x51},
	KindCipher:  {"cipher", []Code{AES1}, []Code{AES1, AES3}, 0x52},
	KindAuthTag: {"auth tag", []Code{HS32, HS80}, []Code{GCM, HS80, HS32}, 0x54},
	KindAgreement: {
		"key agreement",
		[]Code{DH3k},
		[]Code{X1M1, X3M3, MLK1, MLK2, MLK3, X1K1, X3K3, K255, K448, X255, X448, EC25, EC38, DH3k, Mult},
		0x53,
	},
	KindSAS: {"SAS type", []Code{B32}, []Code{B32, B256}, 0x55},
}

// String is the kind's name for a log.
func (k Kind) String() string {
	if k >= Kinds {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kinds[k].name
}

// Mandatory lists the codes that every endpoint has, whether its Hello names them or not. The caller keeps it unchanged.
func (k Kind) Mandatory() []Code { return kinds[k].mandatory }

// Supported lists every code of this package, best first. It is longer than a Hello may be. The caller keeps it unchanged.
func (k Kind) Supported() []Code { return kinds[k].supported }

// Supports tells whether this package implements the code as an algorithm of this kind.
func (k Kind) Supports(c Code) bool {
	for _, have := range kinds[k].supported {
		if have == c {
			return true
		}
	}
	return false
}

// ranks of key agreements, lower is faster: RFC 6189 section 4.1.2 merged with the numbers that bzrtp compares, because both
// sides must arrive at the same one. The codes that this package lacks keep their place for lists of peers.
var ranks = rank("DH2k", "X255", "K255", "EC25", "X448", "K448", "DH3k", "EC38", "EC52", "KYB1", "KYB2", "KYB3", "HQD1", "HQD2",
	"HQD3", "X1K1", "X1H1", "X3K3", "X3H3", "XKR1", "XKR3", "MLK1", "MLK2", "MLK3", "X1M1", "X3M3", "Prsh", "Mult")

func rank(names ...string) map[Code]int {
	r := make(map[Code]int, len(names))
	for i, name := range names {
		r[code(name)] = i
	}
	return r
}

// Rank orders key agreements for the choice between my first and the peer's first common one: the lower wins. False: unknown.
func Rank(agreement Code) (int, bool) {
	r, ok := ranks[agreement]
	return r, ok
}

// Strong tells whether bzrtp takes the strongest common cipher and hash with this agreement instead of the first of its list.
func Strong(agreement Code) bool {
	a, ok := AgreementOf(agreement)
	return agreement == EC38 || agreement == X448 || ok && a.KEM() && agreement != K255
}
