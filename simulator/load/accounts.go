//go:build linux

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"b2bua/simulator/proxy"
)

// AccountsConfig describes a load of registrations.
type AccountsConfig struct {
	Accounts int
	Program  []string // b2bua, with what stands before it
	Network  string   // "udp" or "tcp"
	// Lifetime of the registrations; with Refresh one whole lifetime is watched.
	Lifetime time.Duration
	Refresh  bool
	// Drop closes all connections once everybody is registered (tcp).
	Drop bool
}

// AccountsResult is what it cost.
type AccountsResult struct {
	Accounts          int     `json:"accounts"`
	Network           string  `json:"network"`
	RegisteredSeconds float64 `json:"registered_s"` // from the first REGISTER to the last account
	StartSeconds      float64 `json:"start_s"`      // from the start of the process to the first REGISTER: the file is read
	PerSecond         float64 `json:"registrations_per_s"`
	CPUSeconds        float64 `json:"cpu_s"` // until then
	CPUMicroseconds   float64 `json:"cpu_us_per_account"`
	BytesPerAccount   float64 `json:"bytes_per_account"` // resident, over that of one account
	RecoverSeconds    float64 `json:"recover_s,omitempty"`
	RefreshLeast      int     `json:"refresh_per_s_least,omitempty"` // between 55 % and 85 % of the lifetime
	RefreshMost       int     `json:"refresh_per_s_most,omitempty"`
	RefreshEarly      int     `json:"refresh_early,omitempty"` // before 49 %
	RefreshCPUPercent float64 `json:"refresh_cpu_percent,omitempty"`
	StopSeconds       float64 `json:"stop_s"`
	LeftRegistered    int     `json:"left_registered"` // after the stop
}

const (
	accountsAddress  = "127.0.0.40:5060" // of b2bua
	registrarAddress = "127.0.0.41:5060"
	accountsDomain   = "accounts.example.org"
)

// Accounts starts a registrar and b2bua with so many accounts, and measures. The first REGISTER of each account is challenged.
func Accounts(ctx context.Context, cfg AccountsConfig) (*AccountsResult, error) {
	one := cfg
	one.Accounts, one.Drop, one.Refresh = 1, false, false
	base, err := accountsRun(ctx, one)
	if err != nil {
		return nil, err
	}
	r, err := accountsRun(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r.BytesPerAccount = (r.BytesPerAccount - base.BytesPerAccount) / float64(cfg.Accounts)
	return r, nil
}

// accountsRun is one run; BytesPerAccount is all of the memory.
func accountsRun(ctx context.Context, cfg AccountsConfig) (*AccountsResult, error) {
	p, err := proxy.New(proxy.Config{
		Listen: []string{cfg.Network + ":" + registrarAddress}, Domains: []string{accountsDomain}, AuthDomains: []string{accountsDomain},
		SharedPassword: "secret", Forgetful: true, MaxExpires: cfg.Lifetime, NonceLife: 24 * time.Hour,
		Nonces: 2*cfg.Accounts + 1000,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }() // measured is what b2bua does
	dir, err := os.MkdirTemp("", "sipsim-accounts-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a directory of ours
	if err := accountsFiles(dir, cfg); err != nil {
		return nil, err
	}
	run := &accountsRunning{p: p, cfg: cfg, result: &AccountsResult{Accounts: cfg.Accounts, Network: cfg.Network}}
	if err := run.start(dir); err != nil {
		return nil, err
	}
	defer run.kill()
	if err := run.measure(ctx); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, tail(run.out.Bytes()))
	}
	return run.result, nil
}

func tail(b []byte) []byte { return b[max(0, len(b)-2000):] }

type accountsRunning struct {
	p      *proxy.Proxy
	cfg    AccountsConfig
	result *AccountsResult
	cmd    *exec.Cmd
	begin  time.Time
	out    bytes.Buffer
	done   chan struct{}
	looked time.Time
}

func (r *accountsRunning) start(dir string) error {
	args := append(r.cfg.Program[1:len(r.cfg.Program):len(r.cfg.Program)], "-c", filepath.Join(dir, "b2bua.conf"))
	r.cmd = exec.Command(r.cfg.Program[0], args...)
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.begin, r.done = time.Now(), make(chan struct{})
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("starting b2bua: %w", err)
	}
	go func() {
		_ = r.cmd.Wait() // how it ended shows in what it printed
		close(r.done)
	}()
	return nil
}

func (r *accountsRunning) kill() {
	_ = r.cmd.Process.Kill() // it may have ended
	<-r.done
}

