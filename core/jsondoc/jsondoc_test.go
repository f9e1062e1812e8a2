package jsondoc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/core/jsondoc"
)

func TestTree(t *testing.T) {
	data := []byte("\ufeff{ \"a\": [1, -0.5e+3, true, null],\n  \"b\": {\"c\": \"x\\n\\\"\\u00e9\\ud83d\\ude00\\/\"} }\n")
	root, rest, faults := jsondoc.Parse(data)
	require.Empty(t, faults)
	assert.Equal(t, -1, rest)
	a := root.Get("a")
	require.Len(t, a.Items, 4)
	assert.Equal(t, "-0.5e+3", a.Items[1].Text)
	assert.True(t, a.Items[2].Bool)
	assert.Equal(t, jsondoc.Null, a.Items[3].Kind)
	c := root.Get("b").Get("c")
	assert.Equal(t, "x\n\"é😀/", c.Text)
	assert.Nil(t, root.Get("x"))
	line, column := jsondoc.Position(data, c.Offset)
	assert.Equal(t, []int{2, 14}, []int{line, column})
}

// Each fault is found where it is, says what to write, and what can be read over is.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, text   string
		line, column int
		problem, fix string
		readOver     bool
	}{
		{"empty", "  \n", 2, 1, "the file is empty", "a JSON document", false},
		{"comment", "// x\n{}", 1, 1, "no comments", "remove it", true},
		{"block comment", "{ /* x\n y */ }", 1, 3, "no comments", "remove it", true},
		{"shell comment", "{\n# x\n}", 2, 1, "no comments", "remove it", true},
		{"comma at the end", `{"a": [1, 2,], "b": 1}`, 1, 12, "a comma before ]", "remove it", true},
		{"comma at the end of an object", `{"a": 1,}`, 1, 8, "a comma before }", "remove it", true},
		{"missing comma", "{\"a\": 1\n \"b\": 2}", 2, 2, "comma is missing before this member", "a comma", true},
		{"missing comma between objects", "[{} {}]", 1, 5, "comma is missing before this element", "a comma", true},
		{"twice", "{\"a\": 1,\n\"a\": 2}", 2, 1, `"a" is here a second time, the first is in line 1`, "it once", true},
		{"escape", `{"a": "x\5y"}`, 1, 9, `\5 is no JSON escape`, `\\5 for a backslash and 5`, true},
		{"regex escape", `{"a": "sip:\+33"}`, 1, 12, `\+ is no JSON escape`, `\\+`, true},
		{"unicode escape", `{"a": "\u12x4"}`, 1, 8, `without four hexadecimal digits`, `\u with four`, true},
		{"tab", "{\"a\": \"x\ty\"}", 1, 9, "control character 0x09", `\u0009`, true},
		{"line break", "{\"a\": \"x\ny\"}", 1, 7, "does not end on its line", `closing "`, false},
		{"no UTF-8", "{\"a\": \"\xff\"}", 1, 8, "byte 0xff is no UTF-8", "UTF-8", true},
		{"single quotes", `{"a": 'x'}`, 1, 7, "begins no JSON string", "double quotes", false},
		{"typographic quotes", `{"a": “x”}`, 1, 7, "begins no JSON string", "double quotes", false},
		{"name without quotes", `{a: 1}`, 1, 2, "a name needs quotes", `"a"`, true},
		{"name in single quotes", `{'a': 1}`, 1, 2, "name of a member is expected", "double quotes", false},
		{"equals", `{"a" = 1}`, 1, 6, "a colon is expected", ":", true},
		{"no colon", `{"a" 1}`, 1, 6, "colon is missing", ":", true},
		{"Python", `{"a": True}`, 1, 7, "True is no JSON value", "true", true},
		{"None", `{"a": None}`, 1, 7, "None is no JSON value", "null", true},
		{"word", `{"a": always}`, 1, 7, "always is no JSON value", `"always"`, false},
		{"no value", `{"a": , "b": 1}`, 1, 7, "a value is expected, and there is ,", "a value", false},
		{"number", `{"a": 010}`, 1, 7, "010 is no JSON number", "leading zeros", true},
		{"plus", `{"a": +5}`, 1, 7, "+5 is no JSON number", "+", true},
		{"unit", `{"a": 100ms}`, 1, 7, "100ms is no JSON number", "a string", true},
		{"end", `{"a": [1, 2`, 1, 12, "the file ends", "a comma or ]", false},
		{"end of a string", `{"a": "x`, 1, 7, "does not end", `"`, false},
		{"wrong bracket", `{"a": [1, 2}`, 1, 12, "a comma or ] is expected", "]", false},
		{"deep", strings.Repeat("[", 100), 1, 66, "levels of brackets", "fewer", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, _, faults := jsondoc.Parse([]byte(c.text))
			require.NotEmpty(t, faults)
			line, column := jsondoc.Position([]byte(c.text), faults[0].Offset)
			assert.Equal(t, []int{c.line, c.column}, []int{line, column})
			assert.Contains(t, faults[0].Problem, c.problem)
			assert.Contains(t, faults[0].Fix, c.fix)
			if assert.Equal(t, c.readOver, root != nil, "%v", faults) && c.readOver {
				assert.Len(t, faults, 1)
			}
		})
	}
}

