package detect

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math/bits"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// A Detector finds unusual access. [New] makes it. Put it into the Observers of
// an [audit.Config]. One Detector may observe several audit layers, and then
// counts over all of them. It is safe for concurrent use.
//
// The Detector goes by its own clock, and not by the time of an event.
type Detector struct {
	pseudonym func(name string) string
	onAnomaly func(context.Context, Anomaly)
	seed      maphash.Seed
	start     time.Time
	most      int // ids in a row
	watched   atomic.Pointer[audit.Middleware]

	// A rule that is switched off is nil.
	address, account *rule // brute force
	stuffing         *rule
	distributed      *rule
	objects          *rule
	paths            *rule
	success          *rule
}

// The compiler checks what audit looks for.
var (
	_ audit.AnswerObserver = (*Detector)(nil)
	_ audit.Watcher        = (*Detector)(nil)
)

func newDetector(c Config, key []byte) *Detector {
	actors := 1 << bits.Len(uint(c.MaxActors-1))
	d := &Detector{
		pseudonym: pseudonyms(key), onAnomaly: c.OnAnomaly,
		seed: maphash.MakeSeed(), start: time.Now(), most: c.Enumeration.Run,
	}
	brute := time.Duration(c.BruteForce.Threshold) * c.BruteForce.Leak
	addresses := newDoor(actors, max(brute, time.Duration(c.Probing.Threshold)*c.Probing.Leak, c.CredentialStuffing.Window, c.Enumeration.Window))
	accounts := newDoor(actors, max(brute, c.DistributedGuessing.Window, c.SuccessAfterFailures.Window))
	leak := func(r report, l LeakConfig, marks int, door *door) *rule {
		if l.InsecureOff {
			return nil
		}
		return &rule{report: r, table: newTable(true, l.Threshold, marks, l.Leak, actors, door), most: c.MaxEstimated,
			window: time.Duration(l.Threshold) * l.Leak, text: leakText(l)}
	}
	window := func(r report, w WindowConfig, door *door) *rule {
		if w.InsecureOff {
			return nil
		}
		return &rule{report: r, table: newTable(false, w.Threshold, w.Threshold, w.Window, actors, door), most: c.MaxEstimated,
			window: w.Window, text: windowText(w)}
	}
	d.address = leak(bruteForce, c.BruteForce, 0, addresses)
	d.account = leak(bruteForce, c.BruteForce, 0, accounts)
	d.stuffing = window(credentialStuffing, c.CredentialStuffing, addresses)
	d.distributed = window(distributedGuessing, c.DistributedGuessing, accounts)
	d.objects = window(enumeration, WindowConfig{c.Enumeration.Threshold, c.Enumeration.Window, c.Enumeration.InsecureOff}, addresses)
	d.paths = leak(probing, c.Probing, c.Probing.Threshold, addresses)
	d.success = window(successAfterFailures, c.SuccessAfterFailures, accounts)
	for _, r := range []*rule{d.account, d.distributed, d.success} {
		if r != nil {
			r.byAccount = true
		}
	}
	return d
}

// made reports whether d came from New.
func (d *Detector) made() bool { return d != nil && !d.start.IsZero() }

// Watch receives the audit layer whose events the Detector sees. An anomaly of
// a request is reported to the audit layer of the request. Anything else is
// reported to the first audit layer that was watched, or to [slog.Default]
// without any.
func (d *Detector) Watch(m *audit.Middleware) {
	if d.made() {
		d.watched.CompareAndSwap(nil, m)
	}
}

// Record takes one event. The audit layer calls it.
func (d *Detector) Record(ctx context.Context, e bulwark.Event) {
	if !d.made() || strings.HasPrefix(e.Reason, "detect.") {
		return // nobody, or an event of its own
	}
	switch {
	case e.Name == bulwark.AuthnLoginFail:
		d.failed(ctx, &e)
	case e.Name == bulwark.AuthnTokenInvalid && guessed(e.Reason):
		d.guess(ctx, &e)
	case e.Name == bulwark.AuthnLoginSuccess:
		d.succeeded(ctx, &e)
	case e.Status == http.StatusNotFound || e.Status == http.StatusForbidden:
		d.refused(ctx, &e)
	}
}

// Answered takes the end of one request. The audit layer calls it. It counts
// the refusals that had no event.
func (d *Detector) Answered(ctx context.Context, a audit.Answer) {
	if a.Reported || a.Event.Status != http.StatusNotFound && a.Event.Status != http.StatusForbidden || !d.made() {
		return
	}
	d.refused(ctx, &a.Event)
}

// failed counts a failed login.
func (d *Detector) failed(ctx context.Context, e *bulwark.Event) {
	since, n := time.Since(d.start), times(e)
	address, source := d.addressOf(e, since)
	account, name, known := d.accountOf(e, since)
	if source {
		d.address.hit(d, ctx, e, &address, hit{n: n}, "")
	}
	if source && known {
		d.stuffing.hit(d, ctx, e, &address, hit{n: n, value: account.key}, "")
	}
	if !known {
		return
	}
	d.account.hit(d, ctx, e, &account, hit{n: n}, name)
	if source {
		d.distributed.hit(d, ctx, e, &account, hit{n: n, value: address.key}, name)
	}
	d.success.count(&account, hit{n: n, value: always})
}

// guess counts a credential that somebody may have guessed.
func (d *Detector) guess(ctx context.Context, e *bulwark.Event) {
	if address, ok := d.addressOf(e, time.Since(d.start)); ok {
		d.address.hit(d, ctx, e, &address, hit{n: times(e)}, "")
	}
}

// succeeded looks at the failures that came before a login.
func (d *Detector) succeeded(ctx context.Context, e *bulwark.Event) {
	if account, name, ok := d.accountOf(e, time.Since(d.start)); ok {
		d.success.after(d, ctx, e, &account, name)
	}
}

// refused counts an object or a path that was refused.
func (d *Detector) refused(ctx context.Context, e *bulwark.Event) {
	since := time.Since(d.start)
	h := hit{n: times(e), value: d.hash(e.Path)}
	value, isObject := objectOf(e.Route, e.Path)
	if isObject {
		if who, ok := d.callerOf(e, since); ok {
			h.id, h.number = numberOf(value)
			d.objects.hit(d, ctx, e, &who, h, "")
		}
		return
	}
	if e.Status == http.StatusNotFound {
		if address, ok := d.addressOf(e, since); ok {
			d.paths.hit(d, ctx, e, &address, h, "")
		}
	}
}

// times is how many attempts an event stands for.
func times(e *bulwark.Event) uint32 { return uint32(min(max(e.Count, 1), 1<<20)) }

// guessed reports whether a bad credential may be a guess. A client also has
// credentials that have expired, were revoked or belong elsewhere, and sends
// them several times at once.
func guessed(reason string) bool {
	switch reason {
	case "key", "unknown_key", "signature", "session":
		return true
	}
	return false
}

// accountAttr is the key of the attribute that names the account of a login.
const accountAttr = "account"

// accountOf returns the account of a login, by the attribute or by the user.
// The name is the pseudonym, and empty for a user.
func (d *Detector) accountOf(e *bulwark.Event, since time.Duration) (who actor, name string, ok bool) {
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Key == accountAttr && a.Value.Kind() == slog.KindString && a.Value.String() != "" {
			return actor{key: d.hash(a.Value.String()), since: since}, a.Value.String(), true
		}
	}
	if e.UserID == "" {
		return actor{}, "", false
	}
	return actor{key: join(d.hash(e.Issuer), d.hash(e.UserID)), since: since}, "", true
}
