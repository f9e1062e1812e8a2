package recorded

import (
	"encoding/json"
	"os"
	"testing"
)

// LibraryVariable is the environment variable that names the file for [ReadLibrary]; `make check-shared` sets it.
const LibraryVariable = "B2BUA_ZRTP_LIBRARY_VECTORS"

// Library is what the test suites of other implementations hold. The file is not ours to copy: it is read where it lies.
type Library struct {
	CRC struct {
		Vectors []struct {
			Input Hex `json:"input"`
			CRC   Hex `json:"wire_crc"`
		} `json:"vectors"`
	} `json:"crc32c"`
	KDF struct {
		Vectors []struct {
			KI      Hex    `json:"ki"`
			Label   string `json:"label"`
			Context Hex    `json:"context"`
			Bits    int    `json:"L_bits"`
			Output  Hex    `json:"output"`
			Hash    string `json:"hash"`
		} `json:"vectors"`
	} `json:"kdf"`
	EC struct {
		Vectors []struct {
			Agreement string `json:"key_agreement"`
			Private   Hex    `json:"private"`
			X         Hex    `json:"public_x"`
			Y         Hex    `json:"public_y"`
		} `json:"vectors"`
	} `json:"ec_public_from_private"`
	KEM struct {
		Vectors []struct {
			Agreement  string `json:"key_agreement"`
			Hash       string `json:"hash"`
			SecretKey  Hex    `json:"secret_key"`
			Ciphertext Hex    `json:"ciphertext"`
			Shared     Hex    `json:"shared_secret"`
		} `json:"vectors"`
	} `json:"kem_decapsulation"`
	Choice struct {
		Vectors []struct {
			Type   string          `json:"type"`
			Peer   json.RawMessage `json:"peer_hello"`
			Own    json.RawMessage `json:"own"`
			Result string          `json:"result"`
		} `json:"vectors"`
	} `json:"bzrtp_algorithm_agreement"`
	Capture struct {
		Responder []Hex             `json:"hash_images_responder_H0_H3"`
		Initiator []Hex             `json:"hash_images_initiator_H0_H3"`
		Keys      map[string]Hex    `json:"keys"`
		ZRTPHash  map[string]string `json:"sdp_zrtp_hash"`
		Packets   []struct {
			Type string `json:"type"`
			Data Hex    `json:"hex"`
		} `json:"packets"`
	} `json:"capture_linphone_zrtpcpp"`
	Hello struct {
		Packet    Hex    `json:"packet"`
		ZRTPHash  string `json:"sdp_zrtp_hash"`
		Fragments []Hex  `json:"fragments"`
		Malicious []struct {
			Data Hex    `json:"hex"`
			Why  string `json:"why"`
		} `json:"malicious_fragments"`
	} `json:"hello_pjs_zrtpcpp"`
}

// ReadLibrary reads the file that [LibraryVariable] names.
func ReadLibrary(t testing.TB) (l Library) {
	t.Helper()
	file := os.Getenv(LibraryVariable)
	if file == "" {
		t.Fatal(LibraryVariable + " names no file: `make check-shared` sets it")
	}
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}
