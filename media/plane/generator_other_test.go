//go:build !linux

package plane

func runGenerator() {}
