package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// LinphoneConfig is one linphone.
type LinphoneConfig struct {
	Name       string
	Addr       netip.Addr // of its sockets
	Encryption string     // "none", "srtp" (SDES) or "dtls"; it refuses to talk otherwise
	Domain     string     // of its address of record
	Proxy      string     // registrar and outbound proxy, sip:host:port over UDP: over TCP it leaves from another address than it was told
	Codec      string     // PCMU or PCMA
	AutoAnswer bool
	Dir        string // state, log, recording
}

// Linphone is a running linphonec with files instead of a sound card.
type Linphone struct {
	cfg    LinphoneConfig
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{}

	mu      sync.Mutex
	changed chan struct{}
	out     strings.Builder
}

// Ports of a linphone on its own address.
const (
	sipPort = 5060
	rtpPort = 7100
)

// StartLinphone starts a linphone; it is ready when it returns.
func StartLinphone(ctx context.Context, cfg LinphoneConfig) (*Linphone, error) {
	home := filepath.Join(cfg.Dir, "home")
	for _, dir := range []string{home, filepath.Join(home, ".local/share/linphone"), filepath.Join(home, "share/linphone")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	rc := filepath.Join(cfg.Dir, "linphonerc")
	if err := os.WriteFile(rc, []byte(linphonerc(cfg)), 0o600); err != nil {
		return nil, err
	}
	args := []string{"-c", rc, "-d", "6", "-l", filepath.Join(cfg.Dir, "log")}
	if cfg.AutoAnswer {
		args = append(args, "-a")
	}
	l := &Linphone{cfg: cfg, exited: make(chan struct{}), changed: make(chan struct{}), cmd: exec.Command("linphonec", args...)}
	l.cmd.Dir = cfg.Dir
	l.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home+"/share", "XDG_CONFIG_HOME="+home+"/cfg", "LINPHONE_HOME="+home)
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l.cmd.Stdout, l.cmd.Stderr = stdin, stdin
	err = l.cmd.Start()
	_ = stdin.Close()
	if err != nil {
		_ = stdout.Close()
		return nil, err
	}
	go l.read(stdout)
	if _, err := l.Await(ctx, "linphonec>"); err != nil {
		l.Stop()
		return nil, err
	}
	return l, errors.Join(
		l.Command("soundcard use files"), l.Command("play "+speech), l.Command("record "+filepath.Join(cfg.Dir, "heard.wav")),
	)
}

func (l *Linphone) read(stdout io.ReadCloser) {
	r := bufio.NewReader(stdout)
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			l.mu.Lock()
			l.out.Write(buf[:n])
			close(l.changed)
			l.changed = make(chan struct{})
			l.mu.Unlock()
		}
		if err != nil {
			break
		}
	}
	_ = stdout.Close()
	_ = l.cmd.Wait()
	close(l.exited)
}

// Command types one line at the console.
func (l *Linphone) Command(line string) error {
	if _, err := io.WriteString(l.stdin, line+"\n"); err != nil {
		return fmt.Errorf("linphone %s, command %q: %w", l.cfg.Name, line, err)
	}
	return nil
}

// Await waits until the console has shown text that matches, and returns the submatches of the first match.
func (l *Linphone) Await(ctx context.Context, pattern string) ([]string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	for {
		l.mu.Lock()
		text, changed := l.out.String(), l.changed
		l.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m, nil
		}
		select {
		case <-changed:
		case <-l.exited:
			return nil, fmt.Errorf("linphone %s ended without showing %q:\n%s", l.cfg.Name, pattern, tail(text))
		case <-ctx.Done():
			return nil, fmt.Errorf("linphone %s did not show %q in time:\n%s", l.cfg.Name, pattern, tail(text))
		}
	}
}

