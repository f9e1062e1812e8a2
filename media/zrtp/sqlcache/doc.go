// Package sqlcache keeps the retained secrets of ZRTP (RFC 6189 section 4.6) in a SQLite file.
//
// A [Store] is a [zrtp.Cache]. The loop of a call uses [Store.Lookup] and [Store.Write] instead: they return at once, and the
// answer comes by a callback from the goroutine of the store, at the latest when the context ends. Requests of one store are
// carried out in their order as far as they concern the same record; writes that wait together are one transaction, on the disk
// before their callbacks run.
//
// Several processes may use one directory. Whatever is wrong with it, a Store works: a damaged file is kept aside and a new one
// begun, and where no file can be used the records are in memory, with a warning either way. Our ZID survives a damaged
// file, because peers take another one for another endpoint.
//
// The file and those that SQLite puts beside it are for their owner only, and deleted secrets are overwritten. No error, list or
// String method shows a secret. Times are kept in milliseconds. Provisioned secrets ([zrtp.Record].Aux and PBX) are not kept:
// they belong to the configuration.
package sqlcache
