//go:build race

package steps

// raceEnabled tells that these tests run with the race detector, so the product is built with it too.
const raceEnabled = true
