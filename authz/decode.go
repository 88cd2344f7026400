package authz

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Decode reads the body of r into a copy of the granted object, and accepts
// only the fields that the caller may write. It returns the grant with the new
// state, or the refusal for [bulwark.Deny]. The granted object stays as it is.
// T, or the struct that T points to, must be registered with [Fields]:
//
//	func putDocument(w http.ResponseWriter, r *http.Request, d authz.Granted[*Document]) {
//		next, err := authz.Decode(w, r, d)
//		if err == nil {
//			err = store.Update(r.Context(), next) // which calls next.For(ctx, "update")
//		}
//		if err != nil {
//			bulwark.Deny(w, r, err)
//			return
//		}
//		authz.Write(w, r, next)
//	}
//
// The handler of [HandleCreate] makes a draft with the owner, the id and all
// that the service sets by itself. It gives the draft to check, and the grant
// to Decode.
//
// What the caller may write depends on the granted object, before the change:
// "own" in a tag is the owner of that object.
//
// The body of a PUT, a POST or any other method is a replacement. A field that
// the caller may write and that the body leaves out becomes the zero value. A
// field that the caller may not write keeps its value.
//
// The body of a PATCH is a merge patch (RFC 7396), and so is a body with the
// media type "application/merge-patch+json". A field that the body leaves out
// stays. Objects are merged into structs, into maps, and into the maps in an
// any. A null removes the member of a map.
//
// For both:
//
//   - A name must be exactly the name of a field, at any depth. Names in a map
//     or in an any are free.
//   - A null sets a field to its zero value.
//   - If a struct in a field has tags, its fields are checked one by one. A
//     body never removes or resets a field that the caller may not write. So
//     null for such a struct is refused, and so is a new list in place of
//     elements with such a field. A replacement that leaves the list out does
//     not change it.
//   - An interface may hold a struct with tags. A body never writes into it. A
//     body may replace or remove the struct only if its tags let the caller
//     write each of its fields, by "*" or by role. Otherwise a replacement
//     that leaves the struct out does not change it.
//   - Unexported fields and fields with json:"-" are copied, also those of
//     structs in fields. Behind a pointer they go with the struct. In the
//     elements of a new list they are zero.
//   - A value of a type with UnmarshalJSON or UnmarshalText is replaced as a
//     whole. The names in its JSON are not checked.
//
// Decode copies what it changes, also behind pointers, in maps and in slices.
// Both objects share the values that it does not change. The new object shares
// no memory with the body.
//
// Decode reads the body within the limits of the [Resource]. A body that a
// layer of the route has read and cleaned is not read again. After Decode the
// body can be read from r again. The refusals, in this order:
//
//   - 500 "authz.wrong_grant" for the zero Granted, for a grant of another
//     request, and for a grant of [Granted.With].
//   - 500 "authz.unconfigured" for a type that is not registered.
//   - 405 "authz.method_not_allowed" for GET, HEAD, DELETE, OPTIONS, TRACE and
//     CONNECT, whose bodies have no meaning.
//   - 400, 408, 413 and 415 for the body as a whole, with the codes that
//     package validate has: 400 "body.required" if it is empty, 400
//     "body.malformed" if it is not strict JSON or has a name twice.
//   - 403 "authz.field_forbidden" if the body has a field that the caller may
//     not write. The value does not matter: the stored value and null are
//     also refused.
//   - 422 "authz.field_unknown" if the body has a name that is not a field.
//   - 422 "authz.field_type" if a field cannot hold its value, or the body is
//     not an object.
//   - 403 "authz.forbidden" if the new state is not within the caller's reach
//     for the action. A caller with "document:update:own" cannot give a
//     document away.
//
// A refusal about fields lists the first 20 of them in its errors, by name and
// without values. Decode is safe for concurrent use, with different requests.
func Decode[T any](w http.ResponseWriter, r *http.Request, granted Granted[T]) (Granted[T], error) {
	next, err := granted.decoded(w, r)
	if err != nil {
		return Granted[T]{}, err
	}
	granted.value = next
	return granted, nil
}

// decoded returns the new state of the object.
func (g *Granted[T]) decoded(w http.ResponseWriter, r *http.Request) (T, error) {
	var none T
	set, f, err := g.decodable(r)
	if err != nil {
		return none, err
	}
	given, merge, err := g.source.resource.body(w, r)
	if err != nil {
		return none, err
	}
	p := pass{table: g.table, caller: g.caller, by: g.found()}
	p.table.resolve(&p.held, p.caller)
	d := decoding{within: g.source.resource.relation(&p, g.value), held: &p.held, fields: p.table.fields, merge: merge}

	next := g.value
	state := reflect.ValueOf(&next).Elem()
	if state.Kind() == reflect.Pointer {
		own := reflect.New(state.Type().Elem())
		own.Elem().Set(state.Elem())
		state.Set(own)
		state = own.Elem()
	}
	if object, ok := given.(map[string]any); ok {
		d.object(state, f, set, object)
	} else {
		d.faults.mistype("object", 0, errNotObject)
	}
	if refusal := d.faults.problem(); refusal != nil {
		g.about(refusal, r)
		return none, refusal
	}
	if !g.reaches(&p, next) {
		p.check = g.check()
		return none, g.source.resource.refusal(&p, g.source.policy, r, next, true)
	}
	return next, nil
}

