package authz

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
)

// engineTimeout bounds how long one decision waits for its engines together.
const engineTimeout = 5 * time.Second

// Bounds of the texts of an engine in an event, in bytes.
const (
	maxDecisionID     = 64
	maxDecisionReason = 128
)

// An inquiry is what one decision asks of engines. It fails closed: an engine
// that did not answer has not allowed anything.
type inquiry struct {
	ctx    context.Context
	end    context.CancelFunc
	failed error  // of the first engine that did not answer
	yes    string // by the last engine that allowed
	no     string // by all that denied
}

// inquire begins an inquiry. The caller calls end.
func inquire(r *http.Request) *inquiry {
	ctx, end := context.WithTimeout(r.Context(), engineTimeout)
	return &inquiry{ctx: ctx, end: end}
}

// ask asks one engine, unless the time is over: the engine would have to fail,
// and a breaker in it would count a failure that is not its own. The result is
// passed, forbidden or undecided.
func (in *inquiry) ask(e Engine, q Query) refusal {
	if err := in.ctx.Err(); err != nil {
		in.fail(err)
		return undecided
	}
	d, err := decide(in.ctx, e, &q)
	return in.hear(d, err)
}

// decide asks once. A panic of an engine is an outage of the engine. The value
// of the panic may hold anything, so only its type is told.
func decide(ctx context.Context, e Engine, q *Query) (d Decision, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			d, err = Decision{}, panicked(cause)
		}
	}()
	return e.Decide(ctx, q)
}

// decideAll is decide for several queries.
func decideAll(ctx context.Context, e BatchEngine, queries []Query) (all []Decision, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			all, err = nil, panicked(cause)
		}
	}()
	return e.DecideAll(ctx, queries)
}

func panicked(cause any) error {
	return fmt.Errorf("the engine panicked, with a value of type %T", cause)
}

// hear takes one answer. An answer that allows after the deadline counts as no
// answer: an engine that ran out of time may have given up its checks.
func (in *inquiry) hear(d Decision, err error) refusal {
	if err == nil && d.Allowed {
		err = in.ctx.Err()
	}
	if err != nil {
		in.fail(err)
		return undecided
	}
	text := d.text()
	switch {
	case d.Allowed:
		in.yes = text
		return passed
	case in.no == "" || text == "":
		in.no += text
	default:
		in.no += "; " + text
	}
	return forbidden
}

func (in *inquiry) fail(err error) {
	if in.failed == nil {
		in.failed = err
	}
}

// text is the decision for a log: its id and its reason.
func (d *Decision) text() string {
	id, reason := cut(d.ID, maxDecisionID), cut(d.Reason, maxDecisionReason)
	if id == "" || reason == "" {
		return id + reason
	}
	return id + ": " + reason
}

// cut bounds a text of an engine. The event escapes what could forge a line.
func cut(text string, limit int) string {
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// outage is the refusal if a decision needs an engine that did not answer. A
// client that has left is the reason for the missing answer, and not a failure
// of the service; Deny then reports nothing.
func (in *inquiry) outage(r *http.Request, c *check) error {
	if context.Cause(r.Context()) == context.Canceled {
		return fmt.Errorf("authz: ask an engine: %w", context.Canceled)
	}
	return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "authz.engine_unavailable",
		Detail: "Whether the caller may do this cannot be decided at the moment.",
		Log:    bulwark.ProblemLog{Level: slog.LevelError, Rule: c.text},
		Err:    fmt.Errorf("ask an engine: %w", in.failed)}
}

// decided names the decision of an engine in an event.
func decided(attrs []slog.Attr, said string) []slog.Attr {
	if said == "" {
		return attrs
	}
	return append(attrs, slog.String("decision", said))
}
