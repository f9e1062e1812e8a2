package ice

import (
	"testing"

	"github.com/pion/stun/v3"
)

// FuzzHandle: whatever comes, the answer is a STUN message that is not longer than what a check gets, and without the password nothing
// is selected.
func FuzzHandle(f *testing.F) {
	c := credentials(f, 1)
	f.Add(check(f, c, controlling, priority(1), use))
	f.Add(check(f, c, controlled))
	f.Add(check(f, c, attribute(0x7fff, 1, 2, 3), attribute(0x7ffe)))
	f.Add(check(f, credentials(f, 2), use))
	f.Add([]byte("\x00\x01\x00\x04\x21\x12\xa4\x42............\x00\x06\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := New(Params{Local: c})
		given := append([]byte(nil), b...)
		out, res := a.Handle(start, RTP, one, b, nil)
		if string(given) != string(b) {
			t.Fatal("the datagram was changed")
		}
		if len(out) == 0 {
			if res != (Result{}) {
				t.Fatal("a result without an answer")
			}
			return
		}
		m := &stun.Message{Raw: out}
		if len(out) > 200 || m.Decode() != nil || stun.Fingerprint.Check(m) != nil {
			t.Fatalf("answered %x", out)
		}
		in := &stun.Message{Raw: given}
		if res.Checked && (in.Decode() != nil || stun.MessageIntegrity(c.Pwd).Check(in) != nil) {
			t.Fatal("a check without the password")
		}
	})
}

func FuzzParseCandidate(f *testing.F) {
	f.Add("1 1 UDP 2130706431 203.0.113.141 8998 typ host")
	f.Add("2 2 udp 1694498815 x.local 45664 typ srflx raddr 203.0.113.141 rport 8998")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := ParseCandidate(s)
		if !ok {
			return
		}
		again, ok := ParseCandidate(c.Attribute())
		if !ok || again != c {
			t.Fatalf("%q became %q", s, c.Attribute())
		}
	})
}
