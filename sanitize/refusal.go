package sanitize

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// Where a value stands, for [bulwark.FieldError]. A form is a body to the client, told apart here by its syntax.
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

func (f *refusal) add(in, pointer, rule, flaw string, limit int) {
	if len(f.errors) == 0 {
		f.rule = rule
	}
	if len(f.errors) == maxErrors {
		return
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

// err is the refusal as a problem, whose code is that of the first value, or nil.
func (f *refusal) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	return &bulwark.Problem{
		Status: http.StatusBadRequest,
		Code:   "sanitize." + f.errors[0].Code,
		Title:  "Unacceptable text",
		Detail: "The request has text in it that is not accepted here.",
		Errors: f.errors,
		Rule:   f.rule,
	}
}

func detail(flaw string) string {
	switch flaw {
	case flawControl:
		return "must not have control characters in it, other than tabs and line breaks"
	case flawBidi:
		return "must not have bidirectional formatting characters in it"
	case flawEncoding:
		return "must be UTF-8"
	case flawLength:
		return "is too long"
	case flawSpelling:
		return "must be spelled exactly like this, in the same case"
	}
	return "must be plain text without markup"
}
