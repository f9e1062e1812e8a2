package steps

import (
	"net/netip"
	"time"

	"b2bua/simulator/capture"
	"b2bua/steps/wire"
)

// tapOf records the messages of a literal phone under its name.
func (w *World) tapOf(name string) wire.Tap {
	return func(at time.Time, from, to netip.AddrPort, network string, raw []byte) {
		own := from
		if phone := w.phones[name]; phone != nil {
			own = phone.Addr()
		}
		w.recorder.SIP(capture.Message{
			At: at, Owner: name, Sent: from == own, Network: network, From: from, To: to, Raw: append([]byte(nil), raw...),
		})
	}
}
