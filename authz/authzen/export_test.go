package authzen

// The decoder of answers, for the fuzz tests.
var (
	ReadOne = readOne
	ReadAll = readAll
)

// NewTransport makes the default transport.
var NewTransport = newTransport
