package dtls

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inFragments makes two datagrams of a ClientHello, as clients with post-quantum keys do, and renumbers what else is in clear so that no number
// comes twice.
func inFragments(b []byte) [][]byte {
	b = slices.Clone(b)
	for at := 0; at+recordHeader <= len(b); at += recordHeader + int(binary.BigEndian.Uint16(b[at+11:])) {
		if b[at+3] == 0 && b[at+4] == 0 {
			binary.BigEndian.PutUint32(b[at+7:], 2*binary.BigEndian.Uint32(b[at+7:]))
		}
	}
	body, _, ok := message(b, clientHello)
	if !ok {
		return [][]byte{b}
	}
	const n = recordHeader + handshakeHeader
	fragment := func(number, offset, end int) []byte {
		f := append(slices.Clone(b[:n]), body[offset:end]...)
		binary.BigEndian.PutUint32(f[7:], binary.BigEndian.Uint32(b[7:])+uint32(number))
		binary.BigEndian.PutUint16(f[11:], uint16(handshakeHeader+end-offset))
		f[19], f[20], f[21] = 0, byte(offset>>8), byte(offset)
		f[22], f[23], f[24] = 0, byte((end-offset)>>8), byte(end-offset)
		return f
	}
	half := max(len(body)/2, 2+randomSize+1+1+32)
	return [][]byte{fragment(0, 0, half), fragment(1, half, len(body))}
}

// Browsers say hello in two datagrams, before and after they were sent a cookie.
func TestClientHelloInFragments(t *testing.T) {
	for name, lost := range map[string]int{"none is lost": -1, "the second is lost once": 1, "the first is lost once": 0} {
		t.Run(name, func(t *testing.T) {
			a, b := handshaker(t, Config{}), handshaker(t, Config{})
			w := newWire(nil)
			end, server := w.join(t, b, addrB, addrA, false, a.Fingerprint())
			hellos := 0
			w.filter = func(from, _ netip.AddrPort, p []byte) bool {
				if from != addrA {
					return true
				}
				for i, f := range inFragments(p) {
					if holdsHello(f) {
						hellos++
						if i == lost && hellos <= 2 {
							continue
						}
					}
					end.Receive(f, from)
				}
				return false
			}
			_, client := w.join(t, a, addrA, addrB, true, b.Fingerprint())
			requireKeys(t, result(t, client), result(t, server))
			w.mu.Lock()
			require.GreaterOrEqual(t, hellos, 4)
			w.mu.Unlock()
		})
	}
}

// Fragments without end, of one that has not shown where it is, are not kept.
func TestFragmentsOfStrangersAreFew(t *testing.T) {
	b := handshaker(t, Config{})
	w := newWire(nil)
	var hello []byte
	end, _ := w.join(t, b, addrB, addrA, false, b.Fingerprint())
	x := handshaker(t, Config{})
	w.filter = func(from, _ netip.AddrPort, p []byte) bool {
		if from == addrX && hello == nil {
			hello = slices.Clone(p)
		}
		return false
	}
	_, _ = w.join(t, x, addrX, addrB, true, b.Fingerprint())
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return hello != nil
	}, 10*time.Second, time.Millisecond)
	parts := inFragments(hello)
	taken := func(p []byte) bool {
		end.mu.Lock()
		defer end.mu.Unlock()
		to, _ := end.route(time.Now(), p, addrX)
		return to != nil
	}
	require.False(t, taken(parts[1]), "nothing came before it")
	for i := range maxFragments { // a repetition of the first is kept like any other
		require.True(t, taken(parts[i%2]))
	}
	require.False(t, taken(parts[0]))
	require.False(t, taken(parts[1]))
}

// Nor are their octets, however few the fragments are in which they come.
func TestOctetsOfStrangersAreFew(t *testing.T) {
	var p peer
	b := fragmentOf(maxRecord-recordHeader-handshakeHeader, 7)
	for n := len(b); n <= maxUnproven; n += len(b) {
		require.NotNil(t, p.more(b))
	}
	require.Nil(t, p.more(b))
	require.Less(t, p.fragments, maxFragments)
	require.LessOrEqual(t, p.octets, maxUnproven)
}

// fragmentOf makes a datagram with one fragment of a ClientHello, which stands behind the first.
func fragmentOf(size, offset int) []byte {
	b := make([]byte, recordHeader+handshakeHeader+size)
	b[0], b[1], b[2] = typeHandshake, 254, 255
	binary.BigEndian.PutUint16(b[11:], uint16(handshakeHeader+size))
	b[13], b[15] = clientHello, maxHello>>8
	binary.BigEndian.PutUint16(b[20:], uint16(offset))
	binary.BigEndian.PutUint16(b[23:], uint16(size))
	return b
}

// What stands behind the fragments in a datagram does not get in with them.
func TestOnlyTheHelloOfAStrangerIsPassedOn(t *testing.T) {
	one := fragmentOf(20, 7)
	other := slices.Clone(one)
	other[13] = 16
	for name, c := range map[string]struct {
		b         []byte
		fragments int
		kept      int
	}{
		"one":                         {one, 1, len(one)},
		"two":                         {slices.Concat(one, one), 2, 2 * len(one)},
		"another message behind it":   {slices.Concat(one, other, one), 1, len(one)},
		"a record that is cut off":    {slices.Concat(one, one[:len(one)-1]), 1, len(one)},
		"rubbish":                     {slices.Concat(one, []byte("rubbish of a stranger")), 1, len(one)},
		"another message before it":   {slices.Concat(other, one), 0, 0},
		"a part of a header":          {one[:recordHeader-1], 0, 0},
		"another one in its record":   {grown(one, other[recordHeader:]), 0, 0},
		"two fragments in one":        {grown(one, one[recordHeader:]), 2, 2*len(one) - recordHeader},
		"a tail in the record":        {grown(one, []byte{1}), 0, 0},
		"a record that holds nothing": {make([]byte, recordHeader), 0, 0},
	} {
		kept, n := hellos(c.b)
		require.Equal(t, c.fragments, n, name)
		require.Len(t, kept, c.kept, name)
	}
}

// grown is a record with more in it.
func grown(b, more []byte) []byte {
	b = slices.Concat(b, more)
	binary.BigEndian.PutUint16(b[11:], uint16(len(b)-recordHeader))
	return b
}

func holdsHello(b []byte) bool {
	_, n := hellos(b)
	return n > 0
}

func TestWhatIsNoPartOfAHello(t *testing.T) {
	good := append([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 1, 0, 13, 1, 0, 5, 133, 0, 0, 0, 4, 151, 0, 0, 1}, 7)
	require.True(t, holdsHello(good))
	for name, change := range map[string]func(b []byte){
		"of a record that is encrypted":  func(b []byte) { b[4] = 1 },
		"of another message":             func(b []byte) { b[13] = 11 },
		"behind the message's end":       func(b []byte) { b[20] = 6 },
		"of a message that is too long":  func(b []byte) { b[14] = 1 },
		"longer than the datagram":       func(b []byte) { b[24] = 2 },
		"empty":                          func(b []byte) { b[24] = 0 },
		"of something else than a hello": func(b []byte) { b[0] = 20 },
	} {
		b := slices.Clone(good)
		change(b)
		require.False(t, holdsHello(b), name)
	}
}
