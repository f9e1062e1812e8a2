package alg

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both sides of every agreement arrive at one secret.
func TestBothSidesAgree(t *testing.T) {
	for _, a := range agreements {
		for _, h := range []Hash{SHA256, SHA384, SHA512} {
			t.Run(a.Code().String()+" "+h.String(), func(t *testing.T) {
				pi, err := a.Draw(rand.Reader, Initiator, AES256)
				require.NoError(t, err)
				i, err := a.Initiate(h, pi)
				require.NoError(t, err)
				pr, err := a.Draw(rand.Reader, Responder, AES256)
				require.NoError(t, err)
				r, err := a.Respond(h, pr, i.Commit)
				require.NoError(t, err)
				require.Equal(t, a.Sizes(), Sizes{len(i.Commit), len(r.Public), len(i.Public)})
				si, err := i.Result(r.Public)
				require.NoError(t, err)
				sr, err := r.Result(i.Public)
				require.NoError(t, err)
				require.Equal(t, []byte(si), []byte(sr))
				require.NotEmpty(t, si)
			})
		}
	}
}
