package apikey

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Keys verifies API keys, as an [auth.Authenticator], and issues, rotates and
// revokes them. It is safe for concurrent use.
type Keys struct {
	store      Store
	prefix     string // with its separator
	env        string
	family     string // prefix and environment
	issuer     string
	header     string
	lifetime   time.Duration
	maxAge     time.Duration
	maxOverlap time.Duration
	usedEvery  time.Duration
	tiers      []string
	recorder   bulwark.Recorder // of calls outside a request
	peppers    []*hasher
	marking    chan struct{} // holds one element per write of LastUsed under way
	panicked   sync.Once     // reports that the store did in such a write
}

// What Keys are to [auth.New].
var (
	_ auth.Authenticator = (*Keys)(nil)
	_ auth.Carrier       = (*Keys)(nil)
	_ auth.Claimant      = (*Keys)(nil)
	_ auth.Issuer        = (*Keys)(nil)
)

const (
	scheme = "ApiKey"
	method = "api_key"
	// maxMarking bounds the writes of LastUsed at once; further samples are
	// skipped.
	maxMarking = 4
	markTime   = 2 * time.Second
	// storeRetry is when to come back after an outage of the store.
	storeRetry = 5 * time.Second
)

// made returns an error for Keys that were made without New.
func (k *Keys) made() error {
	if k == nil || k.store == nil {
		return fault.Unmade("apikey", "New")
	}
	return nil
}

// Detect reports a key of our prefix and environment as Explicit, wherever r
// carries it: in "Authorization: ApiKey", in "Authorization: Bearer" or in
// [Config.Header]. Any other text in a place for keys is Kindred: it may be the
// key of another family, whose Keys stand beside these. Where nobody knows the
// text, it belongs to the first Keys. Under Bearer only text with our prefix is
// meant for keys.
func (k *Keys) Detect(r *http.Request) auth.Presence {
	if k.made() != nil {
		return auth.None
	}
	found := auth.None
	for _, line := range r.Header["Authorization"] {
		if text, may := k.fromAuthorization(line); may {
			found = max(found, k.presence(text))
		}
	}
	if k.header != "" {
		for _, text := range r.Header[k.header] {
			found = max(found, k.presence(text))
		}
	}
	return found
}

// presence is that of a text in a place for keys.
func (k *Keys) presence(text string) auth.Presence {
	if rest, ours := strings.CutPrefix(text, k.family); ours && strings.HasPrefix(rest, "_") {
		return auth.Explicit
	}
	return auth.Kindred
}

// fromAuthorization returns the text in an Authorization line that may be a
// key.
func (k *Keys) fromAuthorization(line string) (text string, may bool) {
	name, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ") // 1*SP between scheme and credentials (RFC 9110 section 11.4)
	switch {
	case strings.EqualFold(name, scheme):
		return rest, true
	case strings.EqualFold(name, "Bearer"):
		return rest, strings.HasPrefix(rest, k.prefix)
	}
	return "", false
}

// Fields returns [Config.Header], if there is one.
func (k *Keys) Fields() []string {
	if k.made() != nil || k.header == "" {
		return nil
	}
	return []string{k.header}
}

// Claim tells our keys from those of other Keys: by prefix and environment.
func (k *Keys) Claim() string {
	if k.made() != nil {
		return ""
	}
	return "keys that begin with " + k.family + "_"
}

// Challenges returns the scheme under which a 401 asks for a key.
func (k *Keys) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: scheme}} }

// Issuer returns the Issuer of keys that act as their own caller.
func (k *Keys) Issuer() string {
	if k == nil {
		return ""
	}
	return k.issuer
}

// Authenticate returns the caller whose key r carries. A key that is not
// accepted is 401 "auth.invalid_token", whatever the cause. The log learns the
// reason: "malformed" for a key that was mistyped or made up, "audience" for a
// key of another environment, "unknown_key", "key" for a wrong secret,
// "revoked", "expired" or "network". An outage of the store is 503.
func (k *Keys) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := k.made(); err != nil {
		return nil, err
	}
	text, err := k.credential(r)
	if err != nil {
		return nil, err
	}
	return k.verify(r.Context(), r, text)
}

// Verify returns the caller whose key text is, for a key that comes by another
// way than a request, such as in a message of a queue. Its errors are those of
// [Keys.Authenticate]. A key that is bound to networks is refused with the
// reason "network", because nobody can tell which address text came from.
func (k *Keys) Verify(ctx context.Context, text string) (*bulwark.Principal, error) {
	if err := k.made(); err != nil {
		return nil, err
	}
	return k.verify(ctx, nil, text)
}

