package authz

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const (
	// maxFieldErrors is how many fields a refusal lists.
	maxFieldErrors = 20
	// maxFieldPointer bounds what a refusal repeats of submitted names, in
	// bytes. Beyond it a pointer ends at the parent, as in package validate.
	maxFieldPointer = 256
)

// A fieldStep is a step on the way to a value of the body.
type fieldStep struct {
	name  string
	index int  // of an element, or -1
	key   bool // the name is the key of a map, which the client has chosen
}

// fieldFaults are the fields of a body that are refused, by what is wrong.
type fieldFaults struct {
	path                      []fieldStep
	forbidden, unknown, typed []bulwark.FieldError
	counts                    struct{ forbidden, unknown, typed int }
	first                     string // the first forbidden field, without keys of maps
	cause                     error  // of the first value of a wrong type
}

func (f *fieldFaults) enter(name string) { f.path = append(f.path, fieldStep{name: name, index: -1}) }
func (f *fieldFaults) enterKey(s string) { f.path = append(f.path, fieldStep{s, -1, true}) }
func (f *fieldFaults) enterIndex(i int)  { f.path = append(f.path, fieldStep{index: i}) }
func (f *fieldFaults) leave()            { f.path = f.path[:len(f.path)-1] }
func (f *fieldFaults) refused() bool     { return f.counts.forbidden+f.counts.unknown > 0 }

// pointer returns the JSON pointer (RFC 6901) of the value at hand.
func (f *fieldFaults) pointer(below ...string) string {
	var room [maxFieldPointer]byte
	out, ok := room[:0], true
	for i := 0; i < len(f.path) && ok; i++ {
		out, ok = jsondoc.AppendSegment(out, f.path[i].text(), maxFieldPointer)
	}
	for i := 0; i < len(below) && ok; i++ {
		out, ok = jsondoc.AppendSegment(out, jsondoc.Legible(below[i]), maxFieldPointer)
	}
	return string(out)
}

func (s *fieldStep) text() string {
	if s.index >= 0 {
		return strconv.Itoa(s.index)
	}
	return jsondoc.Legible(s.name)
}

// declared is the pointer of the value at hand for the log, which must not
// repeat what the client has chosen.
func (f *fieldFaults) declared() string {
	var out []byte
	for i := range f.path {
		name := "*"
		if !f.path[i].key && f.path[i].index < 0 {
			name = f.path[i].name
		}
		var ok bool
		if out, ok = jsondoc.AppendSegment(out, name, maxFieldPointer); !ok {
			break
		}
	}
	return string(out)
}

// forbid notes that the caller may not write the value at hand. If the value
// may be written, and stands for a struct with fields that may not, lost has
// the names of these fields.
func (f *fieldFaults) forbid(lost []string) {
	if f.counts.forbidden++; f.counts.forbidden == 1 {
		f.first = f.declared()
	}
	if len(f.forbidden) == maxFieldErrors {
		return
	}
	e := bulwark.FieldError{Pointer: f.pointer(), In: "body", Code: "forbidden", Detail: "The caller may not write this field; leave it out."}
	if lost != nil {
		e.Params = map[string]any{"fields": lost}
		e.Detail = "Replaces fields that the caller may not write: " + strings.Join(lost, ", ") + "."
	}
	f.forbidden = append(f.forbidden, e)
}

// unnamed notes a name that the struct at hand does not have. The field
// declared, if there is one, is spelled in another case.
func (f *fieldFaults) unnamed(name, declared string) {
	f.counts.unknown++
	if len(f.unknown) == maxFieldErrors {
		return
	}
	e := bulwark.FieldError{Pointer: f.pointer(name), In: "body", Code: "unknown", Detail: "Is not known here; leave it out."}
	if declared != "" {
		e.Params = map[string]any{"declared": declared}
		e.Detail = fmt.Sprintf("Must be spelled %s, in the same case.", declared)
	}
	f.unknown = append(f.unknown, e)
}

// mistype notes that the value at hand has the wrong type, or a value below it
// that the error of jsondoc names. What is expected is expected of the value
// that is so many steps below.
func (f *fieldFaults) mistype(expected string, steps int, err error) {
	if f.counts.typed++; f.cause == nil {
		f.cause = err
	}
	if len(f.typed) == maxFieldErrors {
		return
	}
	e := bulwark.FieldError{In: "body", Code: "type", Detail: "Has a value that the field cannot hold."}
	var bound *jsondoc.BindError
	var below []string
	if errors.As(err, &bound) && bound.Pointer != "" {
		for segment := range strings.SplitSeq(bound.Pointer[1:], "/") {
			below = append(below, pointerUnescaper.Replace(segment))
		}
		if len(below) > steps {
			expected = ""
		}
	}
	e.Pointer = f.pointer(below...)
	if expected != "" {
		e.Params = map[string]any{"expected": []string{expected}}
		e.Detail = "Must be of type " + expected + ", and fit the field."
	}
	f.typed = append(f.typed, e)
}

// pointerUnescaper is RFC 6901, section 4.
var pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")

var errUnknownField = errors.New("the body has a name that the struct of the object does not have; a property that clients may send must be a field with this JSON name and an authz tag")

// problem returns the refusal for what was found, or nil. A forbidden field
// comes before an unknown name, because an attempt must not hide behind a typo.
// An unknown name comes before a wrong type, because only known fields have a
// type.
func (f *fieldFaults) problem() *bulwark.Problem {
	switch n := &f.counts; {
	case n.forbidden > 0:
		return &bulwark.Problem{Status: http.StatusForbidden, Code: "authz.field_forbidden",
			Detail: listing("The body has fields that the caller may not write", len(f.forbidden), n.forbidden), Errors: f.forbidden,
			Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.String("field", f.first)}}}
	case n.unknown > 0:
		return &bulwark.Problem{Status: http.StatusUnprocessableEntity, Code: "authz.field_unknown",
			Detail: listing("The body has fields that are not known here", len(f.unknown), n.unknown), Errors: f.unknown,
			Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.Int("faults", n.unknown)}}, Err: errUnknownField}
	case n.typed > 0:
		return &bulwark.Problem{Status: http.StatusUnprocessableEntity, Code: "authz.field_type",
			Detail: listing("The body has values of a wrong type", len(f.typed), n.typed), Errors: f.typed,
			Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.Int("faults", n.typed)}}, Err: f.cause}
	}
	return nil
}

func listing(text string, listed, total int) string {
	if total > listed {
		return fmt.Sprintf("%s; errors lists the first %d of %d.", text, listed, total)
	}
	return text + "; see errors."
}

// misspelled returns the field that differs from the name only by case, if the
// caller may write it.
func (d *decoding) misspelled(f *form, set *fieldset, name string) string {
	folded := jsondoc.Fold(name)
	for i := range f.fields {
		if jsondoc.Fold(f.fields[i].Name) == folded && d.mayWrite(set, i, f.fields[i].Name) {
			return f.fields[i].Name
		}
	}
	return ""
}

// unknown notes the names of an object that the struct does not have.
func (d *decoding) unknown(f *form, set *fieldset, given map[string]any) {
	var names []string
	for name := range given {
		if !slices.ContainsFunc(f.fields, func(field formField) bool { return field.Name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		declared := ""
		if len(d.faults.unknown) < maxFieldErrors {
			declared = d.misspelled(f, set, name)
		}
		d.faults.unnamed(name, declared)
	}
}
