//go:build shared

package srtp

import (
	"crypto/aes"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The key derivation that the tests of another implementation check themselves with; `make check-shared` names the file.
func TestSharedDerive(t *testing.T) {
	b, err := os.ReadFile(os.Getenv("B2BUA_ZRTP_LIBRARY_VECTORS"))
	require.NoError(t, err)
	var l struct {
		V struct {
			MasterKey  string `json:"master_key"`
			MasterSalt string `json:"master_salt"`
			Key        string `json:"cipher_key"`
			Salt       string `json:"cipher_salt"`
			Auth       string `json:"auth_key_94_bytes"`
		} `json:"srtp_key_derivation"`
	}
	require.NoError(t, json.Unmarshal(b, &l))
	master, err := aes.NewCipher(unhex(t, l.V.MasterKey))
	require.NoError(t, err)
	salt := unhex(t, l.V.MasterSalt)
	require.Equal(t, unhex(t, l.V.Key), derive(master, salt, labelRTPKey, 16))
	require.Equal(t, unhex(t, l.V.Salt), derive(master, salt, labelRTPSalt, 14))
	require.Equal(t, unhex(t, l.V.Auth), derive(master, salt, labelRTPAuth, 94))
}
