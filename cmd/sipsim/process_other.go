//go:build !linux

package main

import "syscall"

// dieWithUs: only Linux can promise that; elsewhere a program is ended when this one ends by itself.
func dieWithUs() *syscall.SysProcAttr { return nil }
