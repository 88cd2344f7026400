package jwt

import (
	"crypto/sha256"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
)

const (
	// cacheTime bounds how long a verified token is trusted before its
	// signature is checked again. Only good tokens are kept: bad tokens fill no
	// memory.
	cacheTime = time.Minute
	// entryOverhead is what a remembered token takes beside its payload.
	entryOverhead = 640
	// perName is what a role or scope takes beside its text in the payload.
	perName = 16
	// perFactor is what a factor takes beside its text in the payload.
	perFactor = 64
)

// verified is the result of a good token. It never changes.
type verified struct {
	principal  *bulwark.Principal
	bound      confirmation.Confirmation // which each request proves anew
	thumbprint [sha256.Size]byte         // of the key
	expires    time.Time
	bytes      int
	of         uint64 // the verifier, if several share a cache
}

// newVerified is of a token that has just been verified.
func newVerified(p *bulwark.Principal, bound confirmation.Confirmation, thumbprint [sha256.Size]byte, payload int, now time.Time) *verified {
	held := payload + perName*(len(p.Roles)+len(p.Scopes)) + perFactor*len(p.Factors)
	v := &verified{principal: p, bound: bound, thumbprint: thumbprint, expires: now.Add(cacheTime),
		bytes: entryOverhead + held + held/8} // of which an eighth is what the allocator rounds up
	if p.ExpiresAt.Before(v.expires) {
		v.expires = p.ExpiresAt
	}
	return v
}

// live reports whether the result still holds at the time.
func (e *verified) live(now time.Time) bool { return !cache.Passed(now, e.expires) }
