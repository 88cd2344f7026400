package audit

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

// window is how long events of one kind are folded into one record.
const window = time.Minute

// foldable reports whether anybody could make any number of such an event: its
// caller is not known, or is known and knocks at a limit.
//
// A success that names its user is that user's own though nobody was known when
// the request came in: logging in is what it reports. A failure that names one
// is not, for the name is whatever the client typed.
func foldable(ctx context.Context, e *bulwark.Event) bool {
	if e.Name == bulwark.ExcessRateLimitExceeded {
		return true
	}
	if known(ctx) {
		return false
	}
	return e.UserID == "" || levelOf(e) >= slog.LevelWarn
}

// known reports whether ctx tells who called. The context of the audit layer's
// own events is the scope around the authentication layer: it has a caller on
// record only.
func known(ctx context.Context) bool {
	if _, ok := bulwark.PrincipalFrom(ctx); ok {
		return true
	}
	scope, ok := ctx.(*bulwark.Scope)
	if !ok {
		if bulwark.RequestID(ctx) == "" { // no request of this module
			return false
		}
		// Somebody has derived a context; the scope is found inside it.
		_, scope = bulwark.Enter(new(http.Request).WithContext(ctx))
	}
	return scope.Caller() != nil
}

// foldKey is what is counted together.
type foldKey struct {
	name   bulwark.EventName
	prefix netip.Prefix // the IPv4 address or the IPv6 /64; zero outside requests and past the bound
}

// prefixOf returns the network that one client is taken to own.
func prefixOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, _ := addr.Prefix(bits) // zero for a zero address
	return prefix
}

// maxNames bounds the shared counters past the bound on prefixes. There are
// about thirty names, none of a client's making.
const maxNames = 64

// A folder decides which events are written one by one, and turns the others
// into counted records.
type folder struct {
	limit, bound int
	emit         func(*entry)

	// emitting is held from taking counts out of the table until their records
	// are queued, so that a drain does not overtake them. It is taken before
	// mu.
	emitting sync.Mutex

	mu     sync.Mutex
	table  map[foldKey]tally
	timer  *time.Timer
	armed  bool
	closed bool
}

func newFolder(limit, bound int, emit func(*entry)) *folder {
	return &folder{limit: limit, bound: bound, emit: emit}
}

// take counts e and reports whether it is folded, so that the caller must not
// write it.
func (f *folder) take(e *bulwark.Event, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	if f.table == nil {
		f.table = make(map[foldKey]tally, f.bound+maxNames)
	}
	key, t := f.find(foldKey{e.Name, prefixOf(e.ClientIP)}, now)
	folded := t.seen >= f.limit
	if folded {
		t.add(e)
	} else {
		t.seen++
	}
	f.table[key] = t
	f.arm(now)
	return folded
}

// find returns the tally of key, or of what stands for it in a full table.
func (f *folder) find(key foldKey, now time.Time) (foldKey, tally) {
	t, ok := f.table[key]
	if !ok && len(f.table) >= f.bound {
		key.prefix = netip.Prefix{}
		if t, ok = f.table[key]; !ok && len(f.table) >= f.bound+maxNames {
			key.name = otherName
			t, ok = f.table[key]
		}
	}
	// A window that is over but still has a count is the timer's to write,
	// which is due; until then it goes on.
	if !ok || t.count == 0 && !now.Before(t.until) {
		t = tally{until: now.Add(window)}
	}
	return key, t
}

// arm makes sure that the table is looked at when its first window is over.
func (f *folder) arm(now time.Time) {
	if f.armed || f.closed || len(f.table) == 0 {
		return
	}
	next := now.Add(window)
	for _, t := range f.table {
		if t.until.Before(next) {
			next = t.until
		}
	}
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
	for key, t := range f.table {
		over := !now.Before(t.until)
		if !over && !now.IsZero() {
			continue
		}
		if t.count > 0 {
			due = append(due, entry{event: t.record(key)})
			t.count, t.shared = 0, nil
			f.table[key] = t
		}
		if over {
			delete(f.table, key)
		}
	}
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
