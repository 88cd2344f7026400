package sanitize

// The places of a string, for tests of Suspect.
const (
	BodyValue  = bodyValue
	BodyName   = bodyName
	FormValue  = formValue
	FormName   = formName
	QueryValue = queryValue
	QueryName  = queryName
	PathValue  = pathValue
)

// Suspect is the heart of Config.Detect.
var Suspect = suspect

// MaxExamined is what is examined of one request, in bytes.
const MaxExamined = maxExamined

// IsRule reports whether a rule has a text for the answer.
func IsRule(rule string) bool { return details[rule] != "" }

// SetIsScript puts another function in the place of libinjection's, and returns
// what puts it back.
func SetIsScript(f func(string) bool) (back func()) {
	before := isScript
	isScript = f
	return func() { isScript = before }
}
