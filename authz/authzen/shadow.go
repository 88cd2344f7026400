package authzen

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Shadow answers with one engine and compares it with another one, before a
// program changes from the one to the other:
//
//	shadow := &authzen.Shadow{Engine: old, Candidate: next}
//
// The Candidate is asked after the answer, on another goroutine, with the
// values of ctx and a deadline of its own. It never changes the answer. A
// Candidate that is slow, hangs, fails or panics does not delay it either. At
// most MaxConcurrent comparisons run; more are dropped and counted. If Engine
// fails, there is nothing to compare.
//
// The Candidate gets a copy of the Query. Maps and lists in Properties and
// Context are copied. A pointer or struct in them is not, so it must not be
// modified later.
//
// A difference is an event authz_shadow with the reason
// "authzen.shadow_differs" and both decisions. A Candidate that fails is such
// an event too. Each kind of event is reported at once, and then at most once a
// minute with the number of occurrences. A kind is resource, action, reach and
// both answers.
//
// A Shadow is used by pointer, and must not be copied. It is safe for
// concurrent use once its fields are set. Close it with [Shadow.Shutdown].
type Shadow struct {
	// Engine answers. Without an Engine every query is denied with an error.
	// Required.
	Engine authz.Engine
	// Candidate is compared with Engine. Default: nil, nothing is compared.
	Candidate authz.Engine
	// Report gets each difference, with the Query. It is called on the
	// goroutine of the comparison, and must be safe for concurrent use. Its ctx
	// has the values of the request and ends with the comparison. Default: nil.
	Report func(ctx context.Context, d Difference)
	// Recorder gets the events of queries that do not belong to a request.
	// Default: nil, they go to [slog.Default].
	Recorder bulwark.Recorder
	// Timeout bounds one comparison. Default: 1 second. At most 5 seconds; a
	// longer time counts as 5 seconds.
	Timeout time.Duration
	// MaxConcurrent bounds the comparisons that run. A batch of queries is one
	// comparison. Default: 16. At most 1024; a larger number counts as 1024.
	MaxConcurrent int

	once    sync.Once
	context context.Context // of all comparisons; ended by Shutdown
	cancel  context.CancelFunc
	running running
	kinds   kinds

	compared, different, failed, dropped atomic.Int64
}

// A Difference is a query that two engines answer differently.
type Difference struct {
	// Query is a copy of what was asked.
	Query authz.Query
	// Engine has the decision that holds, and Candidate the other one.
	Engine, Candidate authz.Decision
}

// Counts are how many queries a [Shadow] has compared.
type Counts struct {
	Compared  int64 // both engines answered
	Different int64 // of Compared
	Failed    int64 // Engine answered, and Candidate did not
	Dropped   int64 // Candidate was not asked, or Shutdown ended the comparison
}

var (
	_ authz.BatchEngine  = (*Shadow)(nil)
	_ bulwark.Shutdowner = (*Shadow)(nil)
)

const (
	defaultComparisons = 16
	mostComparisons    = 1024
)

var (
	errNoEngine = errors.New("authzen: Shadow.Engine is nil; set the engine that answers")
	errNumber   = errors.New("the Candidate returned another number of decisions")
	errPanicked = errors.New("the Candidate panicked")
)

// Decide returns the decision of Engine.
func (s *Shadow) Decide(ctx context.Context, q *authz.Query) (authz.Decision, error) {
	if s == nil || s.Engine == nil || fault.IsNil(s.Engine) {
		return authz.Decision{}, errNoEngine
	}
	d, err := s.Engine.Decide(ctx, q)
	if err == nil && q != nil && ctx != nil {
		s.compare(ctx, []authz.Query{*q}, []authz.Decision{d})
	}
	return d, err
}

// DecideAll returns the decisions of Engine. If Engine is not a
// [authz.BatchEngine], it is asked once for each query.
func (s *Shadow) DecideAll(ctx context.Context, queries []authz.Query) ([]authz.Decision, error) {
	if s == nil || s.Engine == nil || fault.IsNil(s.Engine) {
		return nil, errNoEngine
	}
	decisions, err := decideAll(ctx, s.Engine, queries)
	if err == nil && ctx != nil && len(decisions) == len(queries) && len(queries) > 0 {
		s.compare(ctx, queries, decisions)
	}
	return decisions, err
}

func decideAll(ctx context.Context, e authz.Engine, queries []authz.Query) ([]authz.Decision, error) {
	if batch, ok := e.(authz.BatchEngine); ok {
		return batch.DecideAll(ctx, queries)
	}
	decisions := make([]authz.Decision, len(queries))
	for i := range queries {
		d, err := e.Decide(ctx, &queries[i])
		if err != nil {
			return nil, err
		}
		decisions[i] = d
	}
	return decisions, nil
}

// Counts returns the numbers so far.
func (s *Shadow) Counts() Counts {
	if s == nil {
		return Counts{}
	}
	return Counts{Compared: s.compared.Load(), Different: s.different.Load(), Failed: s.failed.Load(), Dropped: s.dropped.Load()}
}

// Shutdown compares nothing more. It cancels the comparisons under way, which
// count as Dropped, and waits until they have returned or ctx ends. Queries are
// still answered. It does not shut down Engine and Candidate.
func (s *Shadow) Shutdown(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.begin()
	s.cancel()
	return s.running.close(ctx)
}

func (s *Shadow) begin() {
	s.once.Do(func() { s.context, s.cancel = context.WithCancel(context.Background()) })
}
