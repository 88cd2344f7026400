package bulwark

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/internal/representation"
	"github.com/bulwark-go/bulwark/internal/response"
)

// A Responder writes a refusal in place of the standard body. Set it in
// [Edge.Responder], and all layers use it.
//
// When [Deny] calls a Responder, p is complete and the header fields are set,
// except Content-Type. The Responder must write p.Status. If a Responder calls
// Deny, Deny writes the standard body.
type Responder func(w http.ResponseWriter, r *http.Request, p *Problem)

// Deny refuses a request: it writes the answer and reports the security event.
// Layers and applications refuse in the same way:
//
//	bulwark.Deny(w, r, &bulwark.Problem{
//		Status: http.StatusConflict,
//		Code:   "documents.changed",
//		Detail: "The document has changed. Read it again.",
//	})
//	return
//
// Deny chooses the answer by err, and also looks at the errors that err wraps.
// A *[Problem] is the answer itself. A *[ConfigError] becomes 500 with the code
// "<package>.unconfigured". An error that the client caused is not a failure of
// the server:
//
//   - A body that is too large is 413 "body.too_large". The error is an
//     *[http.MaxBytesError], or [http.Request.ParseForm] refused a large form.
//   - A query or form that cannot be read is 400 "request.malformed" or 400
//     "body.malformed". The error comes from [http.Request.ParseForm],
//     [http.Request.FormFile] or a similar method.
//   - A body that is not a form is 415 "body.unsupported_media_type". The error
//     comes from the same methods.
//   - A body that is cut off, malformed or reset is 400 "body.incomplete".
//   - A body that does not arrive in time is 408 "body.timeout".
//   - [context.Canceled], or a failed write of the answer, is 499
//     "request.canceled" if the client has left. No event is reported.
//   - The end of a stream whose credential has expired is 401
//     "request.credential_expired". If the credential has been revoked, it is
//     401 "request.credential_revoked". If nobody could check the credential
//     for too long, it is 503 "request.credential_unchecked".
//
// Any other error becomes an opaque 500 "internal.error", and only the log sees
// the cause. Two examples:
//
//   - A deadline that the program set itself, such as the deadline of a
//     database call.
//   - An error of a decoder such as encoding/json, because the error does not
//     say who wrote the text. If the client wrote the text, make a Problem.
//
// If a layer of this module stands outside, Deny knows exactly which errors
// come from the request body. Without such a layer, Deny decides by the type of
// the error.
//
// The answer:
//
//   - Caches do not store it.
//   - A 401 always has WWW-Authenticate. A 429 and a 503 always have
//     Retry-After.
//   - Header fields that a handler set for another answer, such as Content-Type
//     or Location, are removed.
//   - If the response has already begun, Deny only reports the event. Deny can
//     know this only if a layer of this module watches the response.
//
// The event:
//
//   - Deny reports the event once for each answer, event name and reason. Two
//     calls belong to one answer if their ResponseWriters have the same Header
//     map. A part of a batch that has its own ResponseWriter has its own
//     answer.
//   - If auth has already reported a bad credential, the 401 that follows for
//     the missing caller is not reported.
//   - A Problem whose event is [NoEvent] is answered without an event. Three
//     refusals are always reported: a 403, a 429, and a 401 for a request with
//     a credential.
func Deny(w http.ResponseWriter, r *http.Request, err error) {
	fresh := scopeOf(r.Context()) == nil
	r, s := Enter(r)
	var p Problem
	p.of(err, fault{r, s, fresh})
	if p.Log.Event == NoEvent && !s.mayPass(r.Context(), p.Status) {
		p.Log.Event = eventFor(p.Status)
	}
	e := p.event() // before anything is marked: a cause may panic
	answer := w.Header()
	if answer == nil { // of a writer that breaks its contract
		answer = http.Header{}
	}
	if s.marks(refusal{answer, p.Log.Event, p.Log.Reason, p.Status}) {
		if p.Log.Event == NoEvent || s.explains(&p, answer) {
			s.note(p.Log.Event, p.Status, atTheDoor)
		} else {
			s.Describe(r, &e)
			s.report(r.Context(), e, atTheDoor)
		}
	}
	if hold := response.Held(r.Context()); hold != nil {
		p.note(hold, r, s)
	}
	if !started(w, answer) {
		p.send(w, r, s, answer)
	}
}

