package tone

// G.711 (ITU-T recommendation of 1988): both laws, by the segment method.

const (
	mulawBias = 0x84
	mulawClip = 32635
)

// EncodeMulaw is one sample as PCMU.
func EncodeMulaw(sample int16) byte {
	s, sign := int32(sample), byte(0)
	if s < 0 {
		s, sign = -s, 0x80
	}
	s = min(s, mulawClip) + mulawBias
	segment := byte(7)
	for mask := int32(0x4000); s&mask == 0 && segment > 0; mask >>= 1 {
		segment--
	}
	return ^(sign | segment<<4 | byte(s>>(segment+3))&0x0f)
}

// DecodeMulaw is one PCMU octet as a sample.
func DecodeMulaw(b byte) int16 {
	b = ^b
	s := (int32(b&0x0f)<<3 + mulawBias) << (b >> 4 & 7)
	s -= mulawBias
	if b&0x80 != 0 {
		return int16(-s)
	}
	return int16(s)
}

// EncodeAlaw is one sample as PCMA.
func EncodeAlaw(sample int16) byte {
	s, sign := int32(sample), byte(0x80)
	if s < 0 {
		s, sign = -s-1, 0
	}
	var code byte
	if s < 256 {
		code = byte(s >> 4)
	} else {
		segment := byte(7)
		for mask := int32(0x4000); s&mask == 0; mask >>= 1 {
			segment--
		}
		code = segment<<4 | byte(s>>(segment+3))&0x0f
	}
	return (sign | code) ^ 0x55
}

// DecodeAlaw is one PCMA octet as a sample.
func DecodeAlaw(b byte) int16 {
	b ^= 0x55
	segment := b >> 4 & 7
	s := int32(b&0x0f)<<4 + 8
	if segment > 0 {
		s = (s + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return int16(-s)
	}
	return int16(s)
}

// Law is a pair of G.711 converters.
type Law struct {
	Encode func(int16) byte
	Decode func(byte) int16
}

// The two laws.
var (
	Mulaw = Law{EncodeMulaw, DecodeMulaw}
	Alaw  = Law{EncodeAlaw, DecodeAlaw}
)
