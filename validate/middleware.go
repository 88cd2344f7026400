package validate

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// A Middleware checks requests. It is safe for concurrent use. The zero Middleware refuses every request with 500.
type Middleware struct {
	ready               bool
	body                *schema.Schema
	query, path, header *parameters

	limits    body.Limits
	optional  bool
	pathValue func(*http.Request, string) string
	status    int
	maxErrors int
	maxParams int
	maxItems  int
	maxName   int
}

var _ bulwark.Layer = (*Middleware)(nil)

// Kind returns "validate".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindValidate }

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Wrap returns a handler that calls next with requests that pass, and refuses all others through [bulwark.Deny].
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		checked, err := m.check(w, r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, checked)
	})
}

// Check decides without answering. It returns the request to pass on: its body has been read and yields the checked bytes from the
// first one, defaults are filled in, and [BodyAs] and its siblings know it. An error that the client can do something about is a
// *[bulwark.Problem]. Without a ResponseWriter there is no deadline for the body; Config.BodyTimeout is then the caller's concern.
func (m *Middleware) Check(r *http.Request) (*http.Request, error) { return m.check(nil, r) }

func (m *Middleware) check(w http.ResponseWriter, r *http.Request) (checked *http.Request, err error) {
	if m == nil || !m.ready {
		return nil, &bulwark.ConfigError{Field: "validate", Reason: "the Middleware was made without New"}
	}
	// A panic of an evaluation is a mistake of ours that a request has found. It must not become an answer of the handler behind.
	defer func() {
		if cause := recover(); cause != nil {
			checked, err = nil, broken(cause)
		}
	}()
	v := visit{m: m, w: w, r: r, checked: &checkedValues{}}
	return v.run()
}

// visit is one request being checked.
type visit struct {
	m       *Middleware
	w       http.ResponseWriter
	r       *http.Request
	checked *checkedValues
	found   []bulwark.FieldError
}

func (v *visit) run() (*http.Request, error) {
	for _, step := range [...]func() error{v.path, v.header, v.query, v.body} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if len(v.found) > 0 {
		return nil, v.invalid()
	}
	v.checked.Context = v.r.Context()
	return v.r.WithContext(v.checked), nil
}

// hold checks a value and keeps its faults.
func (v *visit) hold(in string, described *schema.Schema, value any) (schema.Result, error) {
	result, err := described.Check(value)
	if err != nil {
		return result, tooComplex(in)
	}
	for i := range result.Faults {
		f := &result.Faults[i]
		v.found = append(v.found, bulwark.FieldError{Pointer: f.Pointer, In: in, Code: string(f.Code), Params: f.Params, Detail: f.Detail()})
	}
	return result, nil
}

// repeated notes a parameter that must be given once.
func (v *visit) repeated(in, name string) {
	pointer, _ := jsondoc.AppendSegment(nil, name, schema.MaxPointer)
	v.found = append(v.found, bulwark.FieldError{Pointer: string(pointer), In: in, Code: "repeated", Detail: "Must be given once."})
}

func (v *visit) body() error {
	if v.m.body == nil {
		return nil
	}
	r, b, err := body.Read(v.w, v.r, v.m.limits)
	if err != nil {
		return err
	}
	if b.Empty() {
		if !v.m.optional {
			return body.Required()
		}
		v.r, v.checked.body = r, b
		return nil
	}
	value, ok := b.Value()
	if !ok {
		return broken("the body was not decoded")
	}
	result, err := v.hold(inBody, v.m.body, value)
	if err != nil || len(v.found) > 0 {
		return err
	}
	if result.Changed {
		if r, b, err = body.ReplaceValue(r, result.Value); err != nil {
			return broken(err)
		}
	}
	v.r, v.checked.body = r, b
	return nil
}

// invalid is the one answer for all faults that were found.
func (v *visit) invalid() *bulwark.Problem {
	errs, total := sorted(v.found, v.m.maxErrors)
	p := &bulwark.Problem{Status: v.m.status, Code: "validate.invalid",
		Detail: "The request has values that are not allowed; see errors.", Errors: errs,
		Attrs: []slog.Attr{slog.Int("faults", total), slog.String("first", errs[0].In+" "+errs[0].Code)}}
	if total > len(errs) {
		p.Detail = fmt.Sprintf("The request has values that are not allowed; errors lists the first %d of %d.", len(errs), total)
	}
	return p
}

// sorted puts errors in order, leaves one for each place and code, and returns at most limit of them with the count of all.
func sorted(all []bulwark.FieldError, limit int) ([]bulwark.FieldError, int) {
	slices.SortStableFunc(all, func(a, b bulwark.FieldError) int {
		return cmp.Or(strings.Compare(a.In, b.In), strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Code, b.Code))
	})
	all = slices.CompactFunc(all, func(a, b bulwark.FieldError) bool {
		return a.In == b.In && a.Pointer == b.Pointer && a.Code == b.Code
	})
	return all[:min(len(all), limit)], len(all)
}

func tooComplex(in string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "validate.too_complex", Rule: in,
		Detail: "Checking the " + in + " takes more steps than are allowed."}
}

func malformed(in, text string) *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "validate.malformed_" + in, Detail: text}
}

// broken is a check that could not be made. The request is refused, and only the log learns the cause.
func broken(cause any) *bulwark.Problem {
	err, ok := cause.(error)
	if !ok {
		err = fmt.Errorf("%v", cause)
	}
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "validate.unchecked",
		Detail: "The request could not be checked.", Err: err}
}