// verify is Verify for text out of r, which is nil outside a request.
func (k *Keys) verify(ctx context.Context, r *http.Request, text string) (*bulwark.Principal, error) {
	p, err := parse(text, k.prefix)
	if err != nil {
		return nil, auth.Invalid("malformed", err)
	}
	if p.env != k.env {
		return nil, auth.Invalid("audience", errEnvironment)
	}
	rec, err := k.store.Get(ctx, p.id)
	unknown := errors.Is(err, auth.ErrNotFound)
	if err != nil && !unknown {
		return nil, auth.Unavailable("store_unavailable", err, storeRetry)
	}
	unknown = unknown || rec.Family != k.family // others may share the store
	if unknown {
		rec = Record{} // does the work of any other, and matches nothing
	}
	now := time.Now()
	var secret *Secret
	if i := k.match(&rec, p.id, p.secret); i >= 0 {
		secret = &rec.Secrets[i]
	}
	if fault := rec.fault(unknown, secret, now, r); fault != "" {
		return nil, auth.Invalid(fault, nil)
	}
	k.note(ctx, r, &rec, secret, now)
	return k.principal(&rec, secret), nil
}

// credential returns the one key that r carries.
func (k *Keys) credential(r *http.Request) (string, error) {
	lines := r.Header["Authorization"]
	var bare []string
	if k.header != "" {
		bare = r.Header[k.header]
	}
	switch {
	case len(lines)+len(bare) > 1:
		return "", &bulwark.Problem{Status: http.StatusBadRequest, Code: "auth.ambiguous_credentials",
			Detail: "The request carries more than one credential; send one.", Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "ambiguous"},
			Header: http.Header{"Www-Authenticate": {scheme}}} // as for two lines of Authorization (RFC 6750 section 3)
	case len(bare) == 1:
		return bare[0], nil
	case len(lines) == 1:
		if key, ours := k.fromAuthorization(lines[0]); ours {
			return key, nil
		}
	}
	return "", auth.Invalid("malformed", errMalformed)
}

// fault says why the key is refused. Only who knows the secret learns, by the
// answer's time, anything of the record. Outside a request r is nil.
func (rec *Record) fault(unknown bool, secret *Secret, now time.Time, r *http.Request) string {
	switch {
	case unknown:
		return "unknown_key"
	case secret == nil:
		return "key"
	case !rec.RevokedAt.IsZero():
		return "revoked"
	case !now.Before(rec.ExpiresAt), !secret.NotAfter.IsZero() && !now.Before(secret.NotAfter):
		return "expired"
	case len(rec.Networks) > 0 && (r == nil || !rec.allows(bulwark.ClientIP(r))):
		return "network"
	}
	return ""
}

// allows reports whether the key may be used from the address. The zero Addr is
// in no network.
func (rec *Record) allows(client netip.Addr) bool {
	for _, network := range rec.Networks {
		if network.Contains(client) {
			return true
		}
	}
	return false
}

// principal makes the caller. Its slices are the record's, which nobody
// modifies, without spare room: what one request appends must not reach
// another.
func (k *Keys) principal(rec *Record, secret *Secret) *bulwark.Principal {
	expires := rec.ExpiresAt
	if !secret.NotAfter.IsZero() && secret.NotAfter.Before(expires) {
		expires = secret.NotAfter
	}
	return &bulwark.Principal{
		Issuer: rec.Issuer, Subject: rec.Subject, Method: method, TokenID: rec.ID,
		Roles: slices.Clip(rec.Roles), Scopes: slices.Clip(rec.Scopes), Tier: rec.Tier,
		IssuedAt: secret.CreatedAt, ExpiresAt: expires,
	}
}

// note keeps account of a use: now and then it writes LastUsed, aside from the
// request, and it reports a secret that is too old.
func (k *Keys) note(ctx context.Context, r *http.Request, rec *Record, secret *Secret, now time.Time) {
	if now.Sub(rec.LastUsed) >= k.usedEvery {
		k.mark(ctx, rec.ID, now)
	}
	if age := now.Sub(secret.CreatedAt); age >= k.maxAge && now.Sub(rec.StaleReported) >= day {
		k.reportStale(ctx, r, rec, now, age)
	}
}

// mark writes LastUsed without holding up the request. A sample that fails or
// finds too many under way is left out: the next use is the next sample.
func (k *Keys) mark(ctx context.Context, id string, now time.Time) {
	select {
	case k.marking <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-k.marking }()
		defer k.survive()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
		defer cancel()
		k.store.Mark(ctx, id, Used, now, k.usedEvery) // a lost sample is no fault
	}()
}

// survive keeps a store that panics from ending the process, on a goroutine
// where nobody else could recover. What it panicked with may hold anything and
// is not logged, nor is that it happened again.
func (k *Keys) survive() {
	if recover() == nil {
		return
	}
	k.panicked.Do(func() {
		defer func() { _ = recover() }() // of a log handler
		slog.Default().Warn("apikey: the store panicked in Mark; further panics are not reported")
	})
}

// reportStale reports once a day for all who share the store. It does not
// refuse: rotating must not need an outage.
func (k *Keys) reportStale(ctx context.Context, r *http.Request, rec *Record, now time.Time, age time.Duration) {
	if first, err := k.store.Mark(ctx, rec.ID, Stale, now, day); err != nil || !first {
		return
	}
	e := bulwark.Event{
		Name: bulwark.AuthnKeyStale, Reason: "max_age", Issuer: rec.Issuer, UserID: rec.Subject,
		Attrs: [4]slog.Attr{slog.String("key", rec.ID), slog.Int("days", int(age/day))},
	}
	if r == nil {
		k.report(ctx, e)
		return
	}
	bulwark.Report(r, e)
}
