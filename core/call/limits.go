package call

// maxInfos is how many tones wait for one leg while an INFO has no answer: as many as are dialled in some 5 s, and what comes later
// than that is of no use to a menu that asked for digits. A Timer F of 32 s empties the queue.
const maxInfos = 32

// maxInfoBody is how much of an INFO is read, octets: "Signal=5\r\nDuration=250\r\n" has 24.
const maxInfoBody = 512
