package stores_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/steps/loopback"
	"b2bua/steps/stores"
	"b2bua/steps/stores/docker"
	"b2bua/steps/stores/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fake struct{ stores.Provider }

func (fake) Name() string { return "a fake" }

func TestChoose(t *testing.T) {
	var tried []string
	way := func(name string, err error) stores.Way {
		return stores.Way{Name: name, Remedy: []string{"repair " + name}, Try: func(context.Context) (stores.Provider, error) {
			tried = append(tried, name)
			return fake{}, err
		}}
	}
	down, up := errors.New("it is down"), error(nil)
	for _, c := range []struct {
		wish   string
		ways   []stores.Way
		tried  []string
		faults []string
	}{
		{"", []stores.Way{way("docker", down), way("local", up)}, []string{"docker", "local"}, nil},
		{"auto", []stores.Way{way("docker", up), way("local", up)}, []string{"docker"}, nil},
		{"local", []stores.Way{way("docker", up), way("local", up)}, []string{"local"}, nil},
		{"docker", []stores.Way{way("docker", down), way("local", up)}, []string{"docker"}, []string{"docker: it is down", "repair docker"}},
		{"auto", []stores.Way{way("docker", down), way("local", down)}, []string{"docker", "local"}, []string{"docker: it is down", "local: it is down", "repair docker", "repair local"}},
		{"podman", []stores.Way{way("docker", up), way("local", up)}, nil, []string{"B2BUA_STORES=podman", "auto, docker, local"}},
	} {
		tried = nil
		p, err := stores.Choose(t.Context(), c.wish, c.ways...)
		assert.Equal(t, c.tried, tried, c.wish)
		if c.faults == nil {
			require.NoError(t, err)
			name := "a fake"
			if len(tried) > 1 {
				name += ", because docker: it is down"
			}
			assert.Equal(t, name, p.Name())
		}
		for _, fault := range c.faults {
			assert.ErrorContains(t, err, fault)
		}
	}
}

func TestRunAsksOnceAndTellsOnce(t *testing.T) {
	asked, told := 0, []string(nil)
	run := stores.NewRun(func(context.Context) (stores.Provider, error) {
		asked++
		return nil, errors.New("none")
	}, func(name string) { told = append(told, name) })
	for range 2 {
		_, err := run.SharedDatabase(t.Context())
		require.EqualError(t, err, "none")
	}
	assert.Equal(t, 1, asked)
	assert.Empty(t, told)
	require.NoError(t, run.Close())
}

// TestServers is what every provider must be able to do. It runs with the one that B2BUA_STORES chooses.
func TestServers(t *testing.T) {
	var told []string
	run := stores.NewRun(func(ctx context.Context) (stores.Provider, error) {
		return stores.Choose(ctx, os.Getenv(stores.Variable), docker.Way(), local.Way())
	}, func(name string) { told = append(told, name) })
	defer func() { require.NoError(t, run.Close()) }()
	net, err := loopback.Claim()
	require.NoError(t, err)
	defer net.Release()
	t.Run("databases on a shared server", func(t *testing.T) { shared(t, run) })
	t.Run("a server of its own", func(t *testing.T) { own(t, run, net) })
	t.Run("a Redis and its replica", func(t *testing.T) { replica(t, run, net) })
	require.Len(t, told, 1)
	t.Log(told[0])
}

func shared(t *testing.T, run *stores.Run) {
	one, err := run.SharedDatabase(t.Context())
	require.NoError(t, err)
	two, err := run.SharedDatabase(t.Context())
	require.NoError(t, err)
	assert.Equal(t, one.Server, two.Server)
	assert.NotEqual(t, one.Name, two.Name)
	assert.NotEqual(t, one.User, two.User)
	for _, d := range []*stores.Database{one, two} {
		_, err := d.DB.ExecContext(t.Context(), "CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('Zoë')")
		require.NoError(t, err)
		require.NoError(t, d.Drop(t.Context()))
	}
}

func own(t *testing.T, run *stores.Run, net *loopback.Net) {
	addr, err := net.Next()
	require.NoError(t, err)
	d, err := run.OwnDatabase(t.Context(), addr, stores.Spec{})
	require.NoError(t, err)
	assert.Equal(t, addr, d.Server.Addr().Addr())
	_, err = d.DB.ExecContext(t.Context(), "CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('kept')")
	require.NoError(t, err)
	require.NoError(t, d.Server.Stop(t.Context()))
	require.Error(t, d.DB.PingContext(t.Context()))
	require.NoError(t, d.Server.Start(t.Context()))
	var name string
	require.NoError(t, d.DB.QueryRowContext(t.Context(), "SELECT name FROM t").Scan(&name))
	assert.Equal(t, "kept", name)
	require.NoError(t, d.Server.Pause())
	require.NoError(t, d.Server.Resume())
	require.NoError(t, d.DB.PingContext(t.Context()))
	require.NoError(t, d.Drop(t.Context()))
}

func replica(t *testing.T, run *stores.Run, net *loopback.Net) {
	var both [2]*stores.RedisServer
	for i := range both {
		addr, err := net.Next()
		require.NoError(t, err)
		s := stores.Spec{}
		if i == 1 {
			s.Args = stores.ReplicaOf(both[0].Addr())
		}
		both[i], err = run.Redis(t.Context(), addr, s)
		require.NoError(t, err)
	}
	require.NoError(t, both[1].AwaitReplication(t.Context()))
	n, err := both[0].Publish(t.Context(), "channel", "text")
	require.NoError(t, err)
	assert.Zero(t, n)
	require.NoError(t, both[0].Stop(t.Context()))
	require.NoError(t, both[1].Do(t.Context(), "REPLICAOF", "NO", "ONE"))
	require.NoError(t, both[0].Start(t.Context()))
	require.NoError(t, both[0].Do(t.Context(), "PING"))
	for _, r := range both {
		require.NoError(t, r.Remove())
		require.NoError(t, r.Remove(), "twice is as good as once")
	}
}
