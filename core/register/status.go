package register

// State of a registration.
type State uint8

// The states, in the words of spec 4.12.
const (
	None       State = iota // waits for its first attempt
	Progress                // the first attempt is under way, or one after the binding expired
	OK                      // registered; a refresh of a binding that lives changes nothing
	Refreshing              // the connection was lost, and the registration is made anew while the old binding lives
	Failed                  // the last attempt failed
	Cleared                 // un-registered
)

// Reason of a failure, in the words that the original prints.
type Reason string

// The reasons that a registration can fail for (spec 4.12).
const (
	NoResponse             Reason = "No response"
	IOError                Reason = "IO error"
	BadCredentials         Reason = "Bad credentials"
	Unauthorized           Reason = "Unauthorized"
	NotFound               Reason = "User not found"
	NotAnswered            Reason = "Not answered"
	NotAcceptable          Reason = "Not acceptable here"
	TemporarilyUnavailable Reason = "Temporarily unavailable"
	UnknownError           Reason = "Unknown error"
)

// reasons by status; others are UnknownError.
var reasons = map[int]Reason{
	301: "Moved permanently", 302: "Moved permanently",
	401: Unauthorized, 403: BadCredentials, 404: NotFound, 407: Unauthorized, 408: NotAnswered, 410: "Gone", 412: "Conditional request failed",
	415: "Incompatible media capabilities", 422: "Session Interval Too Small", 480: TemporarilyUnavailable, 481: "No match",
	484: "Address incomplete", 486: "Busy", 488: NotAcceptable, 489: "Bad event", 494: "SAS check required",
	501: "Not implemented", 502: "Bad gateway", 503: IOError, 504: "Server timeout", 600: "Do not disturb", 603: "Call declined",
}

// Status is the state with its reason.
type Status struct {
	State  State
	Reason Reason // of Failed
}

// Available tells whether calls may be placed through the account: a refresh under way does not end a binding that lives.
func (s Status) Available() bool { return s.State == OK || s.State == Refreshing }

// Text is the `status` that SIP_BRIDGE INFO prints (spec 4.12).
func (s Status) Text() string {
	switch s.State {
	case None:
		return "Should register"
	case Progress:
		return "Registration in progress"
	case OK:
		return "OK"
	case Refreshing:
		return "Unexpected state: LinphoneRegistrationRefreshing"
	case Failed:
		return "Registration failed: " + string(s.Reason)
	case Cleared:
		return "Unexpected state: LinphoneRegistrationCleared"
	}
	return "OK"
}
