package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Linphone is a running linphonec with files instead of a sound card.
type Linphone struct {
	*program
	cfg   Config
	ports uint16 // the first one of its own; 0: the address is its own
}

// Ports of a linphone on its own address.
const (
	sipPort = 5060
	rtpPort = 7100
)

// linphonePorts are one of SIP and six of media.
const linphonePorts = 8

// StartLinphone starts a linphone; its console is ready when it returns.
func StartLinphone(ctx context.Context, cfg Config) (*Linphone, error) {
	l := &Linphone{}
	if cfg.ICE {
		var err error
		if cfg.Addr, err = outside(); err != nil {
			return nil, err
		}
		if l.ports, err = freeRange(linphonePorts); err != nil {
			return nil, err
		}
	}
	l.cfg = cfg
	home := filepath.Join(cfg.Dir, "home")
	for _, dir := range []string{home, filepath.Join(home, ".local/share/linphone"), filepath.Join(home, "share/linphone")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	rc := filepath.Join(cfg.Dir, "linphonerc")
	if err := os.WriteFile(rc, []byte(l.configuration()), 0o600); err != nil {
		return nil, err
	}
	args := []string{"-c", rc, "-d", "6", "-l", filepath.Join(cfg.Dir, "log")}
	if cfg.AutoAnswer {
		args = append(args, "-a")
	}
	if cfg.Video {
		args = append(args, "-C") // it captures and does not show: no display is needed
	}
	env := []string{"HOME=" + home, "XDG_DATA_HOME=" + home + "/share", "XDG_CONFIG_HOME=" + home + "/cfg", "LINPHONE_HOME=" + home}
	p, err := startProgram("linphone "+cfg.Name, cfg.Dir, env, "linphonec", args...)
	if err != nil {
		return nil, err
	}
	l.program = p
	if err := l.await(ctx, regexp.MustCompile("linphonec>")); err != nil {
		l.Stop()
		return nil, err
	}
	return l, errors.Join(
		l.Command("soundcard use files"), l.Command("play "+speech), l.Command("record "+filepath.Join(cfg.Dir, "heard.wav")),
	)
}

// Command types one line at the console.
func (l *Linphone) Command(line string) error {
	if _, err := io.WriteString(l.stdin, line+"\n"); err != nil {
		return fmt.Errorf("linphone %s, command %q: %w", l.cfg.Name, line, err)
	}
	return nil
}

// AwaitRegistered waits for the registrar's consent.
func (l *Linphone) AwaitRegistered(ctx context.Context) error {
	return l.awaitLog(ctx, `to \[LinphoneRegistrationOk\]`)
}

// Call calls somebody.
func (l *Linphone) Call(uri string) error { return l.Command("call " + uri) }

// AwaitRunning waits until media flows as far as linphone is concerned.
func (l *Linphone) AwaitRunning(ctx context.Context) error {
	return l.awaitLog(ctx, "to LinphoneCallStreamsRunning")
}

// AwaitReleased waits until n calls are over.
func (l *Linphone) AwaitReleased(ctx context.Context, n int) error {
	return l.awaitLog(ctx, fmt.Sprintf("(?s)(?:to LinphoneCallReleased.*?){%d}", n))
}

// AwaitICE waits until its agent has a pair that it may use.
func (l *Linphone) AwaitICE(ctx context.Context) error {
	return l.awaitLog(ctx, "ICE state is IceState(Host|Reflexive)Connection")
}

// AwaitSAS waits for the SAS of its n-th call, from 1 on. The console tells it again when it was compared.
func (l *Linphone) AwaitSAS(ctx context.Context, n int) (string, error) {
	shown := regexp.MustCompile(fmt.Sprintf(`Call %d is fully encrypted and auth token is ([0-9a-z:]+)`, n))
	if err := l.await(ctx, shown); err != nil {
		return "", err
	}
	text, _ := l.output()
	return shown.FindStringSubmatch(text)[1], nil
}

// HangUp ends the call.
func (l *Linphone) HangUp() error { return l.Command("terminate all") }

// Owns tells its media address.
func (l *Linphone) Owns(at netip.AddrPort) bool {
	return at.Addr() == l.cfg.Addr && (l.ports == 0 || at.Port() > l.ports && at.Port() < l.ports+linphonePorts)
}

// awaitLog waits until the log file has a line that matches.
func (l *Linphone) awaitLog(ctx context.Context, pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	path := filepath.Join(l.cfg.Dir, "log")
	for {
		log, err := os.ReadFile(path)
		if err == nil && re.Match(log) {
			return nil
		}
		select {
		case <-l.exited:
			return fmt.Errorf("linphone %s ended without logging %q", l.cfg.Name, pattern)
		case <-ctx.Done():
			return fmt.Errorf("linphone %s did not log %q in time (%s)", l.cfg.Name, pattern, path)
		case <-time.After(50 * time.Millisecond): // a file can't be waited for
		}
	}
}

// Stop ends the program: politely, then by force. It may be called again.
func (l *Linphone) Stop() {
	_, _ = l.Command("terminate all"), l.Command("quit")
	l.stop()
}

var (
	statBlock    = regexp.MustCompile(`(?s)AUDIO SESSION'S RTP STATISTICS.*`)
	statVideo    = regexp.MustCompile(`(?s)VIDEO SESSION'S RTP STATISTICS.*`)
	statSent     = regexp.MustCompile(`(?m)sent\s+(\d+) packets`)
	statReceived = regexp.MustCompile(`(?m)received\s+(\d+) packets`)
	statLost     = regexp.MustCompile(`(?m)cumulative lost\s+(-?\d+) packets`)
	statBad      = regexp.MustCompile(`(?m)bad formatted\s+(\d+) packets`)
	cryptoLine   = regexp.MustCompile(`(?m)^a=crypto:\d+ ([A-Z0-9_]+)`)
	audioLine    = regexp.MustCompile(`(?m)^m=audio \d+ ([A-Z/]+)`)
)

// AwaitCounters reads its log, where it writes them after the call only, and its recording.
func (l *Linphone) AwaitCounters(ctx context.Context) (Counters, error) {
	for {
		log, err := os.ReadFile(filepath.Join(l.cfg.Dir, "log"))
		if err == nil {
			if c, ok := readCounters(string(log)); ok {
				if err = l.listen(&c); err == nil { // its recording comes a little later
					return c, nil
				}
			}
		}
		select {
		case <-ctx.Done():
			return Counters{}, fmt.Errorf("linphone %s left no counters or no recording of its call (%s): %w", l.cfg.Name, l.cfg.Dir, errors.Join(ctx.Err(), err))
		case <-time.After(50 * time.Millisecond): // a file can't be waited for
		}
	}
}

// AwaitVideo reads the counters of the video of its last call, packets only.
func (l *Linphone) AwaitVideo(ctx context.Context) (Counters, error) {
	if err := l.awaitLog(ctx, `(?s)VIDEO SESSION'S RTP STATISTICS.*bad formatted`); err != nil {
		return Counters{}, err
	}
	log, err := os.ReadFile(filepath.Join(l.cfg.Dir, "log"))
	if err != nil {
		return Counters{}, err
	}
	c, _ := readBlock(statVideo.FindString(string(log)))
	return c, nil
}

// listen judges the recording: linphone plays speech, so what is not silence is the other's.
func (l *Linphone) listen(c *Counters) error {
	loudness, err := Loudness(filepath.Join(l.cfg.Dir, "heard.wav"))
	if err == nil && loudness > quiet {
		c.Heard = fmt.Sprintf("loudness %.0f", loudness)
	}
	return err
}

// quiet is a loudness that speech surpasses by far and the noise of a codec never reaches.
const quiet = 100

func readCounters(log string) (Counters, bool) {
	c, complete := readBlock(statBlock.FindString(log))
	c.Errors = strings.Count(log, "srtp_unprotect() failed")
	if m := cryptoLine.FindAllStringSubmatch(log, -1); m != nil {
		c.Suite = m[len(m)-1][1]
	}
	if m := audioLine.FindAllStringSubmatch(log, -1); m != nil {
		c.Profile = m[len(m)-1][1]
	}
	return c, complete
}

// readBlock reads the first statistics in a text.
func readBlock(block string) (Counters, bool) {
	number := func(re *regexp.Regexp) (int, bool) {
		m := re.FindStringSubmatch(block)
		if m == nil {
			return 0, false
		}
		n, err := strconv.Atoi(m[1])
		return n, err == nil
	}
	var c Counters
	var complete [4]bool
	c.Sent, complete[0] = number(statSent)
	c.Received, complete[1] = number(statReceived)
	c.Lost, complete[2] = number(statLost)
	c.Bad, complete[3] = number(statBad)
	return c, complete == [4]bool{true, true, true, true}
}

// codecs that linphone knows; all but the wanted one are switched off.
var codecs = []string{
	"opus/48000/2", "speex/16000/1", "speex/8000/1", "PCMU/8000/1", "PCMA/8000/1", "GSM/8000/1", "G722/8000/1", "iLBC/8000/1",
	"BV16/8000/1", "speex/32000/1", "G729/8000/1", "L16/44100/1", "L16/44100/2",
}

// configuration is the file linphonerc.
func (l *Linphone) configuration() string {
	cfg, sip, rtp := l.cfg, uint16(sipPort), uint16(rtpPort)
	if l.ports != 0 {
		sip, rtp = l.ports, l.ports+2
	}
	mandatory := 1
	if cfg.Encryption == "none" {
		mandatory = 0
	}
	firewall := "none"
	if cfg.ICE {
		firewall = "ice"
	}
	suites := ""
	if len(cfg.Suites) > 0 {
		suites = "srtp_crypto_suites=" + strings.Join(cfg.Suites, ", ")
	}
	var b strings.Builder
	fmt.Fprintf(&b, `[sip]
default_proxy=0
contact=sip:%[1]s@%[2]s
bind_address=%[2]s
sip_port=%[3]d
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
guess_hostname=0
media_encryption=%[4]s
media_encryption_mandatory=%[5]d
register_only_when_network_is_up=0
session_expires_enabled=0
use_info=0
use_rfc2833=1
inc_timeout=60
%[14]s

[rtp]
audio_rtp_port=%[6]d
video_rtp_port=%[7]d
text_rtp_port=%[8]d
bind_address=%[2]s
audio_adaptive_jitt_comp_enabled=0

[net]
firewall_policy=%[12]s
dns_srv_enabled=0
dns_search_enabled=0
mtu=1300
adaptive_rate_control=0

[sound]
echocancellation=0
remote_ring=

[video]
enabled=%[13]d
capture=%[13]d
display=0
automatically_initiate=%[13]d
automatically_accept=%[13]d
show_local=0
self_view=0
device=StaticImage: Static picture

[misc]
version_check_url_root=
enable_basic_to_client_group_chat_room_migration=0

[app]
auto_answer=%[9]d

[proxy_0]
reg_proxy=<%[10]s>
reg_route=<%[10]s;lr>
reg_identity=sip:%[1]s@%[11]s
reg_expires=3600
reg_sendregister=1
publish=0
dial_escape_plus=0
quality_reporting_enabled=0

`, cfg.Name, cfg.Addr, sip, cfg.Encryption, mandatory, rtp, rtp+2, rtp+4, number(cfg.AutoAnswer), "sip:"+cfg.Proxy, cfg.Domain, firewall, number(cfg.Video), suites)
	if cfg.Password != "" {
		fmt.Fprintf(&b, "[auth_info_0]\nusername=%s\npasswd=%s\nrealm=%[3]s\ndomain=%[3]s\n\n", cfg.Name, cfg.Password, cfg.Domain)
	}
	for i, codec := range codecs {
		parts := strings.Split(codec, "/")
		fmt.Fprintf(&b, "[audio_codec_%d]\nmime=%s\nrate=%s\nchannels=%s\nenabled=%d\n\n",
			i, parts[0], parts[1], parts[2], number(parts[0] == "PCMU"))
	}
	return b.String()
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
