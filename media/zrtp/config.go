package zrtp

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"b2bua/media/zrtp/alg"
	"b2bua/media/zrtp/wire"
)

// Lists are the algorithms of a Hello, each in the order of preference, at most seven.
type Lists [alg.Kinds][]alg.Code

// DefaultLists are what a peer of today can do, the strongest that costs little first.
func DefaultLists() Lists {
	return Lists{
		alg.KindHash:      {alg.S256, alg.S512, alg.S384},
		alg.KindCipher:    {alg.AES1, alg.AES3},
		alg.KindAuthTag:   {alg.GCM, alg.HS80, alg.HS32},
		alg.KindAgreement: {alg.X1M1, alg.X255, alg.EC25, alg.X448, alg.DH3k, alg.EC38, alg.Mult},
		alg.KindSAS:       {alg.B32, alg.B256},
	}
}

// Forever is the expiration of secrets that are kept as long as the cache is.
const Forever = 0xffffffff

// Config is what a leg brings into its session.
type Config struct {
	ZID    alg.ZID // ours, the same for every call and after a restart
	Client string  // up to 16 ASCII characters
	Lists  Lists
	// URI is the one we present to the peer on this leg. Peers that remember secrets for each URI are remembered likewise.
	URI string
	// Aux is a secret that both sides know from elsewhere, or nil.
	Aux alg.Secret
	// Expiration of retained secrets in seconds; 0: there is no cache.
	Expiration uint32
	// Disclosure is announced to the peer: key material leaves this endpoint.
	Disclosure bool
	// Passive never sends a Commit.
	Passive bool
	// Required goes on asking a peer that has not answered.
	Required bool
	// MTU is the longest datagram, octets; 0: 1452.
	MTU int
	// Rand is the source of everything random. A Read that fails ends the stream.
	Rand io.Reader
}

var errConfig = errors.New("zrtp: configuration")

func (c *Config) check() error {
	if c.Rand == nil {
		return fmt.Errorf("%w: no source of randomness", errConfig)
	}
	if len(c.Client) > 16 {
		return fmt.Errorf("%w: client identifier %q has more than 16 characters", errConfig, c.Client)
	}
	if c.ZID == (alg.ZID{}) {
		return fmt.Errorf("%w: the ZID is zero", errConfig)
	}
	if c.MTU == 0 {
		c.MTU = defaultMTU
	}
	if c.MTU < minMTU || c.MTU > wire.MaxPacket {
		return fmt.Errorf("%w: MTU %d is not between %d and %d", errConfig, c.MTU, minMTU, wire.MaxPacket)
	}
	return c.Lists.check()
}

func (l Lists) check() error {
	for k := range alg.Kinds {
		if len(l[k]) > wire.MaxCodes {
			return fmt.Errorf("%w: %d values of %s, a Hello holds %d", errConfig, len(l[k]), k, wire.MaxCodes)
		}
		for _, c := range l[k] {
			if !k.Supports(c) {
				return fmt.Errorf("%w: %s %s is not supported", errConfig, k, c)
			}
		}
	}
	// RFC 6189 section 5.1.5: EC38 goes with S384 only.
	if has(l[alg.KindAgreement], alg.EC38) && !has(l[alg.KindHash], alg.S384) {
		return fmt.Errorf("%w: key agreement EC38 needs hash S384", errConfig)
	}
	return nil
}

func has(list []alg.Code, c alg.Code) bool {
	for _, have := range list {
		if have == c {
			return true
		}
	}
	return false
}

// allows tells whether a peer may choose the code: it was in our Hello, or every Hello implies it.
func (l Lists) allows(k alg.Kind, c alg.Code) bool { return has(l[k], c) || has(k.Mandatory(), c) }

// withDH3k names the agreement that every Hello implies, before Mult: between two lists that have nothing but Mult in common, bzrtp
// takes that for the agreement and never answers (measured with 5.1.64). A full list stays as it is.
func (l Lists) withDH3k() Lists {
	list := l[alg.KindAgreement]
	if len(list) == 0 || len(list) >= wire.MaxCodes || has(list, alg.DH3k) {
		return l
	}
	at := slices.Index(list, alg.Mult)
	if at < 0 {
		at = len(list)
	}
	l[alg.KindAgreement] = slices.Insert(slices.Clone(list), at, alg.DH3k)
	return l
}

func (l Lists) wire(k alg.Kind) wire.List {
	var out wire.List
	for _, c := range l[k] {
		out = c.Append(out)
	}
	return out
}
