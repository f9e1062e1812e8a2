// Package docker serves databases and Redis servers as containers of a Docker engine on this machine.
//
// They are on the host's network, so that an address of loopback means the same to a server, to its replica and to the product.
// What a run that was killed has left behind is removed by the next one.
package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	quiet "github.com/testcontainers/testcontainers-go/log"

	"b2bua/steps/stores"
)

// label tells our containers from others; its value is the lock of the run that they belong to.
const label = "b2bua.stores"

// Way leads to containers.
func Way() stores.Way {
	return stores.Way{
		Name: "docker", Try: open,
		Remedy: []string{
			"start a Docker engine (.ci/engine COMMAND starts Debian's docker.io for the time of a command) and make images without a registry: docker/images",
			"start a Docker engine, and name images that it has or can pull: B2BUA_MYSQL_IMAGE (default mariadb:11), B2BUA_REDIS_IMAGE (default redis:7)",
		},
	}
}

type provider struct {
	name   string
	images images
	client *client.Client
	lock   net.Listener // of a name that ends with the process

	mu      sync.Mutex
	servers map[*server]bool
}

// atOnce: the engine is asked before anything else is tried, and one that hangs is none.
const atOnce = 5 * time.Second

func open(ctx context.Context) (stores.Provider, error) {
	// Nobody of this library shall print, and its reaper is an image that not everybody can pull: containers are removed here.
	quiet.SetDefault(silent{})
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, err
	}
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("no engine answers: %w", err)
	}
	p := &provider{client: engine.Client, servers: map[*server]bool{}}
	if err := p.prepare(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *provider) prepare(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, atOnce)
	defer cancel()
	engine, err := p.client.Info(soon, client.InfoOptions{})
	if err != nil {
		return fmt.Errorf("no engine answers: %w", err)
	}
	if host, err := os.Hostname(); err != nil || engine.Info.Name != host {
		return fmt.Errorf("the engine runs on %q, and this is %q: its loopback addresses are not ours", engine.Info.Name, host)
	}
	if p.images, err = find(ctx, p.client); err != nil {
		return err
	}
	p.name = fmt.Sprintf("containers of %s and %s (engine %s)", p.images[stores.SQL], p.images[stores.Redis], engine.Info.ServerVersion)
	if p.lock, err = net.Listen("unix", fmt.Sprintf("@%s-%d-%d", label, os.Getpid(), time.Now().UnixNano())); err != nil {
		return err
	}
	return p.removeDeserted(ctx)
}

// removeDeserted: a run whose name can be taken has ended.
func (p *provider) removeDeserted(ctx context.Context) error {
	list, err := p.client.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", label)})
	if err != nil {
		return fmt.Errorf("containers of earlier runs: %w", err)
	}
	var faults []error
	for _, c := range list.Items {
		name := c.Labels[label]
		if !strings.HasPrefix(name, "@") {
			continue // no name of ours
		}
		lock, err := net.Listen("unix", name)
		if err != nil {
			continue // it runs
		}
		faults = append(faults, p.remove(ctx, c.ID), lock.Close())
	}
	return errors.Join(faults...)
}

func (p *provider) remove(ctx context.Context, id string) error {
	_, err := p.client.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !strings.Contains(err.Error(), "No such container") {
		return err
	}
	return nil
}

// Name is of the provider.
func (p *provider) Name() string { return p.name }

// Close removes all containers.
func (p *provider) Close() error {
	p.mu.Lock()
	left := slices.Collect(maps.Keys(p.servers))
	p.mu.Unlock()
	var faults []error
	for _, s := range left {
		faults = append(faults, s.Remove())
	}
	if p.lock != nil {
		faults = append(faults, p.lock.Close())
	}
	return errors.Join(append(faults, p.client.Close())...)
}

type silent struct{}

// Printf says nothing.
func (silent) Printf(string, ...any) {}
