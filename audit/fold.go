package audit

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

// window is how long events of one kind are folded into one record.
const window = time.Minute

// A caller is a user by issuer and subject: the same subject of another issuer
// is somebody else. The zero caller is nobody.
type caller struct{ issuer, subject string }

// sourceOf returns the known caller of an event. Without a known caller it
// returns the zero caller, and the events are counted by address.
//
// An event of success that names its user belongs to that user, although nobody
// was known when the request came in: it may report the login itself. The reuse
// of a token belongs to the user whom the token was issued to. Another failure
// that names a user does not belong to that user, because the client chose the
// name.
func sourceOf(ctx context.Context, e *bulwark.Event) caller {
	if p := callerOf(ctx); p != nil {
		if e.AssumedID != "" && e.UserID != "" { // the event names who called
			return caller{e.Issuer, e.UserID}
		}
		return caller{p.Issuer, p.Subject}
	}
	if e.UserID != "" && (levelOf(e) < slog.LevelWarn || e.Name == bulwark.AuthnTokenReuse) {
		return caller{e.Issuer, e.UserID}
	}
	return caller{}
}

var seed = maphash.MakeSeed()

// sourceID is a number for a caller, or for a network. It is 0 without either.
func sourceID(who caller, network netip.Prefix) uint64 {
	switch {
	case who != (caller{}):
		return maphash.Comparable(seed, who) | 1
	case network.IsValid():
		return maphash.Comparable(seed, network) | 1
	}
	return 0
}

// siteOf is the site of an address, or the network if that is larger.
func siteOf(network netip.Prefix) netip.Prefix {
	if levelOfNetwork(network) == client {
		return around(network.Addr(), site)
	}
	return network
}

// callerOf returns the caller of ctx, or nil. The context of the events of the
// audit layer itself is the scope around the authentication layer, in which the
// caller is only on record.
func callerOf(ctx context.Context) *bulwark.Principal {
	if p, ok := bulwark.PrincipalFrom(ctx); ok {
		return p
	}
	scope, ok := ctx.(*bulwark.Scope)
	if !ok {
		if bulwark.RequestID(ctx) == "" { // no request of this module
			return nil
		}
		// Somebody has derived a context; the scope is found inside it.
		_, scope = bulwark.Enter(new(http.Request).WithContext(ctx))
	}
	return scope.Caller()
}

// A folder decides which events are written one by one, and turns the others
// into counted records.
type folder struct {
	limit     int // of an address, and of events that anybody can cause
	perCaller int // of a known caller
	bound     int
	emit      func(*entry)

	// emitting is held from taking counts out of the tables until their records
	// are queued, so that a drain does not overtake them. It is taken before
	// mu.
	emitting sync.Mutex

	mu      sync.Mutex
	places  places
	callers map[named]*tally
	timer   *time.Timer
	armed   bool
	closed  bool
}

// named is the events of one name and caller.
type named struct {
	name bulwark.EventName
	caller
}

func newFolder(limit, perCaller, bound int, emit func(*entry)) *folder {
	return &folder{limit: limit, perCaller: perCaller, bound: bound, emit: emit,
		places: newPlaces(bound), callers: map[named]*tally{}}
}

// take counts e and reports whether it is folded, so that the caller must not
// write it.
func (f *folder) take(e *bulwark.Event, who caller, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	t, limit := f.find(e, who, now)
	folded := t.take(e, limit)
	f.arm(now)
	return folded
}

// find returns the tally of an event and its limit. Callers beyond the bound
// are counted by their address, as anonymous callers are.
func (f *folder) find(e *bulwark.Event, who caller, now time.Time) (*tally, int) {
	if who == (caller{}) {
		return f.places.find(e.Name, e.ClientIP, now), f.limit
	}
	limit := f.perCaller
	// A limit is there to be knocked at, and the reserve is for few.
	if e.Name == bulwark.ExcessRateLimitExceeded || important(e) {
		limit = f.limit
	}
	key := named{e.Name, who}
	t := f.callers[key]
	switch {
	case t != nil && (t.count > 0 || now.Before(t.until)):
		return t, limit
	case t == nil && len(f.callers) >= f.bound:
		return f.places.find(e.Name, e.ClientIP, now), f.limit
	}
	t = &tally{until: now.Add(window)}
	f.callers[key] = t
	return t, limit
}

// each calls do for every tally, with its name and caller or network, and with
// what removes it.
func (f *folder) each(do func(t *tally, key named, network netip.Prefix, remove func())) {
	for at, t := range f.places.tallies {
		do(t, named{name: at.name}, at.network, func() { f.places.remove(at) })
	}
	for key, t := range f.callers {
		do(t, key, netip.Prefix{}, func() { delete(f.callers, key) })
	}
}

// arm makes sure that the tables are looked at when its first window is over.
func (f *folder) arm(now time.Time) {
	if f.armed || f.closed || len(f.places.tallies)+len(f.callers) == 0 {
		return
	}
	next := now.Add(window)
	f.each(func(t *tally, _ named, _ netip.Prefix, _ func()) {
		if t.until.Before(next) {
			next = t.until
		}
	})
	// Not more than once a second, however many windows there are.
	wait := max(next.Sub(now), time.Second)
	f.armed = true
	if f.timer == nil {
		f.timer = time.AfterFunc(wait, f.tick)
		return
	}
	f.timer.Reset(wait)
}

// tick writes what is due and sets the next time.
func (f *folder) tick() {
	now := time.Now()
	f.flush(now)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
	f.arm(now)
}

// flush queues the counted records of all windows that are over at now, and of
// all windows if now is zero.
func (f *folder) flush(now time.Time) {
	f.emitting.Lock()
	defer f.emitting.Unlock()
	for _, e := range f.collect(now) {
		f.emit(&e)
	}
}

func (f *folder) collect(now time.Time) []entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due []entry
	f.each(func(t *tally, key named, network netip.Prefix, remove func()) {
		over := !now.Before(t.until)
		if !over && !now.IsZero() {
			return
		}
		if t.count > 0 {
			e := t.record(key.name, network)
			e.source = sourceID(key.caller, siteOf(network))
			due = append(due, e)
		}
		if over {
			remove()
		}
	})
	return due
}

// close writes all that is counted and counts no more.
func (f *folder) close() {
	f.mu.Lock()
	f.closed = true
	if f.timer != nil {
		f.timer.Stop()
	}
	f.mu.Unlock()
	f.flush(time.Time{})
}

// stamp is the form of all times in records.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
