package docker

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"b2bua/steps/stores"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// engine is one that has some images, and can pull those whose registry is "reached".
func engine(t *testing.T, has ...string) (c *client.Client, pulled *[]string) {
	pulled = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // without the version
		answer := func(status int, text string) {
			w.WriteHeader(status)
			_, err := w.Write([]byte(text))
			assert.NoError(t, err)
		}
		image := r.URL.Query().Get("fromImage")
		switch {
		case path == "images/create" && strings.Contains(image, "reached/"):
			*pulled = append(*pulled, image)
			answer(http.StatusOK, `{"status":"done"}`)
		case path == "images/create":
			answer(http.StatusInternalServerError, `{"message":"no such host"}`)
		case slices.Contains(has, strings.TrimSuffix(strings.TrimPrefix(path, "images/"), "/json")):
			answer(http.StatusOK, `{}`)
		default:
			answer(http.StatusNotFound, `{"message":"No such image"}`)
		}
	}))
	t.Cleanup(s.Close)
	c, err := client.New(client.WithHost("tcp://"+strings.TrimPrefix(s.URL, "http://")), client.WithAPIVersion("1.41"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, pulled
}

func TestImages(t *testing.T) {
	official, local := []string{"mariadb:11", "redis:7"}, []string{"local/mariadb:bookworm", "local/redis:bookworm"}
	for name, c := range map[string]struct {
		has, named, found []string
		pulls             int
		fault             string
	}{
		"the official ones that are there":      {has: append(official, local...), found: official},
		"our own":                               {has: local, found: local},
		"one of each":                           {has: []string{official[0], local[1]}, found: []string{official[0], local[1]}},
		"those that are named":                  {has: append(official, "a:1", "b:1"), named: []string{"a:1", "b:1"}, found: []string{"a:1", "b:1"}},
		"those that are named, from a registry": {has: official, named: []string{"reached/a:1", "redis:7"}, found: []string{"reached/a:1", "redis:7"}, pulls: 1},
		"named ones that nobody has":            {has: append(official, local...), named: []string{"a:1", ""}, fault: "B2BUA_MYSQL_IMAGE=a:1: the engine has no such image, and it cannot be pulled: "},
		"none":                                  {has: official[:1], fault: "the engine has neither redis:7 nor local/redis:bookworm, and the former cannot be pulled: "},
	} {
		t.Run(name, func(t *testing.T) {
			c.named = append(c.named, "", "")
			t.Setenv("B2BUA_MYSQL_IMAGE", c.named[0])
			t.Setenv("B2BUA_REDIS_IMAGE", c.named[1])
			e, pulled := engine(t, c.has...)
			found, err := find(t.Context(), e)
			if c.fault != "" {
				require.ErrorContains(t, err, c.fault)
				require.ErrorContains(t, err, "no such host")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, images{stores.SQL: c.found[0], stores.Redis: c.found[1]}, found)
			assert.Len(t, *pulled, c.pulls)
		})
	}
}

func TestLogIsWithoutFrames(t *testing.T) {
	const log = "\x01\x00\x00\x00\x00\x00\x00\x04one\n\x02\x00\x00\x00\x00\x00\x00\x04two\n"
	assert.Equal(t, "one\ntwo\n", string(unframed(strings.NewReader(log))))
	assert.Equal(t, "one\ntw", string(unframed(strings.NewReader(log[:len(log)-2]))))
	assert.Equal(t, "one\n", string(unframed(strings.NewReader(log[:len(log)-9]))))
}
