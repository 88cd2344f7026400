package authz

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// HandleObject registers a handler for one object. The object is loaded and
// checked before the handler, or any of the layers, sees the request:
//
//   - An anonymous caller is 401, before Load.
//   - A caller is 403, before Load, if the policy grants neither the action nor
//     "read" on any object of the resource.
//   - An object that the caller may not read is 404. The answer is the same as
//     for an object that does not exist.
//   - An object that the caller may read, and may not use in this way, is 403.
//
// The layers, such as sanitizing and validating the body, run after the grant.
// So a caller who may not send a body learns nothing about it.
//
// The grant travels in the context and is bound to host and path. If a layer
// changes host or path, or passes on the context of a request with another host
// or path, the answer is 500. A layer that passes on the context of another
// request for the same path has also changed the caller; this is not detected.
func HandleObject[T any](m *Mux, pattern string, access Access[T], h func(http.ResponseWriter, *http.Request, Granted[T]), layers ...bulwark.Builder) {
	reg := m.registration(pattern)
	reg.serves(h)
	reg.inside(layers)
	m.register(reg, access.entry(reg, kindObject, pattern, func(g gate) http.Handler {
		return newObject(g, access, h, reg)
	}))
}

// Object is [HandleObject] for any other router. It returns the handler that
// the router serves:
//
//	h := authz.Object(policy, documents.Can("read"), getDocument)
//	router.Method("GET", "/documents/{id}", h)
//
// A wrong access, handler or layer panics as on a [Mux], with paths such as
// "authz.Object(document:read).access". If the router does not set
// [http.Request.PathValue], set [Resource.PathValue] and [Resource.PathNames].
// The path is checked as by a [Middleware].
func Object[T any](policy *Policy, access Access[T], h func(http.ResponseWriter, *http.Request, Granted[T]), layers ...bulwark.Builder) *Handler {
	reg := newRegistration("Object("+strings.Join(access.rule.names, ":")+")", policy)
	if !policy.ready() {
		reg.faults.Add("policy", "", errUnmade.Reason)
	}
	reg.serves(h)
	reg.inside(layers)
	e := access.entry(reg, kindObject, "Object", nil)
	reg.admits(e.argument, e.rule, e.patterns...)
	reg.refuse()
	o := newObject(reg.gate(0), access, h, reg)
	guest := &guest{next: o}
	guest.path.init("Resource", access.resource.PathValue, access.resource.PathNames)
	o.path = &guest.path
	handler := &Handler{next: guest}
	handler.closers.add(nil, reg.stack)
	return handler
}

// object is a handler behind a rule and behind the check of its object.
type object[T any] struct {
	gate
	source[T]
	action  string
	nilable bool
	path    *guestPath // under a router that is not ours; nil on a Mux
	handler func(http.ResponseWriter, *http.Request, Granted[T])
	layered http.Handler // the handler inside its layers; nil where there are none
}

func newObject[T any](g gate, access Access[T], h func(http.ResponseWriter, *http.Request, Granted[T]), reg *registration) *object[T] {
	o := &object[T]{gate: g, source: source[T]{&access.resource, g.policy}, action: access.rule.names[1], nilable: nilable[T](), handler: h}
	if len(reg.layers) > 0 {
		o.layered = reg.stack.Wrap(http.HandlerFunc(o.inner))
	}
	return o
}

// ServeHTTP decides about the caller, then about the object.
func (o *object[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	grant, err := o.decide(r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	if o.layered == nil {
		grant.layers = layersOf[T](grant.table, w)
		o.handler(w, r, grant)
		return
	}
	o.layered.ServeHTTP(w, r.WithContext(&grantContext[T]{r.Context(), o, grant, r.Host, r.URL.Path}))
}

// decide loads the object and returns the grant or the refusal.
func (o *object[T]) decide(r *http.Request) (Granted[T], error) {
	var p pass
	if err := o.admit(r, &p); err != nil {
		return Granted[T]{}, err
	}
	value, err := o.resource.Load(r.Context(), r)
	if err == nil && o.nilable && fault.IsNil(value) {
		err = ErrNotFound
	}
	if err != nil {
		refusal := o.resource.loadError(p.check, o.gate.policy, r, err)
		if errors.Is(err, ErrNotFound) && o.path != nil && o.path.unrouted(r) {
			refusal.(*bulwark.Problem).Err = errNoPathValues
		}
		return Granted[T]{}, refusal
	}
	if !o.resource.within(&p, p.check.number, value) {
		return Granted[T]{}, o.resource.refusal(&p, o.gate.policy, r, value, o.resource.within(&p, p.check.read, value))
	}
	return o.grant(&p, r, o.action, value), nil
}

// errNoPathValues is what the log says about an object that may have been
// looked for without its name.
var errNoPathValues = errors.New(`the request has no path value "id" and no pattern with wildcards; ` +
	"if the router does not set http.Request.PathValue, set authz.Resource.PathValue and PathNames")

// inner is the handler at the inner end of the layers.
func (o *object[T]) inner(w http.ResponseWriter, r *http.Request) {
	grant, _ := r.Context().Value(o).(*grantContext[T])
	if grant == nil || !grant.isFor(r) {
		bulwark.Deny(w, r, &bulwark.ConfigError{Field: "authz.HandleObject", Reason: "a layer of the route passed on a request with another host or path, or with another context; let it pass on the request that it was given"})
		return
	}
	own := grant.grant // a layer may call the handler again
	own.layers = layersOf[T](own.table, w)
	o.handler(w, r, own)
}

// grantContext carries a grant through the layers of one request. It is not a
// slot of the scope, which several sub-requests may share.
type grantContext[T any] struct {
	context.Context
	object *object[T]
	grant  Granted[T]

	host, path string // of the request that it was made for
}

// isFor reports whether the grant was made for r. It compares host and path, by
// which the object is found, and not pointers. A layer may pass on a copy with
// a URL of its own, as [http.Request.Clone] and layers that clean the query do.
func (c *grantContext[T]) isFor(r *http.Request) bool {
	return r.Host == c.host && r.URL != nil && r.URL.Path == c.path
}

// Value returns the context itself to the route that made it.
func (c *grantContext[T]) Value(key any) any {
	if o, ok := key.(*object[T]); ok && o == c.object {
		return c
	}
	return c.Context.Value(key)
}
