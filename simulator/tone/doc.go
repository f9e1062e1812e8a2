// Package tone makes and recognises the sine tones by which parties of a test call know each other's audio.
//
// Contract. Samples are signed 16 bit at 8000 Hz. Everything is a pure function or a value without locking.
package tone
