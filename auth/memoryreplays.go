package auth

import (
	"context"
	"sync"
	"time"
)

// MemoryReplays remembers in memory, for one process: when it ends, a proof may
// be used once more within its time. The zero value is ready. It is safe for
// concurrent use, must not be copied, and is a [Replays]. It never waits, so that
// contexts make no difference.
type MemoryReplays struct {
	// Max bounds the ids held at once, at about 170 bytes each however long
	// they are; zero is 262,144, about 45 MB: some 1,500 proofs a second, each
	// held for two to three minutes with the default window of DPoP. When so many have not expired, a further proof is refused with
	// [ErrFull].
	Max int

	mu   sync.Mutex
	used expiring[struct{}]
}

// Use implements [Replays].
func (m *MemoryReplays) Use(_ context.Context, id string, until time.Time) (bool, error) {
	key := digestOf(kindProof, "", id)
	now := time.Now()
	end := ending(now, until)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.forget(now)
	switch {
	case end.IsZero(), over(now, end), m.used.live(key) != nil:
		return false, nil
	case len(m.used.entries) >= limit(m.Max, 1<<18):
		return false, ErrFull
	}
	m.used.add(key, end)
	return true, nil
}
