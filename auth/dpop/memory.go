package dpop

import (
	"context"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/expiring"
)

// MemoryReplays is a [Replays] in the memory of one process. After a restart of
// the process a proof can be used once more within its time. The zero value is
// ready. It is safe for concurrent use and must not be copied. It never waits,
// so it does not look at contexts.
//
// A client may hold at most as many ids as the store has free room for. So a
// single client can fill only half of the store. A client that wants more is
// refused with [auth.ErrFull], and other clients are not refused.
type MemoryReplays struct {
	// Max bounds the ids held at once. An id of any length takes about 250
	// bytes. An id is held for 2 to 3 minutes with the default [Config.Window],
	// and with nonces for up to three times their lifetime. Default: 262144,
	// about 65 MB. This is enough for about 1500 proofs a second of many
	// clients, or 700 of one client.
	Max int

	mu   sync.Mutex
	used expiring.Map[owner]
	held map[owner]int32 // ids of each client
}

// An owner stands for a client. It is only counted by, so that half a digest
// will do.
type owner [16]byte

// Use implements [Replays].
func (m *MemoryReplays) Use(_ context.Context, client, id string, until time.Time) (bool, error) {
	whole, key := expiring.DigestOf("client", "", client), expiring.DigestOf("proof", client, id)
	by := owner(whole[:16])
	now := time.Now()
	end := expiring.Ending(now, until)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.Forget(now, m.release)
	switch {
	case end.IsZero(), expiring.Over(now, end), m.used.Live(key) != nil:
		return false, nil
	case !m.room(by, now):
		return false, auth.ErrFull
	}
	m.used.Add(key, end, m.release).Value = by
	if m.held == nil {
		m.held = map[owner]int32{}
	}
	m.held[by]++
	return true, nil
}

// sweeps bounds how often a use looks for what has expired before it is
// refused.
const sweeps = 128

// room reports whether the client may hold one more: it holds less than is
// free. What has expired is not in anybody's way.
func (m *MemoryReplays) room(by owner, now time.Time) bool {
	most := expiring.Limit(m.Max, 1<<18)
	for range sweeps {
		if int(m.held[by]) < most-m.used.Len() {
			return true
		}
		before := m.used.Len()
		if m.used.Forget(now, m.release); m.used.Len() == before {
			return false
		}
	}
	return false
}

// release makes room for a client one of whose ids is forgotten.
func (m *MemoryReplays) release(by owner) {
	if m.held[by]--; m.held[by] <= 0 {
		delete(m.held, by)
	}
}
