package srtp

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/cpu"
)

// hasHardAES tells whether the processor has AES instructions.
var hasHardAES = cpu.X86.HasAES && cpu.X86.HasSSE41

const maxRounds = 14

// hardKey is the key schedule as the AES instructions take it (FIPS 197 section 5.2).
type hardKey struct {
	rounds   int
	schedule [(maxRounds + 1) * 16]byte
}

func newHardKey(k []byte) hardKey {
	words := len(k) / 4
	h := hardKey{rounds: words + 6}
	copy(h.schedule[:], k)
	word := func(i int) uint32 { return binary.BigEndian.Uint32(h.schedule[4*i:]) }
	for i, rcon := words, uint32(1); i < 4*(h.rounds+1); i++ {
		t := word(i - 1)
		switch {
		case i%words == 0:
			t = aesSubWord(bits.RotateLeft32(t, 8)) ^ rcon<<24
			if rcon <<= 1; rcon > 0xff {
				rcon ^= 0x11b
			}
		case words > 6 && i%words == 4:
			t = aesSubWord(t)
		}
		binary.BigEndian.PutUint32(h.schedule[4*i:], word(i-words)^t)
	}
	return h
}

func (h *hardKey) touch() uint64 {
	return uint64(h.schedule[0]) + uint64(h.schedule[64]) + uint64(h.schedule[128]) + uint64(h.schedule[h.rounds*16])
}

// lanes is the number of blocks that go through the cipher at a time.
const lanes = 4

func (h *hardKey) xor(x *Scratch, b []byte) {
	whole := len(b) / (lanes * 16)
	if whole > 0 {
		aesCTR(&h.schedule[0], h.rounds, &x.iv, &b[0], whole, 0)
	}
	if rest := b[whole*lanes*16:]; len(rest) > 0 {
		copy(x.stream[:], rest)
		aesCTR(&h.schedule[0], h.rounds, &x.iv, &x.stream[0], 1, whole*lanes)
		copy(rest, x.stream[:])
	}
}

// aesCTR XORs groups of four blocks at b with the key stream; counter is that of the first block, and replaces the last two
// octets of iv.
//
//go:noescape
func aesCTR(schedule *byte, rounds int, iv *[16]byte, b *byte, groups int, counter int)

// aesSubWord puts each octet through the S-box, in the same time whatever it is.
//
//go:noescape
func aesSubWord(w uint32) uint32
