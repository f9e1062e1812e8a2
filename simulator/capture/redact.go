package capture

import "regexp"

var (
	inlineKey    = regexp.MustCompile(`(?i)(inline:)([^|\s\r\n;]+)`)
	icePassword  = regexp.MustCompile(`(?im)^(a=ice-pwd:)(\S+)`)
	digestAnswer = regexp.MustCompile(`(?im)^((?:proxy-)?authorization:.*\bresponse=")([^"]+)`)
)

// Redact strikes out SDES keys (RFC 4568 section 6.1), passwords of ICE (RFC 8839 section 5.4) and digest answers, byte for byte, so that lengths stay true.
func Redact(raw []byte) []byte {
	for _, re := range []*regexp.Regexp{inlineKey, icePassword, digestAnswer} {
		out := append([]byte(nil), raw...)
		for _, at := range re.FindAllSubmatchIndex(raw, -1) {
			for i := at[4]; i < at[5]; i++ {
				out[i] = 'x'
			}
		}
		raw = out
	}
	return raw
}
