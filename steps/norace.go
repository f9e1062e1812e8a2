//go:build !race

package steps

// raceEnabled tells that these tests run without the race detector.
const raceEnabled = false
