package apikey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// A Grant describes a new key and what it may do. The zero Grant is a key
// without roles and scopes that acts as its own caller.
type Grant struct {
	// Name describes the key for people. At most 128 bytes. Default: empty.
	Name string
	// Owner is the caller that the key acts as. The key copies the Issuer and
	// the Subject of the owner, and nothing else. The owner must have another
	// Issuer than [Config.Issuer]. Default: the key is its own caller,
	// "key:<id>", with its own quota and permissions.
	Owner *bulwark.Principal
	// Roles and Scopes are the roles and scopes of the caller. At most 64 each,
	// each 1 to 128 bytes. Default: none.
	Roles, Scopes []string
	// Tier is the tier of the caller: one of [Config.Tiers]. Default: empty.
	Tier string
	// Networks are the networks from which the key may be used. The address of
	// a request is its [bulwark.ClientIP]. At most 64. Default: any network.
	Networks []netip.Prefix
	// ExpiresAt is when the key ends. A rotation does not change it. Default:
	// [Config.Lifetime] from now. At most 10 years from now.
	ExpiresAt time.Time
}

// An Issued is a key with a new secret. Printed or logged, it does not show the
// secret. Encoded as JSON, it contains the whole key, for the one recipient. So
// do not log a value that contains an Issued with a JSON handler of slog.
type Issued struct {
	// ID is the id of the key. It may be shown and logged.
	ID string
	// Key is the whole key. Give it to the client now. It cannot be shown
	// again.
	Key string
	// Name describes the key for people.
	Name string
	// Tier is the tier of the caller.
	Tier string
	// ExpiresAt is when the key ends, with all its secrets.
	ExpiresAt time.Time
}

// Format writes the id, for every verb, and never the key.
func (i Issued) Format(f fmt.State, _ rune) { io.WriteString(f, i.shown()) }

// LogValue is the text of Format.
func (i Issued) LogValue() slog.Value { return slog.StringValue(i.shown()) }

func (i Issued) shown() string { return "api key " + i.ID }

const (
	maxLabel   = 128
	maxLabels  = 64
	ownSubject = "key:"
)

// Issue makes a key. An error is a *[bulwark.Problem]. A wrong Grant is 422
// "apikey.invalid_grant" and names each wrong field. A store that is full or
// does not answer is 503.
func (k *Keys) Issue(ctx context.Context, g Grant) (Issued, error) {
	if err := k.made(); err != nil {
		return Issued{}, err
	}
	now := time.Now()
	if g.ExpiresAt.IsZero() {
		g.ExpiresAt = now.Add(k.lifetime).Round(0) // by the clock on the wall, which goes on while a machine sleeps
	}
	if err := k.checkGrant(g, now); err != nil {
		return Issued{}, err
	}
	rec := k.record(random(idLength, idAlphabet), g)
	rec.CreatedAt = now
	key := k.addSecret(&rec, now)
	if err := k.store.Create(ctx, rec.clone()); err != nil {
		return Issued{}, unavailable(err)
	}
	return issued(rec, key), nil
}

// record is a record without secrets for a Grant.
func (k *Keys) record(id string, g Grant) Record {
	rec := Record{
		ID: id, Family: k.family, Name: g.Name, Issuer: k.issuer, Subject: ownSubject + id,
		Roles: g.Roles, Scopes: g.Scopes, Tier: g.Tier, Networks: g.Networks, ExpiresAt: g.ExpiresAt,
	}
	if g.Owner != nil {
		rec.Issuer, rec.Subject = g.Owner.Issuer, g.Owner.Subject
	}
	return rec
}

