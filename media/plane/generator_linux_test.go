package plane

import (
	"fmt"
	"os"
)

// runGenerator is the whole process when generatorEnv is set.
func runGenerator() {
	if os.Getenv(generatorEnv) == "" {
		return
	}
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "generator:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
