// Package event is what happened, as data: one struct per transition that an operator may want to see.
// The log, and later metrics, call records and the control API, are printers of it.
package event
