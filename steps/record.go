package steps

import (
	"net/netip"
	"time"

	"b2bua/simulator/capture"
	"b2bua/steps/wire"
)

// tapOf records the messages of a literal phone under its name. It runs on the phone's readers, so it
// touches nothing of the world but the recorder.
func (w *World) tapOf(name string) wire.Tap {
	return func(at time.Time, sent bool, from, to netip.AddrPort, network string, raw []byte) {
		w.recorder.SIP(capture.Message{
			At: at, Owner: name, Sent: sent, Network: network, From: from, To: to, Raw: append([]byte(nil), raw...),
		})
	}
}
