package endpoint

import (
	"context"
	"fmt"

	"b2bua/simulator/capture"
)

// Call is one call of a phone, incoming or outgoing.
type Call struct{}

// StatusError is a final response that refuses what was asked.
type StatusError struct {
	Method string
	Status int
	Phrase string
}

// Error names the method and the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s was answered %d %s", e.Method, e.Status, e.Phrase)
}

// Phone that the call belongs to.
func (c *Call) Phone() *Phone { return nil }

// Invite is the initial INVITE as sent or received.
func (c *Call) Invite() capture.Message { return capture.Message{} }

// Messages of this call's dialog(s) at this phone, oldest first.
func (c *Call) Messages() []capture.Message { return nil }

// State now.
func (c *Call) State() State { return "" }

// Summary of what was negotiated and counted so far.
func (c *Call) Summary() Summary { return Summary{} }

// Callee's side.

// Ring sends 180.
func (c *Call) Ring() error { return nil }

// Early sends 183 with SDP: early media flows both ways. nil media: Config.Media.
func (c *Call) Early(m *Media) error { return nil }

// Answer sends 200 with SDP. nil media: Config.Media. If the offer can't be accepted the call is declined with 488 and an error tells why.
func (c *Call) Answer(m *Media) error { return nil }

// Decline sends a final refusal: any status 300..699, with extra headers (Contact of a 302, Warning, Reason).
func (c *Call) Decline(status int, headers ...Header) error { return nil }

// Reply sends any response to the INVITE byte for byte as given; no media is started. For broken answers: 200 without SDP, with nonsense.
func (c *Call) Reply(status int, phrase string, headers []Header, contentType, body string) error {
	return nil
}

// Both sides.

// HangUp ends the call as its state demands: BYE when answered, CANCEL when calling, 603 when incoming.
func (c *Call) HangUp(headers ...Header) error { return nil }

// Cancel sends CANCEL even if a final response may be on its way; what crosses is ACKed and released with BYE.
func (c *Call) Cancel(headers ...Header) error { return nil }

// Reinvite offers other media on the running call and waits for the final response; *StatusError if it is refused.
func (c *Call) Reinvite(ctx context.Context, m Media) error { return nil }

// Request sends any in-dialog request (INFO, UPDATE, …) and waits for the final response.
func (c *Call) Request(ctx context.Context, method string, headers []Header, contentType, body string) (capture.Message, error) {
	return capture.Message{}, nil
}

// Waiting. Each returns nil at once if it has already happened, an error if it can't happen any more (the call is released) or the context ends.

// WaitRinging waits until the call was or is ringing.
func (c *Call) WaitRinging(ctx context.Context) error { return nil }

// WaitEarlyMedia waits until 18x with SDP was exchanged and its media is set up.
func (c *Call) WaitEarlyMedia(ctx context.Context) error { return nil }

// WaitRunning waits until 200 and ACK were exchanged and media is set up.
func (c *Call) WaitRunning(ctx context.Context) error { return nil }

// WaitReleased waits for the end of the call.
func (c *Call) WaitReleased(ctx context.Context) error { return nil }

// WaitFinal waits for the final response to the initial INVITE and returns its status.
func (c *Call) WaitFinal(ctx context.Context) (int, error) { return 0, nil }

// WaitAudio waits until the tone of that frequency is heard clearly now (Phone.Tone of the peer). 0: any tone.
func (c *Call) WaitAudio(ctx context.Context, hertz float64) error { return nil }

// WaitVideo waits until marked video packets of the peer with that tone have arrived. 0: any.
func (c *Call) WaitVideo(ctx context.Context, hertz float64) error { return nil }

// WaitPackets waits until n more packets of kind "audio" or "video" than now have arrived.
func (c *Call) WaitPackets(ctx context.Context, kind string, n uint64) error { return nil }

// WaitSummary waits until ok accepts the summary; what names the condition in the error.
func (c *Call) WaitSummary(ctx context.Context, what string, ok func(Summary) bool) error { return nil }
