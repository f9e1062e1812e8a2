package steps

import (
	"net/netip"
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func table(lines ...[]string) *godog.Table {
	out := &godog.Table{}
	for _, line := range lines {
		r := &messages.PickleTableRow{}
		for _, cell := range line {
			r.Cells = append(r.Cells, &messages.PickleTableCell{Value: cell})
		}
		out.Rows = append(out.Rows, r)
	}
	return out
}

func TestTablesAreStrict(t *testing.T) {
	w := newWorld(NewSuite(false))
	c := columns{required: []string{"name"}, optional: []string{"age"}}
	for name, bad := range map[string]*godog.Table{
		"no table":        nil,
		"no rows":         table([]string{"name"}),
		"unknown column":  table([]string{"name", "shoe size"}, []string{"a", "b"}),
		"missing column":  table([]string{"age"}, []string{"1"}),
		"column twice":    table([]string{"name", "name"}, []string{"a", "b"}),
		"bad placeholder": table([]string{"name"}, []string{"{{nobody}}"}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.rows(bad, c)
			assert.Error(t, err)
		})
	}
	rows, err := w.rows(table([]string{"name", "age"}, []string{"x, y", "7"}), c)
	require.NoError(t, err)
	assert.Equal(t, []string{"x", "y"}, rows[0].list("name"))
	age, err := rows[0].number("age")
	require.NoError(t, err)
	assert.Equal(t, 7, age)
	assert.False(t, rows[0].has("shoe size"))
}

func TestPlaceholders(t *testing.T) {
	w := newWorld(NewSuite(false))
	w.b2bua = netip.MustParseAddrPort("127.9.8.7:6067")
	got, err := w.expand("sip:{{b2bua}};x={version}, {{b2bua.ip}}")
	require.NoError(t, err)
	assert.Equal(t, "sip:127.9.8.7:6067;x={version}, 127.9.8.7", got)
	_, err = w.expand("{{bob}}")
	assert.ErrorContains(t, err, "b2bua.ip")
}

func TestFits(t *testing.T) {
	for _, test := range []struct {
		got  []string
		want string
		ok   bool
	}{
		{[]string{"a"}, "a", true},
		{[]string{"a"}, "b", false},
		{nil, "a", false},
		{[]string{"a", "a"}, "a", false},
		{nil, "(absent)", true},
		{[]string{"a"}, "(absent)", false},
		{[]string{"a"}, "(present)", true},
		{nil, "(present)", false},
		{[]string{"abc"}, "/a.c/", true},
		{[]string{"abcd"}, "/a.c/", false},
	} {
		assert.Equal(t, test.ok, fits(test.got, test.want) == nil, "%q against %q", test.got, test.want)
	}
}
