package bulwark

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A Responder renders a refusal in place of the standard body. Status, code and
// header fields are settled before it is called, but for Content-Type; it must
// write p.Status. [Edge] installs it for all layers.
type Responder func(w http.ResponseWriter, r *http.Request, p *Problem)

// Deny refuses a request: it reports the security event and writes the answer.
// It is the one door for refusals, for layers and applications alike.
//
// An err that is or wraps a *[Problem] is answered as that problem, an
// *[http.MaxBytesError] as 413 "body.too_large", and anything else as an opaque
// 500 whose cause only the log sees. A 401 always carries WWW-Authenticate, a
// 429 and 503 Retry-After, and no refusal is stored by a cache.
//
// The event is reported once per answer, name and reason. Two calls that share
// the Header of a ResponseWriter write one answer; each part of a batch that
// has a writer of its own has an answer of its own. A 401 for want of a caller
// reports nothing where the bad credential that is the cause has been reported.
// Where the response has already begun, and a layer of this module watches it,
// Deny reports the event and leaves the response alone; elsewhere it cannot
// know.
func Deny(w http.ResponseWriter, r *http.Request, err error) {
	r, s := Enter(r)
	p := problemOf(err)
	first := s.marks(refusal{w.Header(), p.Log.Event, p.Log.Reason, p.Status})
	if first && !s.explains(p) {
		Report(r, p.event())
	}
	if started(w) {
		return
	}
	p.writeHeader(w.Header(), s)
	requestID, responder := s.answers()
	if responder != nil {
		responder(w, r, p)
		return
	}
	body, err := json.Marshal(p.body(requestID))
	if err != nil { // an extension that JSON cannot say
		bare := *p
		bare.Extensions, bare.Errors = nil, nil
		body, _ = json.Marshal(bare.body(requestID))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		w.Write(append(body, '\n'))
	}
}

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
// this scope and those around it, and not a neighbour.
func (s *Scope) explains(p *Problem) bool {
	if p.Status != http.StatusUnauthorized || p.Log.Event != AuthzFail {
		return false
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	for around := s; around != nil; around = around.outer {
		if told := s.shared.tally; told.tells(AuthnTokenInvalid, around) || told.tells(AuthnTokenReuse, around) {
			return true
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
func problemOf(err error) *Problem {
	var p Problem
	var problem *Problem
	var config *ConfigError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &problem) && problem != nil:
		p = *problem
	case errors.As(err, &config) && config != nil:
		p = Problem{Status: http.StatusInternalServerError, Code: config.area() + ".unconfigured", Err: err}
	case errors.As(err, &tooLarge):
		p = Problem{Status: http.StatusRequestEntityTooLarge, Code: "body.too_large",
			Detail: "The body is larger than the " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes allowed here."}
	default:
		p = Problem{Status: http.StatusInternalServerError, Code: "internal.error", Err: err}
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
	e := Event{Name: p.Log.Event, Status: p.Status, Reason: p.Log.Reason, Rule: p.Log.Rule,
		Issuer: p.Log.Issuer, UserID: p.Log.UserID}
	n := copy(e.Attrs[:len(e.Attrs)-1], p.Log.Attrs)
	if p.Err != nil {
		e.Attrs[n] = slog.String("error", p.Err.Error())
	}
	return e
}

// writeHeader sets what every refusal carries, and removes what a handler may
// have set for the answer that it did not get to give.
func (p *Problem) writeHeader(h http.Header, s *Scope) {
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Range", "Etag", "Last-Modified"} {
		delete(h, name)
	}
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

// started reports whether w has sent its header already, where it can tell. The
// one ResponseWriter wrapper of this module can.
func started(w http.ResponseWriter) bool {
	for depth := 0; w != nil && depth < 16; depth++ {
		if teller, ok := w.(interface{ Started() bool }); ok {
			return teller.Started()
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
