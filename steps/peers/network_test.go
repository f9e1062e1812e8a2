package peers

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNetworksOfTheDeadAreStale(t *testing.T) {
	alive := func(pid int) bool { return pid == 7 }
	for name, want := range map[string]bool{
		"b2bua8": true, "b2bua7": false, "b2bua": false, "b2bua0": false, "b2bua-8": false, "b2buax": false, "eth8": false, "8": false,
	} {
		assert.Equal(t, want, stale(name, alive), name)
	}
}

func TestWhatASecondNetworkNeeds(t *testing.T) {
	assert.ErrorContains(t, needNetwork(&exec.Error{Name: "ip", Err: exec.ErrNotFound}), "apt-get install -y --no-install-recommends iproute2")
	assert.ErrorContains(t, needNetwork(errors.New("Operation not permitted")), "as root")
}
