package authz

import (
	"fmt"
	"net/http"
	"reflect"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Reach says which objects of a list the caller may see. The handler puts it
// into its query:
//
//	if !reach.All {
//		where = "owner_issuer = ? AND owner_subject = ?"
//		args = []any{reach.Match["issuer"], reach.Match["subject"]}
//	}
//
// The zero Reach matches nothing.
type Reach struct {
	// All reports that the caller may see every object. Match is empty then.
	All bool
	// Match says which objects the caller may see, if All is false. The entries
	// "issuer" and "subject" belong together and match the objects of that
	// owner. Any other entry has the name of a reach of the policy, and the
	// value that [Resource.Match] returned for it. An object belongs to the
	// list if its owner matches, or if any other entry matches. An empty Match
	// matches nothing.
	Match map[string]string

	// elements is a *elements[T] of the route's resource.
	elements any
}

// HandleList registers a handler for a list of objects. If the caller may not
// see any object, the refusal comes before the handler. The handler puts the
// reach into its query and answers with [WriteList].
func HandleList[T any](m *Mux, pattern string, access Access[T], h func(http.ResponseWriter, *http.Request, Reach), layers ...bulwark.Builder) {
	reg := m.registration(pattern)
	reg.serves(h)
	reg.inside(layers)
	m.register(reg, access.entry(reg, kindList, pattern, func(g gate) http.Handler {
		return reg.ruledBy(g, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reach, err := access.resource.reach(&g, r)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			reach.elements.(*elements[T]).remember(w.Header())
			h(w, r, reach)
		}))
	}))
}

// reach returns the reach of the caller of r.
func (res *Resource[T]) reach(g *gate, r *http.Request) (Reach, error) {
	e := &elements[T]{resource: res}
	if err := g.admit(r, &e.pass); err != nil {
		return Reach{}, err
	}
	t, who, set := e.pass.table, e.pass.caller, e.pass.held.reaches(e.pass.check.number)
	reach := Reach{elements: e}
	if set&reachAll != 0 {
		reach.All = true
		return reach, nil
	}
	reach.Match = make(map[string]string, 2)
	if set&reachOwn != 0 {
		reach.Match["issuer"], reach.Match["subject"] = who.Issuer, who.Subject
	}
	for i, name := range t.reachNames[2:] {
		if match := res.Match[name]; set&(reachCustom<<i) != 0 && match != nil {
			if value := match(who); value != "" {
				reach.Match[name] = value
			}
		}
	}
	return reach, nil
}

// elements checks the objects of a list.
type elements[T any] struct {
	resource *Resource[T]
	pass     pass
	layers   []headerField // that the layers have set
	room     [16]headerField
}

// remember notes the header fields that are there before the handler runs.
func (e *elements[T]) remember(h http.Header) { e.layers = remember(e.room[:0], h) }

// WriteList answers 200 with {"items": […]}. It checks every element again, in
// case the query forgot the reach. If one element is outside the reach, the
// answer is 500 "authz.list_leak" in place of the whole list. A list without
// the element would hide the mistake, and its length would tell the client that
// an element is missing.
//
// The reach must be the reach that the handler was given for this request, and
// T must be the type of the resource. Otherwise the answer is 500
// "authz.unconfigured".
//
// If T is registered with [Fields], each element has only those of its fields
// that the caller may read: a caller may own one element and not another. A
// struct with authz tags that is not registered, as T or in an interface, is
// 500 "authz.unconfigured". Any other T is written as [encoding/json] writes
// it. Values may be nested 1,000 levels deep. The functions of
// [Resource.Reaches] are called at most once for an element.
//
// A 500 of WriteList has the header fields that the layers had set before the
// handler ran, with their values. It does not have any field or value that the
// handler has set.
func WriteList[T any](w http.ResponseWriter, r *http.Request, reach Reach, items []T) {
	allowed, ok := reach.elements.(*elements[T])
	if !ok || allowed.pass.caller != caller(r) {
		bulwark.Deny(w, r, &bulwark.ConfigError{Field: "authz.WriteList",
			Reason: "was given a Reach that HandleList did not make for this request and for objects of this type; pass on the reach that the handler was given"})
		return
	}
	e := newEncoder(allowed.pass.table, &allowed.pass.held)
	defer e.release()
	document, err := allowed.encode(e, items)
	if err != nil {
		restore(w.Header(), allowed.layers)
		bulwark.Deny(w, r, err)
		return
	}
	e.answer(w, r, http.StatusOK, document)
}

// encode writes a list, or returns the refusal. An element outside the reach is
// told before an element that has no JSON.
func (e *elements[T]) encode(enc *encoder, items []T) (document []byte, err error) {
	root := enc.plans.of(reflect.TypeFor[T]())
	if err := root.refusal(); err != nil {
		return nil, err
	}
	set := e.pass.held.reaches(e.pass.check.number)
	list, canBeNil := reflect.ValueOf(items), nilable[T]()
	document = append(enc.out[:0], `{"items":[`...)
	for i, item := range items {
		if canBeNil && fault.IsNil(item) {
			return nil, e.leak(i, len(items))
		}
		rel := e.resource.relate(&e.pass, item)
		if !rel.anyOf(&e.pass, set) {
			return nil, e.leak(i, len(items))
		}
		if err != nil {
			continue
		}
		enc.sight.turn(rel.of(&e.pass, root.names&enc.sight.wanted))
		if i > 0 {
			document = append(document, ',')
		}
		document, err = enc.value(document, &root.plan, list.Index(i))
	}
	if err != nil {
		return nil, unwritten("authz.list_encoding", err)
	}
	return append(document, "]}"...), nil
}

func (e *elements[T]) leak(i, n int) error {
	return &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.list_leak",
		Err: fmt.Errorf("element %d of %d is not within the caller's reach; put Reach.All and Reach.Match into the query", i, n)}
}
