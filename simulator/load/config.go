package load

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"b2bua/media/sdp"
	"b2bua/media/zrtp/alg"
)

// Config of one measurement. Addresses must be loopback.
type Config struct {
	DUT      netip.AddrPort // where INVITEs go: the B2BUA's listening address
	NG       netip.AddrPort // set: the calls are set up at an rtpengine by its NG protocol instead; media only
	Network  string         // "udp" (default) or "tcp"
	UAC, UAS netip.AddrPort // our own SIP addresses; the B2BUA must bring the calls to UAS. Default 127.0.0.30:5069, 127.0.0.31:5070
	Target   string         // Request-URI and To; %u is the call's own user part. Default "sip:%u@load.example.org"
	From     string         // From URI. Default "sip:load@load.example.org"
	Header   []string       // further header lines of the INVITE, "Name: value"

	Calls    int           // how many
	Rate     float64       // calls per second; 0: as fast as Parallel allows
	Parallel int           // calls in progress at once with Rate 0; default 20
	Hold     time.Duration // from answer to BYE; calls only
	Timeout  time.Duration // for one set-up or release; default 10 s
	Ring     bool          // send 180 before 200

	A, B           string // media encryption of the caller's and the callee's leg: "none", "sdes" or, with media, "dtls" or "zrtp"
	SuiteA, SuiteB string // SDES suites, SDP names; default AES_CM_128_HMAC_SHA1_80

	Media     bool          // packets flow: all calls are set up, packets sent for Warm and Duration, all released
	Duration  time.Duration // measured time; default 10 s
	Warm      time.Duration // before it; default 2 s
	Settle    time.Duration // between the set-up of the last call and the first packet
	Burst     int           // further calls with keys of BurstBy on leg A, whose handshakes start at once while packets flow
	BurstBy   string        // "dtls" (default, with rtcp-mux) or "zrtp"
	Agreement string        // the key agreement of ZRTP that our ends want; default those of a phone of today
	IPA, IPB  netip.Addr    // media addresses; default those of UAC and UAS
	Sockets   int           // per side; default 2. Few sockets keep the generator cheap
	Sample    int           // every n-th packet of a leg is decrypted and compared; default 20, 1: all
	PayloadPT uint8         // 0 PCMU (default), 8 PCMA
	PID       []int         // the B2BUA's processes, for CPU and memory
	DUTCPU    int           // CPU that the B2BUA is pinned to, for Result.CPUBusy; -1: none
	Children  bool          // count the child processes of PID too
	suiteA    sdp.Suite
	suiteB    sdp.Suite
	encrypted [2]bool
	methods   [2]method
	burstBy   method
	agreement alg.Code
}

const (
	memoryBound = 10 << 30 // prepared packets
	frame       = 20 * time.Millisecond
	stride      = 192 // octets kept per packet: 20 ms of G.711 with room for the SRTP tag
)

func (c *Config) defaults() error {
	if c.Network == "" {
		c.Network = "udp"
	}
	for _, d := range []struct {
		at   *netip.AddrPort
		text string
	}{{&c.UAC, "127.0.0.30:5069"}, {&c.UAS, "127.0.0.31:5070"}} {
		if !d.at.IsValid() {
			*d.at = netip.MustParseAddrPort(d.text)
		}
	}
	if !c.IPA.IsValid() {
		c.IPA = c.UAC.Addr()
	}
	if !c.IPB.IsValid() {
		c.IPB = c.UAS.Addr()
	}
	c.Target = orText(c.Target, "sip:%u@load.example.org")
	c.From = orText(c.From, "sip:load@load.example.org")
	c.SuiteA, c.SuiteB = orText(c.SuiteA, "AES_CM_128_HMAC_SHA1_80"), orText(c.SuiteB, "AES_CM_128_HMAC_SHA1_80")
	c.A, c.B = orText(c.A, "none"), orText(c.B, "none")
	c.Parallel, c.Sockets, c.Sample = orInt(c.Parallel, 20), orInt(c.Sockets, 2), orInt(c.Sample, 20)
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Duration <= 0 {
		c.Duration = 10 * time.Second
	}
	if c.Warm <= 0 {
		c.Warm = 2 * time.Second
	}
	return c.check()
}

