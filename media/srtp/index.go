package srtp

// windowSize is how far behind the newest index a packet may come, in packets: RFC 3711 section 3.3.2 asks for 64 at least,
// a burst of a video key frame that was reordered by two paths is longer.
const windowSize = 128

// maxIndex is the last RTP packet index, maxRTCPIndex the last SRTCP one (RFC 3711 section 9.2).
const (
	maxIndex     = 1<<48 - 1
	maxRTCPIndex = 1<<31 - 1
)

// window remembers which indices were used: the newest and the windowSize before it.
type window struct {
	top     uint64
	bits    [windowSize / 64]uint64 // bit n: top-n was used
	started bool
}

// fresh tells whether an index was not used yet; too old counts as used.
func (w *window) fresh(i uint64) bool {
	if !w.started || i > w.top {
		return true
	}
	d := w.top - i
	return d < windowSize && w.bits[d/64]&(1<<(d%64)) == 0
}

// use marks an index that is fresh.
func (w *window) use(i uint64) {
	switch {
	case !w.started:
		w.started, w.top, w.bits = true, i, [windowSize / 64]uint64{1}
	case i > w.top:
		w.shift(i - w.top)
		w.top = i
		w.bits[0] |= 1
	default:
		d := w.top - i
		w.bits[d/64] |= 1 << (d % 64)
	}
}

func (w *window) shift(n uint64) {
	switch {
	case n >= windowSize:
		w.bits = [windowSize / 64]uint64{}
	case n >= 64:
		w.bits[1], w.bits[0] = w.bits[0]<<(n-64), 0
	default:
		w.bits[1] = w.bits[1]<<n | w.bits[0]>>(64-n)
		w.bits[0] <<= n
	}
}

// estimate is the 48-bit index of a sequence number: the one nearest to the newest (RFC 3711 section 3.3.1, appendix A).
// It is not ok before the first roll-over, when the number lies before index zero, nor past the last index.
func (w *window) estimate(seq uint16) (uint64, bool) {
	if !w.started {
		return uint64(seq), true
	}
	return nearest(w.top, seq)
}

func nearest(top uint64, seq uint16) (uint64, bool) {
	i := int64(top) + int64(int16(seq-uint16(top)))
	return uint64(i), i >= 0 && i <= maxIndex
}
