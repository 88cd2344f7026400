package sanitize

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// The place of a value, for [bulwark.FieldError]. A form is a body to the
// client; inForm is for its syntax.
const (
	inBody  = "body"
	inForm  = "form"
	inQuery = "query"
)

// Bounds of an answer.
const (
	maxErrors  = 20
	maxPointer = 256 // bytes; it may hold names that the client chose
)

// refusal collects the reasons why values are refused.
type refusal struct {
	errors []bulwark.FieldError
	rule   string // the entry of the Config that the first one falls under
}

// full reports whether the answer has room for no more errors. Then nobody
// needs to look for more.
func (f *refusal) full() bool { return len(f.errors) >= maxErrors }

// add adds one error. The pointer must share no memory with the body.
func (f *refusal) add(in, pointer, rule, flaw string, limit int) {
	if f.full() {
		return
	}
	if len(f.errors) == 0 {
		f.rule = rule
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
		e.Params = map[string]any{"limit": limit}
	}
	f.errors = append(f.errors, e)
}

// err returns the refusal as a problem, or nil. The code of the problem is that
// of the first error.
func (f *refusal) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	status, about := http.StatusBadRequest, "The request has text in it that is not accepted here."
	// With another spelling the text is sound, but it is not the document that
	// was asked for (RFC 9110 section 15.5.21).
	if f.errors[0].Code == flawSpelling {
		status, about = http.StatusUnprocessableEntity, "The request has a field whose name is spelled in another case than the one known here."
	}
	return &bulwark.Problem{
		Status: status,
		Code:   "sanitize." + f.errors[0].Code,
		Detail: about,
		Errors: f.errors,
		Log:    bulwark.ProblemLog{Rule: f.rule},
	}
}

func detail(flaw string) string {
	switch flaw {
	case flawControl:
		return "Must not have control characters in it, other than tabs and line breaks."
	case flawBidi:
		return "Must not have bidirectional formatting characters in it."
	case flawEncoding:
		return "Must be UTF-8."
	case flawLength:
		return "Is too long."
	case flawSpelling:
		return "Must be spelled exactly like this, in the same case."
	}
	return "Must be plain text without markup."
}
