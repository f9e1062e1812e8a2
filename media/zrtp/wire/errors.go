package wire

// Error is a reason to drop a packet. Its text never holds octets of the packet.
type Error string

func (e Error) Error() string { return "zrtp: " + string(e) }

// Reasons to drop a packet.
const (
	ErrNotZRTP      Error = "not a ZRTP packet"
	ErrSize         Error = "packet shorter than 28 or longer than 3072 bytes"
	ErrCRC          Error = "wrong CRC"
	ErrLength       Error = "length field and packet do not agree"
	ErrPreamble     Error = "message does not start with 505a"
	ErrType         Error = "unknown type of message"
	ErrTypeLength   Error = "message of a length that its type does not allow"
	ErrHelloCounts  Error = "Hello with impossible counts of algorithms"
	ErrConfirmBody  Error = "Confirm whose signature length does not agree with its own length"
	ErrFragment     Error = "fragment with impossible bounds"
	ErrFragmentOver Error = "fragments overlap"
)
