package validate

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// visit is one request being checked.
type visit struct {
	m       *Middleware
	w       http.ResponseWriter
	r       *http.Request
	checked *checkedValues
	found   []bulwark.FieldError
	// submitted are the places, as in and pointer, whose pointer may hold a
	// name that the schema does not have. The log must not repeat such a name.
	submitted map[string]bool
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
func (v *visit) hold(in string, check func(any) (schema.Result, error), value any) (schema.Result, error) {
	result, err := check(value)
	if err != nil {
		return result, tooComplex(in, v.m.maxSteps)
	}
	for i := range result.Faults {
		f := &result.Faults[i]
		v.found = append(v.found, bulwark.FieldError{Pointer: f.Pointer, In: in, Code: string(f.Code), Params: f.Params, Detail: f.Detail()})
		if !f.Declared {
			v.keepSecret(in, f.Pointer)
		}
	}
	return result, nil
}

// repeated notes a parameter that must be given once. It may be a parameter
// that the schema does not declare.
func (v *visit) repeated(in, name string, declared bool) {
	pointer, _ := jsondoc.AppendSegment(nil, jsondoc.Legible(name), schema.MaxPointer)
	v.found = append(v.found, bulwark.FieldError{Pointer: string(pointer), In: in, Code: "repeated", Detail: "Must be given once."})
	if !declared {
		v.keepSecret(in, string(pointer))
	}
}

// keepSecret keeps a pointer out of the log.
func (v *visit) keepSecret(in, pointer string) {
	if v.submitted == nil {
		v.submitted = map[string]bool{}
	}
	v.submitted[in+pointer] = true
}

// isPatch reports whether the body is a merge patch (RFC 7396) or another body
// of the method PATCH (RFC 5789). A patch does not change a property that it
// does not name. A default would change such a property.
func isPatch(r *http.Request, b *body.Body) bool {
	return r.Method == http.MethodPatch || strings.HasSuffix(b.MediaType(), "merge-patch+json")
}

var errNoBody = errors.New("the request has no body, and validate.Config.Body describes one; set OptionalBody to let such a request pass")

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
			p := body.Required()
			p.Err = errNoBody
			return p
		}
		v.r, v.checked.body = r, b
		return nil
	}
	value, ok := b.Value()
	if !ok {
		return broken(errors.New("the body was not decoded"))
	}
	check := v.m.body.Check
	if isPatch(v.r, b) {
		check = v.m.body.CheckPatch
	}
	result, err := v.hold(inBody, check, value)
	if err != nil || len(v.found) > 0 {
		return err
	}
	if result.Changed {
		if r, b, err = body.ReplaceValue(r, result.Value); err != nil {
			return broken(fmt.Errorf("the defaults of validate.Config.Body cannot be written into the body: %w", err))
		}
	}
	v.r, v.checked.body = r, b
	return nil
}