// note tells the Holds of the request about the refusal, which the handler may
// answer with. A Hold does not see the difference between a refusal and an
// answer by itself: what stands between may be a buffer.
func (p *Problem) note(hold *response.Hold, r *http.Request, s *Scope) {
	own := *p
	for ; hold != nil; hold = hold.Around {
		if of, _ := hold.Of.(*Scope); of.Same(s) {
			hold.Note(p.Status, func(w http.ResponseWriter) { own.send(w, r, s, w.Header()) })
		}
	}
}

// send writes the answer, whose header is given.
func (p *Problem) send(w http.ResponseWriter, r *http.Request, s *Scope, answer http.Header) {
	fields := new(fields)
	p.writeHeader(answer, s, fields)
	requestID, responder := s.answers()
	if responder != nil && r.Context().Value(respondingKey{}) == nil {
		// A Responder that gives up may call Deny: then the standard body is
		// written.
		own := *p
		own.withOwnMembers()
		responder(w, r.WithContext(context.WithValue(r.Context(), respondingKey{}, true)), &own)
		return
	}
	b := bodies.Get().(*body)
	var err error
	if b.text, err = p.appendBody(b.text[:0], requestID); err != nil { // an extension that JSON cannot say
		p.Extensions, p.Errors = nil, nil
		b.text, _ = p.appendBody(nil, requestID)
	}
	b.text = append(b.text, '\n')
	fields.set(answer, "Content-Type", "application/problem+json")
	fields.set(answer, "Content-Length", strconv.Itoa(len(b.text)))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		w.Write(b.text)
	}
	b.release()
}

// respondingKey is set in the context of a request whose refusal is being
// rendered by a Responder.
type respondingKey struct{}

// atTheDoor is the place of what Deny reports. It differs from every scope: a
// refusal explains its own answer and no other.
var atTheDoor = new(byte)

// marks remembers a refusal in an answer, also for the requests that this one
// is a sub-request of: their answer may be the same. It reports whether this
// request meets the refusal for the first time.
func (s *Scope) marks(this refusal) (first bool) {
	for rec := s.shared; rec != nil; rec = rec.outer {
		rec.mu.Lock()
		fresh := !rec.tally.wrote(this)
		if fresh {
			rec.counted().mark(this)
		}
		rec.mu.Unlock()
		if rec == s.shared {
			first = fresh
		}
	}
	return first
}

// explains reports whether an earlier event already says why the caller is
// missing. A bad cookie counts as a missing credential, and the 401 is its
// consequence. explains looks at this scope and the scopes around it, and not
// at neighbours. One event explains one answer.
func (s *Scope) explains(p *Problem, answer http.Header) bool {
	if p.Status != http.StatusUnauthorized || p.Log.Event != AuthzFail {
		return false
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	for around := s; around != nil; around = around.outer {
		for _, cause := range [...]EventName{AuthnTokenInvalid, AuthnTokenReuse} {
			if s.shared.tally.explains(cause, around, answer) {
				return true
			}
		}
	}
	return false
}

// answers returns what an answer to the request needs: the request id, and the
// active responder or nil.
func (s *Scope) answers() (requestID string, responder Responder) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.id(), s.shared.responder
}

