// Package control is the socket by which an operator asks a running server.
//
// It speaks the original's protocol (spec 1.14), so that its command-line client works: a client connects, sends one request of words
// separated by single spaces, and reads the answer until the connection is closed. Commands belong to their owners, who register them; a
// command is looked up and answered on the owner's loop, the text is made aside.
//
// Contract. Only the user of the process and root are answered. A client that is slow, silent or gone costs one of a few places for
// some seconds, and nothing else. Open and Close are the only calls that touch the file system; Close is idempotent and waits.
package control
