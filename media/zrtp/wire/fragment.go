package wire

import (
	"bytes"
	"encoding/binary"
	"time"
)

// Fragment is a part of a message that is longer than a datagram may be: an extension of bzrtp 5.2 for the public values of
// post-quantum agreements. Lengths and offsets are multiples of four octets.
type Fragment struct {
	ID     uint16 // of the message, never 0; the same when it is repeated
	Total  int    // octets of the message
	Offset int    // of Data in it
	Data   []byte
}

func parseFragment(p []byte) (Fragment, error) {
	if len(p) < FragmentHeaderSize+wordSize {
		return Fragment{}, ErrFragment
	}
	f := Fragment{
		ID:     binary.BigEndian.Uint16(p[12:]),
		Total:  int(binary.BigEndian.Uint16(p[14:])) * wordSize,
		Offset: int(binary.BigEndian.Uint16(p[16:])) * wordSize,
		Data:   p[FragmentHeaderSize:],
	}
	if int(binary.BigEndian.Uint16(p[18:]))*wordSize != len(f.Data) {
		return Fragment{}, ErrLength
	}
	if f.ID == 0 || f.Offset+len(f.Data) > f.Total {
		return Fragment{}, ErrFragment
	}
	return f, nil
}

// AppendFragment appends a datagram with a fragment.
func AppendFragment(dst []byte, sequence uint16, ssrc uint32, f Fragment) []byte {
	start := len(dst)
	dst = appendHeader(dst, firstFragment, sequence, ssrc)
	dst = binary.BigEndian.AppendUint16(dst, f.ID)
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.Total/wordSize))
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.Offset/wordSize))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.Data)/wordSize))
	dst = append(dst, f.Data...)
	return appendCRC(dst, start)
}

// FragmentData is how many octets of a message go into each fragment of at most mtu octets.
func FragmentData(mtu int) int {
	return max((mtu-FragmentHeaderSize-CRCSize)&^(wordSize-1), wordSize)
}

// Reassembler puts the fragments of one message together. Fragments come from strangers: there is one message at a time, its
// size is bounded, and what is wrong costs at most that message, which its sender repeats.
type Reassembler struct {
	limit   int
	buffer  []byte
	have    []uint64 // one bit for each word
	missing int      // words
	id      uint16   // 0: none begun
	total   int
	since   time.Time
}

// reassemblyTime bounds how long a message may stay incomplete.
const reassemblyTime = 10 * time.Second

// NewReassembler returns one for messages of up to limit octets.
func NewReassembler(limit int) *Reassembler {
	return &Reassembler{limit: limit &^ (wordSize - 1)}
}

// Add takes a fragment. It returns the message when it is complete: valid until the next call. A message is returned again
// when all of it is repeated.
func (r *Reassembler) Add(now time.Time, f Fragment) ([]byte, error) {
	if f.Total > r.limit || len(f.Data) == 0 || f.Offset+len(f.Data) > f.Total {
		return nil, ErrFragment
	}
	if f.ID != r.id || f.Total != r.total || now.Sub(r.since) > reassemblyTime {
		r.begin(now, f)
	}
	switch r.overlap(f) {
	case none:
		r.put(f)
	case repeated:
	case differs:
		r.begin(now, f)
		r.put(f)
	case partial:
		return nil, ErrFragmentOver
	}
	if r.missing > 0 {
		return nil, nil
	}
	r.id = 0
	return r.buffer[:r.total], nil
}

func (r *Reassembler) begin(now time.Time, f Fragment) {
	if r.buffer == nil {
		r.buffer = make([]byte, r.limit)
		r.have = make([]uint64, (r.limit/wordSize+63)/64)
	}
	clear(r.have)
	r.id, r.total, r.missing, r.since = f.ID, f.Total, f.Total/wordSize, now
}

type overlap int

const (
	none overlap = iota
	repeated
	differs
	partial
)

func (r *Reassembler) overlap(f Fragment) overlap {
	held := 0
	for w := f.Offset / wordSize; w < (f.Offset+len(f.Data))/wordSize; w++ {
		held += int(r.have[w/64] >> (w % 64) & 1)
	}
	switch {
	case held == 0:
		return none
	case held < len(f.Data)/wordSize:
		return partial
	case bytes.Equal(r.buffer[f.Offset:f.Offset+len(f.Data)], f.Data):
		return repeated
	default:
		return differs
	}
}

func (r *Reassembler) put(f Fragment) {
	copy(r.buffer[f.Offset:], f.Data)
	for w := f.Offset / wordSize; w < (f.Offset+len(f.Data))/wordSize; w++ {
		r.have[w/64] |= 1 << (w % 64)
	}
	r.missing -= len(f.Data) / wordSize
}
