package bulwark

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// A Scope is what the layers around one request share: how the request came,
// who called, on which route, and where events and refusals go. It is for
// authors of layers. Handlers use [PrincipalFrom], [ClientIP] and [RequestID].
//
// Contexts flow inward only, so an outer layer cannot see what an inner layer
// put into one; and every derived context copies the request. A Scope is itself
// the request's context. The first layer that needs it installs it with
// [Enter]. The layers inside set its fields instead of deriving contexts, and
// the layers outside read them afterwards.
//
// Who may act is not among these fields. [Identify] returns a request with
// another Scope, which carries the caller and shares all the rest; the Scope
// around it does not change. So whatever a handler sends with its own context
// (a part of a batch, a fragment, a call with the credential of the service)
// never acts as somebody else, and nobody else acts as its caller.
//
// A request whose Header is another map than that of the request around it is a
// sub-request, and gets a Scope of its own from Enter: it has the address, the
// request id and the recorder of the request around it, and neither its caller
// nor its route, challenges, slots or tally.
//
// A Scope ends when the context ends that the request came with, or before that
// with [Scope.Cancel]. It is safe for concurrent use and is never reused for
// another request, so that a goroutine which outlives its request keeps its
// own.
type Scope struct {
	context.Context             // of the request that the scope was made for
	header          http.Header // of that request: tells sub-requests apart
	shared          *record
	outer           *Scope // the scope of the same request around this one, or nil

	principal *Principal // by Identify; nil where the scope has no word on it. Never changes

	challenges []Challenge            // guarded by shared.mu
	end        atomic.Pointer[ending] // nil until somebody waits for it
}

// A record is what all scopes of one request share.
type record struct {
	outer *record // of the request that this one is a sub-request of
	room  atomic.Pointer[room]

	caller atomic.Pointer[Principal] // nil until somebody is identified
	body   bodyWatch

	mu        sync.Mutex
	arrival   arrival
	route     string
	recorder  Recorder
	responder Responder
	slots     slots
	tally     *tally // nil while there is nothing to remember
}

// A room holds a scope and the request that carries it: they live and die
// together, and one allocation holds both.
type room struct {
	scope   Scope
	request http.Request
}

// A lodging is all that an ordinary request needs, in one allocation: its
// record, its scope, and the scope of the first identity.
type lodging struct {
	record record
	own    room
	first  room
}

// counted returns the tally, to write into it. The lock is held.
func (rec *record) counted() *tally {
	if rec.tally == nil {
		rec.tally = new(tally)
	}
	return rec.tally
}

type scopeKey struct{}

// Enter returns the scope of r, and installs one if there is none yet. The
// returned request carries it and is the one to pass on.
//
// Where the context of r has the scope of another request, with another Header
// map, r is a sub-request and gets a scope inside that one. A request without a
// Header, such as one that is made to ask a question about a context, uses the
// scope that is there.
func Enter(r *http.Request) (*http.Request, *Scope) {
	nearest := scopeOf(r.Context())
	if nearest == nil {
		all := new(lodging)
		all.record.arrival.of(r)
		all.record.arrival.from(r)
		return all.lodge(r)
	}
	if r.Header == nil {
		return r, nearest
	}
	// An adapter may hand on the Header of outside with the context of inside.
	for around := nearest; around != nil; around = around.outer {
		if sameHeader(r.Header, around.header) {
			return r, nearest
		}
	}
	return nearest.child(r)
}

// lodgeAs gives r a record and a scope that carries the caller p. Where no
// layer has seen r before, nobody outside needs another scope.
func lodgeAs(r *http.Request, p *Principal) (*http.Request, *Scope) {
	all := new(struct {
		record record
		own    room
	})
	all.record.arrival.of(r)
	all.record.arrival.from(r)
	if r.Header != nil {
		all.record.caller.Store(p)
	}
	r, s := all.own.lend(r, r.Header, &all.record, nil)
	all.record.body.watch(r)
	s.principal = p
	return r, s
}

// lodge gives r its scope.
func (all *lodging) lodge(r *http.Request) (*http.Request, *Scope) {
	all.record.room.Store(&all.first)
	r, s := all.own.lend(r, r.Header, &all.record, nil)
	all.record.body.watch(r)
	return r, s
}

// child opens a scope inside s for a sub-request. It inherits how the request
// reached the service and where events and refusals go, and nothing of who
// called or what was answered.
func (s *Scope) child(r *http.Request) (*http.Request, *Scope) {
	all, around := new(lodging), s.shared
	around.mu.Lock()
	around.arrival.id() // one id for both, whoever asks first
	all.record.arrival, all.record.recorder, all.record.responder = around.arrival, around.recorder, around.responder
	around.mu.Unlock()
	all.record.arrival.of(r)
	all.record.outer = around
	return all.lodge(r)
}

// within opens another scope of the same request.
func (s *Scope) within(r *http.Request, header http.Header) (*http.Request, *Scope) {
	place := s.shared.room.Swap(nil)
	if place == nil { // the first one has taken it
		place = new(room)
	}
	return place.lend(r, header, s.shared, s)
}

