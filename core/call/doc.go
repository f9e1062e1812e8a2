// Package call bridges calls: leg A, the dialog we answer, and leg B, the dialog we place, with all rules that relate the two.
//
// Engine is pure. The owner makes exactly one input call (Request, Response, Located, …), then drains Poll until it is empty and
// carries every Output out in order, then arms a timer for Deadline and calls Advance when it passes. Time is an argument,
// randomness comes from Config.Rand, and the engine names its own client transactions (Ref), so a transcript of inputs gives the
// same outputs each time.
//
// A call goes through these states:
//
//	               Located      MediaOpened              2xx + usable answer        ACK
//	INVITE ─ locating ──▶ opening ──▶ calling ─────────────▶ confirming ──▶ running
//	   │        │            │           │                        │            │
//	   └────────┴────────────┴───────────┴── refusal, CANCEL, failure, BYE ────┴──▶ over
//
// A leg knows nothing of the other one; what one leg's event does to the other stands in call.go, release.go,
// reoffer.go (streams in mid-call) and hold.go (directions).
// Media is told what to do by MediaOpen, MediaSet, MediaInherit and MediaClose, in the vocabulary of media/sdp.
package call
