package transport

import "crypto/rand"

// randomSource is crypto/rand as a value.
type randomSource struct{}

func (randomSource) Read(b []byte) (int, error) { return rand.Read(b) }
