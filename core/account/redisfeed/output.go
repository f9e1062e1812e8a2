package redisfeed

import "b2bua/core/event"

// Link names one attempt to be connected to a server, both connections of it; 0 is none. It is never used again.
type Link uint64

// Output of a Feed, to be carried out in the order of Poll. What is asked of a link is answered by an input with its number; answers
// of a link that is closed are ignored.
type Output interface{ feedOutput() }

// Connect opens the connection for commands, authenticated: Connected or Failed.
type Connect struct {
	Link Link
	Host Host
}

// AskRole sends INFO replication there: Role or Failed.
type AskRole struct{ Link Link }

// Subscribe opens the second connection and subscribes to Channel: Subscribed or Failed; then Message for each one.
type Subscribe struct{ Link Link }

// Ping sends PING on the second connection: Pong.
type Ping struct{ Link Link }

// Close ends both connections; nothing more comes of the link.
type Close struct{ Link Link }

// Reload wants everything read anew.
type Reload struct{}

// Update wants one account read anew.
type Update struct{ Key Key }

// Happened is something that an operator may want to see.
type Happened struct{ Event event.Event }

func (Connect) feedOutput()   {}
func (AskRole) feedOutput()   {}
func (Subscribe) feedOutput() {}
func (Ping) feedOutput()      {}
func (Close) feedOutput()     {}
func (Reload) feedOutput()    {}
func (Update) feedOutput()    {}
func (Happened) feedOutput()  {}

// Line is one line for the log.
type Line struct {
	At   event.Level
	What string
}

// Level is the log level.
func (l Line) Level() event.Level { return l.At }

// Text is the line.
func (l Line) Text() string { return l.What }
