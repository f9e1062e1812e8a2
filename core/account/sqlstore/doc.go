// Package sqlstore reads the accounts of a pool from an SQLite, MySQL or MariaDB database.
//
// Compile checks what a providers file says of the database without touching it; Open makes a Store, which connects when it is
// used. Load runs initQuery and hands out the accounts in batches, Lookup runs updateQuery for one identifier, Check runs both
// for their columns only. All three block: they belong on goroutines of their own, and whoever owns the pool gets the batches.
//
// Nothing is ever written. A statement that is not one single SELECT, or that writes files or sequences, is refused by Compile;
// SQLite files are opened for reading only; MySQL runs each statement in a transaction that is read-only whatever the user may do.
//
// No error holds a secret: neither the connection string, nor a value of a row other than the identity of the account, nor a
// message of the server that may quote one.
package sqlstore
