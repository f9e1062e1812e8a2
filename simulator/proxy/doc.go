// Package proxy is a small SIP registrar and proxy with the diversion of Flexisip's module::B2bua.
//
// Contract. It forwards INVITE (with Record-Route), in-dialog requests, ACK, CANCEL, BYE and any other request by Route header,
// registered contacts or Request-URI, in this order. INVITEs whose User-Agent is not the B2BUA's are sent to the B2BUA: their Route
// headers are removed and a Route to it is inserted (spec 1.9); their CANCEL goes where they went. A request for a user of our domains
// with several contacts is forked: same Call-ID and From tag, a branch each, in parallel or by their q (Fallback); the losers are
// cancelled. What leaves may be routed elsewhere by filters (Routes). Users
// without a contact get 404 (unknown) or 480 (known, none registered). Nothing is stored on disk. Close is idempotent and waits.
package proxy
