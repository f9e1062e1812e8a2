package sip

import (
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
	"weak"
)

// The method of a request line or a CSeq does not keep the text of its message: finished transactions keep the method.
func TestMethodDoesNotKeepTheMessage(t *testing.T) {
	for _, method := range []string{"OPTIONS", "FLY"} {
		kept, text := methodsOf(t, method)
		for deadline := time.Now().Add(10 * time.Second); text.Value() != nil; runtime.GC() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the text of the message is kept", method)
			}
		}
		if string(kept[0]) != method || kept[1] != kept[0] {
			t.Error(kept)
		}
	}
}

func methodsOf(t *testing.T, method string) (kept []Method, text weak.Pointer[byte]) {
	t.Helper()
	wire := strings.ReplaceAll(string(with("X-Pad: "+strings.Repeat("x", 60000))), "OPTIONS", method)
	m, err := Parse([]byte(wire))
	if err != nil {
		t.Fatal(err)
	}
	pad, _ := m.Header("X-Pad")
	return []Method{m.Method, m.CSeq.Method}, weak.Make(unsafe.StringData(pad))
}