// of makes p a copy of the problem in err with nothing left open.
func (p *Problem) of(err error, f fault) {
	if problem, ok := err.(*Problem); ok && problem != nil { // nearly always
		*p = *problem
		f.judge(p)
	} else {
		p.in(err, f)
	}
	if p.Status < 400 || p.Status > 599 {
		p.Status = http.StatusInternalServerError
	}
	if p.Code == "" {
		p.Code = "problem.status_" + strconv.Itoa(p.Status)
	}
	if p.Type == "" {
		p.Type = "about:blank"
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	if p.Log.Event == "" {
		p.Log.Event = eventFor(p.Status)
	}
	if p.Log.Reason == "" {
		p.Log.Reason = p.Code
	}
}

// in makes p a copy of the problem that err wraps, or that it means.
func (p *Problem) in(err error, f fault) {
	var problem *Problem
	var config *ConfigError
	switch {
	case errors.As(err, &problem) && problem != nil:
		*p = *problem
		f.judge(p)
	case errors.As(err, &config) && config != nil:
		*p = Problem{Status: http.StatusInternalServerError, Code: config.area() + ".unconfigured", Err: err}
	default:
		*p = Problem{Status: http.StatusInternalServerError, Code: "internal.error", Err: err}
		if byClient := f.byClient(err); byClient != nil {
			*p = *byClient
		}
	}
}

// eventFor is the event of a refusal without an event of its own.
func eventFor(status int) EventName {
	switch {
	case status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported:
		return InputValidationFail // what was asked for is the client's choice
	case status >= 500:
		return SysUnavailable
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return AuthzFail
	case status == http.StatusTooManyRequests:
		return ExcessRateLimitExceeded
	}
	return InputValidationFail
}

func (p *Problem) event() Event {
	e := Event{Name: p.Log.Event, Level: p.Log.Level, Status: p.Status, Reason: p.Log.Reason, Rule: p.Log.Rule,
		Issuer: p.Log.Issuer, UserID: p.Log.UserID}
	n := copy(e.Attrs[:len(e.Attrs)-1], p.Log.Attrs)
	if p.Err != nil {
		e.Attrs[n] = slog.String("error", textOf(p.Err))
	}
	return e
}

// writeHeader sets the fields that every refusal has. It removes the fields
// that a handler has set for the answer that the refusal replaces.
func (p *Problem) writeHeader(h http.Header, s *Scope, own *fields) {
	representation.Withdraw(h)
	for name, values := range p.Header {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	own.set(h, "Cache-Control", "no-store")
	own.set(h, "X-Content-Type-Options", "nosniff")
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		p.writeChallenges(h, s)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		own.set(h, "Retry-After", retryAfter(p.RetryAfter))
	}
}

// fields are the values of the fields that an answer has once, in one
// allocation. No value can grow into the next.
type fields struct {
	values [5]string
	n      int
}

// set sets a field, whose name is in canonical form.
func (f *fields) set(h http.Header, name, value string) {
	f.values[f.n] = value
	f.n++
	h[name] = f.values[f.n-1 : f.n : f.n]
}

// writeChallenges keeps the promise that a 401 says how to authenticate (RFC
// 9110 section 15.5.2). A 403 has a challenge only if the problem has one.
func (p *Problem) writeChallenges(h http.Header, s *Scope) {
	challenges := p.Challenges
	if challenges == nil && p.Status == http.StatusUnauthorized {
		challenges = s.Challenges()
		if len(challenges) == 0 {
			challenges = []Challenge{{Scheme: "Bearer"}}
		}
	}
	for _, c := range challenges {
		h.Add("WWW-Authenticate", c.String())
	}
}

// started reports whether the answer has been sent already, if w can tell. The
// one ResponseWriter wrapper of this module can. A writer further in is asked
// only if it has the same Header, so that it is about the same answer.
func started(w http.ResponseWriter, answer http.Header) bool {
	for depth := 0; w != nil && depth < 16; depth++ {
		if teller, ok := w.(interface{ Started() bool }); ok {
			return sameHeader(w.Header(), answer) && teller.Started()
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = wrapper.Unwrap()
	}
	return false
}

// retryAfter is a time in whole seconds, rounded up, at least one.
func retryAfter(d time.Duration) string {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(max(1, seconds), 10)
}
