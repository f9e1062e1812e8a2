// Package register keeps accounts registered at their registrars (RFC 3261 section 10).
//
// Engine has no socket, clock or goroutine: accounts, responses, failures, lost connections and the time go in; Poll hands out, in order,
// the requests to send, the changes of state and what an operator should know; Deadline says when Advance has something to do.
// One goroutine owns an Engine.
//
// Contract. Every account is registered, kept registered and, at the end, un-registered on its own: what happens to one changes nothing for
// another. First registrations of a pool keep their distance; a refresh comes at a random moment between 50 % and 90 % of what the
// registrar granted, so that refreshes of many accounts stay spread; a lost connection is repaired at once. A registrar gets a bounded
// number of unanswered requests at a time. One that does not answer at all is asked by one of its accounts every few seconds, and once it
// answers, by all the others at once. Timers cost O(log n), everything else O(1) per account.
package register
