package docker

import (
	"context"
	"fmt"
	"os"

	"github.com/moby/moby/client"

	"b2bua/steps/stores"
)

// images are by kind.
type images map[stores.Kind]string

var choices = map[stores.Kind]struct{ variable, official, local string }{
	stores.SQL:   {"B2BUA_MYSQL_IMAGE", "mariadb:11", "local/mariadb:bookworm"},
	stores.Redis: {"B2BUA_REDIS_IMAGE", "redis:7", "local/redis:bookworm"},
}

// find takes the images that the environment names, which are pulled if need be; else the official ones that are there, else those
// of docker/images, else the official ones are pulled.
func find(ctx context.Context, engine *client.Client) (images, error) {
	here := func(image string) bool {
		_, err := engine.ImageInspect(ctx, image)
		return err == nil
	}
	found := images{}
	for kind, c := range choices {
		named := os.Getenv(c.variable)
		switch {
		case named != "" && here(named):
			found[kind] = named
		case named != "":
			if err := pull(ctx, engine, named); err != nil {
				return nil, fmt.Errorf("%s=%s: the engine has no such image, and it cannot be pulled: %w", c.variable, named, err)
			}
			found[kind] = named
		case here(c.official):
			found[kind] = c.official
		case here(c.local):
			found[kind] = c.local
		default:
			if err := pull(ctx, engine, c.official); err != nil {
				return nil, fmt.Errorf("the engine has neither %s nor %s, and the former cannot be pulled: %w", c.official, c.local, err)
			}
			found[kind] = c.official
		}
	}
	return found, nil
}

func pull(ctx context.Context, engine *client.Client, image string) error {
	answer, err := engine.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }() // all is read
	return answer.Wait(ctx)
}
