//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package private

import (
	"errors"
	"os"
)

func tryLock(*os.File) error { return errors.ErrUnsupported }
