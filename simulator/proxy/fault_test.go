package proxy_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/simulator/endpoint"
	"b2bua/simulator/proxy"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]proxy.Fault{
		"silent": {Silent: true}, "hangup*2": {HangUp: true, Times: 2}, "stale": {Status: 401, Stale: true}, "401": {Status: 401},
		"503:30": {Status: 503, RetryAfter: 30}, "500*3": {Status: 500, Times: 3}, "503:1*1": {Status: 503, RetryAfter: 1, Times: 1},
	} {
		got, err := proxy.ParseFault(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "200", "700", "x", "503:x", "503:-1", "403*0", "403*x"} {
		_, err := proxy.ParseFault(text)
		assert.Error(t, err, text)
	}
}

// Each fault is that of its user alone and ends when it is told to.
func TestFaults(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			p := start(t, proxy.Config{Listen: []string{network + ":127.0.0.1:0"}, AuthDomains: []string{"sip.example.org"}, SharedPassword: "secret"})
			cfg := func(name string) endpoint.Config { return endpoint.Config{Name: name, Password: "secret"} }
			good, bad := phone(t, p, cfg("good")), phone(t, p, cfg("bad"))
			assert.Equal(t, 2, p.Bound())
			for _, v := range []struct {
				fault  string
				status int // 0: no answer
			}{{"403", 403}, {"503:7", 503}, {"401", 401}, {"stale", 401}, {"silent", 0}} {
				f, err := proxy.ParseFault(v.fault)
				require.NoError(t, err)
				p.SetFault("sip:bad@sip.example.org", &f)
				require.NoError(t, good.Register(within(t), time.Hour))
				before := p.Registers()
				ctx, cancel := context.WithCancel(within(t))
				if v.status == 0 {
					time.AfterFunc(50*time.Millisecond, cancel) // nothing comes, however long one waits
				}
				err = bad.Register(ctx, time.Hour)
				cancel()
				require.Error(t, err, v.fault)
				var refused *endpoint.StatusError
				if v.status != 0 && errors.As(err, &refused) {
					assert.Equal(t, v.status, refused.Status)
				}
				assert.Greater(t, p.Registers(), before)
			}
			p.SetFault("sip:bad@sip.example.org", nil)
			p.SetFault("", &proxy.Fault{Status: 500, Times: 1})
			require.Error(t, good.Register(within(t), time.Hour))
			require.NoError(t, good.Register(within(t), time.Hour), "once was said")
			p.Forget()
			assert.Zero(t, p.Bound())
			if network == "tcp" {
				assert.Equal(t, 2, p.DropConnections())
			} else {
				assert.Zero(t, p.DropConnections())
			}
		})
	}
}
