package bulwark

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark/internal/member"
)

// A Problem is a refusal as an error. It holds the answer that the client gets
// (problem details, RFC 9457), and the cause that only the log sees. Layers and
// applications return a Problem as an error, or give it to [Deny].
//
// The fields Log and Err are for the log alone. All other fields reach the
// client. They must not hold a value that the client sent, because an answer
// never echoes input.
type Problem struct {
	// Type is a URI for the kind of problem. Default: "about:blank".
	Type string
	// Title is a short summary of the kind of problem. Default: the text of
	// Status, such as "Conflict".
	Title string
	// Status is the HTTP status of the answer. At least 400, at most 599.
	// Default: 500. A status outside the bounds becomes 500.
	Status int
	// Code is the stable identifier of the refusal, "package.reason" in lower
	// snake case. Never rename a code: clients translate by it, and alerts
	// count by it. Default: "problem.status_" and the status.
	Code string
	// Detail is a sentence that tells the client what to change. Default:
	// empty, and the body has no detail.
	Detail string
	// Errors lists the mistakes field by field. Default: empty.
	Errors []FieldError
	// Extensions are more members of the body (RFC 9457 section 3.2). The
	// standard members and "code" cannot be replaced. Default: empty.
	Extensions map[string]any
	// Header holds more header fields of the answer, such as Allow. Default:
	// empty.
	Header http.Header
	// Challenges are the WWW-Authenticate fields of a 401 or 403. Default: a
	// 401 has the challenges of the authentication layer, or else Bearer. A 403
	// has none.
	Challenges []Challenge
	// RetryAfter tells the client of a 429 or 503 when to try again. It is sent
	// in whole seconds, rounded up. Default: 1 second. At least 1 second.
	RetryAfter time.Duration

	// Log is the part that, like Err, only the log sees.
	Log ProblemLog
	// Err is the cause. Only the log sees its text, shortened and escaped.
	// Default: nil.
	Err error

	list *member.List // a member of the body that other problems share, or nil
}

// A ProblemLog is the part of a [Problem] that only the log sees.
type ProblemLog struct {
	// Event is the name of the security event, or [NoEvent]. Default: a name
	// that fits the status, such as [AuthzFail] for a 403.
	Event EventName
	// Level is the level of the event. Default: see [Event].
	Level slog.Leveler
	// Reason is the exact reason, one of a fixed list of words. Default: the
	// Code.
	Reason string
	// Rule is the name of the configured rule, limit or policy that refused.
	// Default: empty.
	Rule string
	// Issuer and UserID are the identity that the event names in place of the
	// caller, for example the owner of a session that another client has
	// presented. Default: the caller.
	Issuer, UserID string
	// Attrs are more attributes of the event. At most 3. Further attributes are
	// dropped. Default: empty.
	Attrs []slog.Attr
}

// Error returns the code, the reason and the text of the cause.
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
func (p *Problem) MarshalJSON() ([]byte, error) { return p.appendBody(nil, "") }

// A FieldError says what is wrong with one value of a request. It never holds
// the value itself.
type FieldError struct {
	// Pointer is the JSON pointer (RFC 6901) of the value within the part In.
	Pointer string `json:"pointer"`
	// In is the part of the request with the value: "body", "query", "path" or
	// "header".
	In string `json:"in"`
	// Code is the stable name of the rule that failed, such as "required".
	Code string `json:"code"`
	// Params are the parameters of the rule, such as {"limit": 100}.
	Params map[string]any `json:"params,omitempty"`
	// Detail is a sentence in English.
	Detail string `json:"detail"`
}
