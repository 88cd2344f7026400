package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
)

const (
	// ownerFresh is how long an answer of Lookup counts.
	ownerFresh = time.Minute
	// ownerRetry is how long a failure of Lookup counts, so that an outage is
	// not made worse by asking for each request.
	ownerRetry = time.Second
)

// owners asks Lookup for the owners of keys: for each key once a minute, and
// once at a time.
type owners struct {
	lookup  func(context.Context, *bulwark.Principal) (*bulwark.Principal, error)
	asker   *asker
	answers *cache.Cache[*ownerAnswer]
	mu      sync.Mutex
	calls   map[question]*call[*ownerAnswer] // while Lookup runs
}

// A question is about the owner of one key. Legacy may name another owner for
// the same key while Lookup runs.
type question struct {
	id    string
	whose owner
}

// An ownerAnswer is what Lookup has said about the owner of one key.
type ownerAnswer struct {
	whose         owner
	ends          time.Time // when it counts no longer
	err           error
	gone          bool
	roles, scopes []string
	narrowed      atomic.Pointer[narrowed]
}

// narrowed is the intersection with a version of the record.
type narrowed struct {
	version       uint64
	roles, scopes []string
}

var (
	errGone  = errors.New("apikey.Config.Lookup returned a nil Principal: the account of the owner is gone or disabled")
	errOther = errors.New("the Principal has another Issuer or Subject than the owner")
)

// narrow takes the roles and the scopes from rec that its owner does not have
// now. It returns the refusal of a key whose owner is gone.
func (o *owners) narrow(ctx context.Context, rec *Record) error {
	answer, err := o.find(ctx, rec)
	if err == nil {
		err = answer.err
	}
	switch {
	case err != nil:
		return auth.Unavailable("store_unavailable", fmt.Errorf("apikey.Config.Lookup: %w", err), storeRetry)
	case answer.gone:
		return auth.Invalid("revoked", errGone)
	}
	rec.Roles, rec.Scopes = answer.narrow(rec)
	return nil
}

// find returns the answer for the owner of the key. Only a key that is good
// itself gets here, so nobody fills the memory with ids that he makes up.
func (o *owners) find(ctx context.Context, rec *Record) (*ownerAnswer, error) {
	whose, key := owner{rec.Issuer, rec.Subject}, answerKey(rec.ID)
	if answer := o.answers.Get(key); answer.counts(whose, time.Now()) {
		return answer, nil
	}
	return o.call(ctx, key, rec.ID, &ownerAnswer{whose: whose, roles: rec.Roles, scopes: rec.Scopes}).wait(ctx)
}

// call returns the call of Lookup that runs for the key and its owner, or
// begins it. While a call does not return, no second call begins for them.
func (o *owners) call(ctx context.Context, key cache.Key, id string, most *ownerAnswer) *call[*ownerAnswer] {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := question{id, most.whose}
	if running := o.calls[asked]; running != nil {
		return running
	}
	now := time.Now()
	if answer := o.answers.Get(key); answer.counts(most.whose, now) { // it came meanwhile
		return answered(answer)
	}
	// Others wait for the answer also if this client hangs up.
	begun := begin(context.WithoutCancel(ctx), o.asker, func(ctx context.Context) (*ownerAnswer, error) {
		return o.ask(ctx, most, now)
	}, func(c *call[*ownerAnswer]) {
		if c.err != nil {
			c.value, c.err = &ownerAnswer{whose: most.whose, err: c.err, ends: time.Now().Add(ownerRetry)}, nil
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.answers.Put(key, c.value, c.value.bytes())
		delete(o.calls, asked)
	})
	o.calls[asked] = begun
	return begun
}

// answered is a call that has returned.
func answered(answer *ownerAnswer) *call[*ownerAnswer] {
	c := &call[*ownerAnswer]{ctx: context.Background(), done: make(chan struct{}), value: answer}
	close(c.done)
	return c
}

// ask calls Lookup. The answer counts from the moment before the call. It keeps
// no more than most, the roles and scopes of the key, which are bounded.
func (o *owners) ask(ctx context.Context, most *ownerAnswer, now time.Time) (*ownerAnswer, error) {
	whose := most.whose
	found, err := o.lookup(ctx, &bulwark.Principal{Issuer: whose.issuer, Subject: whose.subject})
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return &ownerAnswer{whose: whose, gone: true, ends: now.Add(ownerFresh)}, nil
	case found.Issuer != whose.issuer || found.Subject != whose.subject:
		return nil, errOther
	}
	return &ownerAnswer{whose: whose, ends: now.Add(ownerFresh),
		roles: both(most.roles, found.Roles), scopes: both(most.scopes, found.Scopes)}, nil
}

// counts reports whether the answer is about this owner, and not too old.
func (a *ownerAnswer) counts(whose owner, now time.Time) bool {
	return a != nil && a.whose == whose && !cache.Passed(now, a.ends)
}

// narrow returns the roles and scopes of the record that the owner also has.
func (a *ownerAnswer) narrow(rec *Record) (roles, scopes []string) {
	if last := a.narrowed.Load(); last != nil && rec.Version != 0 && last.version == rec.Version {
		return last.roles, last.scopes
	}
	next := &narrowed{rec.Version, both(rec.Roles, a.roles), both(rec.Scopes, a.scopes)}
	a.narrowed.Store(next)
	return next.roles, next.scopes
}

// both returns what is in both lists, in the order of the first.
func both(list, other []string) (common []string) {
	for _, text := range list {
		if slices.Contains(other, text) {
			common = append(common, text)
		}
	}
	return slices.Clip(common)
}

// bytes estimates the room that the answer takes.
func (a *ownerAnswer) bytes() int {
	n := 256 + len(a.whose.issuer) + len(a.whose.subject)
	for _, list := range [...][]string{a.roles, a.scopes} {
		for _, text := range list {
			n += 3*16 + len(text)
		}
	}
	return n
}

// answerKey is the place of a key in the cache. The ids of keys are shorter
// than 32 bytes. The first byte spreads them evenly.
func answerKey(id string) (key cache.Key) {
	var mixed uint32
	for _, b := range []byte(id) {
		mixed = mixed*31 + uint32(b)
	}
	key[0] = byte(mixed ^ mixed>>8)
	copy(key[1:], id)
	return key
}
