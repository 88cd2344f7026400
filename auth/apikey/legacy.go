package apikey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

const (
	// maxLegacy bounds a key that was given out before, in bytes.
	maxLegacy = 256
	// legacyStream is how long a caller lasts whose key only Legacy knows.
	// Nobody can ask Legacy again without the text, and the text is not kept.
	legacyStream = 2 * time.Minute
)

// legacy asks for keys that were given out before.
type legacy struct {
	find     func(context.Context, string) (Grant, error)
	asker    *asker
	prefixes []string
}

// isLegacy reports whether a text may be a key that was given out before. A
// text in the format of this package is not such a key: ours by its prefix, and
// that of other Keys by its check.
func isLegacy(text, prefix string) bool {
	return text != "" && len(text) <= maxLegacy && !strings.HasPrefix(text, prefix) && isVisible(text) && !isForeign(text)
}

// isForeign reports whether text is a key of any prefix, with a right check.
func isForeign(text string) bool {
	word, _, ok := strings.Cut(text, "_")
	if !ok || !isWord(word) {
		return false
	}
	_, err := parse(text, text[:len(word)+1])
	return err == nil
}

// isVisible accepts printable ASCII without spaces.
func isVisible(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// presence is that of a text in a place for keys, which is not ours.
func (l *legacy) presence(text, prefix string) auth.Presence {
	switch {
	case !isLegacy(text, prefix):
		return auth.Kindred
	case l.declared(text):
		return auth.Explicit
	}
	return auth.Likely
}

// declared reports whether the text begins as LegacyPrefixes say.
func (l *legacy) declared(text string) bool {
	for _, prefix := range l.prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// lookUpLegacy finds the text in the store, or asks Legacy. The store counts
// first: a key that was revoked there never reaches Legacy again.
func (k *Keys) lookUpLegacy(ctx context.Context, r *http.Request, text string) (*bulwark.Principal, error) {
	ids := k.legacyIDs(text)
	p, known, err := k.adopted(ctx, r, ids, text)
	if known || err != nil {
		return p, err
	}
	g, err := k.askLegacy(ctx, text)
	if err != nil {
		return nil, err
	}
	// Legacy may have adopted the key. Somebody may have revoked it meanwhile.
	p, known, err = k.adopted(ctx, r, ids, text)
	if known || err != nil {
		return p, err
	}
	return k.acceptGrant(ctx, r, ids[len(ids)-1], g)
}

// legacyIDs are the ids that the text can have: one for each pepper. The last
// is that of the oldest pepper. So it does not change when a pepper is added,
// in whichever place, and processes that are a step apart agree on it.
func (k *Keys) legacyIDs(text string) []string {
	ids := make([]string, len(k.byAge))
	for i, pepper := range k.byAge {
		ids[i] = pepper.legacyID(text)
	}
	return ids
}

// adopted decides by the record that the store has for the text, if it is
// known. It asks for each id and computes each hash, also after it has found
// the record, so that the work is always the same.
func (k *Keys) adopted(ctx context.Context, r *http.Request, ids []string, text string) (p *bulwark.Principal, known bool, err error) {
	rec, id, known, err := k.find(ctx, ids)
	if err != nil {
		return nil, false, storeDown(err)
	}
	secret := k.match(&rec, id, ofLegacy, text)
	if !known {
		return nil, false, nil
	}
	p, err = k.accept(ctx, r, &rec, secret)
	return p, true, err
}

// find returns the record of one of the ids, and its id. If there are two, it
// is one that has ended, or else that of the last id. If the store has no such
// record, it is the empty record, and the last id.
func (k *Keys) find(ctx context.Context, ids []string) (rec Record, id string, known bool, err error) {
	now := time.Now()
	for _, each := range ids {
		next, has, err := k.get(ctx, each)
		if err != nil {
			return Record{}, "", false, err
		}
		if !known || has && !rec.ended(now) {
			rec, id, known = next, each, has
		}
	}
	return rec, id, known, nil
}

// askLegacy returns the Grant of the text, or the refusal.
func (k *Keys) askLegacy(ctx context.Context, text string) (Grant, error) {
	call := begin(ctx, k.legacy.asker, func(ctx context.Context) (Grant, error) {
		g, err := k.legacy.find(ctx, text)
		if err != nil && repeats(err.Error(), text) {
			err = hidden(err)
		}
		return g, err
	}, func(*call[Grant]) {})
	g, err := call.wait(ctx)
	if errors.Is(err, auth.ErrNotFound) {
		return Grant{}, auth.Invalid("unknown_key", k.causes.legacy)
	}
	if err == nil {
		err = k.checkLegacy(&g, time.Now())
	}
	if err != nil {
		return Grant{}, auth.Unavailable("store_unavailable", fmt.Errorf("apikey.Config.Legacy: %w", err), storeRetry)
	}
	return g, nil
}

// repeats reports whether what is shown has the key in it, as it is, quoted, or
// in a URL such as that of an HTTP client.
func repeats(shown, key string) bool {
	quoted := strconv.Quote(key)
	return slices.ContainsFunc([]string{key, url.QueryEscape(key), url.PathEscape(key), quoted[1 : len(quoted)-1]},
		func(form string) bool { return strings.Contains(shown, form) })
}

// hidden takes the place of an error whose text has the key in it, because the
// log shows the text.
func hidden(err error) error {
	if errors.Is(err, auth.ErrNotFound) {
		return auth.ErrNotFound
	}
	return errors.New("its error repeats the key, and is not shown")
}

// checkLegacy says what is wrong with a Grant of Legacy. It sets the ExpiresAt
// of a key that does not end by itself. An ExpiresAt in the past is not wrong:
// the key has expired.
func (k *Keys) checkLegacy(g *Grant, now time.Time) error {
	if g.ExpiresAt.IsZero() {
		g.ExpiresAt = now.Add(k.lifetime).Round(0)
	}
	checked := *g
	checked.ExpiresAt = now.Add(time.Hour)
	if err := k.checkGrant(checked, now); err != nil {
		return wrongGrant(err)
	}
	if g.Name == "" && g.Owner == nil {
		return errors.New("the Grant has no Name and no Owner, and the error is nil; return auth.ErrNotFound for a text that is not a key")
	}
	return nil
}

// wrongGrant names the fields of the Grant that are wrong.
func wrongGrant(err error) error {
	var p *bulwark.Problem
	if !errors.As(err, &p) {
		return err
	}
	fields := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		name := strings.TrimPrefix(e.Pointer, "/")
		fields[i] = "Grant." + strings.ToUpper(name[:1]) + name[1:] + ": " + e.Detail
	}
	if p.Err != nil {
		return fmt.Errorf("%s %w", strings.Join(fields, " "), p.Err)
	}
	return errors.New(strings.Join(fields, " "))
}

// acceptGrant returns the caller of a key that only Legacy knows. A use of such
// a key is not recorded, because the store does not have it.
func (k *Keys) acceptGrant(ctx context.Context, r *http.Request, id string, g Grant) (*bulwark.Principal, error) {
	now := time.Now()
	rec, secret := k.record(id, g).clone(), &Secret{}
	if reason, cause := rec.fault(secret, now, r); reason != "" {
		return nil, auth.Invalid(reason, cause)
	}
	if err := k.narrow(ctx, &rec); err != nil {
		return nil, err
	}
	if end := now.Add(legacyStream).Round(0); end.Before(rec.ExpiresAt) {
		rec.ExpiresAt = end
	}
	return k.principal(&rec, secret), nil
}