func TestSeveralFaultsInOneLook(t *testing.T) {
	_, _, faults := jsondoc.Parse([]byte("{\n\"a\": \"\\5\", // x\n\"b\": True,\n}"))
	require.Len(t, faults, 4)
	_, _, faults = jsondoc.Parse([]byte("[" + strings.Repeat(`"\q",`, 100) + "1]"))
	assert.Len(t, faults, 20, "and no more than anybody reads")
}

func TestMessagesShowNothingOfAString(t *testing.T) {
	_, _, faults := jsondoc.Parse([]byte("{\"secret\": \"Mell\\on\tSpeak\xff, friend\n"))
	require.NotEmpty(t, faults)
	for _, f := range faults {
		assert.NotContains(t, f.Problem+f.Fix, "Mell")
		assert.NotContains(t, f.Problem+f.Fix, "Speak")
		assert.NotContains(t, f.Problem+f.Fix, "friend")
	}
}

func TestSpacesOfAWebPage(t *testing.T) {
	root, rest, faults := jsondoc.Parse([]byte("{\n\u00a0\"a\":\u202f1\n}\u00a0"))
	require.Len(t, faults, 1)
	assert.True(t, faults[0].Mild)
	assert.Equal(t, 2, faults[0].Offset)
	assert.Equal(t, -1, rest)
	assert.Equal(t, "1", root.Get("a").Text)
	_, _, faults = jsondoc.Parse([]byte("{\"a\": 1,}"))
	assert.False(t, faults[0].Mild)
}

func TestWhatFollowsTheDocument(t *testing.T) {
	_, rest, faults := jsondoc.Parse([]byte("{} \n x"))
	assert.Empty(t, faults)
	assert.Equal(t, 5, rest)
}

func TestWithin(t *testing.T) {
	data := []byte(`["a\u00e9\\x{b"]`)
	root, _, faults := jsondoc.Parse(data)
	require.Empty(t, faults)
	n := &root.Items[0]
	require.Equal(t, `aé\x{b`, n.Text)
	assert.Equal(t, strings.IndexByte(string(data), '{'), jsondoc.Within(data, n, strings.IndexByte(n.Text, '{')))
	assert.Equal(t, strings.LastIndexByte(string(data), '"'), jsondoc.Within(data, n, len(n.Text)))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schemaVersion": 2, "providers": [], "accountPools": {"a": {"maxCallsPerLine": 1e3, "x": "\u00e9\ud83d\ude00"}}}`))
	f.Add([]byte("[1,2,]\n// x"))
	f.Add([]byte(`{"a": "\5", 'b': None}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, rest, faults := jsondoc.Parse(data)
		if root == nil {
			require.NotEmpty(t, faults)
		}
		for _, fault := range faults {
			require.LessOrEqual(t, fault.Offset, len(data))
			require.NotEmpty(t, fault.Problem)
			require.NotEmpty(t, fault.Fix)
		}
		require.LessOrEqual(t, len(faults), 21)
		if root != nil && len(faults) == 0 && rest < 0 {
			require.True(t, json.Valid([]byte(strings.TrimPrefix(string(data), "\ufeff"))), "accepted, and it is no JSON")
			walk(t, data, root)
		}
	})
}

func walk(t *testing.T, data []byte, n *jsondoc.Node) {
	require.Less(t, n.Offset, len(data))
	if n.Kind == jsondoc.String {
		for i := range n.Text {
			require.Less(t, jsondoc.Within(data, n, i), len(data))
		}
	}
	for i := range n.Items {
		walk(t, data, &n.Items[i])
	}
	for i := range n.Members {
		walk(t, data, &n.Members[i].Value)
	}
}

// A password that is written without its quotes stands in no message.
func TestNoPrivateValueIsTold(t *testing.T) {
	for _, text := range []string{`{"secret": hunter2}`, `{"secret": 007}`, `{"secretX": 12hunter}`, `{"Password": hunter}`, `{"connection": hunter2, "a": 1}`} {
		_, _, faults := jsondoc.Parse([]byte(text))
		require.NotEmpty(t, faults, text)
		for _, f := range faults {
			assert.NotContains(t, f.Problem+f.Fix, "hunter")
			assert.NotContains(t, f.Problem+f.Fix, "007")
		}
	}
	_, _, faults := jsondoc.Parse([]byte(`{"secret": "x", "name": hunter2}`))
	assert.Contains(t, faults[0].Problem, "hunter2", "elsewhere it helps")
}
