package jwt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/expiring"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/auth/internal/store"
	"github.com/bulwark-go/bulwark/internal/fault"
)

const (
	// findAgain is how long an answer of Find holds.
	findAgain = time.Minute
	// unknownTime is how long an answer holds that an issuer does not exist.
	unknownTime = 5 * time.Second
	// mostUnknown bounds the answers of Find that refuse an issuer which is not
	// kept.
	mostUnknown = 4096
	// firstRetry is how long the first failure of Find holds for an issuer.
	firstRetry = time.Second
	// mostRetry is the longest that a failure holds.
	mostRetry = 5 * time.Second
)

// A book has a verifier for each issuer that Find has confirmed. What happens
// to a single issuer is in this file. The calls of Find are in find.go.
//
// Two groups of names share nothing that could run out, because anybody can
// make up names that match a pattern. The issuers that are kept ask Find at any
// time, once each. All other names wait for a bounded number of calls, and
// their answers are remembered apart from the issuers.
type book struct {
	find    func(context.Context, string) (Config, error)
	dpop    *dpop.Verifier
	most    int
	timeout time.Duration
	tokens  *cache.Cache[*verified] // of all issuers
	context context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup // calls of Find
	// verifiers counts the verifiers that have been made.
	verifiers atomic.Uint64

	mu      sync.RWMutex
	kept    map[string]*tenant
	unknown expiring.Map[error] // why an issuer is refused that is not kept
	asking  map[string]*lookup  // that requests wait for
	deaf    map[string]bool     // Find has not returned in time, and not yet
	queue   []*lookup           // that wait for a place
	places  int                 // that are free for names that are not kept
	closed  bool
}

// A tenant is an issuer that Find has confirmed.
type tenant struct {
	verifier *Verifier
	config   Config // as Find has returned it: its pointers stay what they are
	same     [sha256.Size]byte
	users    atomic.Int64 // requests inside
	left     atomic.Bool  // is no longer in the book
	good     atomic.Int64 // when the last good token came, in Unix seconds; 0 is never

	// Guarded by the lock of the book.
	until    time.Time // Find is asked again
	made     time.Time
	wrong    error     // refuses the tokens until retry
	retry    time.Time // no call of Find before
	failures int
}

func newBook(c IssuersConfig) *book {
	b := &book{
		find:    c.Find,
		dpop:    c.DPoP,
		most:    cmp.Or(c.Max, defaultIssuers),
		timeout: cmp.Or(c.Timeout, defaultFind),
		tokens:  cache.New[*verified](cmp.Or(c.MaxCached, defaultCache)),
		kept:    map[string]*tenant{},
		asking:  map[string]*lookup{},
		deaf:    map[string]bool{},
		places:  cmp.Or(c.MaxFinds, defaultFinds),
	}
	b.context, b.cancel = context.WithCancel(context.Background())
	return b
}

// enter returns the tenant of the issuer. The caller must leave the tenant.
func (b *book) enter(ctx context.Context, issuer string) (*tenant, error) {
	if t := b.current(issuer, time.Now()); t != nil {
		return t, nil
	}
	return b.look(ctx, issuer)
}

// current returns the tenant of the issuer if Find need not be asked, or nil.
func (b *book) current(issuer string, now time.Time) *tenant {
	b.mu.RLock()
	defer b.mu.RUnlock()
	t := b.kept[issuer]
	if t == nil || t.wrong != nil || cache.Passed(now, t.until) {
		return nil
	}
	t.users.Add(1)
	return t
}

// leave ends what enter began. The last one who leaves a tenant that is no
// longer in the book closes its verifier.
func (t *tenant) leave() {
	if t.users.Add(-1) == 0 && t.left.Load() {
		t.close()
	}
}

// retire takes the tenant out of use. Requests that are inside finish.
func (t *tenant) retire() {
	t.left.Store(true)
	if t.users.Load() == 0 {
		t.close()
	}
}

// close ends the fetching of keys, and does not wait for the end. It may be
// called twice.
func (t *tenant) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = t.verifier.Shutdown(ctx)
}

// touch notes that a good token came.
func (t *tenant) touch(now time.Time) {
	if seconds := now.Unix(); t.good.Load() != seconds {
		t.good.Store(seconds)
	}
}

