package wire

// Flags of a Hello in the first octet of its counts (RFC 6189 section 5.2). libzrtp uses 0x80 for a purpose of its own.
const (
	FlagSignatures = 0x40 // S: can check signatures
	FlagMitM       = 0x20 // M: may send SASrelay
	FlagPassive    = 0x10 // P: never sends a Commit
	flagBits       = 0xf0
)

// MaxCodes is how many algorithms one list of a Hello holds.
const MaxCodes = 7

// HelloFields are the fields of a Hello. Parsed lists alias the message.
type HelloFields struct {
	Version    Code
	Client     [16]byte
	H3         [32]byte
	ZID        [12]byte
	Flags      byte // the four highest bits
	Reserved   byte // eight bits that are zero, and ignored
	Hashes     List
	Ciphers    List
	AuthTags   List
	Agreements List
	SAS        List
}

// List is a list of algorithm codes in the order of preference: a multiple of four octets.
type List []byte

// Len is the number of codes.
func (l List) Len() int { return len(l) / wordSize }

// At is the code at position i.
func (l List) At(i int) Code { return Code(l[i*wordSize:]) }

// Has reports whether a code is in the list.
func (l List) Has(c Code) bool {
	for i := range l.Len() {
		if l.At(i) == c {
			return true
		}
	}
	return false
}

// ListOf makes a list.
func ListOf(codes ...Code) List {
	l := make(List, 0, len(codes)*wordSize)
	for _, c := range codes {
		l = append(l, c[:]...)
	}
	return l
}

// counts are the lengths of the five lists, in their order.
func counts(m []byte) [5]int {
	return [5]int{int(m[77] & 15), int(m[78] >> 4), int(m[78] & 15), int(m[79] >> 4), int(m[79] & 15)}
}

func checkHello(m []byte) error {
	sum := 0
	for _, n := range counts(m) {
		if n > MaxCodes {
			return ErrHelloCounts
		}
		sum += n
	}
	if helloMin+sum*wordSize != len(m) {
		return ErrHelloCounts
	}
	return nil
}

// ParseHello reads a message that is known to be a Hello.
func ParseHello(m []byte) HelloFields {
	h := HelloFields{
		Version: Code(m[12:]), Client: [16]byte(m[16:]), H3: [32]byte(m[32:]), ZID: [12]byte(m[64:]),
		Flags: m[76] & flagBits, Reserved: m[76]<<4 | m[77]>>4,
	}
	at := 80
	lists := [5]*List{&h.Hashes, &h.Ciphers, &h.AuthTags, &h.Agreements, &h.SAS}
	for i, n := range counts(m) {
		*lists[i] = List(m[at : at+n*wordSize : at+n*wordSize])
		at += n * wordSize
	}
	return h
}

// AppendHello appends a Hello without its MAC. A list longer than [MaxCodes] is cut.
func AppendHello(dst []byte, h HelloFields) []byte {
	lists := [5]List{h.Hashes, h.Ciphers, h.AuthTags, h.Agreements, h.SAS}
	size := helloMin
	var n [5]byte
	for i, l := range lists {
		lists[i] = l[:min(l.Len(), MaxCodes)*wordSize]
		size += len(lists[i])
		n[i] = byte(lists[i].Len())
	}
	dst = appendStart(dst, Hello, size)
	dst = append(dst, h.Version[:]...)
	dst = append(dst, h.Client[:]...)
	dst = append(dst, h.H3[:]...)
	dst = append(dst, h.ZID[:]...)
	dst = append(dst, h.Flags&flagBits|h.Reserved>>4, h.Reserved<<4|n[0], n[1]<<4|n[2], n[3]<<4|n[4])
	for _, l := range lists {
		dst = append(dst, l...)
	}
	return append(dst, make([]byte, macSize)...)
}
