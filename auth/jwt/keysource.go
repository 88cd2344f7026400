package jwt

import (
	"context"

	"github.com/bulwark-go/bulwark/internal/jose"
)

// A KeySource is where a verifier has its keys from: [Discover], [RemoteKeys],
// [StaticKeys], [SecretKeys] or [Signer.Keys]. What is wrong with one is
// reported by [New]. Several verifiers may share a source, and then share what
// it has fetched; it is closed when the last of them is shut down, and opened
// again by the next [New].
type KeySource interface {
	// secret reports whether the keys are secrets, for HS256 and its like.
	// Nobody outside this package makes a KeySource: it decides what is
	// trusted.
	secret() bool
}

// source is what a verifier needs of every KeySource.
type source interface {
	KeySource
	// current returns the keys that hold now, for a token with the header. It
	// waits for them only where there are none yet, and says so.
	current(ctx context.Context, head jose.Header) (set *jose.KeySet, waited bool, err error)
	// renewed returns the keys after a look for one that old does not have; old
	// is from current, and waited too. It returns nil where there are no
	// others, or where it must not look again yet.
	renewed(ctx context.Context, old *jose.KeySet, waited bool) (*jose.KeySet, error)
	// faults are the mistakes in the configuration of the source, for tokens of
	// the issuer.
	faults(issuer string) error
	// open counts a verifier more.
	open()
	// shutdown counts one less where a verifier is leaving. With the last one
	// it ends what is under way. It waits for that.
	shutdown(ctx context.Context, leaving bool) error
}

// maxKeys bounds a key set that is not fetched, and by default one that is.
const maxKeys = 100
