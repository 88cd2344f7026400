package bulwark

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/internal/representation"
)

// A Responder renders a refusal in place of the standard body. Status, code and
// header fields are settled before it is called, but for Content-Type; it must
// write p.Status. [Edge] installs it for all layers.
type Responder func(w http.ResponseWriter, r *http.Request, p *Problem)

// Deny refuses a request: it reports the security event and writes the answer.
// It is the one door for refusals, for layers and applications alike.
//
// An err that is or wraps a *[Problem] is answered as that problem. What the
// client has brought about is not our failure:
//
//   - an *[http.MaxBytesError], and a form that is too large, is 413
//     "body.too_large";
//   - what [http.Request.ParseForm], [http.Request.FormFile] and their like say
//     of a query or a form is 400 "request.malformed" or "body.malformed", and
//     415 "body.unsupported_media_type" of a body that is not a form;
//   - a body that is cut off, malformed or reset is 400 "body.incomplete";
//   - a body that does not arrive in time is 408 "body.timeout";
//   - [context.Canceled], and what writing the answer fails with, where the
//     client has left, is 499 "request.canceled" without an event;
//   - the end of a stream whose credential has expired is 401
//     "request.credential_expired".
//
// Anything else is an opaque 500 whose cause only the log sees, and so is a
// deadline of the program's own, such as that of a database. An error of a
// decoder, such as that of encoding/json, does not tell whose text was bad:
// make a Problem of it.
//
// Deny tells the body's errors from others where a layer of this module stands
// outside; elsewhere it goes by the kind of the error. A 401 always carries
// WWW-Authenticate, a 429 and 503 Retry-After, and no refusal is stored by a
// cache.
//
// A Problem whose event is [NoEvent] is answered without an event, but for a
// 403, a 429, and a 401 for a request with a credential.
//
// The event is reported once per answer, name and reason. Two calls that share
// the Header of a ResponseWriter write one answer; each part of a batch that
// has a writer of its own has an answer of its own. A 401 for want of a caller
// reports nothing where the bad credential that is the cause has been reported.
// Where the response has already begun, and a layer of this module watches it,
// Deny reports the event and leaves the response alone; elsewhere it cannot
// know.
func Deny(w http.ResponseWriter, r *http.Request, err error) {
	fresh := scopeOf(r.Context()) == nil
	r, s := Enter(r)
	p := problemOf(err, fault{r, s, fresh})
	if p.Log.Event == NoEvent && !s.mayPass(r.Context(), p.Status) {
		p.Log.Event = eventFor(p.Status)
	}
	e := p.event() // before anything is marked: a cause may panic
	answer := w.Header()
	if answer == nil { // of a writer that breaks its contract
		answer = http.Header{}
	}
	if s.marks(refusal{answer, p.Log.Event, p.Log.Reason, p.Status}) {
		if p.Log.Event == NoEvent || s.explains(p, answer) {
			s.note(p.Log.Event, p.Status, atTheDoor)
		} else {
			s.Describe(r, &e)
			s.report(r.Context(), e, atTheDoor)
		}
	}
	if started(w, answer) {
		return
	}
	p.writeHeader(answer, s)
	requestID, responder := s.answers()
	if responder != nil && r.Context().Value(respondingKey{}) == nil {
		// A Responder that gives up may call Deny: then the standard body is
		// written.
		responder(w, r.WithContext(context.WithValue(r.Context(), respondingKey{}, true)), p)
		return
	}
	body, err := json.Marshal(p.body(requestID))
	if err != nil { // an extension that JSON cannot say
		bare := *p
		bare.Extensions, bare.Errors = nil, nil
		body, _ = json.Marshal(bare.body(requestID))
	}
	answer.Set("Content-Type", "application/problem+json")
	answer.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		w.Write(append(body, '\n'))
	}
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

// explains reports whether an event has told already why a caller is missing: a
// bad cookie counts as no credential, and the 401 is its consequence. It asks
// this scope and those around it, and not a neighbour; and an event explains
// one answer.
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

// answers returns what an answer to the request needs: its id, and the
// responder in force, or nil.
func (s *Scope) answers() (requestID string, responder Responder) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.id(), s.shared.responder
}

// problemOf returns a copy of the problem in err with nothing left open.
func problemOf(err error, f fault) *Problem {
	var p Problem
	var problem *Problem
	var config *ConfigError
	switch {
	case errors.As(err, &problem) && problem != nil:
		p = *problem
		f.judge(&p)
	case errors.As(err, &config) && config != nil:
		p = Problem{Status: http.StatusInternalServerError, Code: config.area() + ".unconfigured", Err: err}
	default:
		p = Problem{Status: http.StatusInternalServerError, Code: "internal.error", Err: err}
		if byClient := f.byClient(err); byClient != nil {
			p = *byClient
		}
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
	return &p
}

// eventFor is the event of a refusal that names none.
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

// writeHeader sets what every refusal carries, and removes what a handler may
// have set for the answer that it did not get to give.
func (p *Problem) writeHeader(h http.Header, s *Scope) {
	representation.Withdraw(h)
	for name, values := range p.Header {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		p.writeChallenges(h, s)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter(p.RetryAfter))
	}
}

// writeChallenges keeps the promise that a 401 says how to authenticate (RFC
// 9110 section 15.5.2). A 403 carries a challenge only where the problem does.
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

// started reports whether the answer has been sent already, where w can tell.
// The one ResponseWriter wrapper of this module can. A writer further in is
// believed only where it is about the same answer.
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
