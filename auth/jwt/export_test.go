package jwt

import (
	"time"

	"github.com/bulwark-go/bulwark"
)

// Remembered reports whether a token verified at one time, with a principal that
// expires at expires, is still believed at another, for tests.
func Remembered(expires, verified, now time.Time) bool {
	c := newCache(1)
	c.put([32]byte{}, &bulwark.Principal{ExpiresAt: expires}, [32]byte{}, 0, verified)
	return c.get([32]byte{}).live(now)
}

// KeysUsable is the like for fetched keys that are usable for a time.
func KeysUsable(fetched time.Time, usable time.Duration, now time.Time) bool {
	return (&held{usable: fetched.Add(usable)}).live(now)
}