// settle is the answer of Find about the issuer of the lookup. It returns why
// the issuer is refused, or nil. The lock is held.
func (b *book) settle(f *lookup, made *tenant, err error, now time.Time) error {
	old := b.kept[f.issuer]
	switch {
	case errors.Is(err, auth.ErrNotFound):
		if old != nil {
			delete(b.kept, f.issuer)
			old.retire()
		}
		err := auth.Invalid("issuer", errUnknownIssuer)
		b.refuse(f.issuer, err, now, unknownTime)
		return err
	case err != nil && old != nil:
		old.fail(err, now)
		return err
	case err != nil:
		b.refuse(f.issuer, err, now, firstRetry)
		return err
	case old == nil && len(b.kept) >= b.most && !b.makeRoom(now):
		made.retire()
		b.refuse(f.issuer, errFullBook, now, firstRetry)
		return errFullBook
	}
	made.until, made.wrong, made.failures = f.began.Add(findAgain), nil, 0
	if old != nil && old != made {
		made.good.Store(old.good.Load())
		old.retire()
	}
	b.kept[f.issuer] = made
	return nil
}

// fail refuses the tokens until Find is asked again.
func (t *tenant) fail(err error, now time.Time) {
	t.wrong, t.retry = err, now.Add(min(firstRetry<<min(t.failures, 8), mostRetry))
	t.failures++
}

// refuse remembers why an issuer is refused, if there is room.
func (b *book) refuse(issuer string, err error, now time.Time, hold time.Duration) {
	b.unknown.Forget(now, nil)
	if e := b.unknown.Hold(expiring.DigestOf("", "", issuer), expiring.Ending(now, now.Add(hold)), b.unknown.Len() < mostUnknown); e != nil {
		e.Value = err
	}
}

// makeRoom removes the tenant that has sent no good token for the longest time.
// It reports false if each of them is in use.
func (b *book) makeRoom(now time.Time) bool {
	var name string
	var idle *tenant
	for issuer, t := range b.kept {
		good := t.good.Load()
		switch {
		case t.users.Load() > 0 || b.asking[issuer] != nil || b.deaf[issuer]:
		case good != 0 && now.Unix()-good <= int64(findAgain/time.Second):
		case idle != nil && (good > idle.good.Load() || good == idle.good.Load() && t.made.After(idle.made)):
		default:
			name, idle = issuer, t
		}
	}
	if idle == nil {
		return false
	}
	delete(b.kept, name)
	idle.retire()
	return true
}

// build returns the tenant that the Config describes: old, if the Config is the
// same.
func (b *book) build(issuer string, c Config, old *tenant, now time.Time) (*tenant, error) {
	if c.Issuer != issuer {
		return nil, &bulwark.ConfigError{Field: "jwt(issuers).Find", Reason: "has returned a Config with another Issuer than it was asked for; both must be equal to the letter"}
	}
	if c.DPoP != nil && c.DPoP != b.dpop {
		return nil, &bulwark.ConfigError{Field: "jwt(issuers).Find", Reason: "has returned a Config with DPoP; set DPoP of IssuersConfig"}
	}
	same := fingerprint(c)
	if old != nil && sameKeys(old.config.Keys, c.Keys) {
		if old.same == same {
			return old, nil
		}
		c.Keys = old.config.Keys // which have been fetched
	}
	t := &tenant{config: c, same: same, made: now}
	uncached := c.MaxCached < 0
	c.DPoP, c.MaxCached = b.dpop, -1
	var err error
	if t.verifier, err = New(c); err != nil {
		return nil, fault.Renamed(err, "jwt", "jwt(issuers).Find")
	}
	t.verifier.id = b.verifiers.Add(1)
	if !uncached {
		t.verifier.cache = b.tokens
	}
	return t, nil
}

// review returns how to look again whether the issuer of p is still found, and
// whether its verifier still accepts the token of p. Without Revocations the
// name is also that of a single token: the next Config may have them.
func (b *book) review(p *bulwark.Principal) (name string, again func(ctx context.Context) error) {
	return "issuer " + p.Issuer + " " + revocation.Name(p), func(ctx context.Context) error {
		t, err := b.enter(ctx, p.Issuer)
		if err != nil {
			return err
		}
		defer t.leave()
		if _, again := review(t.verifier, p); again != nil {
			return again(ctx)
		}
		return nil
	}
}

// review asks a verifier how to look again for a caller.
func review(v *Verifier, p *bulwark.Principal) (name string, again func(ctx context.Context) error) {
	if reviewer, ok := any(v).(auth.Reviewer); ok {
		return reviewer.Review(p)
	}
	return "", nil
}

// What a request gets without a tenant.
var (
	errUnknownIssuer = errors.New("jwt.IssuersConfig.Find does not know the issuer")
	errFullBook      = auth.Unavailable("store_full", errors.New("jwt.IssuersConfig.Max issuers have sent good tokens within the last minute"), store.Retry)
)
