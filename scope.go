package bulwark

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
)

// A Scope is what the layers around one request share: who calls, from which
// address, on which route, and where events and refusals go.
//
// Contexts flow inward only, so an outer layer cannot see what an inner one
// found out; and every derived context copies the request. A Scope is itself
// the request's context. The first layer that needs it installs it with
// [Enter]; the layers inside set its fields instead of deriving contexts, and
// the layers outside read them afterwards.
//
// It ends when the context ends that the request came with, which net/http sees
// to, or before that with [Scope.Cancel].
//
// A Scope is for authors of layers. Handlers use [PrincipalFrom], [ClientIP]
// and [RequestID]. It is safe for concurrent use and is never reused for
// another request, so a goroutine that outlives its request keeps its own.
type Scope struct {
	context.Context        // of the request as it came
	outer           *Scope // of the request that this one is a sub-request of

	principal atomic.Pointer[Principal] // nil until settled
	end       atomic.Pointer[ending]    // nil until somebody waits for it

	mu         sync.Mutex
	clientIP   netip.Addr
	requestID  string
	traceID    string
	spanID     string
	baseURL    string
	route      string
	secure     bool
	edged      bool // an Edge has settled how the request came
	recorder   Recorder
	responder  Responder
	challenges []Challenge
	events     int
	told       *told // nil while nothing has been reported
	slots      [maxSlots]slot
}

// maxSlots bounds what packages may hang onto one request.
const maxSlots = 4

type slot struct{ key, value any }

// told remembers what has been reported, apart from the scope: most requests
// report nothing.
type told struct {
	names    [8]EventName // the first few different ones
	refusals [4]refusal   // of Deny
}

// refusal identifies what Deny has reported already.
type refusal struct {
	name    EventName
	reason  string
	request *url.URL // tells sub-requests apart: copies of a request share it
}

type scopeKey struct{}

// Enter returns the scope of r, and installs one if there is none yet; the
// returned request carries it and is the one to pass on.
func Enter(r *http.Request) (*http.Request, *Scope) {
	if s := scopeOf(r.Context()); s != nil {
		return r, s
	}
	// One allocation holds both: they live and die together.
	both := new(struct {
		scope   Scope
		request http.Request
	})
	s := &both.scope
	s.Context, s.clientIP, s.secure = r.Context(), peer(r), r.TLS != nil
	both.request = *r.WithContext(s)
	return &both.request, s
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
	case identityKey:
		if s.Settled() {
			return s
		}
	}
	return s.nearest().Value(key)
}

// child opens a scope inside s for a sub-request. It inherits how the request
// reached the service, and nothing of who called or what was answered.
func (s *Scope) child(r *http.Request) *Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Scope{
		Context: r.Context(), outer: s,
		clientIP: s.clientIP, requestID: s.requestID, traceID: s.traceID, spanID: s.spanID,
		baseURL: s.baseURL, secure: s.secure, edged: s.edged, recorder: s.recorder, responder: s.responder,
	}
}

// shadowed reports whether a WithPrincipal stands between s and r, so that
// settling s would change nothing for r.
func (s *Scope) shadowed(r *http.Request) bool {
	return r.Context().Value(identityKey{}) != s.Value(identityKey{})
}

// Settled reports whether an authentication layer has settled who calls,
// nobody included.
func (s *Scope) Settled() bool { return s.principal.Load() != nil }

// Principal returns the caller settled in this scope, or nil. Handlers want
// [PrincipalFrom], which also knows [WithPrincipal].
func (s *Scope) Principal() *Principal {
	if p := s.principal.Load(); p != nobody {
		return p
	}
	return nil
}

// ClientIP returns the address of the client; see [ClientIP].
func (s *Scope) ClientIP() netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clientIP
}

// Secure reports whether the client reached the service over TLS: directly, or
// through a trusted proxy that says so.
func (s *Scope) Secure() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secure
}

// BaseURL returns the service's own public URL, scheme and host without a
// trailing slash, as [Edge] was given it; empty where it was not. It is the only
// base for links, origin checks and DPoP proofs: the Host header is the client's word.
func (s *Scope) BaseURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.baseURL
}

