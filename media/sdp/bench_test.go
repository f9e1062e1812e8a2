package sdp

import (
	"os"
	"testing"
)

// The descriptions of one call: two read, two written.
func BenchmarkRelay(b *testing.B) {
	body, err := os.ReadFile("testdata/offers/linphone-srtp.sdp")
	if err != nil {
		b.Fatal(err)
	}
	local := each(localB, 1)
	r := seeded(1)
	b.ReportAllocs()
	for b.Loop() {
		offer, _ := Parse(body)
		_ = CheckOffer(offer, Support{})
		legB, _ := NewOffer(offer, OfferPlan{Rand: r}, local)
		answer, _ := Parse(legB.Marshal())
		agreed, _ := Accept(legB, answer)
		legA, _, err := NewAnswer(offer, agreed, AnswerPlan{Rand: r}, local)
		if err != nil {
			b.Fatal(err)
		}
		legA.Marshal()
	}
}
