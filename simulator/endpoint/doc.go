// Package endpoint is a scriptable SIP user agent: a phone that a test or a command drives step by step.
//
// Contract. A Phone owns its SIP sockets, its calls and their media. Every method is safe for concurrent use and returns
// quickly, except the ones named Wait…, Register, Unregister, Options and Send, which end when what they wait for has
// happened or when the context ends; the error then tells what the phone had seen by that time. Names and values are plain
// strings (URIs, "sdes", "AES_CM_128_HMAC_SHA1_80", "PCMU/8000"), so a caller needs no other package of this module than
// simulator/*. A phone never decides anything by itself, except: 100 Trying, answers to OPTIONS, to in-dialog INFO/UPDATE and
// re-INVITE, to BYE and CANCEL, the ACK, and what Config.Auto says. Close hangs up nothing politely: it drops all, waits for its
// goroutines and is idempotent.
//
// Media is proven by content: every phone plays a tone of its own (Config.Tone) and looks for tones in what it receives;
// WaitAudio waits until a given tone is heard. Codecs without an encoder here (opus, VP8, H264) carry a marked payload that
// names the sender's tone, so "heard" means the same for them.
package endpoint
