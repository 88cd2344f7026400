package jwt

import (
	"context"

	"github.com/bulwark-go/bulwark/internal/jose"
)

// A KeySource gives a verifier its keys: [Discover], [RemoteKeys], [KeyFile],
// [StaticKeys], [SecretKeys] or [Signer.Keys]. [New] reports what is wrong with
// a source. Several verifiers may share a source, and then share the fetched
// keys. When the last of these verifiers is shut down, the source is closed.
// The next [New] opens it again.
type KeySource interface {
	// secret reports whether the keys are secrets, for HS256 and its like. The
	// method keeps other packages from making a KeySource, which decides what
	// is trusted.
	secret() bool
}

// source is what a verifier needs of every KeySource.
type source interface {
	KeySource
	// current returns the present keys, for a token with the header. It waits
	// only if there are no keys yet, and then reports waited.
	current(ctx context.Context, head jose.Header) (set *jose.KeySet, waited bool, err error)
	// renewed looks for a key that old does not have, and returns the new keys.
	// old and waited are from current. It returns nil if there are no new keys,
	// or if it must not look again yet.
	renewed(ctx context.Context, old *jose.KeySet, waited bool) (*jose.KeySet, error)
	// faults are the mistakes in the configuration of the source, for tokens of
	// the issuer.
	faults(issuer string) error
	// initial returns the keys that are known at start, or nil.
	initial() *jose.KeySet
	// refresh loads the keys now, and waits for them.
	refresh(ctx context.Context) error
	// open counts one more verifier.
	open()
	// shutdown counts one verifier less if leaving. The last one ends the fetch
	// under way and waits for its end.
	shutdown(ctx context.Context, leaving bool) error
}

// maxKeys bounds a key set that is not fetched, and by default one that is.
const maxKeys = 100
