package steps

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/simulator/endpoint"
	"b2bua/simulator/stream"
	"b2bua/simulator/tone"
)

// mode is one way to encrypt a leg.
type mode struct {
	name  string
	media endpoint.Media
}

// matrixSteps: one way to encrypt leg A against every way to encrypt leg B. The callees are called callee_<mode>_audio and
// callee_<mode>_video, so that rules can tell them apart.
func (w *World) matrixSteps(sc *godog.ScenarioContext) {
	sc.Step(`^the modes of encryption$`, w.theModes)
	sc.Step(`^callers with (\w+), for callees of every mode, with audio and with video too$`, w.matrix)
	sc.Step(`^each of them with video sees its own partner$`, w.allSee)
	sc.Step(`^each leg is encrypted as its phone wants it$`, w.allEncrypted)
	sc.Step(`^each of them receives RTCP reports$`, w.allReceiveReports)
	sc.Step(`^nobody lost a packet, received one twice, or one that was not for it$`, w.allComplete)
	sc.Step(`^nothing can be heard or seen on the wire of an encrypted leg$`, w.allPrivate)
}

// wishes make ZRTP end with an SRTP suite.
var wishes = map[string]endpoint.ZRTP{
	"AES_CM_128_HMAC_SHA1_80": {Ciphers: []string{"AES1"}, Tags: []string{"HS80"}},
	"AES_256_CM_HMAC_SHA1_80": {Ciphers: []string{"AES3"}, Tags: []string{"HS80"}},
	"AEAD_AES_128_GCM":        {Ciphers: []string{"AES1"}, Tags: []string{"GCM"}},
	"AEAD_AES_256_GCM":        {Ciphers: []string{"AES3"}, Tags: []string{"GCM"}},
}

func (w *World) theModes(table *godog.Table) error {
	rows, err := w.rows(table, columns{required: []string{"mode", "encryption", "suite"}})
	if err != nil {
		return err
	}
	for _, r := range rows {
		m := mode{r.text("mode"), endpoint.Media{Encryption: r.text("encryption"), Suites: r.list("suite")}}
		if m.media.Encryption == "zrtp" {
			m.media.ZRTP = wishes[r.text("suite")]
		}
		w.modes = append(w.modes, m)
	}
	return nil
}

// matrix makes two pairs of phones for each mode of leg B: one with audio, and one with video too, rtcp-mux and other roles in DTLS.
func (w *World) matrix(caller string) error {
	own, ok := w.modeNamed(caller)
	if !ok {
		return fmt.Errorf("there is no mode %q in this scenario", caller)
	}
	known := tone.Frequencies()
	if 2*len(w.modes) > len(known) {
		return fmt.Errorf("%d pairs: there are only %d tones", 2*len(w.modes), len(known))
	}
	if err := w.gather(); err != nil {
		return err
	}
	for i, other := range w.modes {
		for k, kind := range []string{"audio", "video"} {
			a, b, n := own.media, other.media, 2*i+k
			a.Setup, b.Setup = []string{"actpass", "active", "passive"}[n%3], []string{"active", "passive"}[(n+i)%2]
			if kind == "video" {
				a.Video, b.Video = []string{"VP8/90000"}, []string{"VP8/90000"}
				a.RTCPMux, b.RTCPMux = true, true
			}
			pair := [2]string{fmt.Sprintf("caller%d", n+1), fmt.Sprintf("callee_%s_%s", other.name, kind)}
			err := errors.Join(w.oneOfCrowd(pair[0], a, known[n]), w.oneOfCrowd(pair[1], b, known[(n+len(known)/2)%len(known)]))
			if err != nil {
				return err
			}
			w.pairs = append(w.pairs, pair)
		}
	}
	return nil
}

func (w *World) modeNamed(name string) (mode, bool) {
	for _, m := range w.modes {
		if m.name == name {
			return m, true
		}
	}
	return mode{}, false
}

func (w *World) allSee() error {
	return w.together(func(caller, callee string) error {
		if !strings.HasSuffix(callee, "_video") {
			return nil
		}
		return w.exchange(caller, callee, (*endpoint.Call).WaitVideo)
	})
}

// each runs one thing for each phone of the crowd, all at the same time.
func (w *World) each(what func(name string) error) error {
	return w.together(func(caller, callee string) error { return errors.Join(what(caller), what(callee)) })
}

func (w *World) allEncrypted() error {
	return w.each(func(name string) error {
		kit := w.kits[name]
		suite := ""
		if len(kit.Suites) > 0 {
			suite = kit.Suites[0]
		}
		err := w.uses(name, "audio", kit.Encryption, suite)
		if len(kit.Video) > 0 {
			err = errors.Join(err, w.uses(name, "video", kit.Encryption, suite))
		}
		return err
	})
}

func (w *World) allReceiveReports() error {
	return w.each(func(name string) error {
		return w.during(name, func(c *endpoint.Call, ctx context.Context) error {
			return c.WaitSummary(ctx, "RTCP reports", func(s endpoint.Summary) bool {
				return s.Audio().RTCP > 0 && (!s.Video().Enabled || s.Video().RTCP > 0)
			})
		})
	})
}

func (w *World) allComplete() error {
	return w.each(func(name string) error {
		call, err := w.mediaCall(name)
		if err != nil {
			return err
		}
		for _, s := range call.Summary().Streams {
			if s.Enabled && (s.Lost != 0 || s.Duplicates != 0 || s.Refused != 0 || s.SSRCs != 1) {
				return fmt.Errorf("%s's %s: %d packets of %d sources, %d lost, %d twice, %d refused",
					name, s.Kind, s.Received, s.SSRCs, s.Lost, s.Duplicates, s.Refused)
			}
		}
		return nil
	})
}

// allPrivate looks at the packets of every stream as a stranger on the wire would. The plain legs prove that he would notice.
func (w *World) allPrivate() error {
	return w.each(func(name string) error {
		call, err := w.mediaCall(name)
		if err != nil {
			return err
		}
		for _, s := range call.Summary().Streams {
			if !s.Enabled {
				continue
			}
			own, err := netip.ParseAddrPort(s.Local)
			if err != nil {
				return err
			}
			noticed, n := w.noticed(s.Kind, own)
			switch plain := s.Encryption == "none"; {
			case n == 0:
				return fmt.Errorf("the capture holds no packet of %s's %s", name, s.Kind)
			case noticed && !plain:
				return fmt.Errorf("%s's %s uses %s, and is on the wire in clear", name, s.Kind, s.Encryption)
			case !noticed && plain:
				return fmt.Errorf("%s's %s is plain, and a stranger on the wire did not notice", name, s.Kind)
			}
		}
		return nil
	})
}

// noticed tells whether a stranger hears a tone, or finds the words of a picture, in the packets to and from an address.
func (w *World) noticed(kind string, own netip.AddrPort) (noticed bool, packets int) {
	var to, from [][]byte
	for _, p := range w.recorder.Packets(own) {
		if p.To == own {
			to = append(to, p.Payload)
		} else {
			from = append(from, p.Payload)
		}
		noticed = noticed || kind == "video" && strings.Contains(string(p.Payload), "sipsim tone")
	}
	if kind == "audio" {
		for _, way := range [][][]byte{to, from} {
			noticed = noticed || stream.HeardInClear(way).Confidence >= tone.Clear
		}
	}
	return noticed, len(to) + len(from)
}
