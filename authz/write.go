package authz

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Write answers with the object of a grant as JSON, and with those of its
// fields that the caller may read. The type of the object must be registered
// with [Fields]. The status is 201 for a grant to create an object, and
// otherwise 200. The answer to HEAD does not have a body.
//
// Write decides about the object as it is now, and for the roles that the
// caller had when the grant was made. The object may be another state, from
// [Granted.With] or [Decode], and the handler may have changed it. It must
// still be an object that the caller may read, or one that is within the reach
// of the granted action. If the caller has given the object away, do not call
// Write: answer without a body, such as with 204.
//
// A caller who may read every field gets the text that [encoding/json.Marshal]
// writes, and a newline. Values may be nested 1,000 levels deep. Write calls
// the functions of [Resource.Reaches] that a tag names, and each at most once.
//
// The answer is 500 in place of the object, because the program is wrong and
// not the caller:
//
//   - "authz.unconfigured" if the type of the object, or a type with tags that
//     the object holds, is not registered with the policy of the grant;
//   - "authz.wrong_grant" for the zero Granted, for a grant of another request
//     or of another caller, and for a nil object;
//   - "authz.write_leak" if the object is not one that the caller may see;
//   - "authz.write_encoding" if the object has no JSON, such as NaN, a
//     MarshalJSON that fails, or a pointer that leads back to itself.
//
// Such a 500 does not have any header field that the handler has set. If the
// type is registered, and the grant is of this request, the 500 has the fields
// that the layers had set before the handler of [HandleObject], [Object] or
// [HandleCreate] ran. Otherwise, and with a grant of [Resource.Check], nobody
// knows which fields these are, so that they are removed too.
func Write[T any](w http.ResponseWriter, r *http.Request, granted Granted[T]) {
	var p pass
	if err := granted.begin(r, &p); err != nil {
		granted.deny(w, r, err)
		return
	}
	e := newEncoder(p.table, &p.held)
	defer e.release()
	document, err := granted.encode(e, &p)
	if err != nil {
		granted.deny(w, r, err)
		return
	}
	status := http.StatusOK
	if granted.action == "create" {
		status = http.StatusCreated
	}
	e.answer(w, r, status, document)
}

var (
	errWriteZero  = errors.New("authz.Write was given the zero Granted; pass on the grant of the handler")
	errWriteNil   = errors.New("authz.Write was given a nil object; if the object is gone, answer with bulwark.Deny(w, r, authz.ErrNotFound)")
	errWriteOther = errors.New("authz.Write was given a grant of another request or of another caller; pass on the grant of the handler, with its request")
	errWriteLeak  = errors.New("authz.Write was given an object that the caller may neither read nor use with the granted action; if it is another object than the handler was given, check it with Resource.Check, and if the caller has given it away, answer without a body")
)

// begin checks that the grant is of this request, and fills in the pass of its
// caller.
func (g *Granted[T]) begin(r *http.Request, p *pass) error {
	var why error
	switch {
	case g.caller == nil:
		why = errWriteZero
	case caller(r) != g.caller || !sameScope(scopeOf(r), g.scope):
		why = errWriteOther
	case nilable[T]() && fault.IsNil(g.value):
		why = errWriteNil
	case g.table.fields[structOf[T]()] == nil:
		name := structOf[T]().String()
		return &bulwark.ConfigError{Field: "authz.Write", Value: name,
			Reason: "is not registered with the policy of the grant, so that nothing says who may read its fields; call authz.Fields[" + name + "](policy) before the service starts"}
	}
	if why != nil {
		return &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.wrong_grant",
			Log: bulwark.ProblemLog{Rule: "granted " + g.action}, Err: why}
	}
	p.table, p.caller = g.table, g.caller
	g.table.resolve(&p.held, g.caller)
	p.by = g.found()
	return nil
}

// encode writes the object, or returns the refusal.
func (g *Granted[T]) encode(e *encoder, p *pass) (document []byte, err error) {
	res := g.source.resource
	rel := res.relate(p, g.value)
	numbers := p.table.numbers[res.Name]
	set := reaches(0)
	for _, action := range [2]string{g.action, "read"} {
		if number, ok := numbers[action]; ok {
			set |= p.held.reaches(number)
		}
	}
	if !rel.anyOf(p, set) {
		return nil, &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.write_leak",
			Log: bulwark.ProblemLog{Rule: "granted " + g.action}, Err: errWriteLeak}
	}
	root := e.plans.of(reflect.TypeFor[T]())
	e.sight.turn(rel.of(p, root.names&e.sight.wanted))
	document, err = e.value(e.out[:0], &root.plan, reflect.ValueOf(g.value))
	if err != nil {
		return nil, unwritten("authz.write_encoding", err)
	}
	return document, nil
}

// deny refuses without what the handler has set. A grant that is not of this
// request does not know what the layers of this request have set.
func (g *Granted[T]) deny(w http.ResponseWriter, r *http.Request, err error) {
	layers := g.layers
	if g.caller == nil || !sameScope(scopeOf(r), g.scope) {
		layers = nil
	}
	restore(w.Header(), layers)
	bulwark.Deny(w, r, err)
}

// unwritten is the refusal of an object that has no JSON. A type that is not
// registered is a mistake of the configuration.
func unwritten(code string, err error) error {
	var config *bulwark.ConfigError
	if errors.As(err, &config) {
		return err
	}
	return &bulwark.Problem{Status: http.StatusInternalServerError, Code: code, Err: err}
}
