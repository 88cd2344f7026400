package apikey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Keys verifies API keys, as an [auth.Authenticator]. It also issues, rotates,
// revokes and lists them. Make it with [New]. It is safe for concurrent use.
type Keys struct {
	badge
	store      Store
	prefix     string // with its separator
	env        string
	issuer     string
	lifetime   time.Duration
	maxAge     time.Duration
	maxOverlap time.Duration
	usedEvery  time.Duration
	tiers      []string
	recorder   bulwark.Recorder // of calls outside a request
	causes     causes
	peppers    []*hasher
	byAge      []*hasher     // the peppers, that of the lowest version last
	owners     *owners       // nil without Config.Lookup
	legacy     *legacy       // nil without Config.Legacy
	compared   func()        // counts comparisons in a test
	marking    chan struct{} // holds one element for each running write of LastUsed
	panicked   sync.Once     // reports that the store panicked in such a write
}

// The interfaces that [auth.New] looks for.
var (
	_ auth.Authenticator = (*Keys)(nil)
	_ auth.Carrier       = (*Keys)(nil)
	_ auth.Claimant      = (*Keys)(nil)
	_ auth.Issuer        = (*Keys)(nil)
	_ auth.Reviewer      = (*Keys)(nil)
)

const (
	scheme = "ApiKey"
	method = "api_key"
	// maxMarking bounds the writes of LastUsed at once. Further samples are
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

// Detect reports a key with our prefix and environment as Explicit. The key may
// stand in "Authorization: ApiKey", in "Authorization: Bearer" or in
// [Config.Header]. Any other text in a place for keys is Kindred, because it
// may be a key of other Keys in the same auth layer. If no Keys recognize the
// text, the first Keys refuse it. Under Bearer, a text without our prefix is
// not a key.
//
// With [Config.Legacy], a text that Legacy may know is Likely, and Explicit if
// it begins with one of [Config.LegacyPrefixes]. Such a text may also stand
// under Bearer.
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
	if k.legacy != nil {
		return k.legacy.presence(text, k.prefix)
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
		return rest, strings.HasPrefix(rest, k.prefix) || k.legacy != nil && k.legacy.declared(rest)
	}
	return "", false
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
// accepted is 401 "auth.invalid_token". Only the log shows the reason:
//
//   - "malformed": the text is not a key of our prefix, or was mistyped. With
//     [Config.Legacy], it is longer than 256 bytes or has strange characters.
//   - "audience": the key is of another environment than [Config.Env].
//   - "unknown_key": the store does not have the key, and Legacy does not know
//     it.
//   - "key": the secret is wrong, or its pepper is not in [Config.Peppers].
//   - "revoked": somebody has revoked the key, or [Config.Lookup] has not found
//     its owner.
//   - "expired": the key has ended, or a rotation has ended the secret.
//   - "network": the client is in none of the Networks of the key.
//
// A store, a Lookup and a Legacy that do not answer are 503 "auth.unavailable".
func (k *Keys) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := k.made(); err != nil {
		return nil, err
	}
	text, err := k.credential(r)
	if err != nil {
		return nil, attempt.Mark(err, method)
	}
	return k.verify(r.Context(), r, text)
}

// Verify returns the caller of a key that does not come in a request, such as a
// key in the message of a queue. With [Config.Legacy], any text may be a key
// that was given out before. The text is the key. Its errors are the errors
// of [Keys.Authenticate]. A key that is bound to networks is refused with the
// reason "network", because Verify does not know an address.
func (k *Keys) Verify(ctx context.Context, text string) (*bulwark.Principal, error) {
	if err := k.made(); err != nil {
		return nil, err
	}
	return k.verify(ctx, nil, text)
}

// verify is Verify for a text of r. Outside a request r is nil.
func (k *Keys) verify(ctx context.Context, r *http.Request, text string) (*bulwark.Principal, error) {
	p, err := k.lookUp(ctx, r, text)
	return p, attempt.Mark(err, method)
}

// lookUp finds the key in the store and checks it.
func (k *Keys) lookUp(ctx context.Context, r *http.Request, text string) (*bulwark.Principal, error) {
	if k.legacy != nil && isLegacy(text, k.prefix) {
		return k.lookUpLegacy(ctx, r, text)
	}
	p, err := parse(text, k.prefix)
	if err != nil {
		if err == errMalformed {
			err = k.causes.malformed
		}
		return nil, auth.Invalid("malformed", err)
	}
	if p.env != k.env {
		return nil, auth.Invalid("audience", k.causes.environment)
	}
	rec, known, err := k.get(ctx, p.id)
	if err != nil {
		return nil, storeDown(err)
	}
	// An unknown key costs the same work as any other, and matches nothing.
	secret := k.match(&rec, p.id, ofSecret, p.secret)
	if !known {
		return nil, auth.Invalid("unknown_key", k.causes.unknown)
	}
	return k.accept(ctx, r, &rec, secret)
}

