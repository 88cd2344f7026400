package auth

import (
	"context"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/expiring"
)

// MemoryRevocations implements [Revocations] in memory, for one process. When
// the process ends, every revocation is lost: a revoked credential is accepted
// again until it expires. In production, use a store that all processes share:
// see docs/own-store.md in the repository.
//
// The zero value is ready. MemoryRevocations is safe for concurrent use and
// must not be copied. It never waits and ignores the context, so a logout
// counts even if the client has hung up.
type MemoryRevocations struct {
	// Max bounds the number of entries. An entry takes about 170 bytes, however
	// long its ids are. If Max entries have not expired, a further entry is
	// refused with [ErrFull]. Default: 100,000.
	Max int

	mu       sync.RWMutex
	tokens   expiring.Map[struct{}]
	sessions expiring.Map[struct{}]
	subjects expiring.Map[time.Time] // IssuedUntil
}

// Revoke implements [Revocations].
func (m *MemoryRevocations) Revoke(_ context.Context, r Revocation) error {
	if err := r.Check(); err != nil {
		return err
	}
	now := time.Now()
	end := expiring.Ending(now, r.Expires)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens.Forget(now, nil)
	m.sessions.Forget(now, nil)
	m.subjects.Forget(now, nil)
	if expiring.Over(now, end) {
		return nil // no verifier accepts it any more
	}
	held := m.tokens.Len() + m.sessions.Len() + m.subjects.Len()
	room := held < expiring.Limit(m.Max, 100_000)
	if !m.hold(r, end, room) {
		return ErrFull
	}
	return nil
}

// hold remembers r. It returns false if the store is full.
func (m *MemoryRevocations) hold(r Revocation, end time.Time, room bool) bool {
	switch r.kind() {
	case kindToken:
		return m.tokens.Hold(expiring.DigestOf(kindToken, r.Issuer, r.TokenID), end, room) != nil
	case kindSession:
		return m.sessions.Hold(expiring.DigestOf(kindSession, r.Issuer, r.SessionID), end, room) != nil
	}
	e := m.subjects.Hold(expiring.DigestOf(kindSubject, r.Issuer, r.Subject), end, room)
	if e != nil && r.IssuedUntil.After(e.Value) {
		e.Value = r.IssuedUntil
	}
	return e != nil
}

// Revoked implements [Revocations]. It computes no hash for a kind without
// entries. It does not allocate, unless issuer and id together are longer than
// 490 bytes.
func (m *MemoryRevocations) Revoked(_ context.Context, p *bulwark.Principal) (bool, error) {
	if p == nil {
		return true, nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.tokens.Find(kindToken, p.Issuer, p.TokenID) != nil || m.sessions.Find(kindSession, p.Issuer, p.SessionID) != nil {
		return true, nil
	}
	e := m.subjects.Find(kindSubject, p.Issuer, p.Subject)
	return e != nil && !p.IssuedAt.After(e.Value), nil // no IssuedAt is the zero time, which is after none
}
