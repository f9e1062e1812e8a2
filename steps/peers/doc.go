// Package peers drives real third-party SIP programs against the real b2bua: Debian's linphone-cli and sip-tester.
//
// The simulator shares its SIP and media stack with the product and so cannot vouch for it; these programs can. They run headless,
// each with a state directory of its own, on loopback addresses that nobody else uses. A missing package is a failure that names
// the command to install it, never a skipped test.
package peers