// Rotate gives a key a further secret. The earlier secrets of the key work
// until the overlap has passed. If a secret has leaked, use an overlap of zero:
// then the earlier secrets end now. At most [Config.MaxOverlap]. The further
// secret of an adopted key is a key in the format of this package. The old text
// ends like an earlier secret.
//
//   - An unknown id is 404 "apikey.not_found".
//   - A key that is revoked or expired is 409 "apikey.ended".
//   - A key with 4 secrets that still work is 409 "apikey.too_many_secrets".
func (k *Keys) Rotate(ctx context.Context, id string, overlap time.Duration) (Issued, error) {
	if err := k.made(); err != nil {
		return Issued{}, err
	}
	if overlap < 0 || overlap > k.maxOverlap {
		return Issued{}, &bulwark.Problem{Status: http.StatusUnprocessableEntity, Code: "apikey.invalid_overlap",
			Detail: "The overlap must be from zero to " + k.maxOverlap.String() + ".", Err: k.causes.overlap}
	}
	var key string
	rec, err := k.change(ctx, id, func(rec *Record, now time.Time) error {
		made := rec.nextSecret(now)
		if rec.ended(now) {
			return ended()
		}
		rec.retire(now, now.Add(overlap).Round(0))
		if len(rec.Secrets) >= maxSecrets {
			return &bulwark.Problem{Status: http.StatusConflict, Code: "apikey.too_many_secrets",
				Detail: "Earlier rotations of this key still overlap. Wait, or rotate without an overlap."}
		}
		key = k.addSecret(rec, made)
		return nil
	})
	if err != nil {
		return Issued{}, err
	}
	if held, err := k.store.Get(ctx, id); err == nil && held.ended(time.Now()) { // by a mark of its owner, as a rule
		k.Revoke(ctx, id) // reports it
		return Issued{}, ended()
	}
	return issued(rec, key), nil
}

func ended() error {
	return &bulwark.Problem{Status: http.StatusConflict, Code: "apikey.ended", Detail: "The key is revoked or expired. Issue another."}
}

// Revoke ends a key at once and reports authn_token_revoked with the reason
// "revoked". If ctx is the context of a request, the event goes to the recorder
// of the request, and its user is the caller, such as an administrator. In a
// job or a tool the event goes to [Config.Recorder]. The attribute "key" is the
// id of the key, and "subject" is the caller that the key acted as.
//
// If the key is already revoked, Revoke changes nothing and reports nothing. An
// unknown id is 404 "apikey.not_found".
func (k *Keys) Revoke(ctx context.Context, id string) error {
	if err := k.made(); err != nil {
		return err
	}
	var first bool
	rec, err := k.change(ctx, id, func(rec *Record, now time.Time) error {
		if first = !rec.isOver(); first {
			rec.revoke(now)
		}
		return nil
	})
	if err == nil && first {
		k.report(ctx, revoked(rec))
	}
	return err
}

// change applies edit to the record as one atomic step. It tries again if
// another change came first.
func (k *Keys) change(ctx context.Context, id string, edit func(*Record, time.Time) error) (Record, error) {
	if !isID(id) {
		return Record{}, unavailable(auth.ErrNotFound)
	}
	const tries = 16
	err := auth.ErrConflict
	for range tries {
		var rec Record
		if rec, err = k.store.Get(ctx, id); err != nil {
			break
		}
		if rec.Family != k.family { // others may share the store
			err = auth.ErrNotFound
			break
		}
		rec = rec.clone() // what the store returned is shared
		if err := edit(&rec, time.Now()); err != nil {
			return Record{}, err
		}
		if err = k.store.Update(ctx, rec); err == nil {
			return rec, nil
		}
		if !errors.Is(err, auth.ErrConflict) {
			break
		}
	}
	return Record{}, unavailable(err)
}

// addSecret puts a new secret in front of the record and returns the whole key.
func (k *Keys) addSecret(rec *Record, now time.Time) string {
	p := parts{env: k.env, id: rec.ID, secret: random(secretLength, alphabet)}
	current := k.peppers[0]
	rec.Secrets = slices.Insert(rec.Secrets, 0, Secret{
		Hash: current.sum(p.id, ofSecret, p.secret), Pepper: current.version, CreatedAt: now,
	})
	return format(k.prefix, p)
}

// revoke ends the key, so that the store may forget it.
func (rec *Record) revoke(now time.Time) {
	rec.RevokedAt = now
	if now.Before(rec.ExpiresAt) {
		rec.ExpiresAt = now
	}
}

// isOver reports whether revoke has ended the key. A mark of its owner sets
// RevokedAt alone, and nobody has reported that yet.
func (rec *Record) isOver() bool {
	return !rec.RevokedAt.IsZero() && !rec.ExpiresAt.After(rec.RevokedAt)
}

