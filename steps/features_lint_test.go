package steps

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gherkin "github.com/cucumber/gherkin/go/v26"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tagForms: a folder, a scenario of the behaviour catalogue, a section of it, or one of the words. There is none that
// switches a scenario off.
var tagForms = regexp.MustCompile(`^@(S-[A-Z]+-\d+|\d+\.\d+(\.\d+)?|seed|no-downgrade)$`)

var fileName = regexp.MustCompile(`^[a-z_]+\.feature$`)

// TestFeatureFiles keeps the rules that the parser does not: names, tags, no two scenarios of one name in a feature.
func TestFeatureFiles(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../features", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		found++
		t.Run(path, func(t *testing.T) { checkFeature(t, path) })
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, found)
}

func checkFeature(t *testing.T, path string) {
	t.Helper()
	assert.Regexp(t, fileName, filepath.Base(path), "features/ holds feature files only, their names in snake_case")
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	id := 0
	document, err := gherkin.ParseGherkinDocument(file, func() string { id++; return string(rune(id)) })
	require.NoError(t, err)
	folder := "@" + filepath.Base(filepath.Dir(path))
	require.Len(t, document.Feature.Tags, 1)
	assert.Equal(t, folder, document.Feature.Tags[0].Name, "a feature has the tag of its folder")
	names := map[string]bool{}
	for _, child := range document.Feature.Children {
		if child.Scenario != nil {
			checkScenario(t, child.Scenario, names)
		}
	}
}

func checkScenario(t *testing.T, s *messages.Scenario, names map[string]bool) {
	t.Helper()
	assert.NotEmpty(t, s.Name)
	assert.False(t, names[s.Name], "two scenarios are named %q", s.Name)
	names[s.Name] = true
	for _, tag := range s.Tags {
		assert.Regexp(t, tagForms, tag.Name)
	}
	for _, examples := range s.Examples {
		for _, cell := range examples.TableHeader.Cells {
			used := strings.Contains(s.Name, "<"+cell.Value+">")
			for _, step := range s.Steps {
				used = used || strings.Contains(stepText(step), "<"+cell.Value+">")
			}
			assert.True(t, used, "scenario %q does not use the column %q of its examples", s.Name, cell.Value)
		}
	}
}

// stepText is a step with its table and doc string.
func stepText(step *messages.Step) string {
	text := step.Text
	if step.DocString != nil {
		text += step.DocString.Content
	}
	if step.DataTable != nil {
		for _, row := range step.DataTable.Rows {
			for _, cell := range row.Cells {
				text += " " + cell.Value
			}
		}
	}
	return text
}
