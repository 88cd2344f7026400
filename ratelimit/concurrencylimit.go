package ratelimit

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/response"
)

// A ConcurrencyLimit is one limit of requests at once, made by
// [NewConcurrency]. It is safe for concurrent use. The zero and the nil
// ConcurrencyLimit refuse every request with 500 "ratelimit.unconfigured".
type ConcurrencyLimit struct {
	name            string
	gate            *gate       // nil if it was made without NewConcurrency
	callers         *Middleware // finds the keys of requests; nil without a Key
	seed            maphash.Seed
	healthPaths     []string
	retryAfter      time.Duration
	timeout         time.Duration
	timedOut        *bulwark.Problem // the cause of the end of a request after timeout
	releaseUpgrades bool
	shed            atomic.Uint64
}

// Build returns l, for a [bulwark.Chain]. It is an error if l was made without
// NewConcurrency.
func (l *ConcurrencyLimit) Build() (bulwark.Layer, error) {
	if err := l.unready(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *ConcurrencyLimit) unready() error {
	if l == nil || l.gate == nil {
		return fault.Unmade("ratelimit.Concurrency", "NewConcurrency")
	}
	return nil
}

// Kind is "ratelimit.principal" if the Key needs a principal, and "ratelimit"
// otherwise.
func (l *ConcurrencyLimit) Kind() bulwark.Kind {
	if l == nil {
		return bulwark.KindRateLimit
	}
	return l.callers.Kind()
}

// AuthOutside returns Concurrency.AuthOutside, for the order check of
// [bulwark.Chain].
func (l *ConcurrencyLimit) AuthOutside() bool { return l != nil && l.callers.AuthOutside() }

// LimitName returns Concurrency.Name.
func (l *ConcurrencyLimit) LimitName() string {
	if l == nil {
		return ""
	}
	return l.name
}

// Load returns how many requests run now, and how many wait. Health checks are
// not counted. Read it when metrics are read; docs/metrics.md shows how.
func (l *ConcurrencyLimit) Load() (running, waiting int) {
	if l.unready() != nil {
		return 0, 0
	}
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	return l.gate.in, l.gate.queue.len
}

// Shed returns how many requests the limit has refused with 503 or 429.
func (l *ConcurrencyLimit) Shed() uint64 {
	if l == nil {
		return 0
	}
	return l.shed.Load()
}

// Wrap returns a handler that passes a request on to next if there is a place
// for it, at once or after a short wait.
func (l *ConcurrencyLimit) Wrap(next http.Handler) http.Handler {
	if err := l.unready(); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })
	}
	return &bounded{l, next}
}

// bounded is a handler of which a bounded number of calls run at once.
type bounded struct {
	*ConcurrencyLimit
	next http.Handler
}

// ServeHTTP passes the request on if there is a place for it.
func (b *bounded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.isHealth(r) {
		b.next.ServeHTTP(w, r)
		return
	}
	r, scope := bulwark.Enter(r)
	keys, err := b.keysOf(r, scope)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	if v := b.gate.enter(r.Context(), keys); v != admitted {
		b.refuse(w, r, v)
		return
	}
	if !b.releaseUpgrades {
		defer b.gate.leave(keys)
	} else {
		p := &place{gate: b.gate, keys: keys}
		defer p.leave()
		var watched *response.Writer
		w, watched = response.Of(w)
		watched.BeforeHeader(p)
	}
	if b.timeout > 0 {
		var cancel context.CancelFunc
		r, cancel = b.hurry(w, r)
		defer cancel()
	}
	b.next.ServeHTTP(w, r)
}

// isHealth reports whether the request is a health check.
func (l *ConcurrencyLimit) isHealth(r *http.Request) bool {
	return len(l.healthPaths) > 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		slices.Contains(l.healthPaths, r.URL.EscapedPath())
}

// keysOf returns the keys of a request, or why it has none.
func (l *ConcurrencyLimit) keysOf(r *http.Request, scope *bulwark.Scope) (k gateKeys, err error) {
	m := l.callers
	if m == nil {
		return k, nil
	}
	who, err := m.identify(r, scope)
	if err != nil {
		return k, err
	}
	var room [256]byte
	for _, bits := range [...]int{narrowBits, wideBits} {
		if bits == wideBits && !who.addr.Is6() {
			break
		}
		key, ok := m.appendKey(room[:0], r, &who, bits)
		if !ok {
			return k, m.unkeyed(m.emptyPart(&who))
		}
		k.hash[k.n] = maphash.Bytes(l.seed, key)
		k.n++
	}
	return k, nil
}

