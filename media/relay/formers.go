package relay

import "b2bua/media/srtp"

// maxFormers is how many former receiving keys of one side are remembered. A peer that makes a new key for each description has more in
// a long call; of those it never takes an old one back.
const maxFormers = maxSendKeys

// formers are the receive windows of keys that are no longer in force, without the keys: a key that comes back does not open the
// window to what was received under it before.
type formers struct {
	list []former
	next int // the oldest, once the list is full
}

type former struct {
	key  fingerprint
	seen srtp.Windows
}

func (f *formers) add(k fingerprint, r *srtp.Receiver) {
	seen := r.Windows()
	if len(seen) == 0 {
		return // nothing to replay
	}
	if len(f.list) < maxFormers {
		f.list = append(f.list, former{k, seen})
		return
	}
	f.list[f.next] = former{k, seen}
	f.next = (f.next + 1) % maxFormers
}

// take gives what is remembered of a key; it is in force again.
func (f *formers) take(k fingerprint) srtp.Windows {
	for i := range f.list {
		if e := &f.list[i]; e.key == k {
			seen := e.seen
			*e = former{}
			return seen
		}
	}
	return nil
}
