//go:build windows || plan9

package log

import "errors"

func dialSyslog(string, string) (target, error) {
	return nil, errors.New("this system has none")
}
