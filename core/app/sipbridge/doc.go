// Package sipbridge decides by which provider and account a call leaves for another domain.
//
// A providers file (schema 2, or 1 which is converted) names providers in order, each with a trigger, a way to choose an account
// of a pool, and templates that compose the addresses of leg B. The first provider that triggers and finds an account handles the
// call, bridging or declining it (spec 4.6). Load turns a file into a Bridge or into the list of all that is wrong with it; a
// Bridge decides in time that does not depend on the number of accounts.
package sipbridge