// get returns the record of the id, or the empty record if the store does not
// have it for this family.
func (k *Keys) get(ctx context.Context, id string) (rec Record, known bool, err error) {
	rec, err = k.store.Get(ctx, id)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return Record{}, false, nil
	case err != nil:
		return Record{}, false, err
	case rec.Family != k.family: // others may share the store
		return Record{}, false, nil
	}
	return rec, true, nil
}

// storeDown refuses a request during an outage of the store.
func storeDown(err error) error {
	return auth.Unavailable("store_unavailable", fmt.Errorf("apikey.Config.Store: %w", err), storeRetry)
}

// accept returns the caller of a record, whose secret at the index was
// presented. If the index is below zero, the secret is wrong.
func (k *Keys) accept(ctx context.Context, r *http.Request, rec *Record, index int) (*bulwark.Principal, error) {
	now := time.Now()
	var secret *Secret
	if index >= 0 {
		secret = &rec.Secrets[index]
	}
	if reason, cause := rec.fault(secret, now, r); reason != "" {
		return nil, auth.Invalid(reason, cause)
	}
	if err := k.narrow(ctx, rec); err != nil {
		return nil, err
	}
	k.note(ctx, r, rec, secret, now)
	return k.principal(rec, secret), nil
}

// narrow asks Lookup about the owner of the key, if it has one.
func (k *Keys) narrow(ctx context.Context, rec *Record) error {
	if k.owners == nil || rec.Issuer == k.issuer {
		return nil
	}
	return k.owners.narrow(ctx, rec)
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
			Detail: "The request carries more than one credential; send one.", Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "ambiguous"}, Err: k.causes.ambiguous,
			Header: http.Header{"Www-Authenticate": {scheme}}} // as for two lines of Authorization (RFC 6750 section 3)
	case len(bare) == 1:
		return bare[0], nil
	case len(lines) == 1:
		if key, ours := k.fromAuthorization(lines[0]); ours {
			return key, nil
		}
	}
	return "", auth.Invalid("malformed", k.causes.malformed)
}

// fault says why the key is refused, and explains it for the log. A client that
// does not know the secret learns nothing of the record, not even by the time
// of the answer. Outside a request r is nil.
func (rec *Record) fault(secret *Secret, now time.Time, r *http.Request) (reason string, cause error) {
	if reason, cause = secret.fault(rec, now); reason != "" {
		return reason, cause
	}
	switch {
	case len(rec.Networks) > 0 && r == nil:
		return "network", errNoAddress
	case len(rec.Networks) > 0 && !rec.allows(bulwark.ClientIP(r)):
		return "network", errNetwork
	}
	return "", nil
}

// fault says why the key or its secret has ended. A nil secret is a wrong one.
func (s *Secret) fault(rec *Record, now time.Time) (reason string, cause error) {
	switch {
	case s == nil:
		return "key", errSecret
	case !rec.RevokedAt.IsZero():
		return "revoked", errRevoked
	case !now.Before(rec.ExpiresAt):
		return "expired", errExpired
	case !s.NotAfter.IsZero() && !now.Before(s.NotAfter):
		return "expired", errReplaced
	}
	return "", nil
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

// principal makes the caller. It shares the slices of the record, which nobody
// modifies. The slices have no spare room, so that an append in one request
// does not reach another request.
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

// note records a use. At most once in UsedEvery it writes LastUsed, without
// delaying the request. It also reports a secret that is too old.
func (k *Keys) note(ctx context.Context, r *http.Request, rec *Record, secret *Secret, now time.Time) {
	if now.Sub(rec.LastUsed) >= k.usedEvery {
		k.mark(ctx, rec.ID, now)
	}
	if age := now.Sub(secret.CreatedAt); age >= k.maxAge && now.Sub(rec.StaleReported) >= day {
		k.reportStale(ctx, r, rec, now, age)
	}
}

// mark writes LastUsed without delaying the request. If too many writes are
// running, it skips this one: the next use is the next sample.
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
		k.store.Mark(ctx, id, Used, now, k.usedEvery) // a sample may be lost
	}()
}

// survive keeps a store that panics from ending the process, because nobody
// else recovers on this goroutine. The value of the panic may hold anything, so
// it is not logged. Only the first panic is reported.
func (k *Keys) survive() {
	if recover() == nil {
		return
	}
	k.panicked.Do(func() {
		defer func() { _ = recover() }() // a log handler may panic
		slog.Default().Warn("apikey: the store panicked in Mark; further panics are not reported")
	})
}

// reportStale reports once a day, for all processes that share the store. It
// does not refuse the key, because a rotation must not need an outage.
func (k *Keys) reportStale(ctx context.Context, r *http.Request, rec *Record, now time.Time, age time.Duration) {
	if first, err := k.store.Mark(ctx, rec.ID, Stale, now, day); err != nil || !first {
		return
	}
	e := bulwark.Event{
		Name: bulwark.AuthnKeyStale, Reason: "max_age", Issuer: rec.Issuer, UserID: rec.Subject,
		Attrs: [4]slog.Attr{slog.String("key", rec.ID), slog.Int("days", int(age/day)), slog.String("error", k.causes.stale.Error())},
	}
	if r == nil {
		k.report(ctx, e)
		return
	}
	bulwark.Report(r, e)
}
