package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// checkedValues is the context of a checked request. An inner layer finds the
// values of an outer layer through the context. Each value is kept with the
// body or the text that it was read from. A sub-request with this context has
// another body or query, and must not get the values of this request.
type checkedValues struct {
	context.Context
	m                   *Middleware
	body                *body.Body
	query, path, header *checkedParameters
}

// checkedParameters are the values of one part of the request, and the text
// that they were read from.
type checkedParameters struct {
	values any
	raw    func(*http.Request) string
	text   string
}

type checkedKey struct{}

// Value answers for this package's key and asks the request's own context for
// all others.
func (c *checkedValues) Value(key any) any {
	if _, ok := key.(checkedKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// BodyAs returns the checked body of r as a T, with its defaults. If several
// layers have checked the body, BodyAs returns the value of the innermost
// Middleware with a Body schema.
//
// BodyAs follows the rules of encoding/json for tags and types, with two
// differences:
//
//   - Names match exactly. A field without a json tag gets only the property
//     with the name of the field: "Name", and not "name". If the schema
//     declares "name" and not "Name", such a field is an error, which names the
//     tag to write.
//   - The T shares no memory with the request.
//
// A property without a field in T is left out. With Config.OptionalBody, a
// request without a body gives the zero T.
//
// An inner layer may wrap the body in its own reader, as [http.MaxBytesHandler]
// does. BodyAs then reads the body and compares it with the checked bytes.
// r.Body can still be read from the start. BodyAs returns an error if the
// reader changes the bytes, or if the body was read in part.
//
// An error means that the program has a mistake: no Middleware has checked the
// body of this request, T cannot hold a value that the schema allows, or a
// field of T has the name of a property in another spelling. Give the error to
// [bulwark.Deny], which answers an opaque 500.
func BodyAs[T any](r *http.Request) (T, error) {
	var into T
	b := body.From(r)
	for c := nearest(r.Context()); c != nil; c = nearest(c.Context) {
		if c.body == nil {
			continue
		}
		if b == nil && !c.body.Yields(r) || b != nil && !b.Same(c.body) {
			return into, missing("body")
		}
		if err := c.m.bindings[inBody].fits(reflect.TypeFor[T](), inBody); err != nil {
			return into, err
		}
		value, ok := c.body.Value()
		if !ok {
			return into, nil
		}
		return bind[T](value, inBody)
	}
	return into, missing("body")
}

// QueryAs returns the query parameters of r as a T, by the rules of [BodyAs].
// The json tags of T are the names of the properties in the schema.
func QueryAs[T any](r *http.Request) (T, error) {
	return parametersAs[T](r, inQuery, func(c *checkedValues) *checkedParameters { return c.query })
}

// PathAs returns the wildcards of the route as a T, by the rules of [BodyAs].
func PathAs[T any](r *http.Request) (T, error) {
	return parametersAs[T](r, inPath, func(c *checkedValues) *checkedParameters { return c.path })
}

// HeaderAs returns the described header fields as a T, by the rules of
// [BodyAs]. The json tags of T are the names of the properties in the schema,
// in the same case.
func HeaderAs[T any](r *http.Request) (T, error) {
	return parametersAs[T](r, inHeader, func(c *checkedValues) *checkedParameters { return c.header })
}

func parametersAs[T any](r *http.Request, in string, of func(*checkedValues) *checkedParameters) (T, error) {
	var into T
	for c := nearest(r.Context()); c != nil; c = nearest(c.Context) {
		p := of(c)
		if p == nil {
			continue
		}
		if p.raw(r) != p.text {
			return into, missing(in)
		}
		if err := c.m.bindings[in].fits(reflect.TypeFor[T](), in); err != nil {
			return into, err
		}
		return bind[T](p.values, in)
	}
	return into, missing(in)
}

// nearest returns the checked values in ctx, or nil.
func nearest(ctx context.Context) *checkedValues {
	c, _ := ctx.Value(checkedKey{}).(*checkedValues)
	return c
}

func bind[T any](value any, in string) (T, error) {
	var into T
	if err := jsondoc.Bind(value, &into); err != nil {
		var none T
		return none, fmt.Errorf("validate: the %s was checked, but its schema allows a value that does not fit %T; change the type, or the schema in validate.Config: %w", in, none, withoutValue(err))
	}
	return into, nil
}

// withoutValue names the field, and drops the message of a type's own
// UnmarshalJSON. The message may quote the value, and the error goes to the
// log.
func withoutValue(err error) error {
	var fault *jsondoc.BindError
	if errors.As(err, &fault) {
		if fault.Field != "" {
			return fmt.Errorf("%s: %s: %s", fault.Field, fault.Type, fault.Reason)
		}
		return fmt.Errorf("%s: %s", fault.Type, fault.Reason)
	}
	return err
}

func missing(in string) error {
	reason := "no layer has checked the " + in + " of this request; wrap the handler with a Middleware whose Config has a schema in " + fieldOf[in]
	if in == inBody {
		reason += ", and do not let an inner layer change or read r.Body"
	}
	return &bulwark.ConfigError{Field: "validate", Reason: reason}
}
