package bulwark

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"
)

// A Problem is a refusal: an error with the answer that the client gets, as
// problem details (RFC 9457), and the cause that only the log sees. Layers and
// applications return it as an error and hand it to [Deny].
//
// What the client sees and what only the log sees are apart: all fields but Log
// and Err reach the client. None of those may hold a value that the client
// sent, because an answer never echoes.
type Problem struct {
	// Type is a URI for the kind of problem. Default: "about:blank".
	Type string
	// Title is a short summary of the kind. Default: the status text.
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
	// Challenges replace, on a 401 or 403, those that the authentication layer
	// offers.
	Challenges []Challenge
	// RetryAfter is sent on a 429 and 503 in whole seconds, rounded up, at
	// least one.
	RetryAfter time.Duration

	// Log is what only the log sees besides Err.
	Log ProblemLog
	// Err is the cause. Its text reaches the log, shortened and escaped.
	Err error
}

// A ProblemLog is the part of a [Problem] that only the log sees.
type ProblemLog struct {
	// Event names the security event, or is [NoEvent]. Default: by status.
	Event EventName
	// Level is the level of the event. Default: see [Event].
	Level slog.Leveler
	// Reason is the exact reason, from a closed list. Default: the Code.
	Reason string
	// Rule names the configured rule, limit or policy that refused.
	Rule string
	// Issuer and UserID are whom the event names in place of the caller: the
	// owner of a session or of a key that somebody has presented. Default: the
	// caller.
	Issuer, UserID string
	// Attrs are further attributes. At most 3 are kept.
	Attrs []slog.Attr
}

// Error returns the code and the cause.
func (p *Problem) Error() string {
	if p == nil {
		return "no problem"
	}
	text := p.Code
	if reason := p.Log.Reason; reason != "" && reason != p.Code {
		text += " (" + reason + ")"
	}
	if p.Err != nil {
		text += ": " + textOf(p.Err)
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
