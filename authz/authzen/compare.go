package authzen

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// compare begins to compare the decisions of Engine with those of Candidate.
func (s *Shadow) compare(ctx context.Context, queries []authz.Query, decisions []authz.Decision) {
	if s.Candidate == nil || fault.IsNil(s.Candidate) {
		return
	}
	if !s.running.enterBelow(min(max(cmp.Or(s.MaxConcurrent, defaultComparisons), 1), mostComparisons)) {
		s.dropped.Add(int64(len(queries)))
		return
	}
	s.begin()
	// The caller may change both lists after it has its answer.
	copied := make([]authz.Query, len(queries))
	for i := range queries {
		copied[i] = copyQuery(&queries[i])
	}
	go s.work(context.WithoutCancel(ctx), copied, slices.Clone(decisions))
}

// work compares. A panic on this goroutine would end the process.
func (s *Shadow) work(values context.Context, queries []authz.Query, decisions []authz.Decision) {
	defer s.running.leave()
	defer func() { _ = recover() }() // of Report or a recorder
	ctx, cancel := context.WithTimeout(values, min(max(cmp.Or(s.Timeout, defaultTimeout), leastTime), mostTimeout))
	defer cancel()
	defer context.AfterFunc(s.context, cancel)()
	others, err := s.ask(ctx, queries)
	switch {
	case err != nil && s.context.Err() != nil:
		s.dropped.Add(int64(len(queries)))
		return
	case err != nil:
		s.failed.Add(int64(len(queries)))
		s.tell(ctx, &queries[0], decisions[0], "failed", slog.String("error", err.Error()), len(queries))
		return
	}
	s.compared.Add(int64(len(queries)))
	for i := range queries {
		if decisions[i].Allowed == others[i].Allowed {
			continue
		}
		s.different.Add(1)
		s.tell(ctx, &queries[i], decisions[i], answer(others[i]), slog.String("candidateReason", others[i].Reason), 1)
		if s.Report != nil {
			s.Report(ctx, Difference{Query: queries[i], Engine: decisions[i], Candidate: others[i]})
		}
	}
}

// ask asks the Candidate. A panic is an error.
func (s *Shadow) ask(ctx context.Context, queries []authz.Query) (decisions []authz.Decision, err error) {
	defer func() {
		if recover() != nil { // it may hold anything
			err = errPanicked
		}
	}()
	if len(queries) == 1 {
		d, err := s.Candidate.Decide(ctx, &queries[0])
		return []authz.Decision{d}, err
	}
	decisions, err = decideAll(ctx, s.Candidate, queries)
	if err == nil && len(decisions) != len(queries) {
		err = errNumber
	}
	return decisions, err
}

// answer is a decision in one word.
func answer(d authz.Decision) string {
	if d.Allowed {
		return "allow"
	}
	return "deny"
}

// tell reports a difference, or a Candidate that failed, unless its kind has
// been reported within a minute.
func (s *Shadow) tell(ctx context.Context, q *authz.Query, engine authz.Decision, candidate string, why slog.Attr, n int) {
	k := kind{q.Resource, q.Action, q.Reach, engine.Allowed, candidate}
	n = s.kinds.due(k, n, time.Now())
	if n == 0 {
		return
	}
	e := bulwark.Event{
		Name: bulwark.AuthzShadow, Reason: reasonDiffers, Rule: q.Resource + ":" + q.Action + ":" + q.Reach, Count: n,
		Attrs: [4]slog.Attr{slog.String("engine", answer(engine)), slog.String("candidate", candidate), slog.String("engineReason", engine.Reason), why},
	}
	bulwark.ReportContext(ctx, s.Recorder, e)
}

// A kind tells the events of a Shadow apart. Its names are the program's.
type kind struct {
	resource, action, reach string
	allowed                 bool
	candidate               string
}

const (
	maxKinds = 256 // more share one
	again    = time.Minute
)

// kinds bounds the events of each kind.
type kinds struct {
	mu  sync.Mutex
	all map[kind]*untold
}

// untold is how often a kind has occurred since it was last reported.
type untold struct {
	n    int
	next time.Time // when it may be reported
}

// due counts n occurrences, and returns how many are to be reported now.
func (ks *kinds) due(k kind, n int, now time.Time) int {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if ks.all == nil {
		ks.all = map[kind]*untold{}
	}
	u := ks.all[k]
	if u == nil {
		if len(ks.all) >= maxKinds {
			k = kind{}
		}
		if u = ks.all[k]; u == nil {
			u = &untold{}
			ks.all[k] = u
		}
	}
	u.n += n
	if now.Before(u.next) {
		return 0
	}
	n, u.n, u.next = u.n, 0, now.Add(again)
	return n
}
