package steps

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
	"b2bua/simulator/tone"
	"b2bua/steps/pcap"
	"b2bua/steps/wire"
)

// mediaSteps: packets by hand, strangers, and what a capture holds.
func (w *World) mediaSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) has a media port$`, w.hasMediaPort)
	sc.Step(`^b2bua's media ports for (\w+) and (\w+) are between (\d+) and (\d+), and even$`, w.portsBetween)
	sc.Step(`^(\w+) plays (\d+) Hz$`, w.plays)
	sc.Step(`^(\w+) plays (\d+) Hz from another port than the one in the description$`, w.playsFromElsewhere)
	sc.Step(`^(\w+) hears (\d+) Hz$`, w.hears)
	sc.Step(`^(\w+) hears (\d+) Hz at that other port$`, func(name string, hertz int) error { return w.hears(name+"'s other port", hertz) })
	sc.Step(`^(\w+) sends (\d+) packets of payload type (\d+)$`, w.sendsPackets)
	sc.Step(`^(\w+) receives packets of payload type (\d+) only$`, w.receivesPayloadType)
	sc.Step(`^a stranger plays (\d+) Hz in clear into (\w+)'s leg$`, w.strangerPlays)
	sc.Step(`^a stranger replays the packets that (\w+) sent$`, w.strangerReplays)
	sc.Step(`^(\w+) receives (\d+) more packets of audio$`, w.receivesMore)
	sc.Step(`^(\w+) received from one source, nothing twice and nothing that (\w+) did not send$`, w.receivedOnly)
	sc.Step(`^no packet of (\w+)'s leg holds a plain payload of (\w+)'s leg, nor a tone$`, w.nothingPlain)
	sc.Step(`^(\w+) and (\w+) receive RTCP reports$`, func(one, other string) error { return w.receiveReports(one, other, 1) })
	sc.Step(`^(\w+) and (\w+) receive (\d+) RTCP reports$`, w.receiveReports)
}

func (w *World) openLine(name string, at netip.Addr) (*wire.Line, error) {
	line, err := wire.OpenLine(netip.AddrPortFrom(at, 0), w.recorder.Packet)
	if err != nil {
		return nil, err
	}
	w.recorder.Name(line.Addr(), name)
	w.lines[name] = line
	w.closers = append(w.closers, line.Close)
	return line, nil
}

func (w *World) hasMediaPort(name string) error {
	phone, err := w.literalPhone(name, "udp")
	if err != nil {
		return err
	}
	_, err = w.openLine(name, phone.Addr().Addr())
	return err
}

func (w *World) line(name string) (*wire.Line, error) {
	if line, ok := w.lines[name]; ok {
		return line, nil
	}
	return nil, fmt.Errorf("%s has no media port in this scenario", name)
}

// mediaOf is the address that b2bua gave to a literal phone for audio: in its offer, or in its answer.
func (w *World) mediaOf(name string) (netip.AddrPort, error) {
	call, err := w.call(name)
	if err != nil {
		return netip.AddrPort{}, err
	}
	body := call.Invite.Body
	if call.Outgoing {
		m, err := w.success(name)
		if err != nil {
			return netip.AddrPort{}, err
		}
		body = m.Body
	}
	return wire.MediaAddress(body)
}

func (w *World) portsBetween(one, other string, low, high int) error {
	for _, name := range []string{one, other} {
		at, err := w.mediaOf(name)
		if err != nil {
			return err
		}
		if port := int(at.Port()); port < low || port > high || port%2 != 0 {
			return fmt.Errorf("the media port for %s is %d", name, port)
		}
	}
	return nil
}

func (w *World) plays(name string, hertz int) error {
	line, err := w.line(name)
	if err != nil {
		return err
	}
	to, err := w.mediaOf(name)
	if err != nil {
		return err
	}
	line.Play(to, float64(hertz), 0)
	return nil
}

// playsFromElsewhere is a phone behind a NAT: what it wrote into its description is not where its packets come from.
func (w *World) playsFromElsewhere(name string, hertz int) error {
	phone, err := w.phone(name)
	if err != nil {
		return err
	}
	to, err := w.mediaOf(name)
	if err != nil {
		return err
	}
	line, err := w.openLine(name+"'s other port", phone.Addr().Addr())
	if err != nil {
		return err
	}
	line.Play(to, float64(hertz), 0)
	return nil
}

