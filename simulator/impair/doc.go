// Package impair decides, from a seed, what a bad network does to each packet of a stream.
//
// Contract. An Impairer is an engine: Push is given a packet and the time and Due hands out what has to be sent by then;
// Deadline tells when the next one is due. The same seed and the same input give the same output. It is not safe for concurrent
// use. The packets handed in are copied when they are held back.
package impair
