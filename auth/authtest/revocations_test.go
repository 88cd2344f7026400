package authtest_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
)

// The clock is the real one here: stores that others share have no other.
func TestRevocationsOfAGoodStore(t *testing.T) {
	t.Parallel()
	opened := 0
	authtest.TestRevocations(t, func(*testing.T) auth.Revocations {
		opened++
		return &auth.MemoryRevocations{}
	})
	if opened < 10 {
		t.Errorf("%d rules were checked", opened)
	}
}

func TestRevocationsOfFlawedStores(t *testing.T) {
	for name, test := range map[string]struct {
		flaws
		broken []string // the rules that show it
	}{
		"none":                       {flaws{}, nil},
		"rounds-up":                  {flaws{wholeSeconds: true}, nil},
		"rounds-the-expiry-down":     {flaws{cutsExpiry: true}, []string{"expiry"}},
		"rounds-the-issue-down":      {flaws{cutsIssued: true}, []string{"concurrent", "expiry", "subject"}},
		"ignores-the-expiry":         {flaws{forgetsNothing: true}, []string{"expiry"}},
		"holds-nothing":              {flaws{forgetsAtOnce: true}, []string{"cancelled", "concurrent", "expiry", "ids", "issuers", "kinds", "many", "order", "session", "subject", "token"}},
		"evicts":                     {flaws{evicts: true}, []string{"concurrent", "many"}},
		"the-last-wins":              {flaws{lastWins: true}, []string{"concurrent", "expiry", "order"}},
		"the-first-issue-wins":       {flaws{firstIssue: true}, []string{"concurrent", "order"}},
		"loses-updates":              {flaws{losesUpdates: true}, []string{"concurrent"}},
		"ignores-the-issuer":         {flaws{anyIssuer: true}, []string{"ids", "issuers", "kinds"}},
		"ignores-the-kind":           {flaws{anyKind: true}, []string{"kinds"}},
		"joins-by-colon":             {flaws{joins: ":"}, []string{"issuers"}},
		"joins-by-newline":           {flaws{joins: "\n"}, []string{"issuers"}},
		"joins-by-nul":               {flaws{joins: "\x00"}, []string{"issuers"}},
		"cuts-ids":                   {flaws{folds: func(id string) string { return id[:min(len(id), 1024)] }}, []string{"ids"}},
		"cuts-ids-at-nul":            {flaws{folds: func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id }}, []string{"ids"}},
		"trims-ids":                  {flaws{folds: strings.TrimSpace}, []string{"ids"}},
		"folds-case":                 {flaws{folds: strings.ToLower}, []string{"ids"}},
		"repairs-utf8":               {flaws{folds: func(id string) string { return strings.ToValidUTF8(id, "?") }}, []string{"ids"}},
		"issued-before-only":         {flaws{exclusive: true}, []string{"concurrent", "expiry", "ids", "issuers", "kinds", "order", "subject"}},
		"trusts-what-has-no-issue":   {flaws{trustsUndated: true}, []string{"subject"}},
		"takes-what-is-malformed":    {flaws{takesMalformed: true}, []string{"malformed"}},
		"trusts-nobody":              {flaws{trustsNobody: true}, []string{"nobody"}},
		"trusts-where-nobody-waits":  {flaws{trustsCancelled: true}, []string{"cancelled"}},
		"waits-in-spite-of-contexts": {flaws{waits: 8 * time.Second}, []string{"cancelled"}},
		"is-down":                    {flaws{fails: errors.New("down")}, []string{"cancelled", "concurrent", "expiry", "ids", "issuers", "kinds", "malformed", "many", "order", "session", "subject", "token"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found := authtest.BrokenRevocations(t.Context(), func() auth.Revocations { return &flawed{flaws: test.flaws} })
				if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, test.broken) {
					t.Errorf("broken rules %q, want %q: %v", got, test.broken, found)
				}
				time.Sleep(time.Minute) // until no call is under way
			})
		})
	}
}

