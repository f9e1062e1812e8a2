package peers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
)

// Loudness is the root of the mean square of a recording of 16-bit samples, 0 (silence) to 32767.
func Loudness(path string) (float64, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	loudness, err := loudness(raw)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return loudness, nil
}

// header is RIFF, its length, WAVE, the format chunk of PCM, and the heading of the data chunk. Only the beginning is looked at: a
// recording of a program that was killed has wrong lengths.
const header = 44

func loudness(raw []byte) (float64, error) {
	if len(raw) < header || string(raw[:4]) != "RIFF" || string(raw[8:12]) != "WAVE" {
		return 0, errors.New("no WAV file")
	}
	if bits := binary.LittleEndian.Uint16(raw[34:]); bits != 16 {
		return 0, fmt.Errorf("samples of %d bits instead of 16", bits)
	}
	data := raw[header:]
	if len(data) < 2 {
		return 0, errors.New("no samples")
	}
	sum, n := 0.0, 0
	for i := 0; i+1 < len(data); i += 2 {
		s := float64(int16(binary.LittleEndian.Uint16(data[i:])))
		sum += s * s
		n++
	}
	return math.Sqrt(sum / float64(n)), nil
}
