package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Baresip is a running baresip that plays back what it hears: whoever talks to it hears himself, which proves both directions and
// its decoder. It brings an SRTP and RTCP of its own (libre) and the DTLS of OpenSSL.
type Baresip struct {
	*program
	cfg     Config
	ports   uint16 // the first one of those that are its own
	control net.Conn
}

const (
	baresipModules = "/usr/lib/baresip/modules"
	baresipPorts   = 20 // SIP, SIP over TLS, media to choose from, control
	controlPort    = baresipPorts - 1
)

// baresipAddr is the address of a baresip without ICE: whatever it is configured to, its media leaves from here, because it binds to all
// addresses.
var baresipAddr = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// StartBaresip starts a baresip; it takes commands when it returns.
func StartBaresip(ctx context.Context, cfg Config) (*Baresip, error) {
	cfg.Addr = baresipAddr
	if cfg.ICE {
		var err error
		if cfg.Addr, err = outside(); err != nil {
			return nil, err
		}
	}
	first, err := freeRange(baresipPorts)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"config": baresipConfig(cfg, first), "accounts": baresipAccount(cfg) + "\n", "contacts": ""} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	p, err := startProgram("baresip "+cfg.Name, cfg.Dir, []string{"HOME=" + cfg.Dir}, "baresip", "-4", "-v", "-f", cfg.Dir)
	if err != nil {
		return nil, err
	}
	b := &Baresip{program: p, cfg: cfg, ports: first}
	if err = b.await(ctx, regexp.MustCompile("baresip is ready")); err == nil {
		b.control, err = (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(cfg.Addr, first+controlPort).String())
	}
	if err != nil {
		b.Stop()
		return nil, err
	}
	go b.drain()
	return b, nil
}

// drain reads what the control connection tells, so that baresip is never blocked by it. Its descriptions hold keys: they are
// not kept.
func (b *Baresip) drain() {
	for r := bufio.NewReader(b.control); ; {
		if _, err := readNetstring(r); err != nil {
			return
		}
	}
}

// Command gives one of its menu commands, such as dial.
func (b *Baresip) Command(name, params string) error {
	text, err := json.Marshal(map[string]string{"command": name, "params": params, "token": name})
	if err == nil {
		_, err = b.control.Write(netstring(text))
	}
	if err != nil {
		return fmt.Errorf("baresip %s, command %q: %w", b.cfg.Name, name, err)
	}
	return nil
}

// AwaitRegistered waits for the registrar's consent.
func (b *Baresip) AwaitRegistered(ctx context.Context) error {
	return b.await(ctx, regexp.MustCompile(`200 OK.*\[\d+ binding`))
}

// Call calls somebody.
func (b *Baresip) Call(uri string) error { return b.Command("dial", uri) }

// established is logged in the middle of a line when the callee answers by itself.
var established = regexp.MustCompile(`Call established`)

// AwaitRunning waits for the call and, where there is one, for the encryption.
func (b *Baresip) AwaitRunning(ctx context.Context) error {
	if err := b.await(ctx, established); err != nil || b.cfg.Encryption == "none" {
		return err
	}
	return b.await(ctx, baresipSecure)
}

// HangUp ends the call.
func (b *Baresip) HangUp() error { return b.Command("hangup", "") }

// Owns tells its media ports.
func (b *Baresip) Owns(at netip.AddrPort) bool {
	return (at.Addr() == b.cfg.Addr || at.Addr() == baresipAddr) && at.Port() >= b.ports+2 && at.Port() < b.ports+controlPort
}

// Stop ends the program: politely, then by force. It may be called again.
func (b *Baresip) Stop() {
	if b.control != nil {
		_ = b.control.Close()
	}
	_ = b.cmd.Process.Signal(syscall.SIGINT)
	b.stop()
}