// RequestID returns the id of the request, made on first use where no [Edge]
// settled one.
func (s *Scope) RequestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requestID == "" {
		s.requestID = newRequestID()
	}
	return s.requestID
}

// Trace returns the W3C trace context ids of the request, empty where unknown.
func (s *Scope) Trace() (traceID, spanID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.traceID, s.spanID
}

// SetTrace records the ids of a traceparent that has been checked.
func (s *Scope) SetTrace(traceID, spanID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traceID, s.spanID = traceID, spanID
}

// Route returns the pattern that matched, such as "GET /documents/{id}", and is
// empty while none has.
func (s *Scope) Route() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.route
}

// SetRoute records the pattern that matched. A scope around this one, which has
// no route of its own yet, takes it too.
func (s *Scope) SetRoute(pattern string) {
	s.mu.Lock()
	s.route = pattern
	s.mu.Unlock()
	for s = s.outer; s != nil; s = s.outer {
		s.mu.Lock()
		if s.route == "" {
			s.route = pattern
		}
		s.mu.Unlock()
	}
}

// Challenges returns what a 401 offers the client; not to be modified.
func (s *Scope) Challenges() []Challenge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.challenges
}

// SetChallenges says what a 401 offers the client from now on. The slice
// belongs to the scope afterwards; layers share one prepared slice.
func (s *Scope) SetChallenges(c []Challenge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.challenges = c[:len(c):len(c)]
}

// SetRecorder sends the events of this request to rec.
func (s *Scope) SetRecorder(rec Recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorder = rec
}

// answerer returns the responder in force, or nil.
func (s *Scope) answerer() Responder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.responder
}

// Events counts what has been reported for this request and its sub-requests at
// level WARN and above: what tells of a refusal or worse.
func (s *Scope) Events() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// Reported tells whether an event of that name has been reported for this
// request or its sub-requests. Only the first eight different names are
// remembered.
func (s *Scope) Reported(name EventName) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told != nil && slices.Contains(s.told.names[:], name)
}

// counted notes an event here and in every scope around.
func (s *Scope) counted(name EventName, warns bool) {
	for ; s != nil; s = s.outer {
		s.mu.Lock()
		if warns {
			s.events++
		}
		s.remember().note(name)
		s.mu.Unlock()
	}
}

// remember is called with the lock held.
func (s *Scope) remember() *told {
	if s.told == nil {
		s.told = new(told)
	}
	return s.told
}

func (t *told) note(name EventName) {
	for i, known := range t.names {
		if known == name {
			return
		}
		if known == "" {
			t.names[i] = name
			return
		}
	}
}

// explains reports whether an event has told already why a caller is missing: a
// bad cookie counts as no credential, and the 401 is its consequence.
func (s *Scope) explains(p *Problem) bool {
	return p.Status == http.StatusUnauthorized && p.Event == AuthzFail &&
		(s.Reported(AuthnTokenInvalid) || s.Reported(AuthnTokenReuse))
}

// first reports whether Deny meets the name and reason for the first time. Only
// a few are remembered; past that each is reported, which errs on the loud side.
func (s *Scope) first(name EventName, reason string, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	this := refusal{name, reason, r.URL}
	seen := &s.remember().refusals
	for i, known := range seen {
		if known == this {
			return false
		}
		if known == (refusal{}) {
			seen[i] = this
			return true
		}
	}
	return true
}

// Get returns the value that a package has set under its key, here or in a
// scope around, and nil where there is none.
func (s *Scope) Get(key any) any {
	for ; s != nil; s = s.outer {
		s.mu.Lock()
		for i := range s.slots {
			if s.slots[i].key == key {
				s.mu.Unlock()
				return s.slots[i].value
			}
		}
		s.mu.Unlock()
	}
	return nil
}

// Set keeps a package's own value for the rest of the request. The key must be
// comparable and of a type of that package's own. It reports false, and keeps
// nothing, when the request's four slots are taken by other keys.
func (s *Scope) Set(key, value any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.slots {
		if s.slots[i].key == nil || s.slots[i].key == key {
			s.slots[i] = slot{key, value}
			return true
		}
	}
	return false
}
