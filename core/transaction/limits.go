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
	// Forks bounds the 2xx with different To tags taken, or sent, for one INVITE, default 16.
	Forks int
}

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
	if l.Forks <= 0 {
		l.Forks = 16
	}
	return l
}
