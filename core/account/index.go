package account

import "slices"

// maxShadowed bounds the accounts of one key that wait for the one that has it to go. More mean a key that is no key.
const maxShadowed = 8

// Index finds accounts by a key in constant time. Of several with one key the first has it; the next gets it when that one goes.
type Index struct {
	name     string
	key      func(*Account) string
	entries  map[string]*Account
	shadowed map[string][]*Account
}

// Collision is an account that an index cannot find because another has its key.
type Collision struct {
	Index      string
	Key        string
	Has, Hides *Account
}

// Index makes or finds the index of that name. The key of an account must depend on its Spec alone; accounts with an empty key
// are not in the index. Accounts that are there already are entered.
func (p *Pool) Index(name string, key func(*Account) string) (*Index, []Collision) {
	for _, x := range p.indexes {
		if x.name == name {
			return x, nil
		}
	}
	x := &Index{name: name, key: key, entries: make(map[string]*Account, len(p.all))}
	p.indexes = append(p.indexes, x)
	var collisions []Collision
	for _, a := range p.all {
		collisions = x.add(key(a), a, collisions)
	}
	return x, collisions
}

// Find is the account with that key, nil when there is none.
func (x *Index) Find(key string) *Account { return x.entries[key] }

// Len is the number of keys.
func (x *Index) Len() int { return len(x.entries) }

func (x *Index) add(key string, a *Account, to []Collision) []Collision {
	if key == "" {
		return to
	}
	has := x.entries[key]
	if has == nil {
		x.entries[key] = a
		return to
	}
	if x.shadowed == nil {
		x.shadowed = map[string][]*Account{}
	}
	if list := x.shadowed[key]; len(list) < maxShadowed {
		x.shadowed[key] = append(list, a)
	}
	return append(to, Collision{x.name, key, has, a})
}

func (x *Index) remove(key string, a *Account) {
	list := x.shadowed[key]
	if x.entries[key] != a {
		if i := slices.Index(list, a); i >= 0 {
			x.shadow(key, slices.Delete(list, i, i+1))
		}
		return
	}
	delete(x.entries, key)
	if len(list) > 0 {
		x.entries[key] = list[0]
		x.shadow(key, slices.Delete(list, 0, 1))
	}
}

func (x *Index) shadow(key string, list []*Account) {
	if len(list) == 0 {
		delete(x.shadowed, key)
		return
	}
	x.shadowed[key] = list
}
