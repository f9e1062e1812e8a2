package alg

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPublicValues gives every agreement what a stranger may put into Commit, DHPart1 and DHPart2. What is not refused has a
// result of the right length, and the same one each time; what is refused is so as a bad public value, without showing ours.
func FuzzPublicValues(f *testing.F) {
	for n, a := range agreements {
		i, r := pair(f, a, SHA512, 1)
		f.Add(uint8(n), i.Commit, r.Public)
		f.Add(uint8(n), i.Commit, i.Public)
		for _, value := range bad(a.Code()) {
			f.Add(uint8(n), []byte(nil), value)
		}
	}
	var initiators [hashCount][]*Party // once: making one costs as much as using it
	for h := range hashCount {
		for _, a := range agreements {
			p, err := a.Initiate(h, draw(f, a, Initiator, AES128, 9))
			require.NoError(f, err)
			initiators[h] = append(initiators[h], p)
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, commit, public []byte) {
		at := int(n) % len(agreements)
		a, h := agreements[at], Hash(n)%hashCount
		result, err := initiators[h][at].Result(public)
		checkResult(t, a, h, result, err)
		if !a.KEM() && len(commit) == 0 {
			return // as a responder it does the same
		}
		responder, err := a.Respond(h, draw(t, a, Responder, AES128, 10), commit)
		if err != nil {
			refused(t, a, err)
			return
		}
		require.Len(t, commit, a.Sizes().Commit)
		require.Len(t, responder.Public, a.Sizes().DHPart1)
		result, err = responder.Result(public)
		checkResult(t, a, h, result, err)
	})
}

func checkResult(t *testing.T, a Agreement, h Hash, result Secret, err error) {
	t.Helper()
	if err == nil {
		require.Len(t, result, resultLen(a, h))
		return
	}
	require.Nil(t, result)
	refused(t, a, err)
}

func refused(t *testing.T, a Agreement, err error) {
	t.Helper()
	require.ErrorIs(t, err, ErrPublicValue)
	require.Regexp(t, "^zrtp: bad public value of "+a.Code().String()+": [a-z0-9 ,.-]+$", err.Error())
}

// FuzzSuite reads five codes as Commit has them: what is accepted is written back the same, and can be derived with.
func FuzzSuite(f *testing.F) {
	f.Add([]byte("S256AES1HS80X255B32 "))
	f.Add([]byte("S512AES3GCM X1M1B32 "))
	f.Add([]byte("S384AES3HS32EC38B256"))
	f.Add([]byte("S256AES3HS32EC38B256"))
	f.Add([]byte("SKN2\x00\n\xff\"SK32E414B32E"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 20 {
			return
		}
		var codes [Kinds]Code
		for k := range codes {
			codes[k] = ParseCode(b[4*k:])
		}
		s, err := NewSuite(codes)
		if err != nil {
			var unsupported *UnsupportedError
			require.ErrorAs(t, err, &unsupported)
			require.GreaterOrEqual(t, unsupported.Alarm(), uint32(0x51))
			for _, c := range err.Error() {
				require.True(t, c >= ' ' && c <= '~', "an unprintable character in %q", err.Error())
			}
			return
		}
		require.Equal(t, codes, s.Codes())
		k := Derive(s, make(Secret, s.Hash.Size()), Context{})
		require.Len(t, k.Initiator.Master(), s.SRTP().KeyLen()+s.SRTP().SaltLen())
	})
}
