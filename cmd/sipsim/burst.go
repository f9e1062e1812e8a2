package main

import (
	"fmt"
	"strings"
	"time"

	"b2bua/simulator/load"
)

type loadBurstCmd struct {
	loadFlags
	Handshakes int           `default:"1000" placeholder:"N" group:"Burst:" help:"Calls with keys of their own on leg A whose handshakes start at once."`
	By         string        `default:"dtls" enum:"dtls,zrtp" group:"Burst:" help:"dtls or zrtp: how these calls get their keys."`
	Duration   time.Duration `default:"15s" placeholder:"TIME" group:"Burst:" help:"Measured time of the running calls; the burst comes one second after its begin, or later when its calls are not answered yet."`
	Warm       time.Duration `default:"3s" placeholder:"TIME" group:"Burst:" help:"Warm-up before it, in which the calls of the burst are set up."`
}

// Help teaches.
func (loadBurstCmd) Help() string {
	return `Keeps --calls calls up with G.711 both ways, places --handshakes more calls with DTLS-SRTP or ZRTP on leg A, and starts
the handshakes of all of them at once. Every packet of the running calls is counted.

The status is 0 when all handshakes were complete within ten seconds, every call completed, and not one packet was lost; 2 otherwise.

` + loadHelp[:strings.Index(loadHelp, "\n\nThe status is")]
}

// Run measures.
func (c *loadBurstCmd) Run(e *env) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	cfg.Media, cfg.Duration, cfg.Warm, cfg.Burst, cfg.BurstBy = true, c.Duration, c.Warm, c.Handshakes, c.By
	return c.measure(e, cfg)
}

func printBurst(w *strings.Builder, b *load.BurstResult) {
	if b == nil {
		return
	}
	fmt.Fprintf(w, "burst       %d of %d handshakes of %s in %.2f s\n", b.Complete, b.Handshakes, b.By, b.Seconds)
	for why, n := range b.Failures {
		fmt.Fprintf(w, "            %6d  %s\n", n, why)
	}
}
