package steps

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"b2bua/steps/product"
)

// TestGodogCommand runs the command that README documents, `cd steps && go tool godog run`, on a copy of the module: the command
// tidies go.mod and leaves a program behind, which a test must not do to the tree it runs in.
func TestGodogCommand(t *testing.T) {
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	module := filepath.Join(t.TempDir(), "module")
	require.NoError(t, copyModule(root, module))
	binary, err := suite.builder.Binary(t.Context())
	require.NoError(t, err)
	godog := func(arguments ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "go", append([]string{"tool", "godog", "run", "--no-colors"}, arguments...)...)
		cmd.Dir = filepath.Join(module, "steps")
		cmd.Env = append(os.Environ(), product.BinaryVariable+"="+binary.Path)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	out, err := godog("--tags", "@S-CFG-5", "--format", "progress")
	require.NoError(t, err, out)
	assert.Regexp(t, regexp.MustCompile(`\n1 scenarios \(1 passed\)`), out)

	undefined := "Feature: one\n  @undefined-on-purpose\n  Scenario: one\n    When the moon is made of cheese\n"
	require.NoError(t, os.WriteFile(filepath.Join(module, "features", "undefined.feature"), []byte(undefined), 0o600))
	out, err = godog("--tags", "@undefined-on-purpose")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "an undefined step fails under the godog command too:\n%s", out)

	before, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	after, err := os.ReadFile(filepath.Join(module, "go.mod"))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "the godog command runs `go mod tidy`; go.mod must be tidy already")
}

// copyModule copies the sources, without version control and built programs.
func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == ".git" || name == "bin" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			if os.IsNotExist(err) {
				return nil // a temporary file of somebody who works beside us
			}
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o644)
	})
}
