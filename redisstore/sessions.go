package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// sessions implements [session.Store].
type sessions struct {
	store *Store
	rows  *table
}

var (
	stepSessionCreate = stepOf(generationDigits, "session_create", "rows", "marks").or("ended")
	stepSessionUpdate = stepOf(generationDigits, "session_update", "rows").or("renamed")
	stepSessionTouch  = stepOf(generationDigits, "session_touch", "rows")
	stepDelete        = stepOf(0, "delete", "rows")
	stepSweep         = stepOf(0, "sweep", "rows", "marks")
)

// The kinds of names of a session. The first name of a row is the caller.
func sessionCaller(issuer, subject string) string { return digest("caller", issuer, subject) }

func providerSubject(issuer, subject string) string {
	return digest("provider subject", issuer, subject)
}

func providerSession(issuer, sid string) string { return digest("provider session", issuer, sid) }

func sessionNames(s *session.Session) string {
	list := []string{sessionCaller(s.Issuer, s.Subject)}
	if p := s.Provider; p.Subject != "" {
		list = append(list, providerSubject(p.Issuer, p.Subject))
	}
	if p := s.Provider; p.SessionID != "" {
		list = append(list, providerSession(p.Issuer, p.SessionID))
	}
	return names(list...)
}

// Create implements [session.Store].
func (k *sessions) Create(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
	if err := k.store.made(); err != nil {
		return nil, err
	}
	content, named, err := k.content(&s)
	if err != nil {
		return nil, err
	}
	var bySession, bySubject string
	if p := s.Provider; p.SessionID != "" {
		bySession = providerSession(p.Issuer, p.SessionID)
	}
	if p := s.Provider; p.Subject != "" {
		bySubject = providerSubject(p.Issuer, p.Subject)
	}
	args := append([]string{decimal(endAt(s.ExpiresAt)), k.rows.max, named, content,
		decimal(int64(max(limit, 1))), decimal(instant(s.AuthTime)), bySession, bySubject}, replaces...)
	word, rest, err := k.rows.change(ctx, stepSessionCreate, s.ID, args...)
	if word == "ended" {
		return nil, session.ErrLoggedOut
	}
	var ended []string
	for _, id := range rest {
		text, ok := id.(string)
		if !ok {
			return nil, errReply
		}
		ended = append(ended, text)
	}
	return ended, full(err)
}

// Get implements [session.Store], in one round trip. It needs no script.
func (k *sessions) Get(ctx context.Context, id string) (session.Session, error) {
	if err := k.store.made(); err != nil {
		return session.Session{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, k.store.timeout)
	defer cancel()
	key := k.rows.rowKey(id)
	replies, err := k.store.ask(ctx, key, []string{"GET", key}, []string{"TIME"})
	if err != nil {
		return session.Session{}, fmt.Errorf("redisstore: get a session: %w", err)
	}
	for _, reply := range replies {
		if err, failed := reply.(error); failed {
			return session.Session{}, fmt.Errorf("redisstore: get a session: %w", err)
		}
	}
	now, ok := timeOf(replies[1])
	text, is := replies[0].(string)
	switch {
	case !ok || !is && replies[0] != nil:
		return session.Session{}, errReply
	case !is:
		return session.Session{}, auth.ErrNotFound
	}
	return k.open(id, text, now)
}

// timeOf reads the answer to TIME, in microseconds.
func timeOf(reply any) (int64, bool) {
	pair, _ := reply.([]any)
	if len(pair) != 2 {
		return 0, false
	}
	seconds, _ := pair[0].(string)
	rest, _ := pair[1].(string)
	s, err1 := strconv.ParseInt(seconds, 10, 64)
	us, err2 := strconv.ParseInt(rest, 10, 64)
	return s*1e6 + us, err1 == nil && err2 == nil
}

// Update implements [session.Store].
func (k *sessions) Update(ctx context.Context, s session.Session) error {
	if err := k.store.made(); err != nil {
		return err
	}
	content, named, err := k.content(&s)
	if err != nil {
		return err
	}
	word, _, err := k.rows.change(ctx, stepSessionUpdate, s.ID, decimal(endAt(s.ExpiresAt)), versionText(s.Version), named, content)
	if word == "renamed" {
		return errors.New("redisstore: Update was called with another Issuer, Subject or Provider than the session has; these never change")
	}
	return err
}

// Touch implements [session.Store].
func (k *sessions) Touch(ctx context.Context, id string, every time.Duration) error {
	_, _, err := k.rows.change(ctx, stepSessionTouch, id, decimal(duration(every)))
	return err
}

// Delete implements [session.Store].
func (k *sessions) Delete(ctx context.Context, id string) (bool, error) {
	word, _, err := k.rows.change(ctx, stepDelete, id)
	if word == "gone" {
		return false, nil
	}
	return err == nil, err
}

// List implements [session.Store]. There is an index for the caller, for the
// Subject of a provider and for the SessionID of a provider. Any other Filter
// looks at each session.
func (k *sessions) List(ctx context.Context, f session.Filter) (all []session.Session, err error) {
	if err := k.store.made(); err != nil {
		return nil, err
	}
	limit := pageOf(f.Limit)
	err = k.rows.list(ctx, k.index(f), f.After, func(now int64, id, text string) (bool, error) {
		s, err := k.open(id, text, now)
		if err == nil && f.Matches(s) {
			all = append(all, s)
		}
		return len(all) < limit, err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// maxPage is the number of rows that a List returns at most.
const maxPage = 1000

func pageOf(limit int) int {
	if limit < 1 || limit > maxPage {
		return maxPage
	}
	return limit
}

// index is the shortest index that has all sessions that the filter matches.
func (k *sessions) index(f session.Filter) string {
	p := f.Provider
	switch {
	case p.Issuer != "" && p.SessionID != "":
		return k.rows.by(providerSession(p.Issuer, p.SessionID))
	case f.Issuer != "" && f.Subject != "":
		return k.rows.by(sessionCaller(f.Issuer, f.Subject))
	case p.Issuer != "" && p.Subject != "":
		return k.rows.by(providerSubject(p.Issuer, p.Subject))
	}
	return k.rows.ids()
}

// RevokeProvider implements [session.Store].
func (k *sessions) RevokeProvider(ctx context.Context, p session.Provider, until, expires time.Time) error {
	if err := k.store.made(); err != nil {
		return err
	}
	name := providerSubject(p.Issuer, p.Subject)
	if p.SessionID != "" {
		name = providerSession(p.Issuer, p.SessionID)
	}
	return k.rows.marks.set(ctx, name, instantUp(expires), decimal(instant(until)))
}

// Sweep implements [session.Store].
func (k *sessions) Sweep(ctx context.Context) error { return k.rows.sweep(ctx) }

func (t *table) sweep(ctx context.Context) error {
	if err := t.made(); err != nil {
		return err
	}
	return t.store.sweep(ctx, stepSweep, t.keys(""), t.tag)
}