func (w *World) hears(name string, hertz int) error {
	line, err := w.line(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return w.explain(line.Await(ctx, fmt.Sprintf("%d Hz", hertz), func(_ []wire.Packet, heard tone.Heard) bool {
		return heard.Hertz == float64(hertz) && heard.Confidence >= tone.Clear
	}))
}

func (w *World) sendsPackets(name string, n, payloadType int) error {
	line, err := w.line(name)
	if err != nil {
		return err
	}
	to, err := w.mediaOf(name)
	if err != nil {
		return err
	}
	return line.PlaySome(to, byte(payloadType), n)
}

func (w *World) receivesPayloadType(name string, payloadType int) error {
	line, err := w.line(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	err = line.Await(ctx, "RTP packets", func(packets []wire.Packet, _ tone.Heard) bool { return len(packets) > 0 })
	if err != nil {
		return w.explain(err)
	}
	for _, p := range line.Packets() {
		if len(p.Payload) < 12 || int(p.Payload[1]&0x7f) != payloadType {
			return fmt.Errorf("%s received a packet that begins with % x, which is not of payload type %d", name, p.Payload[:min(12, len(p.Payload))], payloadType)
		}
	}
	return nil
}

// strangerPlays sends plain RTP from a third address to the port that b2bua gave to a softphone.
func (w *World) strangerPlays(hertz int, name string) error {
	_, to, err := w.softMedia(name)
	if err != nil {
		return err
	}
	line, err := w.stranger()
	if err != nil {
		return err
	}
	line.Play(to, float64(hertz), 0)
	return nil
}

func (w *World) stranger() (*wire.Line, error) {
	addr, err := w.net.Next()
	if err != nil {
		return nil, err
	}
	return w.openLine("stranger", addr)
}

// softMedia are the two ends of a softphone's audio: its own address, and b2bua's.
func (w *World) softMedia(name string) (own, b2bua netip.AddrPort, err error) {
	call, err := w.mediaCall(name)
	if err != nil {
		return own, b2bua, err
	}
	audio := call.Summary().Audio()
	if own, err = netip.ParseAddrPort(audio.Local); err != nil {
		return own, b2bua, fmt.Errorf("%s has no audio: %w", name, err)
	}
	b2bua, err = netip.ParseAddrPort(audio.Remote)
	return own, b2bua, err
}

// datagrams are the packets of the run, read back from the file that is kept of it.
func (w *World) datagrams() ([]pcap.Datagram, error) {
	var file bytes.Buffer
	if err := w.recorder.WritePcapng(&file); err != nil {
		return nil, err
	}
	return pcap.Read(file.Bytes())
}

func (w *World) strangerReplays(name string) error {
	own, to, err := w.softMedia(name)
	if err != nil {
		return err
	}
	line, err := w.stranger()
	if err != nil {
		return err
	}
	all, err := w.datagrams()
	if err != nil {
		return err
	}
	n := 0
	for _, d := range all {
		if d.From == own && d.To == to {
			if err := line.Send(to, d.Payload); err != nil {
				return err
			}
			n++
		}
	}
	if n == 0 {
		return fmt.Errorf("the capture holds no packet from %s (%s) to %s", name, own, to)
	}
	return nil
}

func (w *World) receivesMore(name string, n int) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return w.explain(call.WaitPackets(ctx, "audio", uint64(n)))
}

func (w *World) receivedOnly(name, from string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	peer, err := w.mediaCall(from)
	if err != nil {
		return err
	}
	got := call.Summary().Audio() // first: what the peer sends meanwhile makes its number larger, never smaller
	sent := peer.Summary().Audio()
	switch {
	case got.SSRCs != 1:
		return fmt.Errorf("%s received audio of %d sources", name, got.SSRCs)
	case got.Duplicates != 0:
		return fmt.Errorf("%s received %d packets twice", name, got.Duplicates)
	case got.Received > sent.Sent:
		return fmt.Errorf("%s received %d packets, and %s sent only %d", name, got.Received, from, sent.Sent)
	}
	return nil
}

// nothingPlain looks at the wire: what one leg carries in clear must not be found on the other, which is encrypted, and no
// G.711 decoder may hear a tone there.
func (w *World) nothingPlain(encrypted, plain string) error {
	all, err := w.datagrams()
	if err != nil {
		return err
	}
	secret, _, err := w.softMedia(encrypted)
	if err != nil {
		return err
	}
	open, _, err := w.softMedia(plain)
	if err != nil {
		return err
	}
	payloads := map[string]bool{}
	var protected [][]byte
	for _, d := range all {
		switch {
		case len(d.Payload) <= 12+160/2:
		case d.From == open || d.To == open:
			payloads[string(d.Payload[12:])] = true
		case d.From == secret || d.To == secret:
			protected = append(protected, d.Payload)
		}
	}
	if len(payloads) == 0 || len(protected) == 0 {
		return fmt.Errorf("the capture holds %d plain payloads and %d packets of %s's leg: nothing to compare", len(payloads), len(protected), encrypted)
	}
	if !audible(payloads) {
		return errors.New("no tone can be heard on the plain leg, so hearing none on the other proves nothing")
	}
	cipher := map[string]bool{}
	for _, p := range protected {
		cipher[string(p[12:])] = true
		for length := range lengths(payloads) {
			if len(p) >= 12+length && payloads[string(p[12:12+length])] {
				return fmt.Errorf("a packet of %s's leg holds a payload of %s's leg in clear", encrypted, plain)
			}
		}
	}
	if audible(cipher) {
		return fmt.Errorf("a tone can be heard in the packets of %s's leg", encrypted)
	}
	return nil
}

func lengths(payloads map[string]bool) map[int]bool {
	out := map[int]bool{}
	for p := range payloads {
		out[len(p)] = true
	}
	return out
}

// audible tells whether many of the payloads are a tone to a PCMU or PCMA decoder.
func audible(payloads map[string]bool) bool {
	heard := 0
	for p := range payloads {
		for _, decode := range []func(byte) int16{tone.DecodeMulaw, tone.DecodeAlaw} {
			samples := make([]int16, len(p))
			for i := range len(p) {
				samples[i] = decode(p[i])
			}
			detector := tone.NewDetector()
			for range 12 { // whole blocks of 50 ms, several of them
				detector.Write(samples)
			}
			if detector.Now().Confidence > tone.Clear/2 {
				heard++
				break
			}
		}
	}
	return heard > len(payloads)/4
}

func (w *World) receiveReports(one, other string, n int) error {
	for _, name := range []string{one, other} {
		call, err := w.mediaCall(name)
		if err != nil {
			return err
		}
		ctx, cancel := w.wait()
		err = call.WaitSummary(ctx, "RTCP reports", func(s endpoint.Summary) bool { return s.Audio().RTCP >= uint64(n) })
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", name, w.explain(err))
		}
	}
	return nil
}
