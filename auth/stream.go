package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/watch"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/response"
)

const (
	defaultReviewEvery  = 30 * time.Second
	leastReviewEvery    = time.Second
	mostReviewEvery     = 5 * time.Minute
	defaultReviewOutage = 2 * time.Minute
	mostReviewOutage    = 10 * time.Minute
	defaultStreams      = 10_000
	mostStreams         = 1_000_000
	leastCallerStreams  = 100 // by default, of one caller
	// retryStream is when a client that was refused a stream should try again.
	retryStream = 10 * time.Second
)

// A keeper watches the streams of the callers of one authenticator. It is a
// [response.Keeper].
type keeper struct {
	reviewer Reviewer
	of       int // the place in Middleware.authenticators
	watch    *watch.Watch
}

// newKeepers returns a keeper for each authenticator that is a Reviewer, and
// nil for the others.
func newKeepers(c Config, all []Authenticator, found *fault.List) []*keeper {
	every := found.Span("ReviewEvery", c.ReviewEvery, leastReviewEvery, mostReviewEvery, defaultReviewEvery)
	outage := found.Span("ReviewOutage", c.ReviewOutage, max(every, leastReviewEvery), mostReviewOutage, max(every, defaultReviewOutage))
	streams := found.Number("MaxStreams", c.MaxStreams, 1, mostStreams, defaultStreams)
	each := found.Number("MaxCallerStreams", c.MaxCallerStreams, 1, streams, min(streams, max(streams/10, leastCallerStreams)))
	if found.Err() != nil {
		return nil
	}
	w := watch.New(every, outage, streams, each, func(e watch.End) { reportEnd(e, outage) })
	keepers := make([]*keeper, len(all))
	for i, a := range all {
		if reviewer, ok := a.(Reviewer); ok {
			keepers[i] = &keeper{reviewer: reviewer, of: i, watch: w}
		}
	}
	return keepers
}

// Enter begins to look again for the caller of the scope.
func (k *keeper) Enter(of response.Canceler, s response.Stream) (response.Stay, error) {
	scope := of.(*bulwark.Scope)
	p, _ := bulwark.PrincipalFrom(scope)
	name, again := k.reviewer.Review(p)
	if name == "" {
		return unwatched{}, nil
	}
	stay, err := k.watch.Enter(watch.Name{Of: k.of, Text: name}, p.Key(), again, scope, s)
	if err != nil {
		p := tooManyStreams(err)
		bulwark.ReportContext(scope, nil, eventOf(p))
		p.Log.Event = bulwark.NoEvent // the handler may pass it to Deny
		return nil, p
	}
	return stay, nil
}

// unwatched is the stream of a caller whose credential ends with its time.
type unwatched struct{}

func (unwatched) Leave() {}

// admit refuses a request that opens a stream, while it can still be answered.
func (k *keeper) admit(r *http.Request, p *bulwark.Principal) error {
	if k == nil || !k.watch.Tight() || !opensStream(r) {
		return nil
	}
	if name, _ := k.reviewer.Review(p); name == "" {
		return nil
	}
	if err := k.watch.Room(p.Key()); err != nil {
		return tooManyStreams(err)
	}
	return nil
}

// opensStream reports whether r says that its answer is a stream: a WebSocket,
// or the events of an EventSource (WHATWG HTML, "Server-sent events").
func opensStream(r *http.Request) bool {
	if isWebSocket(r) {
		return true
	}
	for _, line := range r.Header["Accept"] {
		for media := range strings.SplitSeq(line, ",") {
			if name, _, _ := mime.ParseMediaType(media); name == "text/event-stream" {
				return true
			}
		}
	}
	return false
}

// tooManyStreams refuses a stream. The fault is that of the caller if others
// may still open streams.
func tooManyStreams(cause error) *bulwark.Problem {
	if cause == watch.ErrShare {
		return &bulwark.Problem{
			Status:     http.StatusTooManyRequests,
			Code:       "auth.too_many_caller_streams",
			Detail:     "You have too many open streams; close one of them.",
			RetryAfter: retryStream,
			Log:        bulwark.ProblemLog{Event: bulwark.ExcessRateLimitExceeded},
			Err:        fmt.Errorf("%w; auth.Config.MaxCallerStreams allows more", cause),
		}
	}
	return &bulwark.Problem{
		Status:     http.StatusServiceUnavailable,
		Code:       "auth.too_many_streams",
		Detail:     "The service has too many open streams at the moment.",
		RetryAfter: retryStream,
		Log:        bulwark.ProblemLog{Event: bulwark.SysUnavailable},
		Err:        fmt.Errorf("%w; auth.Config.MaxStreams allows more", cause),
	}
}

// reportEnd reports the streams of one name that have been ended.
func reportEnd(e watch.End, outage time.Duration) {
	event := bulwark.Event{Name: bulwark.SysUnavailable, Reason: "store_unavailable"}
	var p *bulwark.Problem
	switch {
	case e.Refusal != nil:
		event = eventOf(e.Refusal)
		event.Name = bulwark.SessionExpired
	case errors.As(e.Err, &p) && p != nil && p.Log.Event == bulwark.SysUnavailable:
		event.Reason = cmp.Or(p.Log.Reason, event.Reason)
	}
	if e.Refusal == nil {
		event.Attrs[0] = slog.Any("error", fmt.Errorf("no answer for %s, which is auth.Config.ReviewOutage: %w", outage, e.Err))
	}
	event.Count, event.Status = e.Streams, 0
	// The scope is over. A recorder should not take it for a client that left.
	bulwark.ReportContext(context.WithoutCancel(e.Scope.(*bulwark.Scope)), nil, event)
}

// eventOf is the event of a refusal that [bulwark.Deny] does not answer.
func eventOf(p *bulwark.Problem) bulwark.Event {
	event := bulwark.Event{
		Name: cmp.Or(p.Log.Event, bulwark.AuthnTokenInvalid), Reason: cmp.Or(p.Log.Reason, p.Code), Rule: p.Log.Rule,
	}
	n := copy(event.Attrs[:len(event.Attrs)-1], p.Log.Attrs)
	if p.Err != nil {
		event.Attrs[n] = slog.Any("error", p.Err)
	}
	return event
}
