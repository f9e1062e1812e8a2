package transaction

// Limits on what strangers can make the engine keep; zero fields mean the defaults.
type Limits struct {
	// PendingPerSource bounds the requests of one address without a final response; beyond it 503 is answered. A proxy is one address
	// that carries all calls, so the default is what one core can have ringing: 10000.
	PendingPerSource int
	// Pending bounds the requests of all addresses without a final response; beyond it 503 is answered. Default 20000, some 40 MB.
	Pending int
	// Transactions bounds all transactions, finished ones that absorb retransmissions included; beyond it requests get 503 and nothing is kept.
	// Default 400000: 600 calls/s leave 6 finished transactions each for 32 s, three times over.
	Transactions int
	// TransactionsPerSource bounds the requests of one address, finished ones included; beyond it 503 is answered. Default 3/8 of
	// Transactions, 150000: a proxy that brings 600 calls/s has 60000, and two strangers that flood leave room for it.
	TransactionsPerSource int
	// Forks bounds the 2xx with different To tags taken, or sent, for one INVITE, default 16.
	Forks int
}

// reserve is how much further, in quarters, the bounds are for CANCEL and for requests inside a dialog: to end a call must be possible
// when nothing new is taken. A tag is easily forged, so there is a bound all the same. ACK makes no transaction and is never refused.
const reserve = 6

func (l Limits) withDefaults() Limits {
	if l.PendingPerSource <= 0 {
		l.PendingPerSource = 10000
	}
	if l.Pending <= 0 {
		l.Pending = 20000
	}
	if l.Transactions <= 0 {
		l.Transactions = 400000
	}
	if l.TransactionsPerSource <= 0 {
		l.TransactionsPerSource = max(1, l.Transactions*3/8)
	}
	if l.Forks <= 0 {
		l.Forks = 16
	}
	return l
}
