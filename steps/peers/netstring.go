package peers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxNetstring is far above baresip's longest answer.
const maxNetstring = 1 << 20

// readNetstring reads "5:hello," as baresip's control connection speaks.
func readNetstring(r *bufio.Reader) ([]byte, error) {
	length := 0
	for digits := 0; ; digits++ {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == ':' && digits > 0 {
			break
		}
		if b < '0' || b > '9' {
			return nil, fmt.Errorf("netstring: %q in its length", b)
		}
		if length = length*10 + int(b-'0'); length > maxNetstring {
			return nil, fmt.Errorf("netstring: longer than %d octets", maxNetstring)
		}
	}
	text := make([]byte, length+1)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	if text[length] != ',' {
		return nil, errors.New("netstring: no comma at its end")
	}
	return text[:length], nil
}

func netstring(text []byte) []byte {
	return append(append([]byte(strconv.Itoa(len(text))+":"), text...), ',')
}
