// Package redislink carries out what redisfeed decides: it talks to Redis by go-redis, and calls the loaders of the pools.
//
// Contract. Run owns every goroutine, connection and timer that it makes and has ended them when it returns. A pool is loaded when
// Run begins, with or without Redis, and whatever happens to Redis or to one pool's database changes nothing for another pool.
package redislink
