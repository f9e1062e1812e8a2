// Package product builds, starts, watches and stops the real b2bua binary.
//
// It knows the product only as a process: command line, files, log lines, sockets in /proc, exit status. What a scenario did not
// announce (an exit, a panic, a data race, an error line, a call that was left over) is a Fault, whatever the scenario's steps
// said. A Process belongs to one scenario; its methods are safe for concurrent use.
package product
