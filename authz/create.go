package authz

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// HandleCreate registers a handler that makes a new object of a resource. If
// the caller may not create any object, the refusal comes before the handler.
//
// The handler makes the new object, sets its owner and calls check. With
// [Fields] it calls check with a draft, and then [Decode] with the grant. Check
// returns the grant, or the refusal for [bulwark.Deny]. A caller with the grant
// "document:create:own" cannot create a document that belongs to somebody else.
//
// A handler that never calls check is not noticed. Let the store take the
// [Granted]: then a handler without a grant cannot store anything.
func HandleCreate[T any](m *Mux, pattern string, access Access[T], h func(w http.ResponseWriter, r *http.Request, check func(T) (Granted[T], error)), layers ...bulwark.Builder) {
	reg := m.registration(pattern)
	reg.serves(h)
	reg.inside(layers)
	m.register(reg, access.entry(reg, kindCreate, pattern, func(g gate) http.Handler {
		from := &source[T]{&access.resource, g.policy}
		return reg.ruledBy(g, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			layers := layersOf[T](g.policy.table.Load(), w)
			h(w, r, func(object T) (Granted[T], error) {
				granted, err := from.created(&g, r, access.rule.names[1], object)
				granted.layers = layers
				return granted, err
			})
		}))
	}))
}

// created decides about a new object.
func (src *source[T]) created(g *gate, r *http.Request, action string, object T) (Granted[T], error) {
	var p pass
	if err := g.admit(r, &p); err != nil {
		return Granted[T]{}, err
	}
	return src.made(&p, r, action, object)
}

// made is created for a caller whom the rule has let in. A new object is not
// hidden, so nobody asks whether the caller may read it.
func (src *source[T]) made(p *pass, r *http.Request, action string, object T) (Granted[T], error) {
	res := src.resource
	if nilable[T]() && fault.IsNil(object) {
		return Granted[T]{}, res.refusal(p, src.policy, r, object, true)
	}
	ok, _, err := res.judge(p, r, object, -1)
	if err != nil {
		return Granted[T]{}, err
	}
	if !ok {
		return Granted[T]{}, res.refusal(p, src.policy, r, object, true)
	}
	return src.grant(p, r, action, object), nil
}
