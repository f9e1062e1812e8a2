package alg

import "encoding/binary"

// sasAlphabet is that of z-base-32 (RFC 6189 section 5.1.6).
const sasAlphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"

// SAS renders what the users compare (RFC 6189 section 5.1.6) from the first octets of sashash, at least four: four
// characters with B32, two words joined by a colon with B256. Compare without regard to case.
func SAS(sas Code, sasHash []byte) string {
	v := binary.BigEndian.Uint32(sasHash)
	if sas == B256 {
		return evenWords[v>>24] + ":" + oddWords[v>>16&0xff]
	}
	return string([]byte{sasAlphabet[v>>27], sasAlphabet[v>>22&31], sasAlphabet[v>>17&31], sasAlphabet[v>>12&31]})
}
