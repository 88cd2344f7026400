package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/store"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// A Verifier checks proofs of possession. Several authenticators may share one
// Verifier. It is safe for concurrent use, and prints without its key. Make it
// with [New].
type Verifier struct {
	replays  Replays
	rules    jose.Rules
	offered  string // the algorithms, as in a challenge
	window   time.Duration
	nonces   *nonces // nil asks for none
	maxBytes int
}

// fleetSkew is how much longer a used proof is remembered than this process
// would accept it, for another process whose clock is behind.
const fleetSkew = time.Minute

// Check returns nil if the DPoP header of r is a good proof: made for this
// request and this token, with the key of the thumbprint (RFC 7638, base64url),
// and not used before. It takes the steps of RFC 9449 section 4.3.
//
//   - The htu of the proof is compared with the BaseURL of [bulwark.Edge] and
//     the path that the client has asked for, never with the Host header. Query
//     and fragment do not count. Without a BaseURL every request is a 500
//     "dpop.unconfigured".
//   - The jti must have 1 to 512 bytes.
//   - An exp that has passed refuses the proof.
//   - With [Config.NonceKey] the nonce tells the time of the proof. The iat may
//     then be wrong.
//
// The package comment lists the errors. With 401 "auth.use_dpop_nonce" the
// header field DPoP-Nonce has the nonce to use.
//
// The packages jwt and introspection call Check. It is exported for
// authenticators of other tokens.
func (d *Verifier) Check(r *http.Request, token, thumbprint string) error {
	if err := d.made(); err != nil {
		return err
	}
	_, scope := bulwark.Enter(r)
	base := scope.BaseURL()
	if base == "" {
		return &bulwark.ConfigError{Field: "dpop", Reason: "needs a bulwark.Edge with a BaseURL before auth.Config in the Chain, or around the layer (bulwark.NewEdge(…).Wrap): the htu of each proof begins with it"}
	}
	now := time.Now()
	parts, head, err := d.parse(r)
	if err != nil {
		return err
	}
	p, err := readProof(parts.Payload)
	if err != nil {
		return badProof(err)
	}
	if err := d.checkClaims(p, r, base, token, now); err != nil {
		return badProof(err)
	}
	key, err := head.OwnKey()
	if err != nil {
		return badProof(err)
	}
	if key.ThumbprintText() != thumbprint {
		return auth.Invalid("binding", errOtherKey)
	}
	if _, err := head.Verify(parts, []*jose.Key{key}); err != nil {
		return badProof(err)
	}
	until := p.issued.Add(d.window)
	if d.nonces != nil {
		known := false
		if until, known = d.nonces.knows(p.nonce, now); !known {
			return wantsNonce(d.nonces.current(now))
		}
	}
	return d.use(r.Context(), key.ThumbprintText(), p.id, until.Add(fleetSkew))
}

// use remembers the proof, last of all: only the holder of the key can fill the
// store. The id counts within its key, so that no client spoils the id of
// another client.
func (d *Verifier) use(ctx context.Context, client, id string, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, store.Time)
	defer cancel()
	first, err := d.first(ctx, client, id, until)
	switch {
	case errors.Is(err, auth.ErrFull):
		return auth.Unavailable("store_full", fmt.Errorf("dpop.Config.Replays has no room for more proofs of this client: %w", err), store.Retry)
	case err != nil:
		return auth.Unavailable("store_unavailable", fmt.Errorf("ask dpop.Config.Replays: %w", err), store.Retry)
	case !first:
		refusal := badProof(errUsed)
		refusal.Log.Reason = "replay"
		return refusal
	}
	return nil
}

// What the log says of a proof that is good in itself.
var (
	errOtherKey = errors.New("the proof is signed with another key than the one that the token is bound to")
	errUsed     = errors.New("the proof has been used before, says dpop.Config.Replays; the client must make a proof with a new jti for each request")
)

// first asks the store. The id, which the client has made up, is hashed, so
// that every id has the same length.
func (d *Verifier) first(ctx context.Context, client, id string, until time.Time) (first bool, err error) {
	defer store.Guard(&err)
	sum := sha256.Sum256([]byte(id))
	return d.replays.Use(ctx, client, base64.RawURLEncoding.EncodeToString(sum[:]), until)
}

// Challenge offers DPoP with the algorithms of proofs (RFC 9449 section 7.1).
// It is empty for a Verifier that was made without [New].
func (d *Verifier) Challenge() bulwark.Challenge {
	if d.made() != nil {
		return bulwark.Challenge{}
	}
	return bulwark.Challenge{Scheme: confirmation.DPoP, Params: [][2]string{{"algs", d.offered}}}
}

// made returns an error for a Verifier that was made without New.
func (d *Verifier) made() error {
	if d == nil || d.replays == nil {
		return fault.Unmade("dpop", "New")
	}
	return nil
}

// Format keeps the key out of logs for every verb.
func (d *Verifier) Format(f fmt.State, _ rune) { io.WriteString(f, d.shown()) }

func (d *Verifier) shown() string { return "DPoP" }
