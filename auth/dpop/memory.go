package dpop

import (
	"context"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/expiring"
)

// MemoryReplays remembers in memory, for one process: when it ends, a proof may
// be used once more within its time. The zero value is ready. It is safe for
// concurrent use, must not be copied, and is a [Replays]. It never waits, so
// that contexts make no difference.
type MemoryReplays struct {
	// Max bounds the ids held at once, at about 170 bytes each however long
	// they are; zero is 262,144, about 45 MB: some 1,500 proofs a second, each
	// held for two to three minutes with the default window of DPoP. When so
	// many have not expired, a further proof is refused with [auth.ErrFull].
	Max int

	mu   sync.Mutex
	used expiring.Map[struct{}]
}

// Use implements [Replays].
func (m *MemoryReplays) Use(_ context.Context, id string, until time.Time) (bool, error) {
	key := expiring.DigestOf("proof", "", id)
	now := time.Now()
	end := expiring.Ending(now, until)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.Forget(now)
	switch {
	case end.IsZero(), expiring.Over(now, end), m.used.Live(key) != nil:
		return false, nil
	case m.used.Len() >= expiring.Limit(m.Max, 1<<18):
		return false, auth.ErrFull
	}
	m.used.Add(key, end)
	return true, nil
}
