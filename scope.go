package bulwark

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// A Scope is the state that the layers around one request share: where the
// request came from, who called, the route, and where events and refusals go.
// It is for authors of layers. Handlers use [PrincipalFrom], [ClientIP] and
// [RequestID].
//
// A Scope is itself the context of its request. A value in an ordinary context
// is visible only further inside, and each new context needs a copy of the
// request. A Scope avoids both problems:
//
//   - The first layer that needs the Scope installs it with [Enter].
//   - A layer further inside sets a field of the Scope. It does not make
//     another context.
//   - A layer further outside reads the field after the handler has returned.
//
// The caller who may act is not a field of the Scope. [Identify] returns a
// request with another Scope, which carries the caller and shares everything
// else. The Scope around it does not change. A handler may send more requests
// with its own context: a part of a batch, a fragment, a call with the
// credential of the service. Each of these requests acts as the caller of its
// own context, and none of them changes the caller of the handler.
//
// A sub-request is a request whose Header is another map than the Header of the
// request around it. Enter makes a Scope for the sub-request:
//
//   - The sub-request shares the client address, the request id, the recorder
//     and the responder of the request around it.
//   - It does not share the caller, the route, the challenges, the slots and
//     the reported events.
//
// [Scope.WithHeader] gives a request another Header without making a
// sub-request.
//
// A Scope ends together with the context of its request, or earlier by
// [Scope.Cancel]. It is safe for concurrent use. A Scope is never reused for
// another request: a goroutine that outlives its request keeps its own Scope.
type Scope struct {
	context.Context             // of the request that the scope was made for
	header          http.Header // of that request: tells sub-requests apart
	shared          *record
	outer           *Scope // the scope of the same request around this one, or nil

	principal *Principal // by Identify; nil if the scope does not know. Never changes

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

// Enter returns the Scope of r. If r does not have a Scope, Enter makes one.
// Pass the returned request on, because it carries the Scope:
//
//	r, scope := bulwark.Enter(r)
//	next.ServeHTTP(w, r)
//
// Enter makes a Scope in two cases:
//
//   - No layer of this module has seen r.
//   - r is a sub-request: its context has the Scope of another request, whose
//     Header is another map.
//
// A request without a Header uses the Scope in its context. Such a request only
// carries a context, for a function that takes a request.
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

// child opens a scope inside s for a sub-request. The sub-request inherits how
// the request reached the service, and where events and refusals go. It does
// not inherit who called or what was answered.
func (s *Scope) child(r *http.Request) (*http.Request, *Scope) {
	all, around := new(lodging), s.shared
	around.mu.Lock()
	around.arrival.id() // one id for both, whoever asks first
	all.record.arrival, all.record.recorder, all.record.responder = around.arrival, around.recorder, around.responder
	around.mu.Unlock()
	all.record.arrival.of(r)
	all.record.arrival.sub = true
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
// request. Use it in a layer that changes the Header for the layers inside.
// Without WithHeader, Enter would take the copy for a sub-request.
func (s *Scope) WithHeader(r *http.Request, h http.Header) *http.Request {
	r, s = Enter(r) // the scope of r, and not s, says which request it is
	r, _ = s.within(r, h)
	r.Header = h
	return r
}

// Same reports whether s and other are Scopes of one request. An [Identify]
// and a [Scope.WithHeader] inside a request give it another Scope of the same
// request. A sub-request is another request. A nil Scope belongs to no request.
func (s *Scope) Same(other *Scope) bool {
	return s != nil && other != nil && s.shared == other.shared
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

// Value implements [context.Context]. It answers for the keys of this package,
// and asks the context of the request for all other keys.
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

// Caller returns the first caller that [Identify] recorded for this request.
// The result is nil if no caller has been identified, and also if the caller is
// anonymous. Use the result only for records. A handler that decides by the
// caller asks [PrincipalFrom]. A sub-request has a caller of its own.
func (s *Scope) Caller() *Principal {
	return s.shared.caller.Load().orNil()
}

// Secure reports whether the client reached the service over TLS. The client
// did so directly, or a trusted proxy of [Edge] reports it.
func (s *Scope) Secure() bool {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.secure
}

// BaseURL returns the public URL of the service, without a trailing slash, as
// in [Edge.BaseURL]. The result is empty if Edge has no BaseURL. Build links
// and check DPoP proofs only with this URL: the client chooses the Host header.
// To check an origin, use [Scope.Origin].
func (s *Scope) BaseURL() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.baseURL
}

// Origin returns the scheme and host of this request, such as
// "https://api.example.com". The result is written like the Origin of a
// browser: in lower case, and without the default port of the scheme. For this
// request, no other origin belongs to the service.
//
// Origin is empty if no [Edge] found the host in its Hosts. This is so in three
// cases:
//
//   - There is no Edge.
//   - Edge has InsecureAnyHost.
//   - The request is a health check by address.
func (s *Scope) Origin() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return origin(s.shared.arrival.secure, strings.ToLower(s.shared.arrival.host))
}

// Route returns the pattern that matched, such as "GET /documents/{id}". It is
// empty before a pattern has matched.
func (s *Scope) Route() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.route
}

// SetRoute records the pattern that matched. The last call counts, also if
// copies of the request are routed at the same time.
func (s *Scope) SetRoute(pattern string) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.route = pattern
}

// Challenges returns the challenges that a 401 offers to the client. Do not
// modify the slice.
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

// SetChallenges sets the challenges that a 401 offers to the client, for this
// layer and the layers inside. The caller must not modify c afterwards. Several
// requests may share one slice.
func (s *Scope) SetChallenges(c []Challenge) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.challenges = c[:len(c):len(c)]
}

// Record sends the events of the request to rec. traceID and spanID are the W3C
// trace context of the request, or empty. Record returns the request to pass
// on, and its Scope.
//
// If the request already has a recorder, the layers outside keep that recorder.
// The layers inside use rec: for them, the request is recorded like a
// sub-request.
func (s *Scope) Record(r *http.Request, rec Recorder, traceID, spanID string) (*http.Request, *Scope) {
	if !s.recorded(rec, traceID, spanID) {
		sub := s.shared.arrival.sub
		r, s = s.child(r)
		s.shared.arrival.sub = sub // still the same request
		s.shared.recorder = nil    // not the recorder of the request around it
		s.recorded(rec, traceID, spanID)
	}
	return r, s
}

// recorded sends the events to rec, unless the request already has a recorder.
// The first trace counts.
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

// Reported reports whether an event or a refusal has been reported already:
//
//   - an event of this request with this name and status, or
//   - a refusal by [Deny] with this name and status, in the answer with this
//     Header.
//
// An empty name and a zero status match everything. With a nil answer, only the
// events of the request count. A Scope remembers only the first six different
// events and the last four answers.
func (s *Scope) Reported(answer http.Header, name EventName, status int) bool {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.tally.has(answer, name, status)
}
