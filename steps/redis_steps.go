package steps

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cucumber/godog"

	"b2bua/simulator/testca"
	"b2bua/steps/stores"
)

// changes is the channel on which changes of accounts are announced.
const changes = "flexisip/B2BUA/account"

// redisSteps: what announces changes.
func (w *World) redisSteps(sc *godog.ScenarioContext) {
	sc.Step(`^a Redis server$`, func() error { return w.aRedis("Redis", stores.Spec{}) })
	sc.Step(`^a Redis server that starts with '(.+)'$`, w.redisWith)
	sc.Step(`^a Redis server over TLS that (takes everybody|wants certificates)$`, w.redisOverTLS)
	sc.Step(`^a Redis server and its replica$`, w.redisAndReplica)
	sc.Step(`^b2bua is told of (Redis|the replica)$`, w.toldOfRedis)
	sc.Step(`^the replica is promoted$`, func() error { return w.redisDoes("the replica", "REPLICAOF", "NO", "ONE") })
	sc.Step(`^b2bua listens to (Redis|the replica)$`, w.listensTo)
	sc.Step(`^b2bua follows (Redis|the replica)$`, w.follows)
	sc.Step(`^(Redis|the replica) is down$`, w.redisDown)
	sc.Step(`^(Redis|the replica) is up again$`, w.redisUp)
	sc.Step(`^(Redis|the replica) restarts$`, func(name string) error { return errors.Join(w.redisDown(name), w.redisUp(name)) })
	sc.Step(`^the account ([^ :]+) is announced$`, func(user string) error { return w.isAnnounced(user+"@"+jabiru, user) })
	sc.Step(`^the account sip:(\S+) is announced as (\S+)$`, w.isAnnounced)
	sc.Step(`^Redis announces '(.*)'$`, func(text string) error { return w.announces("Redis", text) })
}

// aRedis starts a server of the scenario's own, which b2bua is told of.
func (w *World) aRedis(name string, s stores.Spec) error {
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	return w.redisAt(name, addr, s)
}

func (w *World) redisAt(name string, addr netip.Addr, s stores.Spec) error {
	ctx, cancel := w.wait()
	defer cancel()
	r, err := w.suite.stores.Redis(ctx, addr, s)
	if err != nil {
		return err
	}
	w.redis[name] = r
	w.closers = append(w.closers, func() { _ = r.Remove() })
	return w.toldOfRedis(name)
}

func (w *World) toldOfRedis(name string) error {
	r, err := w.redisNamed(name)
	if err != nil {
		return err
	}
	return errors.Join(
		w.settings.set("module::Registrar/redis-server-domain", r.Addr().Addr().String()),
		w.settings.set("module::Registrar/redis-server-port", fmt.Sprint(stores.RedisPort)),
	)
}

// redisWith starts one with arguments as they would stand in its configuration, separated by blanks.
func (w *World) redisWith(arguments string) error {
	return w.aRedis("Redis", stores.Spec{Args: strings.Fields(arguments)})
}

// redisTLSPort is a second port of a server: the suite keeps the plain one.
const redisTLSPort = "6380"

// redisOverTLS starts one whose certificate is of {{dir}}/redis/ca.pem. certificate.pem and key.pem beside it are for b2bua; another
// authority is in {{dir}}/stranger.
func (w *World) redisOverTLS(clients string) error {
	ca, err := testca.New()
	if err != nil {
		return err
	}
	stranger, err := testca.New()
	if err != nil {
		return err
	}
	err = errors.Join(ca.WriteDir(filepath.Join(w.dir, "redis"), "b2bua.example.org"), stranger.WriteDir(filepath.Join(w.dir, "stranger"), "b2bua.example.org"))
	if err != nil {
		return err
	}
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	files, err := ca.Files(addr.String())
	if err != nil {
		return err
	}
	return errors.Join(
		w.redisAt("Redis", addr, stores.Spec{Files: files, Args: []string{
			"--tls-port", redisTLSPort, "--tls-cert-file", "{dir}/certificate.pem", "--tls-key-file", "{dir}/key.pem", "--tls-ca-cert-file", "{dir}/ca.pem",
			"--tls-auth-clients", map[string]string{"takes everybody": "no", "wants certificates": "yes"}[clients],
		}}),
		w.settings.set("module::Registrar/redis-server-port", redisTLSPort),
	)
}

