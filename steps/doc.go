// Package steps gives the scenarios of features/ their meaning against the real b2bua binary.
//
// One World per scenario holds everything the scenario touches. The product is a process (package product); its peers are
// literal phones (package wire), which put exactly the text of a scenario on the wire, and softphones (simulator/endpoint), which
// carry media. What a scenario does not announce fails it: an exit, a panic, a data race, an error line, a call left over. The
// world of a failed scenario is kept, and its path is printed.
//
// Environment: B2BUA_BIN names a ready binary instead of one built here, B2BUA_RACE=1 builds it with the race detector (as -race
// does), B2BUA_PATIENCE=5s shortens the waits of a step that will fail, for whoever writes a scenario.
package steps
