package auth

import (
	"context"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

// MemoryRevocations remembers in memory, for one process: when it ends, whatever
// was revoked is good again until it expires. The zero value is ready. It is
// safe for concurrent use, must not be copied, and is a [Revocations]. It never
// waits, so that contexts make no difference: a logout counts although the client
// has hung up.
type MemoryRevocations struct {
	// Max bounds the entries held at once, at about 170 bytes each however
	// long the ids are; zero is 100,000. When so many have not expired, a further
	// one is refused with [ErrFull].
	Max int

	mu       sync.RWMutex
	tokens   expiring[struct{}]
	sessions expiring[struct{}]
	subjects expiring[time.Time] // IssuedUntil
}

// Revoke implements [Revocations].
func (m *MemoryRevocations) Revoke(_ context.Context, r Revocation) error {
	if err := r.Check(); err != nil {
		return err
	}
	now := time.Now()
	end := ending(now, r.Expires)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens.forget(now)
	m.sessions.forget(now)
	m.subjects.forget(now)
	if over(now, end) {
		return nil // no verifier accepts it any more
	}
	held := len(m.tokens.entries) + len(m.sessions.entries) + len(m.subjects.entries)
	room := held < limit(m.Max, 100_000)
	switch r.kind() {
	case kindToken:
		_, err := m.tokens.hold(digestOf(kindToken, r.Issuer, r.TokenID), end, room)
		return err
	case kindSession:
		_, err := m.sessions.hold(digestOf(kindSession, r.Issuer, r.SessionID), end, room)
		return err
	}
	e, err := m.subjects.hold(digestOf(kindSubject, r.Issuer, r.Subject), end, room)
	if err == nil && r.IssuedUntil.After(e.value) {
		e.value = r.IssuedUntil
	}
	return err
}

// Revoked implements [Revocations]. It hashes nothing where nothing of a kind is
// held, and does not allocate unless issuer and id are longer than 490 bytes.
func (m *MemoryRevocations) Revoked(_ context.Context, p *bulwark.Principal) (bool, error) {
	if p == nil {
		return true, nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.tokens.find(kindToken, p.Issuer, p.TokenID) != nil || m.sessions.find(kindSession, p.Issuer, p.SessionID) != nil {
		return true, nil
	}
	e := m.subjects.find(kindSubject, p.Issuer, p.Subject)
	return e != nil && !p.IssuedAt.After(e.value), nil // no IssuedAt is the zero time, which is after none
}
