package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"b2bua/core/sip"
)

type pingCmd struct {
	Target  string        `arg:"" help:"Whom to ask: 'sip:HOST:PORT', with ;transport=tcp for TCP."`
	Timeout time.Duration `default:"2s" placeholder:"TIME" help:"How long to wait for the answer."`
}

// Help teaches.
func (pingCmd) Help() string {
	return `Sends an OPTIONS; every answer will do. For health checks of containers, and to learn whether an address and a transport are right.

  sipsim ping 'sip:127.0.0.1:6067;transport=tcp'
  healthcheck: {test: ["CMD", "sipsim", "ping", "sip:192.0.2.7:5060;transport=tcp"]}

The status is 0 when something answers, else 1.`
}

// Run asks once.
func (c *pingCmd) Run(e *env) error {
	target, err := sip.ParseURI(c.Target)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Target, err)
	}
	network, port := "udp", uint16(5060)
	switch transport, _ := target.Params.Get("transport"); {
	case target.Scheme != "sip" || transport != "" && transport != "udp" && transport != "tcp":
		return fmt.Errorf("%s: ping takes a sip URI, and knows UDP and TCP only", c.Target)
	case transport == "tcp":
		network = "tcp"
	}
	if target.Port > 0 {
		port = uint16(target.Port)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(e.ctx, "ip", strings.Trim(target.Host, "[]"))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Target, err)
	}
	if err := ask(e.ctx, c.Timeout, network, netip.AddrPortFrom(addrs[0].Unmap(), port)); err != nil {
		return fmt.Errorf("nothing answers at %s: %w", c.Target, err)
	}
	_, err = fmt.Fprintf(e.stdout, "%s answers\n", c.Target)
	return err
}
