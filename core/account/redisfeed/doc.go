// Package redisfeed decides when accounts of an SQL database are read: what Redis announces, and what to do while it is away.
//
// Two engines, both without socket, clock or goroutine; the shell is redislink. Feed finds the Redis server to listen to, over
// failures and changes of roles, and turns what it announces into Reload and Update (spec 4.9.3). Queue, one for each pool, turns
// these into work on the database: one full load or several single reads at a time, each account's reads one after the other.
//
// Contract. Inputs are method calls with the time; Poll hands out the outputs in order; Deadline says when Advance has something to
// do. One goroutine owns an engine. Messages sent while nobody listens are lost, so every subscription causes a full load. Whatever
// is announced is read after it was announced: not earlier, and never only by a load that had begun before. Memory is bounded
// whatever is announced: beyond maxPending accounts a full load takes the place of single reads.
package redisfeed
