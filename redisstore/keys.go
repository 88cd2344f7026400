package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// keys implements [apikey.Store].
type keys struct {
	store *Store
	rows  *table
}

var (
	stepKeyCreate = stepOf(0, "key_create", "rows", "marks", "owners").or("marked")
	stepKeyUpdate = stepOf(0, "key_update", "rows", "marks", "owners").or("marked")
	stepKeyMark   = stepOf(0, "key_mark").or("no")
)

func keyOwner(issuer, subject string) string { return digest("owner", issuer, subject) }

// Get implements [apikey.Store], with one command.
func (k *keys) Get(ctx context.Context, id string) (apikey.Record, error) {
	if err := k.store.made(); err != nil {
		return apikey.Record{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, k.store.timeout)
	defer cancel()
	key := k.rows.rowKey(id)
	replies, err := k.store.ask(ctx, key, []string{"GET", key})
	if err != nil {
		return apikey.Record{}, fmt.Errorf("redisstore: get a key: %w", err)
	}
	switch reply := replies[0].(type) {
	case nil:
		return apikey.Record{}, auth.ErrNotFound
	case error:
		return apikey.Record{}, fmt.Errorf("redisstore: get a key: %w", reply)
	case string:
		return k.open(id, reply)
	}
	return apikey.Record{}, errReply
}

// Create implements [apikey.Store].
func (k *keys) Create(ctx context.Context, rec apikey.Record) error {
	return full(k.put(ctx, rec, func(rec *apikey.Record, ends, named, content, made, seen string) (string, []any, error) {
		return k.rows.change(ctx, stepKeyCreate, rec.ID, ends, k.rows.max, named, content, made, seen,
			mark16(rec.LastUsed), mark16(rec.StaleReported))
	}))
}

// Update implements [apikey.Store].
func (k *keys) Update(ctx context.Context, rec apikey.Record) error {
	return k.put(ctx, rec, func(rec *apikey.Record, ends, named, content, made, seen string) (string, []any, error) {
		return k.rows.change(ctx, stepKeyUpdate, rec.ID, ends, versionText(rec.Version), named, content, made, seen)
	})
}

// maxSeen bounds how often a mark of the owner may change while one record is
// written.
const maxSeen = 8

// put stores a record. Only this process can compute its MAC, so Redis cannot
// revoke the record. If the owner has a mark that the record must follow, Redis
// returns the mark and stores nothing. Then the record is stored as revoked, if
// the mark is still the same.
func (k *keys) put(ctx context.Context, rec apikey.Record,
	write func(rec *apikey.Record, ends, named, content, made, seen string) (string, []any, error)) error {
	if err := k.store.made(); err != nil {
		return err
	}
	made, seen := decimal(instant(rec.CreatedAt)), ""
	if !rec.RevokedAt.IsZero() {
		made = "" // no mark changes it
	}
	for range maxSeen {
		content, named, err := k.content(&rec)
		if err != nil {
			return err
		}
		ends := ""
		if !rec.Adopted {
			ends = decimal(endAt(rec.ExpiresAt))
		}
		word, rest, err := write(&rec, ends, named, content, made, seen)
		if err != nil || word != "marked" {
			return err
		}
		if len(rest) != 1 {
			return errReply
		}
		seen, _ = rest[0].(string)
		until, err := strconv.ParseInt(seen, 10, 64)
		if err != nil {
			return errReply
		}
		rec.RevokedAt = time.UnixMicro(until)
	}
	return errors.New("redisstore: the keys of the owner were revoked again and again while a key was written; try again")
}

// mark16 is a mark as a row has it. It is 0 if the mark was never set.
func mark16(at time.Time) string {
	if at.IsZero() {
		return "0000000000000000"
	}
	return fmt.Sprintf("%016d", min(max(instant(at), 1), 9_999_999_999_999_999))
}

// Mark implements [apikey.Store].
func (k *keys) Mark(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
	place := "16"
	switch mark {
	case apikey.Used:
	case apikey.Stale:
		place = "32"
	default:
		return false, errors.New("redisstore: Mark was called with a mark that this version does not know; write apikey.Used or apikey.Stale")
	}
	word, _, err := k.rows.change(ctx, stepKeyMark, id, place, decimal(max(instant(at), 1)), decimal(duration(every)))
	return err == nil && word == "ok", err
}

// List implements [apikey.Store]. There is an index for the owner. Any other
// Filter looks at each key.
func (k *keys) List(ctx context.Context, f apikey.Filter) (all []apikey.Record, err error) {
	if err := k.store.made(); err != nil {
		return nil, err
	}
	index := k.rows.ids()
	if f.Owner != nil {
		index = k.rows.by(keyOwner(f.Owner.Issuer, f.Owner.Subject))
	}
	limit := pageOf(f.Limit)
	err = k.rows.list(ctx, index, f.After, func(_ int64, id, text string) (bool, error) {
		rec, err := k.open(id, text)
		if err == nil && f.Matches(rec) {
			all = append(all, rec)
		}
		return len(all) < limit, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// RevokeOwner implements [apikey.Store].
func (k *keys) RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error {
	if err := k.store.made(); err != nil {
		return err
	}
	return k.rows.marks.set(ctx, keyOwner(issuer, subject), instantUp(expires), decimal(instant(until)))
}

// Sweep implements [apikey.Store].
func (k *keys) Sweep(ctx context.Context) error { return k.rows.sweep(ctx) }
