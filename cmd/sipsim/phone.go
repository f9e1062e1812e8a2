package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"b2bua/simulator/capture"
	"b2bua/simulator/endpoint"
	"b2bua/simulator/impair"
	"b2bua/simulator/tone"
)

// phoneFlags describe one phone.
type phoneFlags struct {
	AOR       string        `name:"aor" default:"sip:sipsim@localhost" placeholder:"URI" group:"Phone:" help:"Address of record, goes into From."`
	Listen    string        `default:"udp:127.0.0.1:0" placeholder:"NET:ADDR:PORT" group:"Phone:" help:"Where SIP is received: udp:, tcp: or tls:, address and port; port 0 is any. Media uses the same address."`
	Proxy     string        `placeholder:"URI" group:"Phone:" help:"Outbound proxy, for example 'sip:127.0.0.1:5060;transport=tcp'. Without it requests go to their URI."`
	Register  bool          `group:"Phone:" help:"Register at the proxy first."`
	User      string        `placeholder:"NAME" group:"Phone:" help:"Digest user name; default: user part of --aor."`
	Password  string        `env:"SIPSIM_PASSWORD" placeholder:"TEXT" group:"Phone:" help:"Digest password; better in the environment as SIPSIM_PASSWORD, where ps does not show it."`
	UserAgent string        `default:"sipsim" placeholder:"TEXT" group:"Phone:" help:"User-Agent header."`
	Tone      float64       `placeholder:"HZ" group:"Phone:" help:"Tone to play: 400, 520 … 3640; default: chosen from the name."`
	Loss      float64       `placeholder:"0..1" group:"Bad network, for the media this phone sends:" help:"Share of packets that get lost."`
	Duplicate float64       `placeholder:"0..1" group:"Bad network, for the media this phone sends:" help:"Share of packets that arrive twice."`
	Reorder   float64       `placeholder:"0..1" group:"Bad network, for the media this phone sends:" help:"Share of packets that arrive late."`
	Delay     time.Duration `placeholder:"TIME" group:"Bad network, for the media this phone sends:" help:"Delay of every packet."`
	Jitter    time.Duration `placeholder:"TIME" group:"Bad network, for the media this phone sends:" help:"Random delay on top of it, up to this."`
	BothWays  bool          `group:"Bad network, for the media this phone sends:" help:"The same for what it receives on its RTP ports."`
	Seed      uint64        `placeholder:"N" group:"Bad network, for the media this phone sends:" help:"Same seed, same fate of each packet; 0 is seed 0 too."`

	Encryption    string   `default:"none" enum:"none,sdes,dtls,dtls-srtp,zrtp" group:"Media:" help:"Media encryption to offer, and the one to accept: none, sdes, dtls-srtp or zrtp."`
	Suite         []string `placeholder:"NAME" group:"Media:" help:"SRTP suites in order of preference, by their SDP names."`
	Setup         string   `placeholder:"ROLE" enum:",actpass,active,passive" default:"" group:"Media:" help:"Role in DTLS: actpass (an offer's default), active (an answer's) or passive."`
	Profile       string   `placeholder:"NAME" group:"Media:" help:"Profile to offer, for example RTP/SAVP or UDP/TLS/RTP/SAVPF; default: what the encryption demands."`
	Fault         string   `placeholder:"NAME" enum:",fingerprint,silent,key,no-zrtp-hash,wrong-zrtp-hash,mute,forged-errors" default:"" group:"Media:" help:"Do it wrong: fingerprint (of another certificate), silent (no handshake), key (SDES: another than in the description); ZRTP: no-zrtp-hash, wrong-zrtp-hash, mute (after Hello), forged-errors (of a stranger)."`
	Codec         []string `placeholder:"NAME/RATE" group:"Media:" help:"Audio codecs; default PCMU/8000,PCMA/8000,telephone-event/8000."`
	Video         []string `placeholder:"NAME/RATE" group:"Media:" help:"Video codecs, for example VP8/90000; default: no video."`
	AVPF          bool     `name:"avpf" group:"Media:" help:"Offer the feedback profiles."`
	ICE           bool     `name:"ice" group:"Media:" help:"Offer or accept ICE, as a full agent."`
	Bundle        string   `placeholder:"POLICY" group:"Media:" help:"All streams on one transport (RFC 9143), as browsers do: balanced or max-bundle."`
	RTCPMux       bool     `name:"rtcp-mux" group:"Media:" help:"RTCP on the RTP port."`
	ZRTPAgreement []string `name:"zrtp-agreement" placeholder:"CODE" group:"ZRTP:" help:"Key agreements in order of preference: X255, EC25, DH3k, EC38, X448, X1M1 …; Mult is needed for video."`
	ZRTPCipher    []string `name:"zrtp-cipher" placeholder:"CODE" group:"ZRTP:" help:"Ciphers: AES1, AES3."`
	ZRTPTag       []string `name:"zrtp-tag" placeholder:"CODE" group:"ZRTP:" help:"Authentication tags: GCM, HS80, HS32."`
	ZRTPDigest    []string `name:"zrtp-digest" placeholder:"CODE" group:"ZRTP:" help:"Hashes: S256, S384, S512."`
	ZRTPSAS       []string `name:"zrtp-sas" placeholder:"CODE" group:"ZRTP:" help:"Renderings of the short authentication string: B32, B256."`
	ZRTPPassive   bool     `name:"zrtp-passive" group:"ZRTP:" help:"Never begin: the other side has to."`
	ZRTPMTU       int      `name:"zrtp-mtu" placeholder:"OCTETS" group:"ZRTP:" help:"Longest datagram, at least 600; longer messages go in fragments. Default 1452."`
	ZRTPCache     string   `name:"zrtp-cache" placeholder:"DIR" group:"ZRTP:" help:"Remember other sides there; default: until the end of the program."`

	Direction string `default:"sendrecv" enum:"sendrecv,sendonly,recvonly,inactive" group:"Media:" help:"sendrecv, sendonly, recvonly or inactive."`
}

