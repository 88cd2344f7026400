package jwt

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
)

// Remembered reports whether a token verified at one time, with a principal
// that expires at expires, is still believed at another, for tests.
func Remembered(expires, verified, now time.Time) bool {
	return newVerified(&bulwark.Principal{ExpiresAt: expires}, confirmation.Confirmation{}, [32]byte{}, 0, verified).live(now)
}

// KeysUsable is the like for fetched keys that are usable for a time.
func KeysUsable(fetched time.Time, usable time.Duration, now time.Time) bool {
	return (&held{usable: fetched.Add(usable)}).live(now)
}

// Refresh does what the timer of fetched keys does, and returns how the fetch
// ends.
func Refresh(keys KeySource) error {
	r := keys.(*remote)
	r.tick()
	var f *flight
	r.do(func(time.Time) { f = r.state.flight })
	if f == nil {
		return nil
	}
	<-f.done
	return f.err
}

// DefaultTransport is the one of a RemoteConfig that names none.
func DefaultTransport() *http.Transport {
	return (&fetcher{}).newClient(RemoteConfig{}).Transport.(*http.Transport)
}

// Book returns how many tenants are kept, how many refused names are
// remembered, and how many calls of Find are waited for.
func Book(s *Issuers) (kept, unknown, asking int) {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	return len(s.book.kept), s.book.unknown.Len(), len(s.book.asking)
}

// SameConfig reports whether a tenant whose Config is b after a is the same.
func SameConfig(a, b Config) bool {
	return fingerprint(a) == fingerprint(b) && sameKeys(a.Keys, b.Keys)
}

// ForgetKeys makes a source forget the keys that it has fetched.
func ForgetKeys(keys KeySource) { keys.(*remote).held.Store(nil) }

// Closed reports whether no verifier uses the source any more.
func Closed(keys KeySource) bool {
	r := keys.(*remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.closed
}

// Cached returns how many tokens are cached.
func Cached(s *Issuers) int {
	n, _ := s.book.tokens.Held()
	return n
}
