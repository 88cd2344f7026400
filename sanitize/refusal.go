package sanitize

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// Where a value stands, for [bulwark.FieldError]. A form is a body to the
// client, told apart here by its syntax.
const (
	inBody  = "body"
	inForm  = "form"
	inQuery = "query"
)

// Bounds of what a refusal tells.
const (
	maxErrors  = 20
	maxPointer = 256 // bytes; it may hold names that the client chose
)

// refusal collects why values are refused.
type refusal struct {
	errors []bulwark.FieldError
	rule   string // the entry of the Config that the first one falls under
}

// full reports whether nothing more will be told, so that looking for more is
// in vain.
func (f *refusal) full() bool { return len(f.errors) >= maxErrors }

// add takes one more, whose pointer shares no memory with the body.
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
	if len(pointer) > maxPointer {
		pointer = rule
	}
	e := bulwark.FieldError{Pointer: pointer, In: in, Code: flaw, Detail: detail(flaw)}
	if flaw == flawLength {
		e.Params = map[string]any{"limit": limit}
	}
	f.errors = append(f.errors, e)
}

// err is the refusal as a problem, whose code is that of the first value, or
// nil.
func (f *refusal) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	status, about := http.StatusBadRequest, "The request has text in it that is not accepted here."
	if f.errors[0].Code == flawSpelling { // the text is fine, the document is not what is asked for
		status, about = http.StatusUnprocessableEntity, "The request has a field whose name is spelled in another case than the one known here."
	}
	return &bulwark.Problem{
		Status: status,
		Code:   "sanitize." + f.errors[0].Code,
		Detail: about,
		Errors: f.errors,
		Rule:   f.rule,
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
