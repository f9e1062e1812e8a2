//go:build !linux

package plane

// newDriver is the portable driver, whatever the number of loops.
func newDriver(int) (driver, error) { return newNetDriver(), nil }