// redisAndReplica starts both; b2bua is told of the primary.
func (w *World) redisAndReplica() error {
	if err := w.aRedis("Redis", stores.Spec{}); err != nil {
		return err
	}
	if err := w.aRedis("the replica", stores.Spec{Args: stores.ReplicaOf(w.redis["Redis"].Addr())}); err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return errors.Join(w.redis["the replica"].AwaitReplication(ctx), w.toldOfRedis("Redis"))
}

func (w *World) redisDoes(name string, command ...string) error {
	r, err := w.redisNamed(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return r.Do(ctx, command...)
}

func (w *World) redisNamed(name string) (*stores.RedisServer, error) {
	if r, ok := w.redis[name]; ok {
		return r, nil
	}
	return nil, fmt.Errorf("there is no server %q in this scenario", name)
}

// listensTo waits until b2bua listens to the channel.
func (w *World) listensTo(name string) error {
	r, err := w.redisNamed(name)
	if err != nil {
		return err
	}
	return w.until("b2bua does not listen to "+changes, func() (bool, error) {
		ctx, cancel := w.wait()
		defer cancel()
		n, err := r.Subscribers(ctx, changes)
		return n > 0, err
	})
}

// follows waits until b2bua listens, says so, and has read all accounts since.
func (w *World) follows(name string) error {
	if err := w.listensTo(name); err != nil {
		return err
	}
	return w.until("the accounts were not read since", func() (bool, error) {
		n, followed, read := 0, false, false
		for _, line := range w.process.Lines() {
			switch text := line.Text; {
			case strings.Contains(text, "changes of accounts are followed"):
				n, followed, read = n+1, true, false
			case strings.Contains(text, "changes are not seen until") || strings.Contains(text, "changes of accounts are not seen"):
				followed, read = false, false
			case strings.Contains(text, ": loaded from "):
				read = followed
			}
		}
		return read && n > w.trouble.subscriptions, nil
	})
}

// subscriptions counts what b2bua says.
func (w *World) subscriptions() int {
	n := 0
	if w.process != nil {
		for _, line := range w.process.Lines() {
			if strings.Contains(line.Text, "changes of accounts are followed") {
				n++
			}
		}
	}
	return n
}

func (w *World) redisDown(name string) error {
	r, err := w.redisNamed(name)
	if err != nil {
		return err
	}
	w.trouble.subscriptions = w.subscriptions()
	ctx, cancel := w.wait()
	defer cancel()
	return r.Stop(ctx)
}

func (w *World) redisUp(name string) error {
	r, err := w.redisNamed(name)
	if err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	return r.Start(ctx)
}

// isAnnounced tells of a change, and waits until b2bua has dealt with it.
func (w *World) isAnnounced(account, identifier string) error {
	before := w.dealtWith(account)
	user, host, _ := strings.Cut(account, "@")
	if err := w.announces("Redis", fmt.Sprintf(`{"username":%q,"domain":%q,"identifier":%q}`, user, host, identifier)); err != nil {
		return err
	}
	return w.until("the change was not dealt with", func() (bool, error) { return w.dealtWith(account) > before, nil })
}

// dealtWith counts the changes of an account that b2bua says it has read.
func (w *World) dealtWith(account string) int {
	n := 0
	for _, line := range w.process.Lines() {
		_, what, found := strings.Cut(line.Text, ": sip:"+account)
		if found && announced.MatchString(what) {
			n++
		}
	}
	return n
}

var announced = regexp.MustCompile(`^ (is new|has changed|is as it was|is deleted)$|^: a change was announced, but `)

// announces waits for a listener first: what nobody hears is lost.
func (w *World) announces(name, text string) error {
	text, err := w.expand(text)
	if err != nil {
		return err
	}
	r, err := w.redisNamed(name)
	if err != nil {
		return err
	}
	if err := w.listensTo(name); err != nil {
		return err
	}
	ctx, cancel := w.wait()
	defer cancel()
	n, err := r.Publish(ctx, changes, text)
	if err == nil && n == 0 {
		err = errors.New("nobody has heard it")
	}
	return w.explain(err)
}
