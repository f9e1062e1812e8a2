//go:build windows || plan9

package main

import "math"

// mostFiles: there is no such limit.
func mostFiles() (uint64, error) { return math.MaxUint64, nil }
