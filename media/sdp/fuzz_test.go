package sdp

import (
	"os"
	"path/filepath"
	"testing"
)

func addOffers(f *testing.F, add func(body []byte)) {
	f.Helper()
	files, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil || len(files) == 0 {
		f.Fatalf("no offers: %v", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(body)
	}
}

// What is read can be written, and is then read the same for ever. The first writing may lose what is not kept: unknown lines,
// ICE and with it the meaning of 0.0.0.0.
func FuzzParse(f *testing.F) {
	addOffers(f, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := Parse(body)
		if err != nil {
			_ = err.Error()
			return
		}
		_ = s.String()
		_ = s.Encryption()
		once := s.Clone().Marshal()
		back, err := Parse(once)
		if err != nil {
			if len(once) < maxBody/2 { // writing adds lines, which may exceed a limit
				t.Fatalf("written, not readable: %v\n%s", err, once)
			}
			return
		}
		twice := back.Marshal()
		again, err := Parse(twice)
		if err != nil || string(again.Marshal()) != string(twice) {
			t.Fatalf("changes when read and written again: %v\n%s\n%s", err, twice, again.Marshal())
		}
	})
}

// Any offer either is refused or makes a call whose two legs fit each other.
func FuzzOfferAnswer(f *testing.F) {
	addOffers(f, func(body []byte) { f.Add(body, int64(1)) })
	f.Fuzz(func(t *testing.T, body []byte, seed int64) {
		relayOnce(t, body, seeded(seed))
	})
}

// Any answer to an offer of ours either is refused or leaves us with keys for each protected stream.
func FuzzAccept(f *testing.F) {
	from, err := Parse([]byte(text("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 opus/48000/2")))
	if err != nil {
		f.Fatal(err)
	}
	offer, err := NewOffer(from, OfferPlan{Encryption: SDES, AVPF: true, Rand: seeded(1)}, each(localB, 1))
	if err != nil {
		f.Fatal(err)
	}
	addOffers(f, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := Parse(body)
		if err != nil {
			return
		}
		agreed, err := Accept(offer, answer)
		if err != nil {
			_, _ = Warning(err)
			return
		}
		for _, a := range agreed {
			if a.Enabled && (a.SendKey.Suite == NoSuite || a.SendKey.Suite != a.RecvKey.Suite || len(a.Codecs) == 0) {
				t.Fatalf("accepted without keys or codecs: %v", a)
			}
		}
	})
}
