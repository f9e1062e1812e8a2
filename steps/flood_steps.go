package steps

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/cucumber/godog"

	"b2bua/steps/stores"
	"b2bua/steps/stores/faulty"
)

// trouble is what a scenario does to Redis.
type trouble struct {
	network       *faulty.Proxy // between b2bua and Redis
	flood         *flood
	subscriptions int // that b2bua had told of when a server was stopped
}

// flood is messages that a goroutine publishes.
type flood struct {
	sent atomic.Int64
	stop context.CancelFunc
	done chan error
}

// floodSteps: Redis servers that fail, or have too much to say.
func (w *World) floodSteps(sc *godog.ScenarioContext) {
	sc.Step(`^(Redis|the replica) freezes$`, func(name string) error { return w.frozen(name, true) })
	sc.Step(`^(Redis|the replica) thaws$`, func(name string) error { return w.frozen(name, false) })
	sc.Step(`^b2bua reaches Redis through a network that fails$`, w.faultyRedis)
	sc.Step(`^the network to Redis (passes|answers garbage)$`, w.redisNetwork)
	sc.Step(`^Redis drops its listeners$`, func() error { return w.redisDoes("Redis", "CLIENT", "KILL", "TYPE", "pubsub") })
	sc.Step(`^Redis wants the password (\S+) of (\S+)$`, func(password, user string) error {
		return w.redisDoes("Redis", "ACL", "SETUSER", user, "on", "resetpass", ">"+password, "&*", "+@all")
	})
	sc.Step(`^Redis begins to announce (\d+) accounts, (\d+) messages a second$`, w.floods)
	sc.Step(`^Redis has announced (\d+) messages more$`, w.floodsOn)
	sc.Step(`^Redis announces nothing any more$`, w.floodEnds)
}

func (w *World) frozen(name string, on bool) error {
	r, err := w.redisNamed(name)
	if err != nil {
		return err
	}
	if on {
		return r.Pause()
	}
	return r.Resume()
}

// faultyRedis is said before b2bua starts.
func (w *World) faultyRedis() error {
	r, err := w.redisNamed("Redis")
	if err != nil {
		return err
	}
	addr, err := w.net.Next()
	if err != nil {
		return err
	}
	p, err := faulty.New(netip.AddrPortFrom(addr, stores.RedisPort), r.Addr())
	if err != nil {
		return err
	}
	w.trouble.network = p
	w.closers = append(w.closers, func() { _ = p.Close() })
	return w.settings.set("module::Registrar/redis-server-domain", addr.String())
}

// redisNetwork changes it for the connections of now, too: they are cut.
func (w *World) redisNetwork(how string) error {
	p := w.trouble.network
	if p == nil {
		return errors.New("b2bua reaches Redis directly")
	}
	if err := p.Set(map[string]faulty.Manner{"passes": faulty.Pass(), "answers garbage": faulty.Garbage()}[how]); err != nil {
		return err
	}
	p.Cut()
	return nil
}

// burst is how often messages go out, as many as are due.
const burst = 10 * time.Millisecond

// floods announces account0 and so on, one after the other and again, and one message in a thousand that says nothing.
func (w *World) floods(accounts, rate int) error {
	r, err := w.redisNamed("Redis")
	if err != nil {
		return err
	}
	if w.trouble.flood != nil {
		return errors.New("there is a flood already")
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &flood{stop: cancel, done: make(chan error, 1)}
	w.trouble.flood = f
	w.closers = append(w.closers, cancel)
	go func() {
		defer close(f.done)
		tick := time.NewTicker(burst)
		defer tick.Stop()
		begin := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			due := int64(time.Since(begin).Seconds() * float64(rate))
			if err := f.publish(ctx, r, due, accounts); err != nil && ctx.Err() == nil {
				f.done <- err
				return
			}
		}
	}()
	return nil
}

// atOnce bounds what a machine that is late makes up for in one go.
const atOnce = 2000

func (f *flood) publish(ctx context.Context, r *stores.RedisServer, due int64, accounts int) error {
	pipe := r.Client.Pipeline()
	n := f.sent.Load()
	for ; n < due && pipe.Len() < atOnce; n++ {
		text := "Mellon"
		if n%1000 != 999 {
			text = fmt.Sprintf(`{"username":"account%d","domain":%q,"identifier":"account%[1]d"}`, n%int64(accounts), jabiru)
		}
		pipe.Publish(ctx, changes, text)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	f.sent.Store(n)
	return nil
}

func (w *World) flooding() (*flood, error) {
	if w.trouble.flood == nil {
		return nil, errors.New("there is no flood in this scenario")
	}
	return w.trouble.flood, nil
}

func (w *World) floodsOn(more int64) error {
	f, err := w.flooding()
	if err != nil {
		return err
	}
	want := f.sent.Load() + more
	return w.until("the messages were not sent", func() (bool, error) {
		select {
		case err := <-f.done:
			return false, fmt.Errorf("no more is taken: %w", err)
		default:
			return f.sent.Load() >= want, nil
		}
	})
}

func (w *World) floodEnds() error {
	f, err := w.flooding()
	if err != nil {
		return err
	}
	f.stop()
	return <-f.done
}
