package main

import "syscall"

// dieWithUs lets a program not outlive this one, however it ends.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
