package stores

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisServer is a Redis server with a connection of the suite's own.
type RedisServer struct {
	Server
	Client *redis.Client
}

// The suite has a user of its own, so that a scenario may take all rights from everybody else's.
const (
	redisUser     = "suite"
	redisPassword = "suite"
)

func startRedis(ctx context.Context, p Provider, addr netip.Addr, s Spec) (*RedisServer, error) {
	s.Kind, s.Addr = Redis, netip.AddrPortFrom(addr, RedisPort)
	s.Args = append([]string{
		"--user", redisUser, "on", ">" + redisPassword, "~*", "&*", "+@all",
		"--replica-announce-ip", addr.String(), // on loopback a connection does not show where the replica listens
	}, s.Args...)
	server, err := p.Start(ctx, s)
	if err != nil {
		return nil, err
	}
	return &RedisServer{Server: server, Client: redis.NewClient(&redis.Options{
		Addr: s.Addr.String(), Username: redisUser, Password: redisPassword, MaxRetries: 3,
	})}, nil
}

// Publish announces a text on a channel and returns how many heard it.
func (r *RedisServer) Publish(ctx context.Context, channel, text string) (int64, error) {
	return r.Client.Publish(ctx, channel, text).Result()
}

// Do runs a command.
func (r *RedisServer) Do(ctx context.Context, command ...string) error {
	args := make([]any, len(command))
	for i, c := range command {
		args[i] = c
	}
	if err := r.Client.Do(ctx, args...).Err(); err != nil {
		return fmt.Errorf("Redis at %v, %s: %w", r.Addr(), command[0], err)
	}
	return nil
}

// AwaitReplication waits until a replica has its primary.
func (r *RedisServer) AwaitReplication(ctx context.Context) error {
	for {
		info, err := r.Client.Info(ctx, "replication").Result()
		if err != nil || strings.Contains(info, "master_link_status:up") {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no replication: %w; Redis says:\n%s", ctx.Err(), info)
		case <-time.After(10 * time.Millisecond): // Redis tells nobody
		}
	}
}

// Subscribers is how many listen to a channel.
func (r *RedisServer) Subscribers(ctx context.Context, channel string) (int64, error) {
	n, err := r.Client.PubSubNumSub(ctx, channel).Result()
	return n[channel], err
}

// Remove ends the server and the suite's connection.
func (r *RedisServer) Remove() error {
	err := r.Client.Close()
	if errors.Is(err, redis.ErrClosed) {
		err = nil
	}
	return errors.Join(err, r.Server.Remove())
}

// ReplicaOf are the arguments of a replica of a server.
func ReplicaOf(primary netip.AddrPort) []string {
	return []string{"--replicaof", fmt.Sprintf("%s %d", primary.Addr(), primary.Port())}
}
