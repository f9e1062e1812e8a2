package call

import "time"

// maxTransfers is how many REFERs of one call may be without a result: people transfer a call once.
const maxTransfers = 4

// transferLife is how long the result of a transfer is waited for (spec 2.12.2: active;expires=600).
const transferLife = 600 * time.Second

// maxFragment is how much of a notification's body is read, octets: the status line is its first.
const maxFragment = 256

// maxInfos is how many tones wait for one leg while an INFO has no answer: as many as are dialled in some 5 s, and what comes later
// than that is of no use to a menu that asked for digits. A Timer F of 32 s empties the queue.
const maxInfos = 32

// maxInfoBody is how much of an INFO is read, octets: "Signal=5\r\nDuration=250\r\n" has 24.
const maxInfoBody = 512
