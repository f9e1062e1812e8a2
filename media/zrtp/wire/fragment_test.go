package wire_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/media/zrtp/wire"
)

// cut cuts a message for datagrams of at most mtu octets.
func cut(id uint16, m []byte, mtu int) []wire.Fragment {
	var out []wire.Fragment
	size := wire.FragmentData(mtu)
	for at := 0; at < len(m); at += size {
		out = append(out, wire.Fragment{ID: id, Total: len(m), Offset: at, Data: m[at:min(at+size, len(m))]})
	}
	return out
}

func numbered(n int, salt byte) []byte {
	m := make([]byte, n)
	for i := range m {
		m[i] = byte(i/4) + salt
	}
	return m
}

// Whatever the order and the repetitions, a complete set of fragments gives its message.
func TestFragmentsInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r := wire.NewReassembler(2048)
	for id := uint16(1); id < 200; id++ {
		m := numbered(4*(1+random.IntN(512)), byte(id))
		parts := cut(id, m, 28+4*random.IntN(100))
		parts = append(parts, parts[random.IntN(len(parts))])
		random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		var got []byte
		for _, f := range parts {
			whole, err := r.Add(time.Time{}, f)
			require.NoError(t, err)
			if whole != nil {
				got = append([]byte(nil), whole...)
			}
		}
		assert.Equal(t, m, got)
	}
}

func TestRepeatedMessageIsGivenAgain(t *testing.T) {
	r := wire.NewReassembler(2048)
	m := numbered(100, 0)
	for range 3 {
		var got []byte
		for _, f := range cut(5, m, 64) {
			got, _ = r.Add(time.Time{}, f)
		}
		assert.Equal(t, m, got)
	}
}

func TestStrangersFragments(t *testing.T) {
	r := wire.NewReassembler(2048)
	now := time.Unix(1000, 0)
	m := numbered(200, 3)
	parts := cut(9, m, 124)
	require.Len(t, parts, 2)
	_, err := r.Add(now, wire.Fragment{ID: 1, Total: 4096, Data: m[:100]})
	assert.ErrorIs(t, err, wire.ErrFragment, "longer than any message")
	_, err = r.Add(now, wire.Fragment{ID: 1, Total: 100})
	assert.ErrorIs(t, err, wire.ErrFragment, "without data")
	_, err = r.Add(now, wire.Fragment{ID: 1, Total: 100, Offset: 4, Data: m[:100]})
	assert.ErrorIs(t, err, wire.ErrFragment, "beyond the end")
	_, err = r.Add(now, parts[0])
	require.NoError(t, err)
	_, err = r.Add(now, wire.Fragment{ID: 9, Total: 200, Offset: 96, Data: m[96:104]})
	assert.ErrorIs(t, err, wire.ErrFragmentOver)
	got, err := r.Add(now, parts[1])
	require.NoError(t, err)
	assert.Equal(t, m, got, "the faulty ones changed nothing")

	_, _ = r.Add(now, parts[0])
	_, _ = r.Add(now, wire.Fragment{ID: 9, Total: 200, Data: numbered(100, 77)})
	got, _ = r.Add(now, parts[1])
	assert.NotNil(t, got, "another first half replaces the first")
	assert.Equal(t, numbered(100, 77), got[:100])

	_, _ = r.Add(now, parts[0])
	got, _ = r.Add(now.Add(11*time.Second), parts[1])
	assert.Nil(t, got, "the first half is too old")
}

func TestFragmentFaults(t *testing.T) {
	at := func(offset int, b ...byte) []byte {
		p := wire.AppendFragment(nil, 1, 2, wire.Fragment{ID: 1, Total: 16, Offset: 8, Data: make([]byte, 8)})
		copy(p[offset:], b)
		wire.Repair(p)
		return p
	}
	for name, c := range map[string]struct {
		packet []byte
		want   error
	}{
		"id 0":           {at(12, 0, 0), wire.ErrFragment},
		"total too low":  {at(14, 0, 3), wire.ErrFragment},
		"offset too far": {at(16, 0, 3), wire.ErrFragment},
		"wrong length":   {at(18, 0, 1), wire.ErrLength},
	} {
		_, err := wire.Parse(c.packet)
		assert.ErrorIs(t, err, c.want, name)
	}
}
