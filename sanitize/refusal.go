package sanitize

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// The place of a value, for [bulwark.FieldError]. A form is a body to the
// client; inForm is for its syntax.
const (
	inBody  = "body"
	inForm  = "form"
	inQuery = "query"
	inPath  = "path"
)

// Bounds of an answer.
const (
	maxErrors  = 20
	maxPointer = 256 // bytes; it may hold names that the client chose
)

// refusal collects the reasons why values are refused.
type refusal struct {
	errors []bulwark.FieldError
	rule   string // the entry of the Config for the first error
	cause  error  // of the first error, for the log
}

// full reports whether the answer cannot take another error. The search for
// flaws then ends.
func (f *refusal) full() bool { return len(f.errors) >= maxErrors }

// add adds one error. The pointer must share no memory with the body.
func (f *refusal) add(in, pointer, rule, flaw string, limit int) {
	if f.full() {
		return
	}
	if len(f.errors) == 0 {
		f.rule, f.cause = rule, cause(in, rule, flaw, limit)
	}
	if in == inForm {
		in = inBody
	}
	if len(pointer) <= maxPointer {
		pointer = jsondoc.Legible(pointer)
	}
	if len(pointer) > maxPointer {
		pointer = rule
	}
	e := bulwark.FieldError{Pointer: pointer, In: in, Code: flaw, Detail: detail(flaw)}
	if flaw == flawLength {
		e.Params, e.Detail = map[string]any{"limit": limit}, "Must have at most "+strconv.Itoa(limit)+" bytes."
	}
	f.errors = append(f.errors, e)
}

// err returns the refusal as a problem, or nil. The code of the problem is that
// of the first error.
func (f *refusal) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	status, about := http.StatusBadRequest, "The request has text that is not accepted; see errors."
	// With another spelling the text is sound, but it is not the document that
	// was asked for (RFC 9110 section 15.5.21).
	if f.errors[0].Code == flawSpelling {
		status, about = http.StatusUnprocessableEntity, "The request has a name that differs only by case from a name that is known here; see errors."
	}
	return &bulwark.Problem{
		Status: status,
		Code:   "sanitize." + f.errors[0].Code,
		Detail: about,
		Errors: f.errors,
		Log:    bulwark.ProblemLog{Rule: f.rule},
		Err:    f.cause,
	}
}

// cause says which field of the Config refuses a value, and what to change
// there if the value is to pass.
func cause(in, rule, flaw string, limit int) error {
	entry := fmt.Sprintf("sanitize.Config.%s[%q]", map[string]string{inBody: "Fields", inForm: "Form", inQuery: "Query"}[in], rule)
	switch flaw {
	case flawLength:
		return fmt.Errorf("a value of %s is longer than sanitize.Config.JSON.MaxStringBytes (%d)", entry, limit)
	case flawSpelling:
		return fmt.Errorf("a name in the body differs only by case from %s", entry)
	}
	return fmt.Errorf("%s is Reject and refuses a value (%s); the policy Text changes such a value instead", entry, flaw)
}

func detail(flaw string) string {
	switch flaw {
	case flawControl:
		return "Must not have control characters, except tabs and line breaks."
	case flawBidi:
		return "Must not have characters that change the direction of text."
	case flawEncoding:
		return "Must be UTF-8."
	case flawSpelling:
		return "Must be spelled exactly as in this pointer, in the same case."
	}
	return "Must be plain text without markup."
}