// lend puts a scope around the context of r, and returns the copy of r that
// carries it.
func (place *room) lend(r *http.Request, header http.Header, shared *record, outer *Scope) (*http.Request, *Scope) {
	s := &place.scope
	s.Context, s.header, s.shared, s.outer = r.Context(), header, shared, outer
	place.request = *r.WithContext(s)
	return &place.request, s
}

// WithHeader returns a copy of r that has the Header h and is still the same
// request. It is for a layer that hands on a request with a header of its own,
// because the old one has become untrue or must not be seen inside: without it
// the copy would be taken for a sub-request.
func (s *Scope) WithHeader(r *http.Request, h http.Header) *http.Request {
	r, s = Enter(r) // whatever scope is at hand: that of r says which request it is
	r, _ = s.within(r, h)
	r.Header = h
	return r
}

// sameHeader reports whether two headers are one map. The maps are compared by
// address: equal contents do not make two requests one.
func sameHeader(a, b http.Header) bool {
	return a != nil && b != nil && reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

func scopeOf(ctx context.Context) *Scope {
	s, _ := ctx.Value(scopeKey{}).(*Scope)
	return s
}

// Value answers for the keys of this package and asks the request's own context
// for all others. See [context.Context].
func (s *Scope) Value(key any) any {
	switch key.(type) {
	case scopeKey:
		return s
	case identityKey, verifiedKey:
		if s.principal != nil {
			return s
		}
	}
	return s.nearest().Value(key)
}

// Caller returns who called: the first caller that [Identify] was told for this
// request, and nil while there is none or when it was nobody. It is for records
// and decides nothing: layers outside read it, and handlers ask
// [PrincipalFrom]. A sub-request has a caller of its own.
func (s *Scope) Caller() *Principal {
	return s.shared.caller.Load().orNil()
}

// Secure reports whether the client reached the service over TLS: directly, or
// through a trusted proxy that says so.
func (s *Scope) Secure() bool {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.secure
}

// BaseURL returns the service's own public URL, scheme and host without a
// trailing slash, as [Edge] was given it; empty where it was not. It is the
// only base for links and DPoP proofs: the Host header is the client's word.
// Origin checks go by Origin.
func (s *Scope) BaseURL() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.baseURL
}

// Origin returns the scheme and host of this very request, such as
// "https://api.example.com", as a browser writes the origin of its page: in
// lower case and without the port of the scheme. It is the one origin that is
// the service's own here. It is empty where no [Edge] has found the host among
// its Hosts: without an Edge, with InsecureAnyHost, and for a health check by
// address.
func (s *Scope) Origin() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return origin(s.shared.arrival.secure, strings.ToLower(s.shared.arrival.host))
}

// Route returns the pattern that matched, such as "GET /documents/{id}", and is
// empty while none has.
func (s *Scope) Route() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.route
}

// SetRoute records the pattern that matched. Copies of a request that are
// routed at once share it: the last word counts.
func (s *Scope) SetRoute(pattern string) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.route = pattern
}

// Challenges returns what a 401 offers the client; not to be modified.
func (s *Scope) Challenges() []Challenge {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	for ; s != nil; s = s.outer {
		if s.challenges != nil {
			return s.challenges
		}
	}
	return nil
}

// SetChallenges says what a 401 offers the client from here inward. The slice
// belongs to the scope afterwards; layers share one prepared slice.
func (s *Scope) SetChallenges(c []Challenge) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.challenges = c[:len(c):len(c)]
}

// Record sends the events of the request to rec, with the W3C trace context ids
// of the request where they are known. It returns the request to pass on and
// its scope. Where the events of the request already have a recorder, the
// request is recorded apart from here inward, as a sub-request is: what is
// inside then answers to rec, and what is outside keeps its own.
func (s *Scope) Record(r *http.Request, rec Recorder, traceID, spanID string) (*http.Request, *Scope) {
	if !s.recorded(rec, traceID, spanID) {
		r, s = s.child(r)
		s.shared.recorder = nil // that of the request around it
		s.recorded(rec, traceID, spanID)
	}
	return r, s
}

// recorded sends the events to rec, unless they have a recorder already. The
// first trace counts.
func (s *Scope) recorded(rec Recorder, traceID, spanID string) bool {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if s.shared.recorder != nil {
		return false
	}
	s.shared.recorder = rec
	if a := &s.shared.arrival; a.traceID == "" {
		a.traceID, a.spanID = traceID, spanID
	}
	return true
}

// Reported tells whether a refusal or another event is on record: an event of
// this request with that name and status, or a refusal that [Deny] wrote, with
// them, into the answer whose Header this is. An empty name and a zero status
// match all; an answer of nil asks for the events of the request alone. Only
// the first few different events and the last few answers are remembered.
func (s *Scope) Reported(answer http.Header, name EventName, status int) bool {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.tally.has(answer, name, status)
}