// How long after the end of its context a request may still send its body, and
// its handler an answer.
const (
	lateBody   = time.Second
	lateAnswer = 5 * time.Second
)

// hurry gives the request its time.
func (l *ConcurrencyLimit) hurry(w http.ResponseWriter, r *http.Request) (*http.Request, context.CancelFunc) {
	end := time.Now().Add(l.timeout)
	ctx, cancel := context.WithDeadlineCause(r.Context(), end, l.timedOut)
	// A writer that has no deadlines, as in a test, has none afterwards.
	control := http.NewResponseController(w)
	if r.Body != nil && r.Body != http.NoBody {
		// Not without a body: the server then waits for the client to leave,
		// and would take the deadline for that. It ends the deadline with the
		// body.
		_ = control.SetReadDeadline(end.Add(lateBody))
	}
	_ = control.SetWriteDeadline(end.Add(lateAnswer))
	return r.WithContext(ctx), cancel
}

// refuse answers a request that was not let in.
func (l *ConcurrencyLimit) refuse(w http.ResponseWriter, r *http.Request, v verdict) {
	if v == gone {
		if err := r.Context().Err(); errors.Is(err, context.Canceled) {
			bulwark.Deny(w, r, err)
			return
		}
		v = overloaded // the deadline of a layer outside has passed
	}
	l.shed.Add(1)
	if v == tooMany {
		bulwark.Deny(w, r, l.tooMany())
		return
	}
	bulwark.Deny(w, r, l.overloaded())
}

// temporarilyReduced is the type of the answer
// (draft-ietf-httpapi-ratelimit-headers-10 section 5.2).
const temporarilyReduced = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"

// overloaded is the answer to a request for which the service has no time. Its
// event is a warning: clients alone can bring an overload about.
func (l *ConcurrencyLimit) overloaded() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusServiceUnavailable, Code: "ratelimit.overloaded", Type: temporarilyReduced,
		Title:      "Request cannot be satisfied due to temporary server capacity constraints",
		Detail:     "The service is overloaded. Try again after the number of seconds in Retry-After.",
		RetryAfter: l.later(), Extensions: map[string]any{"violated-policies": []string{l.name}},
		Log: bulwark.ProblemLog{Event: bulwark.SysUnavailable, Level: slog.LevelWarn, Rule: l.name},
	}
}

// tooMany is the answer to a request of a caller that has too many.
func (l *ConcurrencyLimit) tooMany() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusTooManyRequests, Code: "ratelimit.concurrent", Type: quotaExceeded,
		Title:      "Request cannot be satisfied as assigned quota has been exceeded",
		Detail:     "Too many requests at once. Wait for an answer before the next request.",
		RetryAfter: l.later(), Extensions: map[string]any{"violated-policies": []string{l.name}},
		Log: bulwark.ProblemLog{Event: bulwark.ExcessRateLimitExceeded, Rule: l.name},
	}
}

// lateFor returns the cause of the end of requests that take too long. A client
// that sends its body slowly can bring it about, so the event is a warning.
func lateFor(name string, retryAfter time.Duration) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusServiceUnavailable, Code: "ratelimit.timeout", RetryAfter: retryAfter,
		Detail: "The request took too long. Try again after the number of seconds in Retry-After.",
		Log:    bulwark.ProblemLog{Event: bulwark.SysUnavailable, Level: slog.LevelWarn, Rule: name},
		Err:    errTooLong,
	}
}

// later is when a client may come again. Clients that are refused at once do
// not come back at once.
func (l *ConcurrencyLimit) later() time.Duration { return l.retryAfter + rand.N(l.retryAfter) }

// A place is that of a request whose handler may take the connection over.
type place struct {
	gate *gate
	keys gateKeys
	left atomic.Bool
}

var _ response.Upgrader = (*place)(nil)

func (p *place) leave() {
	if !p.left.Swap(true) {
		p.gate.leave(p.keys)
	}
}

// BeforeHeader leaves if the handler writes a 101 before it takes the
// connection over.
func (p *place) BeforeHeader(_ http.Header, status int) {
	if status == http.StatusSwitchingProtocols {
		p.leave()
	}
}

// BeforeUpgrade leaves when the handler has taken the connection over.
func (p *place) BeforeUpgrade(conn io.Writer) io.Writer {
	p.leave()
	return conn
}
