package jose

// A Fault says why a token is refused. Its text repeats nothing that the sender
// of the token has made up.
type Fault struct {
	// Reason is one word of a closed list: "malformed", "algorithm", "type",
	// "unknown_key" or "signature".
	Reason string
	// Err is the cause. It is never nil.
	Err error
}

// Error returns the reason and the cause.
func (f *Fault) Error() string {
	return f.Reason + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

func malformed(err error) *Fault { return &Fault{"malformed", err} }
