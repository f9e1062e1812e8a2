package ng

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Dict is a dictionary. Its values, and those of a List, are string, int64, List or Dict.
type Dict map[string]any

// List is a list.
type List []any

// Strings is a list of texts.
func Strings(texts ...string) List {
	l := make(List, len(texts))
	for i, t := range texts {
		l[i] = t
	}
	return l
}

// maxDepth of nested lists and dictionaries. Answers of rtpengine have at most seven (the statistics of a call).
const maxDepth = 32

// Errors of Unmarshal.
var (
	ErrTruncated = errors.New("ng: the message ends within a value")
	ErrSyntax    = errors.New("ng: not bencoded")
	ErrDepth     = errors.New("ng: nested too deeply")
)

// Marshal is the bencoded form; keys are sorted as the format wants. An error: a value of another type.
func Marshal(d Dict) ([]byte, error) { return appendValue(nil, d, 0) }

func appendValue(b []byte, v any, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return nil, ErrDepth
	}
	switch v := v.(type) {
	case string:
		return appendText(b, v), nil
	case int:
		return appendNumber(b, int64(v)), nil
	case int64:
		return appendNumber(b, v), nil
	case List:
		b = append(b, 'l')
		for _, e := range v {
			if b, err = appendValue(b, e, depth+1); err != nil {
				return nil, err
			}
		}
	case Dict:
		b = append(b, 'd')
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if b, err = appendValue(appendText(b, k), v[k], depth+1); err != nil {
				return nil, err
			}
		}
	default:
		return nil, fmt.Errorf("ng: a value of type %T cannot be sent", v)
	}
	return append(b, 'e'), nil
}

func appendText(b []byte, s string) []byte {
	return append(append(strconv.AppendInt(b, int64(len(s)), 10), ':'), s...)
}

func appendNumber(b []byte, n int64) []byte {
	return append(strconv.AppendInt(append(b, 'i'), n, 10), 'e')
}

// Unmarshal reads one dictionary, which has to be the whole input. Keys may come in any order; of two equal ones the last counts.
func Unmarshal(b []byte) (Dict, error) {
	v, rest, err := value(b, 0)
	if err != nil {
		return nil, err
	}
	d, ok := v.(Dict)
	if !ok || len(rest) > 0 {
		return nil, ErrSyntax
	}
	return d, nil
}

func value(b []byte, depth int) (v any, rest []byte, err error) {
	switch {
	case len(b) == 0:
		return nil, nil, ErrTruncated
	case depth > maxDepth:
		return nil, nil, ErrDepth
	case b[0] == 'i':
		return number(b[1:])
	case b[0] == 'l':
		return list(b[1:], depth)
	case b[0] == 'd':
		return dict(b[1:], depth)
	}
	return text(b)
}

func number(b []byte) (any, []byte, error) {
	digits, rest, ok := bytes.Cut(b, []byte("e"))
	if !ok {
		return nil, nil, ErrTruncated
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || digits[0] == '+' {
		return nil, nil, ErrSyntax
	}
	return n, rest, nil
}

func text(b []byte) (any, []byte, error) {
	digits, _, ok := bytes.Cut(b[:min(len(b), 11)], []byte(":")) // lengths have at most ten digits
	switch {
	case !ok && len(b) < 11 && len(bytes.Trim(b, "0123456789")) == 0:
		return nil, nil, ErrTruncated
	case !ok:
		return nil, nil, ErrSyntax
	}
	n, err := strconv.ParseUint(string(digits), 10, 31)
	if err != nil {
		return nil, nil, ErrSyntax
	}
	rest := b[len(digits)+1:]
	if uint64(len(rest)) < n {
		return nil, nil, ErrTruncated
	}
	return string(rest[:n]), rest[n:], nil
}

func list(b []byte, depth int) (any, []byte, error) {
	l := List{}
	for {
		if len(b) > 0 && b[0] == 'e' {
			return l, b[1:], nil
		}
		v, rest, err := value(b, depth+1)
		if err != nil {
			return nil, nil, err
		}
		l, b = append(l, v), rest
	}
}

func dict(b []byte, depth int) (any, []byte, error) {
	d := Dict{}
	for {
		if len(b) > 0 && b[0] == 'e' {
			return d, b[1:], nil
		}
		k, rest, err := value(b, depth+1)
		if err != nil {
			return nil, nil, err
		}
		key, ok := k.(string)
		if !ok {
			return nil, nil, ErrSyntax
		}
		if d[key], b, err = value(rest, depth+1); err != nil {
			return nil, nil, err
		}
	}
}
