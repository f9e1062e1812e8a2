//go:build windows || plan9

package main

import (
	"errors"
	"math"
	"os"
)

// mostFiles: there is no such limit.
func mostFiles() (uint64, error) { return math.MaxUint64, nil }

func mostCore() error { return errors.ErrUnsupported }

func endBy(os.Signal) { os.Exit(1) }