// flaws are ways in which a store of revocations may be wrong, one at a time.
type flaws struct {
	wholeSeconds    bool // rounds up, which is allowed
	cutsExpiry      bool
	cutsIssued      bool
	forgetsNothing  bool
	forgetsAtOnce   bool
	evicts          bool
	lastWins        bool
	firstIssue      bool // of two IssuedUntil
	anyIssuer       bool
	anyKind         bool
	joins           string // issuer and id with this, lengths untold
	folds           func(string) string
	exclusive       bool
	trustsUndated   bool
	takesMalformed  bool
	losesUpdates    bool
	trustsNobody    bool
	trustsCancelled bool
	waits           time.Duration // when the context says not to
	fails           error
}

// flawed is a simple store with flaws.
type flawed struct {
	flaws
	mu   sync.Mutex
	held map[string]auth.Revocation
	ages []string // keys, the oldest first
}

func (f *flawed) key(kind, issuer, id string) string {
	if f.folds != nil {
		id, issuer = f.folds(id), f.folds(issuer)
	}
	if f.anyIssuer {
		issuer = ""
	}
	if f.anyKind {
		kind = ""
	}
	if f.joins != "" {
		return kind + issuer + f.joins + id
	}
	return kind + string((&bulwark.Principal{Issuer: issuer, Subject: id}).Key())
}

func (f *flawed) Revoke(ctx context.Context, r auth.Revocation) error {
	if ctx.Err() != nil {
		time.Sleep(f.waits)
	}
	if f.fails != nil {
		return f.fails
	}
	if err := r.Check(); err != nil && !f.takesMalformed {
		return err
	}
	if f.wholeSeconds {
		r.Expires, r.IssuedUntil = ceil(r.Expires), ceil(r.IssuedUntil)
	}
	if f.cutsExpiry {
		r.Expires = r.Expires.Truncate(time.Second)
	}
	if f.cutsIssued {
		r.IssuedUntil = r.IssuedUntil.Truncate(time.Second)
	}
	key := f.key("token", r.Issuer, r.TokenID)
	switch {
	case r.SessionID != "":
		key = f.key("session", r.Issuer, r.SessionID)
	case r.Subject != "":
		key = f.key("subject", r.Issuer, r.Subject)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old, known := f.held[key]
	if f.losesUpdates {
		f.mu.Unlock()
		runtime.Gosched()
		f.mu.Lock()
	}
	if known && !f.lastWins {
		if old.Expires.IsZero() || !r.Expires.IsZero() && old.Expires.After(r.Expires) {
			r.Expires = old.Expires
		}
		if old.IssuedUntil.After(r.IssuedUntil) || f.firstIssue {
			r.IssuedUntil = old.IssuedUntil
		}
	}
	if f.held == nil {
		f.held = map[string]auth.Revocation{}
	}
	f.held[key] = r
	f.ages = append(f.ages, key)
	if f.evicts && len(f.ages) > 500 {
		delete(f.held, f.ages[0])
		f.ages = f.ages[1:]
	}
	return nil
}

func (f *flawed) Revoked(ctx context.Context, p *bulwark.Principal) (bool, error) {
	if ctx.Err() != nil {
		time.Sleep(f.waits)
	}
	switch {
	case f.fails != nil:
		return false, f.fails
	case f.trustsCancelled && ctx.Err() != nil:
		return false, nil
	case p == nil:
		return !f.trustsNobody, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	byToken := p.TokenID != "" && f.holds(f.key("token", p.Issuer, p.TokenID))
	bySession := p.SessionID != "" && f.holds(f.key("session", p.Issuer, p.SessionID))
	key := f.key("subject", p.Issuer, p.Subject)
	bySubject := f.holds(key)
	if bySubject {
		until := f.held[key].IssuedUntil
		switch {
		case p.IssuedAt.IsZero():
			bySubject = !f.trustsUndated
		case f.exclusive:
			bySubject = p.IssuedAt.Before(until)
		default:
			bySubject = !p.IssuedAt.After(until)
		}
	}
	return byToken || bySession || bySubject, nil
}

func (f *flawed) holds(key string) bool {
	r, ok := f.held[key]
	switch {
	case f.forgetsAtOnce:
		return false
	case !ok || r.Expires.IsZero() || f.forgetsNothing:
		return ok
	}
	return time.Now().Before(r.Expires)
}

func ceil(t time.Time) time.Time {
	if cut := t.Truncate(time.Second); !cut.Equal(t) {
		return cut.Add(time.Second)
	}
	return t
}
