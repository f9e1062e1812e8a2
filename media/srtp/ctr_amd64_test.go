package srtp

func lastRoundKey(h hardKey) []byte { return h.schedule[h.rounds*16:][:16] }