// nextSecret is the CreatedAt of a further secret: a later time than that of
// the other secrets, because [Keys.Review] tells them apart by it.
func (rec *Record) nextSecret(now time.Time) time.Time {
	for _, s := range rec.Secrets {
		if least := s.CreatedAt.Add(time.Microsecond); now.Before(least) {
			now = least
		}
	}
	return now
}

// retire ends every secret at end or earlier, and drops the ended secrets.
func (rec *Record) retire(now, end time.Time) {
	for i := range rec.Secrets {
		if s := &rec.Secrets[i]; s.NotAfter.IsZero() || s.NotAfter.After(end) {
			s.NotAfter = end
		}
	}
	rec.Secrets = slices.DeleteFunc(rec.Secrets, func(s Secret) bool { return !now.Before(s.NotAfter) })
}

func issued(rec Record, key string) Issued {
	return Issued{ID: rec.ID, Key: key, Name: rec.Name, Tier: rec.Tier, ExpiresAt: rec.ExpiresAt}
}

// unavailable turns the error of a store into an answer.
func unavailable(err error) error {
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return &bulwark.Problem{Status: http.StatusNotFound, Code: "apikey.not_found", Detail: "There is no such key.", Err: err}
	case errors.Is(err, auth.ErrFull):
		return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "apikey.store_full",
			Detail: "No further key can be kept at the moment.", RetryAfter: time.Minute,
			Err: fmt.Errorf("apikey.Config.Store has no room (MemoryStore.Max, or the max of OpenFile): %w", err)}
	}
	return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "apikey.unavailable",
		Detail: "Keys cannot be changed at the moment.", RetryAfter: storeRetry,
		Err: fmt.Errorf("apikey.Config.Store: %w", err)}
}

// checkGrant reports everything that is wrong with a Grant.
func (k *Keys) checkGrant(g Grant, now time.Time) error {
	var faults []bulwark.FieldError
	var cause error
	wrong := func(pointer, code, detail string) {
		faults = append(faults, bulwark.FieldError{Pointer: pointer, In: "body", Code: code, Detail: detail})
	}
	if len(g.Name) > maxLabel || strings.ContainsFunc(g.Name, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\ufffd' }) {
		wrong("/name", "format", "The name must be at most 128 bytes of text without control characters.")
	}
	if g.Tier != "" && !slices.Contains(k.tiers, g.Tier) {
		cause = k.causes.tier
		wrong("/tier", "enum", "The service does not have this tier.")
	}
	if !areLabels(g.Roles) {
		wrong("/roles", "format", "The roles must be at most 64, each 1 to 128 bytes of printable ASCII without space.")
	}
	if !areLabels(g.Scopes) {
		wrong("/scopes", "format", "The scopes must be at most 64, each 1 to 128 bytes of printable ASCII without space.")
	}
	if len(g.Networks) > maxLabels || slices.ContainsFunc(g.Networks, func(p netip.Prefix) bool { return !p.IsValid() || p.Addr().Is4In6() }) {
		wrong("/networks", "format", "The networks must be at most 64, each an address and the length of its prefix, such as 203.0.113.0/24.")
	}
	if !g.ExpiresAt.After(now) {
		wrong("/expires_at", "minimum", "The expiry must be in the future.")
	}
	if g.ExpiresAt.After(now.Add(longest)) {
		wrong("/expires_at", "maximum", "The expiry must be at most 10 years away.")
	}
	// A key must not act as another key of the same issuer.
	if o := g.Owner; o != nil && (o.Issuer == "" || o.Subject == "" || o.Issuer == k.issuer) {
		cause = errors.Join(cause, errOwner)
		wrong("/owner", "format", "The owner must have a subject, and another issuer than the keys.")
	}
	if len(faults) > 0 {
		return &bulwark.Problem{Status: http.StatusUnprocessableEntity, Code: "apikey.invalid_grant",
			Detail: "The key cannot be issued; see errors.", Errors: faults, Err: cause}
	}
	return nil
}

func areLabels(list []string) bool {
	return len(list) <= maxLabels && !slices.ContainsFunc(list, func(text string) bool {
		return text == "" || !isLabel(text, maxLabel) || strings.Contains(text, " ")
	})
}

// isLabel accepts printable ASCII of a bounded length.
func isLabel(text string, limit int) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(text) <= limit
}