// until waits for something that the registrar sees.
func (r *accountsRunning) until(ctx context.Context, patience time.Duration, there func() bool) (time.Duration, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-r.done:
			return 0, errors.New("b2bua ended")
		case <-ctx.Done():
			return 0, fmt.Errorf("not in time; registered: %d of %d", r.p.Bound(), r.cfg.Accounts)
		case <-tick.C:
		}
	}
	return time.Since(began), nil
}

// all looks rarely at every account: the registrar stands still meanwhile.
func (r *accountsRunning) all() bool {
	if time.Since(r.looked) < time.Duration(1+r.cfg.Accounts/200)*time.Millisecond {
		return false
	}
	r.looked = time.Now()
	return r.p.Bound() == r.cfg.Accounts
}

func (r *accountsRunning) measure(ctx context.Context) error {
	if _, err := r.until(ctx, time.Minute, func() bool { return r.p.Registers() > 0 }); err != nil {
		return err
	}
	res, pids := r.result, []int{r.cmd.Process.Pid}
	res.StartSeconds = time.Since(r.begin).Seconds()
	took, err := r.until(ctx, 5*time.Minute, r.all)
	if err != nil {
		return err
	}
	user, system := cpuOf(pids)
	res.RegisteredSeconds, res.CPUSeconds = took.Seconds(), user+system
	res.PerSecond = float64(r.cfg.Accounts) / took.Seconds()
	res.CPUMicroseconds = res.CPUSeconds * 1e6 / float64(r.cfg.Accounts)
	res.BytesPerAccount = float64(memoryOf(pids)) * 1024
	if r.cfg.Refresh {
		if err := r.refreshes(ctx, time.Now().Add(-took), pids); err != nil {
			return err
		}
	}
	if r.cfg.Drop {
		r.p.Forget()
		r.p.DropConnections()
		took, err := r.until(ctx, time.Minute, r.all)
		if err != nil {
			return err
		}
		res.RecoverSeconds = took.Seconds()
	}
	return r.stop(ctx)
}

// refreshes counts REGISTERs per second through the first lifetime.
func (r *accountsRunning) refreshes(ctx context.Context, registered time.Time, pids []int) error {
	res, last := r.result, r.p.Registers()
	user, system := cpuOf(pids)
	before, began := user+system, time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	res.RefreshLeast = 1 << 30
	for time.Since(registered) < r.cfg.Lifetime*9/10 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		now := r.p.Registers()
		n, part := now-last, time.Since(registered).Seconds()/r.cfg.Lifetime.Seconds()
		last = now
		switch {
		case part < 0.49:
			res.RefreshEarly += n
		case part > 0.55 && part < 0.85:
			res.RefreshLeast, res.RefreshMost = min(res.RefreshLeast, n), max(res.RefreshMost, n)
		}
	}
	user, system = cpuOf(pids)
	res.RefreshCPUPercent = 100 * (user + system - before) / time.Since(began).Seconds()
	return nil
}

func (r *accountsRunning) stop(ctx context.Context) error {
	began := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("b2bua can't be stopped: %w", err)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Second):
		return errors.New("b2bua does not stop")
	}
	r.result.StopSeconds, r.result.LeftRegistered = time.Since(began).Seconds(), r.p.Bound()
	return nil
}

// accountsFiles writes the configuration and the providers file.
func accountsFiles(dir string, cfg AccountsConfig) error {
	var b strings.Builder
	fmt.Fprintf(&b, `{"schemaVersion": 2, "providers": [{"name": "load", "accountPool": "load", "triggerCondition": {"strategy": "Always"},
 "accountToUse": {"strategy": "FindInPool", "by": "alias", "source": "{from}"}, "onAccountNotFound": "decline", "outgoingInvite": {"to": "{incoming.to}"}}],
 "accountPools": {"load": {"outboundProxy": "<sip:%s;transport=%s>", "registrationRequired": true, "maxCallsPerLine": 5, "loader": [`,
		registrarAddress, cfg.Network)
	for i := range cfg.Accounts {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n"+`{"uri": "sip:account%d@%s", "secretType": "clrtxt", "secret": "secret", "alias": "sip:user%[1]d@example.org"}`, i, accountsDomain)
	}
	b.WriteString("]}}}\n")
	if err := os.WriteFile(filepath.Join(dir, "providers.json"), []byte(b.String()), 0o600); err != nil {
		return err
	}
	conf := fmt.Sprintf("[global]\nlog-directory=%s\n[b2bua-server]\napplication=sip-bridge\ntransport=sip:%s;transport=%s\ndata-directory=%[1]s\n"+
		"[b2bua-server::sip-bridge]\nproviders=providers.json\n", dir, accountsAddress, cfg.Network)
	return os.WriteFile(filepath.Join(dir, "b2bua.conf"), []byte(conf), 0o600)
}
