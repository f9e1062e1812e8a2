package steps

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"b2bua/simulator/capture"
)

// What of ZRTP is in descriptions and on the wire.

// described are the values of a=zrtp-hash in what was sent to a softphone, a list for each description.
func (w *World) described(name string) ([][]string, error) {
	call, err := w.mediaCall(name)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for _, m := range call.Messages() {
		if m.Sent || m.Header("Content-Type") != "application/sdp" {
			continue
		}
		out = append(out, hashes(m))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no description was sent to %s", name)
	}
	return out, nil
}

var zrtpHash = regexp.MustCompile(`(?m)^a=zrtp-hash:(\S+ \S+)`)

func hashes(m capture.Message) (list []string) {
	for _, found := range zrtpHash.FindAllSubmatch(m.Raw, -1) {
		list = append(list, string(found[1]))
	}
	return list
}

func (w *World) keptHash(name string) error {
	all, err := w.described(name)
	if err != nil {
		return err
	}
	first, last := all[0], all[len(all)-1]
	if len(all) < 2 || len(first) == 0 || len(last) < len(first) {
		return fmt.Errorf("the descriptions for %s have %q", name, all)
	}
	for i := range first {
		if first[i] != last[i] {
			return fmt.Errorf("the descriptions for %s have %q", name, all)
		}
	}
	return nil
}

// isZRTP looks for the cookie (RFC 6189 section 5).
func isZRTP(p []byte) bool { return len(p) >= 28 && p[0]>>4 == 1 && string(p[4:8]) == "ZRTP" }

// onWire are the datagrams of a softphone's streams, by direction.
func (w *World) onWire(name string) (sent, received [][]byte, err error) {
	call, err := w.mediaCall(name)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range call.Summary().Streams {
		own, err := netip.ParseAddrPort(s.Local)
		if err != nil {
			continue // never opened
		}
		for _, p := range w.recorder.Packets(own) {
			if p.From == own {
				sent = append(sent, p.Payload)
			} else {
				received = append(received, p.Payload)
			}
		}
	}
	return sent, received, nil
}

// nothingOfZRTP: neither in a description nor on the wire.
func (w *World) nothingOfZRTP(name string) error {
	all, err := w.described(name)
	if err != nil {
		return err
	}
	for _, list := range all {
		if len(list) > 0 {
			return fmt.Errorf("a description for %s has a=zrtp-hash:%s", name, list[0])
		}
	}
	_, received, err := w.onWire(name)
	for _, p := range received {
		if isZRTP(p) {
			return fmt.Errorf("a packet of ZRTP was sent to %s", name)
		}
	}
	return err
}

// helloType is the type of a Hello message behind the header; ZID and hash image stand at 64 and 32 of it (RFC 6189 section 5.2).
const helloType = "Hello   "

// identity are the octets by which a softphone's ZRTP can be recognised: its ZID and its hash images.
func (w *World) identity(name string) (marks [][]byte, err error) {
	sent, _, err := w.onWire(name)
	for _, p := range sent {
		if isZRTP(p) && len(p) > 12+76 && string(p[16:24]) == helloType {
			marks = append(marks, p[12+64:12+76], p[12+32:12+64])
		}
	}
	if len(marks) == 0 && err == nil {
		err = fmt.Errorf("the capture holds no Hello of %s", name)
	}
	return marks, err
}

// nothingForwarded: where ZRTP ends here, no message, identity or hash of one phone goes to the other.
func (w *World) nothingForwarded(name, other string) error {
	marks, err := w.identity(name)
	if err != nil {
		return err
	}
	sent, _, err := w.onWire(name)
	if err != nil {
		return err
	}
	messages := map[string]bool{}
	for _, p := range sent {
		if isZRTP(p) && len(p) > 28 { // the others have nothing of their own
			messages[string(p[12:len(p)-4])] = true
		}
	}
	_, received, err := w.onWire(other)
	if err != nil {
		return err
	}
	for _, p := range received {
		if isZRTP(p) && messages[string(p[12:len(p)-4])] {
			return fmt.Errorf("a message of %s was sent to %s", name, other)
		}
		for _, mark := range marks {
			if bytes.Contains(p, mark) {
				return fmt.Errorf("%s was sent something that names %s's ZRTP", other, name)
			}
		}
	}
	return w.notDescribed(name, other)
}

// notDescribed: no a=zrtp-hash that a softphone wrote comes to the other.
func (w *World) notDescribed(name, other string) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	all, err := w.described(other)
	if err != nil {
		return err
	}
	shown := fmt.Sprint(all)
	for _, m := range call.Messages() {
		for _, hash := range hashes(m) {
			if m.Sent && strings.Contains(shown, hash) {
				return fmt.Errorf("%s was shown %s's a=zrtp-hash", other, name)
			}
		}
	}
	return nil
}

// passedThrough wants every datagram that one softphone received to be one that the other sent, and some of ZRTP and of SRTP among them.
func (w *World) passedThrough(from, to string) error {
	_, received, err := w.onWire(to)
	if err != nil {
		return err
	}
	out, _, err := w.onWire(from) // after what was received: it holds all of that
	if err != nil {
		return err
	}
	sent := map[string]bool{}
	for _, p := range out {
		sent[string(p)] = true
	}
	agreements, media := 0, 0
	for _, p := range received {
		if !sent[string(p)] {
			return fmt.Errorf("%s received %d octets % x… that %s did not send", to, len(p), p[:min(len(p), 16)], from)
		}
		if isZRTP(p) {
			agreements++
		} else {
			media++
		}
	}
	if agreements == 0 || media == 0 {
		return fmt.Errorf("%s received %d packets of ZRTP and %d others", to, agreements, media)
	}
	return nil
}

// onlyZRTP: not one packet of media, in clear or not, before there are keys.
func (w *World) onlyZRTP(name string) error {
	_, received, err := w.onWire(name)
	if err != nil {
		return err
	}
	for _, p := range received {
		if !isZRTP(p) {
			return fmt.Errorf("%s was sent %d octets % x…", name, len(p), p[:min(len(p), 16)])
		}
	}
	return nil
}