func (c *Config) check() (err error) {
	dut := c.DUT.Addr()
	if c.NG.IsValid() {
		if dut = c.NG.Addr(); !c.Media {
			return errors.New("load: an rtpengine has no calls without media")
		}
	}
	for _, a := range []netip.Addr{dut, c.UAC.Addr(), c.UAS.Addr(), c.IPA, c.IPB} {
		if !a.Is4() || !a.IsLoopback() {
			return fmt.Errorf("load: %s: only IPv4 loopback addresses are taken", a)
		}
	}
	if c.Network != "udp" && c.Network != "tcp" {
		return fmt.Errorf("load: network %q: write udp or tcp", c.Network)
	}
	if c.Calls <= 0 {
		return fmt.Errorf("load: %d calls", c.Calls)
	}
	if err := c.keys(); err != nil {
		return err
	}
	if c.suiteA, err = sdp.ParseSuite(c.SuiteA); err == nil {
		c.suiteB, err = sdp.ParseSuite(c.SuiteB)
	}
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if need := int64(c.Calls) * 2 * int64(c.packets()) * (stride + 8); c.Media && need > memoryBound {
		return fmt.Errorf("load: %d MB of prepared packets: lower the number of calls or the time", need>>20)
	}
	return nil
}

// keys checks what has to do with encryption.
func (c *Config) keys() (err error) {
	methods := map[string]method{"none": inline, "sdes": inline, "dtls": byDTLS, "zrtp": byZRTP}
	for i, e := range []string{c.A, c.B} {
		m, ok := methods[e]
		switch {
		case !ok:
			return fmt.Errorf("load: encryption %q: write none, sdes, dtls or zrtp", e)
		case m != inline && !c.Media:
			return fmt.Errorf("load: encryption %s: only with media, which makes the handshakes", e)
		case m == byZRTP && c.NG.IsValid():
			return errors.New("load: rtpengine has no ZRTP")
		}
		c.encrypted[i], c.methods[i] = e == "sdes", m
	}
	c.burstBy = methods[orText(c.BurstBy, "dtls")]
	if c.Burst != 0 && (!c.Media || c.Burst < 0 || c.methods != [2]method{} || c.burstBy == inline || c.NG.IsValid()) {
		return errors.New("load: a burst of dtls or zrtp needs media with neither in the running calls, and SIP")
	}
	if c.Agreement == "" {
		return nil
	}
	for _, a := range alg.KindAgreement.Supported() {
		if c.Agreement == a.String() && a != alg.Mult {
			c.agreement = a
			return nil
		}
	}
	return fmt.Errorf("load: key agreement %q is none of %v", c.Agreement, alg.KindAgreement.Supported())
}

// packets that each side sends.
func (c *Config) packets() int { return int((c.Warm + c.Duration) / frame) }

func orText(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

func orInt(n, d int) int {
	if n <= 0 {
		return d
	}
	return n
}

// suiteOf is the suite of a leg that is encrypted.
func (c *Config) suiteOf(dir int) sdp.Suite {
	switch {
	case !c.encrypted[dir]:
		return sdp.NoSuite
	case dir == 0:
		return c.suiteA
	}
	return c.suiteB
}

// burstSuite is suiteOf for the calls of a burst, whose leg A has keys of its own.
func (c *Config) burstSuite(dir int) sdp.Suite {
	if dir == 0 {
		return sdp.NoSuite
	}
	return c.suiteOf(dir)
}

// handshakeTime is how long all handshakes may take: at a tenth of what a product should do, that is 200 per second.
func (c *Config) handshakeTime() time.Duration {
	return 10*time.Second + time.Duration(c.Calls)*50*time.Millisecond
}

// method is how a side gets its keys.
type method uint8

const (
	inline method = iota // by its description, or it needs none
	byDTLS
	byZRTP
)