var (
	baresipPackets = regexp.MustCompile(`(?m)^packets:\s+(\d+)\s+(\d+)`)
	baresipErrors  = regexp.MustCompile(`(?m)^errors:\s+(\d+)\s+(\d+)`)
	baresipLost    = regexp.MustCompile(`(?m)^lost:\s+(-?\d+)\s+(-?\d+)`)
	baresipSecure  = regexp.MustCompile(`SRTP is Enabled \(cryptosuite=([A-Z0-9_]+)\)|DTLS-SRTP complete \(\w+/RTP\) Profile=([A-Z0-9_]+)`)
	baresipBad     = regexp.MustCompile(`failed to (?:de|en)crypt (RTCP)?`)
)

// AwaitCounters waits for what baresip prints at the end of a call.
func (b *Baresip) AwaitCounters(ctx context.Context) (Counters, error) {
	if err := b.await(ctx, baresipErrors); err != nil {
		return Counters{}, err
	}
	text, _ := b.output()
	return readBaresip(text), nil
}

// readBaresip reads the counters; the numbers of RTCP, such as lost packets, are only there when a report came.
func readBaresip(text string) Counters {
	pair := func(re *regexp.Regexp) (tx, rx int) {
		if m := re.FindStringSubmatch(text); m != nil {
			tx, _ = strconv.Atoi(m[1])
			rx, _ = strconv.Atoi(m[2])
		}
		return tx, rx
	}
	var c Counters
	c.Sent, c.Received = pair(baresipPackets)
	_, c.Bad = pair(baresipErrors)
	_, c.Lost = pair(baresipLost)
	for _, m := range baresipBad.FindAllStringSubmatch(text, -1) {
		if c.Errors++; m[1] != "" {
			c.ControlErrors++
		}
	}
	if m := baresipSecure.FindStringSubmatch(text); m != nil {
		c.Suite = m[1] + m[2]
	}
	c.Heard = "plays it back"
	return c
}

// baresipEncryptions are its words for ours; "-mand" is RTP/SAVP and nothing else.
var baresipEncryptions = map[string]string{"srtp": "srtp-mand", "dtls": "dtls_srtp"}

func baresipAccount(cfg Config) string {
	a := fmt.Sprintf(`<sip:%s@%s;transport=udp>;regint=3600;outbound="sip:%s;transport=udp";audio_codecs=PCMU;ptime=20`, cfg.Name, cfg.Domain, cfg.Proxy)
	if e := baresipEncryptions[cfg.Encryption]; e != "" {
		a += ";mediaenc=" + e
	}
	if cfg.ICE {
		a += ";medianat=ice"
	}
	if cfg.AutoAnswer {
		a += ";answermode=auto"
	}
	return a
}

// baresipConfig is its configuration file. What a bridge plays comes out of its source again; an audio path without files keeps
// the ringing tone from using the bridge, which would stop it.
func baresipConfig(cfg Config, first uint16) string {
	var b strings.Builder
	fmt.Fprintf(&b, `poll_method epoll
sip_listen %[1]s:%[2]d
call_local_timeout 120
call_max_calls 4
audio_source aubridge,echo
audio_player aubridge,echo
audio_alert aubridge,alert
audio_path %[7]s
ausrc_srate 8000
auplay_srate 8000
audio_level no
audio_buffer 20-160
rtp_ports %[3]d-%[4]d
rtcp_mux no
jitter_buffer_delay 1-5
rtp_stats yes
net_interface %[1]s
statmode_default off
module_path %[5]s
module g711.so
module aubridge.so
module srtp.so
module dtls_srtp.so
module ice.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app debug_cmd.so
module_app ctrl_tcp.so
ctrl_tcp_listen %[1]s:%[6]d
`, cfg.Addr, first, first+2, first+controlPort-1, baresipModules, first+controlPort, cfg.Dir)
	return b.String()
}

// errNoPorts is nothing that happens on a sane machine.
var errNoPorts = errors.New("no range of free ports for baresip")