var (
	errNotDecodable = errors.New("authz.Decode was called with the zero Granted or with one of Granted.With; use the grant of the route")
	errDecodeOther  = errors.New("authz.Decode was given a grant of another request or of another caller; pass on the grant of the handler, with its request")
	errNoMethod     = errors.New("authz.Decode was called for a method whose body has no meaning; use POST, PUT or PATCH for the route")
)

// decodable returns how the object is read, or why it cannot be.
func (g *Granted[T]) decodable(r *http.Request) (*fieldset, *form, error) {
	switch {
	case g.caller == nil || g.source == nil || g.shown || nilable[T]() && fault.IsNil(g.value):
		return nil, nil, g.wrong("Decode", errNotDecodable)
	case !g.isOf(r.Context()):
		return nil, nil, g.wrong("Decode", errDecodeOther)
	}
	typ := reflect.TypeFor[T]()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	set := g.table.fields[typ]
	if set == nil {
		return nil, nil, &bulwark.ConfigError{Field: "authz.Decode", Value: typ.String(),
			Reason: "is not registered; call authz.Fields with the type and the policy of the route, before the service starts"}
	}
	f := formOf(typ)
	if f.fault != "" {
		return nil, nil, &bulwark.ConfigError{Field: "authz.Decode", Value: typ.String(), Reason: f.fault}
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return nil, nil, &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "authz.method_not_allowed",
			Detail: "The method has no body that is read here.", Header: http.Header{"Allow": {"PATCH, POST, PUT"}}, Err: errNoMethod}
	}
	return set, f, nil
}

// check is the check of the granted action on an object, for a refusal.
func (g *Granted[T]) check() *check {
	name := g.source.resource.Name
	return &check{kind: kindObject, text: "object " + name + ":" + g.action, number: g.table.numbers[name][g.action], read: -1}
}

// reaches reports whether the new state is within the caller's reach for the
// granted action. What an engine has found about the object holds for the new
// state if the engine knows only the id, and the id is the same.
func (g *Granted[T]) reaches(p *pass, next T) bool {
	res := g.source.resource
	number := g.table.numbers[res.Name][g.action]
	if res.within(p, number, next) {
		return true
	}
	return p.by&p.held.reaches(number) != 0 && res.Properties == nil && res.ID != nil && res.ID(next) == g.id
}

// about adds to a refusal about fields what it is about, for the log.
func (g *Granted[T]) about(refusal *bulwark.Problem, r *http.Request) {
	res := g.source.resource
	refusal.Log.Rule = "object " + res.Name + ":" + g.action
	refusal.Log.Attrs = append(refusal.Log.Attrs, res.attrs(g.source.policy, r)...)
}

// body returns the value that the body of r holds, and whether the value is a
// merge patch.
func (res *Resource[T]) body(w http.ResponseWriter, r *http.Request) (value any, merge bool, err error) {
	limits, err := res.bodyLimits()
	if err != nil {
		return nil, false, err
	}
	_, b, err := body.Read(w, r, limits)
	if err != nil {
		return nil, false, err
	}
	r.Body = b // so that it can be read again
	value, ok := b.Value()
	switch {
	case b.Empty():
		return nil, false, body.Required()
	case !ok:
		return nil, false, &bulwark.ConfigError{Field: "authz.Decode", Reason: "got a body that a layer of the route has read and has not decoded; remove the layer, or let it leave the body alone"}
	}
	return value, r.Method == http.MethodPatch || strings.HasSuffix(b.MediaType(), "merge-patch+json"), nil
}

// bodyLimits returns the limits of a body. Can has compiled them. A Resource of
// which only Check is called has not.
func (res *Resource[T]) bodyLimits() (body.Limits, error) {
	if res.limits != nil {
		return *res.limits, nil
	}
	faults := fault.In("authz.Resource(" + res.Name + ")")
	limits := res.readLimits(faults)
	return limits, faults.Err()
}

// readLimits compiles the limits of a body, and notes what is wrong with them.
func (res *Resource[T]) readLimits(faults *fault.List) body.Limits {
	return body.Config{Source: "authz.Resource(" + res.Name + ")", MaxBodyBytes: res.MaxBodyBytes, BodyTimeout: res.BodyTimeout,
		MediaTypes: res.MediaTypes, JSON: res.JSON}.Limits(faults)
}
