package sip

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// corpus adds the messages of RFC 4475.
func corpus(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzParse: no input panics, what is accepted is written so that it reads the same, what is refused can be answered.
func FuzzParse(f *testing.F) {
	corpus(f)
	f.Add([]byte(benchInvite))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, fault := parse(b, false)
		if fault != nil {
			if fault.Status != 0 && fault.Request == nil {
				t.Fatal("an answer to nothing")
			}
			if fault.Request != nil {
				checkWire(t, NewResponse(fault.Request, fault.Status, "", "t"))
			}
			return
		}
		wire := checkWire(t, m)
		again, err := Parse(wire)
		if err != nil {
			t.Fatalf("what we wrote is refused: %v\n%q", err, wire)
		}
		again.Reason, m.Reason = "", "" // a carriage return in it became a space
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("read again it differs:\n%+v\n%+v", m, again)
		}
		_ = m.Clone()
		if m.IsRequest() {
			checkWire(t, NewResponse(m, 200, "", "t"))
		}
	})
}

func checkWire(t *testing.T, m *Message) []byte {
	t.Helper()
	wire := m.Bytes()
	if headerEnd(wire, 0) != len(wire)-len(m.Body) {
		t.Fatalf("the body does not begin where it should: %q", wire)
	}
	return wire
}

// FuzzParseURI: no input panics, and writing and reading is stable.
func FuzzParseURI(f *testing.F) {
	for _, s := range []string{"sip:alice:pw@[2001:db8::1]:5060;lr;x=?a=b", "tel:+1;x", "sips:a;b?c@d", "urn:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		again, err := ParseURI(u.String())
		if err != nil || again.String() != u.String() {
			t.Fatalf("%q became %q: %v", s, again.String(), err)
		}
		if !u.Equal(again) || !again.Equal(u) {
			t.Fatalf("%q is not equal to itself", s)
		}
		_ = u.HostPort()
	})
}

// FuzzParseAddress: as FuzzParseURI, for lists of addresses.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{`"a, \"b" <sip:a@b;c>;d="e,f";g, sip:h@i;j`, `A B <tel:1>;tag = x`, "<sip:a>;;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ParseAddresses(s)
		if err != nil {
			return
		}
		for _, a := range list {
			again, err := ParseAddress(a.String())
			if err != nil || !reflect.DeepEqual(a.URI.String(), again.URI.String()) || a.Display != again.Display || a.Tag() != again.Tag() {
				t.Fatalf("%q became %q: %v", a.String(), again.String(), err)
			}
		}
	})
}

// FuzzStream: however a stream is cut into pieces, the same messages come out, and the buffer stays bounded.
func FuzzStream(f *testing.F) {
	corpusPieces := []byte("\r\n\r\n" + string(with("l: 0")) + "\r\n" + string(with("Content-Length: 4")) + "abcd" + string(with()))
	f.Add(corpusPieces, uint8(3), false)
	f.Add([]byte(benchInvite), uint8(200), true)
	f.Fuzz(func(t *testing.T, b []byte, size uint8, pongs bool) {
		whole := readAll(t, b, len(b)+1, pongs)
		pieces := readAll(t, b, int(size)+1, pongs)
		if !reflect.DeepEqual(whole, pieces) {
			t.Fatalf("in pieces of %d:\n%q\n%q", int(size)+1, whole, pieces)
		}
	})
}

func readAll(t *testing.T, b []byte, size int, pongs bool) (got []string) {
	t.Helper()
	r := NewStreamReader(StreamLimits{Message: 4096})
	r.Pongs = pongs
	for len(b) > 0 {
		n := min(size, len(b))
		r.Feed(b[:n])
		b = b[n:]
		for {
			m, ping, err := r.Next()
			if m == nil && !ping && err == nil {
				break
			}
			if ping {
				got = append(got, "ping")
				continue
			}
			if err != nil {
				var fault *ParseError
				if !errors.As(err, &fault) {
					t.Fatal(err)
				}
				if fault.Fatal {
					return append(got, "end")
				}
				got = append(got, "fault")
				continue
			}
			got = append(got, string(m.Bytes()))
		}
		if r.Buffered() > 4096+size {
			t.Fatal("the buffer grows")
		}
	}
	return got
}
