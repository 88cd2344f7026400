package redisstore

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/auth/session"
)

// generationDigits is the length of the Generation at the beginning of the
// content of a session. Redis compares it to know whether the session was
// refreshed. See lua/rows.lua.
const generationDigits = 10

// The bits of a session's flags.
const (
	flagShown = 1 << iota
	flagGraceUsed
)

// content returns the content of the row of s with its MAC, and its names. The
// Version and the times that Redis sets are not in the content, so the MAC does
// not cover them.
func (k *sessions) content(s *session.Session) (sealed, named string, err error) {
	if s.Generation < 0 || s.Generation > math.MaxInt32 {
		return "", "", errors.New("redisstore: the Generation of the session is not from 0 to 2147483647")
	}
	addr, err := s.ClientIP.MarshalBinary()
	if err != nil {
		return "", "", fmt.Errorf("redisstore: Session.ClientIP: %w", err)
	}
	w := make(writer, 0, 512)
	w = fmt.Appendf(w, "%0*d", generationDigits, s.Generation)
	for _, text := range [...]string{s.Issuer, s.Subject, s.Kind, s.Provider.Issuer, s.Provider.Subject, s.Provider.SessionID,
		s.ACR, s.UserAgent, s.StoreKey, string(addr)} {
		w.text(text)
	}
	w.time(s.AuthTime)
	w.time(s.CreatedAt)
	w.time(s.ExpiresAt)
	flags := int64(0)
	if s.Shown {
		flags |= flagShown
	}
	if s.GraceUsed {
		flags |= flagGraceUsed
	}
	w.number(flags)
	w.number(int64(s.GraceRun))
	w.number(int64(len(s.Factors)))
	for _, factor := range slices.Sorted(maps.Keys(s.Factors)) {
		w.text(factor)
		w.time(s.Factors[factor])
	}
	w.bytes(s.Hash[:])
	w.bytes(s.Seal[:])
	named = sessionNames(s)
	return k.store.sealer.seal(sealedSession, s.ID, named, w), named, nil
}

// open reads the row that Redis has for the id.
func (k *sessions) open(id, text string, now int64) (session.Session, error) {
	found, err := k.rows.open("session", id, text)
	if err != nil {
		return session.Session{}, err
	}
	s := session.Session{ID: id, Version: found.version, RefreshedAt: time.UnixMicro(found.first).UTC(),
		UsedAt: time.UnixMicro(found.second).UTC(), ReadAt: time.UnixMicro(now).UTC()}
	r := reader{left: found.content}
	generation, err := strconv.Atoi(r.take(generationDigits))
	if err != nil {
		return session.Session{}, errContent
	}
	s.Generation = generation
	for _, field := range [...]*string{&s.Issuer, &s.Subject, &s.Kind, &s.Provider.Issuer, &s.Provider.Subject, &s.Provider.SessionID,
		&s.ACR, &s.UserAgent, &s.StoreKey} {
		*field = r.text()
	}
	s.ClientIP = r.addr()
	s.AuthTime, s.CreatedAt, s.ExpiresAt = r.time(), r.time(), r.time()
	flags := r.number()
	s.Shown, s.GraceUsed = flags&flagShown != 0, flags&flagGraceUsed != 0
	s.GraceRun = int(r.number())
	if n := r.count(); n > 0 {
		s.Factors = make(map[string]time.Time, n)
		for range n {
			factor := r.text()
			s.Factors[factor] = r.time()
		}
	}
	s.Hash, s.Seal = r.hash(), r.hash()
	if err := r.done(); err != nil {
		return session.Session{}, err
	}
	return s, nil
}
