package app

import "b2bua/media/sdp"

// modes are the names of encryptions in the configuration, exactly as written there (spec 3.3 and 4.2).
var modes = []struct {
	name string
	mode sdp.Encryption
}{{"zrtp", sdp.ZRTP}, {"sdes", sdp.SDES}, {"dtls-srtp", sdp.DTLS}, {"none", sdp.None}}

// ModeName is the name of an encryption in the configuration.
func ModeName(e sdp.Encryption) string {
	for _, m := range modes {
		if m.mode == e {
			return m.name
		}
	}
	return "unknown"
}

// ParseMode reads the name of an encryption as the configuration writes it.
func ParseMode(name string) (sdp.Encryption, bool) {
	for _, m := range modes {
		if m.name == name {
			return m.mode, true
		}
	}
	return sdp.None, false
}
