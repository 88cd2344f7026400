package authz

import (
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"

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
	// matches nothing. A reach that an engine decides has an entry only if
	// Resource.Match has a function for it. [Resource.Filter] keeps the
	// elements that the engine allows.
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
	e := &elements[T]{resource: res, scope: scopeOf(r)}
	if err := g.admit(r, &e.pass); err != nil {
		return Reach{}, err
	}
	if g.policy.samples(&e.pass) {
		e.pass.sample(r, every, slog.Attr{})
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
	scope    *bulwark.Scope // of the request, or nil outside every scope
	layers   []headerField  // that the layers have set
	room     [16]headerField

	mu    sync.Mutex
	found map[string]reaches // by id: what engines have said in this request
}

// recall returns the reach within which an engine has found the object of an
// id. The reach is 0 if every engine has denied.
func (e *elements[T]) recall(id string) (by reaches, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	by, known = e.found[id]
	return by, known
}

// keep remembers what the engines have said about queries.
func (e *elements[T]) keep(queries []Query, found []reaches) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.found == nil {
		e.found = make(map[string]reaches, len(queries))
	}
	for i, q := range queries {
		e.found[q.ID] = found[i]
	}
}

// remember notes the header fields that are there before the handler runs.
func (e *elements[T]) remember(h http.Header) { e.layers = remember(e.room[:0], h) }

// WriteList answers 200 with {"items": […]}. It checks every element again, in
// case the query forgot the reach. If one element is outside the reach, the
// answer is 500 "authz.list_leak" in place of the whole list. A list without
// the element would hide the mistake, and its length would tell the client that
// an element is missing.
//
// Engines are asked about the elements that the policy does not reach and about
// which [Resource.Filter] has not asked them. If an engine does not answer, the
// answer is 503 "authz.engine_unavailable" in place of the whole list.
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
// [Resource.Reaches] are called at most once for an element, and twice if the
// resource has Engines.
//
// A 500 or 503 of WriteList has the header fields that the layers had set
// before the handler ran, with their values. It does not have any field or
// value that the handler has set. With a reach that is not of this request and
// of this type, nobody knows which fields these are, so that they are removed
// too.
func WriteList[T any](w http.ResponseWriter, r *http.Request, reach Reach, items []T) {
	allowed, ok := reach.elements.(*elements[T])
	if !ok || !allowed.isOf(r) {
		restore(w.Header(), nil) // nobody knows what the layers have set
		bulwark.Deny(w, r, &bulwark.ConfigError{Field: "authz.WriteList",
			Reason: "was given a Reach that HandleList did not make for this request and for objects of this type; pass on the reach that the handler was given"})
		return
	}
	if len(allowed.resource.Engines) > 0 {
		if _, err := allowed.outside(r, items); err != nil {
			restore(w.Header(), allowed.layers)
			bulwark.Deny(w, r, err)
			return
		}
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

// relate is Resource.relate, with what engines have said about the element.
func (e *elements[T]) relate(item T) relation[T] {
	rel := e.resource.relate(&e.pass, item)
	if len(e.resource.Engines) > 0 {
		by, _ := e.recall(e.resource.ID(item))
		rel.known, rel.holds = rel.known|by, rel.holds|by
	}
	return rel
}

// isOf reports whether the reach was made for the request r and its caller.
func (e *elements[T]) isOf(r *http.Request) bool {
	return e.pass.caller == caller(r) && sameScope(scopeOf(r), e.scope)
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
		rel := e.relate(item)
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
		Err: fmt.Errorf("element %d of %d is not within the caller's reach; put Reach.All and Reach.Match into the query, let it read what Owner and Reaches look at, or call Resource.Filter", i, n)}
}
