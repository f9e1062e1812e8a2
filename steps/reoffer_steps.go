package steps

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
	"b2bua/steps/product"
	"b2bua/steps/wire"
)

// reofferSteps: streams that come and go in mid-call, hold and resume.
func (w *World) reofferSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) receives nothing while (\w+)'s media port receives (\d+) more packets$`, w.receivesNothingWhile)
	sc.Step(`^(\w+) refuses video from now on$`, func(name string) error {
		w.manners[name] = "without video"
		return nil
	})
	sc.Step(`^b2bua has (\d+) media ports open$`, w.hasPortsOpen)

	sc.Step(`^(\w+) adds video$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Video = []string{"VP8/90000"} })
	})
	sc.Step(`^(\w+) is ready for video$`, w.readyForVideo)
	sc.Step(`^(\w+) switches video off$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Video = nil })
	})
	sc.Step(`^(\w+) puts the call on hold$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Direction = "sendonly" })
	})
	sc.Step(`^(\w+) puts the call on hold with inactive$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Direction = "inactive" })
	})
	sc.Step(`^(\w+) resumes the call$`, func(name string) error {
		return w.changesMedia(name, func(m *endpoint.Media) { m.Direction = "sendrecv" })
	})
	sc.Step(`^(\w+)'s (audio|video) is (sendrecv|sendonly|recvonly|inactive|off)$`, w.streamIs)
	sc.Step(`^(\w+) receives (\d+) more packets of video$`, func(name string, n int) error {
		return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.WaitPackets(ctx, "video", uint64(n)) })
	})
	sc.Step(`^(\w+)'s phone was asked (\d+) times to change the call$`, w.wasAsked)
}

// receivesNothingWhile: packets that were on their way are over once the other side has got as many again.
func (w *World) receivesNothingWhile(name, other string, n int) error {
	line, err := w.line(name)
	if err != nil {
		return err
	}
	if err := w.portReceivesMore(other, n); err != nil {
		return err
	}
	before := len(line.Packets())
	if err := w.portReceivesMore(other, n); err != nil {
		return err
	}
	if got := len(line.Packets()) - before; got != 0 {
		return fmt.Errorf("%s received %d packets", name, got)
	}
	return nil
}

func (w *World) hasPortsOpen(n int) error {
	ctx, cancel := w.wait()
	defer cancel()
	return w.process.AwaitSockets(ctx, fmt.Sprintf("at %d media sockets", n), func(s []product.Socket) bool {
		return countUDP(s) == w.base+w.signalling()+n
	})
}

// changesMedia sends a re-INVITE with what the softphone wants now, and remembers it for the next one.
func (w *World) changesMedia(name string, change func(*endpoint.Media)) error {
	media, err := w.ownMedia(name)
	if err != nil {
		return err
	}
	media.Video = slices.Clone(media.Video)
	change(&media)
	w.kits[name] = media
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error { return c.Reinvite(ctx, media) })
}

// readyForVideo changes only how the softphone answers.
func (w *World) readyForVideo(name string) error {
	media, err := w.ownMedia(name)
	if err != nil {
		return err
	}
	media.Video = []string{"VP8/90000"}
	w.kits[name] = media
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	return call.Prefer(media)
}

func (w *World) streamIs(name, kind, want string) error {
	return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
		return c.WaitSummary(ctx, kind+" that is "+want, func(s endpoint.Summary) bool {
			for _, m := range s.Streams {
				if m.Kind == kind && m.Enabled {
					return m.Direction == want
				}
			}
			return want == "off"
		})
	})
}

// wasAsked counts the re-INVITEs and UPDATEs with a description that a softphone answered.
func (w *World) wasAsked(name string, times int) error {
	call, err := w.mediaCall(name)
	if err != nil {
		return err
	}
	if got := call.Summary().Reanswered; got != times {
		return fmt.Errorf("%s's phone was asked %d times instead of %d", name, got, times)
	}
	return nil
}

// newer gives each further description of a phone its own version (RFC 3264 section 8).
func (w *World) newer(name, body string) string {
	if body != "" {
		w.versions[name]++
	}
	return strings.Replace(body, "o=wire 1 1 ", fmt.Sprintf("o=wire 1 %d ", 1+w.versions[name]), 1)
}

// answered changes the answer of a willing phone: no video, another direction, no encryption.
func answered(body, how string) string {
	switch how {
	case "":
	case "without video":
		body = videoPort.ReplaceAllString(body, "m=video 0 ")
	case "in clear":
		body = cryptoLine.ReplaceAllString(strings.ReplaceAll(body, "RTP/SAVP", "RTP/AVP"), "")
	default:
		body = directionLine.ReplaceAllString(body, "") // those of the offer's mirror
		body = mediaLine.ReplaceAllString(body, "${0}a="+how+"\r\n")
	}
	return body
}

var (
	videoPort     = regexp.MustCompile(`m=video [1-9]\d* `)
	cryptoLine    = regexp.MustCompile(`a=crypto:[^\r]*\r\n`)
	directionLine = regexp.MustCompile(`a=(sendrecv|sendonly|recvonly|inactive)\r\n`)
	mediaLine     = regexp.MustCompile(`m=[^\r]*\r\n`)
)

func (w *World) cancelsReinvite(name string) error {
	call, err := w.call(name)
	if err != nil {
		return err
	}
	request, ok := w.inside[name]
	if !ok {
		return fmt.Errorf("%s has sent no request inside a call", name)
	}
	return call.CancelRequest(request.branch)
}

func (w *World) gotReinvites(name string, n int) error {
	call, phone, err := w.callAndPhone(name)
	if err != nil {
		return err
	}
	seen := map[string]bool{} // by CSeq: repetitions are none
	for _, m := range phone.All(call.Is("INVITE")) {
		if wire.Parameter(m.Get("To"), "tag") != "" {
			seen[m.Get("CSeq")] = true
		}
	}
	if len(seen) != n {
		return fmt.Errorf("%s got %d re-INVITEs instead of %d; it got: %s", name, len(seen), n, phone.Heard())
	}
	return nil
}
