package bulwark

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Problem is a refusal: an error with the answer that the client gets, as
// problem details (RFC 9457), and the cause that only the log sees. Layers and
// applications return it as an error and hand it to [Deny].
//
// The exported fields above Event reach the client. None of them may hold a
// value that the client sent: an answer never echoes.
type Problem struct {
	// Type is a URI for the kind of problem; empty is "about:blank".
	Type string
	// Title is a short summary of the kind; empty is the status text.
	Title string
	// Status is the HTTP status, 400 to 599. Anything else is answered as 500.
	Status int
	// Code is the stable identifier "package.reason" in lower snake case. It is
	// never renamed: clients translate by it, alerts count by it.
	Code string
	// Detail tells the client what to change.
	Detail string
	// Errors lists what is wrong field by field.
	Errors []FieldError
	// Extensions are further members of the body (RFC 9457 section 3.2). The
	// standard names and code are taken.
	Extensions map[string]any
	// Header holds further header fields of the answer, such as Allow.
	Header http.Header
	// Challenges replace, on a 401 or 403, those that the authentication layer offers.
	Challenges []Challenge
	// RetryAfter is sent on a 429 and 503 in whole seconds, rounded up, at least one.
	RetryAfter time.Duration

	// Event names the security event; empty chooses by status.
	Event EventName
	// Reason is the exact reason for the log; empty is Code.
	Reason string
	// Rule names the configured rule, limit or policy that refused.
	Rule string
	// Attrs are up to three further attributes for the log.
	Attrs []slog.Attr
	// Err is the cause. Its text reaches the log, shortened and escaped.
	Err error
}

// Error returns the code and the cause.
func (p *Problem) Error() string {
	if p == nil {
		return "no problem"
	}
	text := p.Code
	if p.Reason != "" && p.Reason != p.Code {
		text += " (" + p.Reason + ")"
	}
	if p.Err != nil {
		text += ": " + p.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error {
	if p == nil {
		return nil // a typed nil is an error that says nothing; Deny answers 500
	}
	return p.Err
}

// MarshalJSON returns the body of the answer (RFC 9457 section 3.1).
func (p *Problem) MarshalJSON() ([]byte, error) { return json.Marshal(p.body("")) }

// A FieldError says what is wrong with one value of a request. It never holds
// the value itself.
type FieldError struct {
	// Pointer is the JSON pointer (RFC 6901) of the value within In.
	Pointer string `json:"pointer"`
	// In is where the value stands: "body", "query", "path" or "header".
	In string `json:"in"`
	// Code is the stable name of the rule that failed, such as "required".
	Code string `json:"code"`
	// Params are the rule's own parameters, such as {"limit": 100}.
	Params map[string]any `json:"params,omitempty"`
	// Detail is a sentence in English.
	Detail string `json:"detail"`
}

// A Challenge is one way to authenticate that a 401 offers (RFC 9110 section 11.6.1).
type Challenge struct {
	// Scheme is the authentication scheme, such as "Bearer".
	Scheme string
	// Params are name and value pairs, sent in this order, values quoted.
	Params [][2]string
}

// String returns the challenge as it stands in WWW-Authenticate.
func (c Challenge) String() string {
	var b strings.Builder
	b.WriteString(c.Scheme)
	for i, param := range c.Params {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte(' ')
		b.WriteString(param[0])
		b.WriteString(`="`)
		for _, char := range []byte(param[1]) {
			if char < ' ' || char == 0x7f {
				continue // cannot stand in a quoted-string (RFC 9110 section 5.6.4)
			}
			if char == '"' || char == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(char)
		}
		b.WriteByte('"')
	}
	return b.String()
}

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
// The event is reported once per request, name and reason. A 401 for want of a
// caller reports none where the bad credential that is the cause has been
// reported. Where the response
// has already begun, and a layer of this module watches it, Deny reports the
// event and leaves the response alone; elsewhere it cannot know.
func Deny(w http.ResponseWriter, r *http.Request, err error) {
	r, s := Enter(r)
	p := problemOf(err)
	if s.first(p.Event, p.Reason, r) && !s.explains(p) {
		Report(r, p.event())
	}
	if started(w) {
		return
	}
	p.writeHeader(w.Header(), s)
	if responder := s.answerer(); responder != nil {
		responder(w, r, p)
		return
	}
	body, err := json.Marshal(p.body(s.RequestID()))
	if err != nil { // an extension that JSON cannot say
		bare := *p
		bare.Extensions, bare.Errors = nil, nil
		body, _ = json.Marshal(bare.body(s.RequestID()))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		w.Write(append(body, '\n'))
	}
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
	if p.Event == "" {
		p.Event = eventFor(p.Status)
	}
	if p.Reason == "" {
		p.Reason = p.Code
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
	e := Event{Name: p.Event, Status: p.Status, Reason: p.Reason, Rule: p.Rule}
	n := copy(e.Attrs[:len(e.Attrs)-1], p.Attrs)
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

// details is the wire form of a problem, in the order that people read it.
type details struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Instance string       `json:"instance,omitempty"`
	Code     string       `json:"code"`
	Errors   []FieldError `json:"errors,omitempty"`
}

func (p *Problem) body(requestID string) any {
	d := details{p.Type, p.Title, p.Status, p.Detail, "", p.Code, p.Errors}
	if requestID != "" {
		d.Instance = instance(requestID)
	}
	if len(p.Extensions) == 0 {
		return d
	}
	all := maps.Clone(p.Extensions)
	all["type"], all["title"], all["status"], all["code"] = d.Type, d.Title, d.Status, d.Code
	for name, value := range map[string]string{"detail": d.Detail, "instance": d.Instance} {
		delete(all, name)
		if value != "" {
			all[name] = value
		}
	}
	delete(all, "errors")
	if len(d.Errors) > 0 {
		all["errors"] = d.Errors
	}
	return all
}

// instance turns a request id into a URN (RFC 8141): a UUID has a namespace of
// its own (RFC 9562 section 4), what a proxy chose is kept apart.
func instance(requestID string) string {
	if len(requestID) == 36 && strings.Count(requestID, "-") == 4 && !strings.ContainsFunc(requestID, notUUID) {
		return "urn:uuid:" + requestID
	}
	return "urn:request:" + requestID
}

func notUUID(c rune) bool {
	return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F')
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