func (f *phoneFlags) config(record *capture.Recorder, accept []string) endpoint.Config {
	if len(accept) > 0 {
		accept = append([]string{f.Encryption}, accept...) // the phone takes the list alone
	}
	bad, arriving := impair.Config{Seed: f.Seed, Loss: f.Loss, Duplicate: f.Duplicate, Reorder: f.Reorder, Delay: f.Delay, Jitter: f.Jitter}, impair.Config{}
	if f.BothWays {
		arriving = bad
	}
	return endpoint.Config{
		AOR: f.AOR, Listen: f.Listen, Proxy: f.Proxy, Username: f.User, Password: f.Password, UserAgent: f.UserAgent, Tone: f.Tone, Record: record, AnyInfo: true,
		Impair: bad, Arriving: arriving, ZRTPCache: f.ZRTPCache,
		Media: endpoint.Media{
			Encryption: f.Encryption, Suites: f.Suite, Setup: f.Setup, Profile: f.Profile, Fault: f.Fault, Accept: accept, Audio: f.Codec, Video: f.Video, AVPF: f.AVPF, RTCPMux: f.RTCPMux, Bundle: f.Bundle, ICE: f.ICE, Direction: f.Direction,
			ZRTP: endpoint.ZRTP{
				Hashes: f.ZRTPDigest, Ciphers: f.ZRTPCipher, Tags: f.ZRTPTag, Agreements: f.ZRTPAgreement, SAS: f.ZRTPSAS, Passive: f.ZRTPPassive, MTU: f.ZRTPMTU,
			},
		},
	}
}

// open starts the phone and registers it if asked to.
func (f *phoneFlags) open(ctx context.Context, s *show, cfg endpoint.Config) (*endpoint.Phone, error) {
	if err := knownTone("--tone", f.Tone); err != nil {
		return nil, err
	}
	p, err := endpoint.New(cfg)
	if err != nil {
		return nil, err
	}
	s.event(p.Name(), "listens at %s, plays %.0f Hz", p.URI(), p.Tone())
	if !f.Register {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := p.Register(ctx, time.Hour); err != nil {
		_ = p.Close() // the first error counts
		return nil, failed(exitCall, fmt.Errorf("registration of %s: %w", f.AOR, err))
	}
	s.event(p.Name(), "registered")
	return p, nil
}

// knownTone refuses a tone that no phone of ours would recognise; 0 leaves the choice to the phone.
func knownTone(flag string, hertz float64) error {
	all := tone.Frequencies()
	if hertz == 0 || slices.Contains(all, hertz) {
		return nil
	}
	var names []string
	for _, f := range all {
		names = append(names, fmt.Sprintf("%.0f", f))
	}
	return fmt.Errorf("%s %v: no phone listens for that tone; write one of %s", flag, hertz, strings.Join(names, ", "))
}

// headers reads "Name: value".
func headers(lines []string) ([]endpoint.Header, error) {
	var out []endpoint.Header
	for _, l := range lines {
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			return nil, fmt.Errorf("--header %q: write 'Name: value'", l)
		}
		out = append(out, endpoint.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	return out, nil
}
