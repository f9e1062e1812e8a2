package suggest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"b2bua/core/suggest"
)

func TestClosest(t *testing.T) {
	names := []string{"outboundProxy", "name", "maxCallsPerLine", "uri"}
	for wrong, want := range map[string]string{
		"outboundproxy": "outboundProxy", "outbound_proxy": "outboundProxy", "naem": "name", "maxCalsPerLine": "maxCallsPerLine",
		"url": "uri", "zzz": "", "": "", strings.Repeat("x", 1000): "",
	} {
		assert.Equal(t, want, suggest.Closest(wrong, names), wrong)
	}
}
