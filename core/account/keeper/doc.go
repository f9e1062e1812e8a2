// Package keeper brings a pool of accounts in line with what a database says of it.
//
// A Keeper is fed by whoever owns the pool: Begin, Take for each batch of a full load, Sweep until it is done; or One for a single
// account. Each step is small, so that calls need not wait for a large load. What changes goes to the Owner at once, and what is
// wrong with rows to its Tell, in bounds.
package keeper