// AwaitLog waits until the log file has a line that matches.
func (l *Linphone) AwaitLog(ctx context.Context, pattern string) error {
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

func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// Stop ends the program: politely, then by force. It may be called again.
func (l *Linphone) Stop() {
	_, _ = l.Command("terminate all"), l.Command("quit")
	select {
	case <-l.exited:
		return
	case <-time.After(5 * time.Second):
	}
	_ = l.cmd.Process.Kill()
	<-l.exited
}

// Counters is what a linphone says about the audio of its last call. It says it only after the call.
type Counters struct {
	Sent, Received int    // RTP packets
	Lost, Bad      int    // by sequence number; malformed
	Errors         int    // packets that could not be decrypted
	Suite          string // SDES suite in its descriptions, the last one
	Profile        string // of the last m=audio line
}

var (
	statBlock    = regexp.MustCompile(`(?s)AUDIO SESSION'S RTP STATISTICS.*`)
	statSent     = regexp.MustCompile(`(?m)sent\s+(\d+) packets`)
	statReceived = regexp.MustCompile(`(?m)received\s+(\d+) packets`)
	statLost     = regexp.MustCompile(`(?m)cumulative lost\s+(-?\d+) packets`)
	statBad      = regexp.MustCompile(`(?m)bad formatted\s+(\d+) packets`)
	cryptoLine   = regexp.MustCompile(`(?m)^a=crypto:\d+ ([A-Z0-9_]+)`)
	audioLine    = regexp.MustCompile(`(?m)^m=audio \d+ ([A-Z/]+)`)
)

// AwaitCounters waits for the counters of a call that has ended.
func (l *Linphone) AwaitCounters(ctx context.Context) (Counters, error) {
	for {
		log, err := os.ReadFile(filepath.Join(l.cfg.Dir, "log"))
		if err == nil {
			if c, ok := readCounters(string(log)); ok {
				return c, nil
			}
		}
		select {
		case <-ctx.Done():
			return Counters{}, fmt.Errorf("linphone %s logged no counters of its call (%s)", l.cfg.Name, filepath.Join(l.cfg.Dir, "log"))
		case <-time.After(50 * time.Millisecond): // a file can't be waited for
		}
	}
}

func readCounters(log string) (Counters, bool) {
	block := statBlock.FindString(log)
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
	c.Errors = strings.Count(log, "srtp_unprotect() failed")
	if m := cryptoLine.FindAllStringSubmatch(log, -1); m != nil {
		c.Suite = m[len(m)-1][1]
	}
	if m := audioLine.FindAllStringSubmatch(log, -1); m != nil {
		c.Profile = m[len(m)-1][1]
	}
	return c, complete == [4]bool{true, true, true, true}
}

// codecs that linphone knows; all but the wanted one are switched off.
var codecs = []string{
	"opus/48000/2", "speex/16000/1", "speex/8000/1", "PCMU/8000/1", "PCMA/8000/1", "GSM/8000/1", "G722/8000/1", "iLBC/8000/1",
	"BV16/8000/1", "speex/32000/1", "G729/8000/1", "L16/44100/1", "L16/44100/2",
}

// linphonerc is the configuration file.
func linphonerc(cfg LinphoneConfig) string {
	mandatory := 1
	if cfg.Encryption == "none" {
		mandatory = 0
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

[rtp]
audio_rtp_port=%[6]d
video_rtp_port=%[7]d
text_rtp_port=%[8]d
bind_address=%[2]s
audio_adaptive_jitt_comp_enabled=0

[net]
firewall_policy=none
dns_srv_enabled=0
dns_search_enabled=0
mtu=1300
adaptive_rate_control=0

[sound]
echocancellation=0
remote_ring=

[video]
enabled=0
capture=0
display=0
automatically_initiate=0
automatically_accept=0

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

`, cfg.Name, cfg.Addr, sipPort, cfg.Encryption, mandatory, rtpPort, rtpPort+2, rtpPort+4, number(cfg.AutoAnswer), cfg.Proxy, cfg.Domain)
	for i, codec := range codecs {
		parts := strings.Split(codec, "/")
		fmt.Fprintf(&b, "[audio_codec_%d]\nmime=%s\nrate=%s\nchannels=%s\nenabled=%d\n\n",
			i, parts[0], parts[1], parts[2], number(strings.EqualFold(parts[0], cfg.Codec)))
	}
	return b.String()
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
