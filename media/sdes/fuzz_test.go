package sdes

import "testing"

func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32")
	f.Fuzz(func(t *testing.T, line string) {
		c, err := Parse(line)
		if err != nil {
			_ = err.Error()
			return
		}
		if len(c.Key) != c.Suite.KeyLen()+c.Suite.SaltLen() || c.Tag <= 0 {
			t.Fatalf("accepted without a usable key: %v", c)
		}
		back, err := Parse(c.Attribute())
		if err != nil || !c.Same(back) || c.Tag != back.Tag || c.Name != back.Name {
			t.Fatalf("%v does not survive being written and read: %v, %v", c, back, err)
		}
	})
}
