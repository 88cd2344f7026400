package jwt

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/store"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const (
	// fleetSkew is how much longer a used proof is remembered than this process
	// would accept it, for another whose clock is behind.
	fleetSkew = time.Minute
	// maxProofID bounds the jti of a proof, in bytes.
	maxProofID = 512
)

// proof is what the claims of a proof say (RFC 9449 section 4.2).
type proof struct {
	id, method, uri, tokenHash, nonce string
	issued                            time.Time
}

// Check returns nil where the DPoP header of r is a proof that whoever sends it
// holds the key with the thumbprint (RFC 7638, base64url), made for this request
// and token and not used before. It takes the steps of RFC 9449 section 4.3.
//
// The htu of the proof is compared with the BaseURL of [bulwark.Edge] and the path
// that the client has asked for, never with the Host header; without a BaseURL
// every request is a 500 "jwt.unconfigured". Query and fragment do not count. The
// jti has 1 to 512 bytes.
//
// A bad proof is 401 "auth.invalid_dpop_proof", for the log with the reason
// "proof" or, where it has been used before, "replay"; one of another key is 401
// "auth.invalid_token" with the reason "binding"; one without a nonce that holds
// now is 401 "auth.use_dpop_nonce" with the one to use in DPoP-Nonce, for the log
// "nonce". Where the
// store is full or cannot be asked the answer is 503.
//
// It is for authenticators of other tokens than this package's; [Verifier] calls
// it where it should.
func (d *DPoP) Check(r *http.Request, token, thumbprint string) error {
	if err := d.made(); err != nil {
		return err
	}
	_, scope := bulwark.Enter(r)
	base := scope.BaseURL()
	if base == "" {
		return &bulwark.ConfigError{Field: "jwt(dpop)", Reason: "needs a bulwark.Edge with a BaseURL outside, to which the proofs are made out"}
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
		return auth.Invalid("binding", errors.New("the proof is of another key than the token is bound to"))
	}
	if _, err := head.Verify(parts, []*jose.Key{key}); err != nil {
		return badProof(err)
	}
	if d.nonces != nil && !d.nonces.knows(p.nonce, now) {
		return wantsNonce(d.nonces.current(now))
	}
	return d.use(r.Context(), p, key)
}

// parse takes the one proof of r apart.
func (d *DPoP) parse(r *http.Request) (compact.Token, jose.Header, error) {
	lines := r.Header["Dpop"]
	if len(lines) != 1 {
		return compact.Token{}, jose.Header{}, badProof(errors.New("not exactly one DPoP header"))
	}
	parts, err := compact.Parse(lines[0], d.maxBytes)
	if err != nil {
		return compact.Token{}, jose.Header{}, badProof(err)
	}
	head, err := d.rules.ReadHeader(parts.Header)
	if err != nil {
		return compact.Token{}, jose.Header{}, badProof(err)
	}
	return parts, head, nil
}

// readProof decodes the claims.
func readProof(payload []byte) (proof, error) {
	var room [8]jsondoc.Member
	members, err := jsondoc.Members(room[:0], payload, jsondoc.Limits{Bytes: mostBytes, Depth: 8, Keys: 64, Items: 64, Values: 256})
	if err != nil {
		return proof{}, err
	}
	var p proof
	for _, m := range members {
		ok := true
		switch m.Name {
		case "jti":
			p.id, ok = m.Text()
		case "htm":
			p.method, ok = m.Text()
		case "htu":
			p.uri, ok = m.Text()
		case "ath":
			p.tokenHash, ok = m.Text()
		case "nonce":
			p.nonce, ok = m.Text()
		case "iat":
			p.issued, ok = claims.NumericDate(m.Number())
		}
		if !ok {
			return proof{}, errors.New("the claim " + m.Name + " is of another type or out of range")
		}
	}
	return p, nil
}

// checkClaims holds the claims against the request.
func (d *DPoP) checkClaims(p proof, r *http.Request, base, token string, now time.Time) error {
	hash := sha256.Sum256(compact.Bytes(token))
	switch {
	case p.id == "" || len(p.id) > maxProofID:
		return errors.New("no jti, or one of more than 512 bytes")
	case p.method != r.Method:
		return errors.New("the htm is not the method of the request")
	case !sameURI(p.uri, base, requestPath(r)):
		return errors.New("the htu is not the URI of the request")
	case p.issued.IsZero():
		return errors.New("no iat")
	case now.Sub(p.issued) > d.window || p.issued.Sub(now) > d.window:
		return errors.New("the iat is too far from now")
	case p.tokenHash != base64.RawURLEncoding.EncodeToString(hash[:]):
		return errors.New("the ath is not the hash of the token")
	}
	return nil
}

// use remembers the proof, last of all: only who holds the key fills the store.
// The id counts within its key, so that nobody uses up another's.
func (d *DPoP) use(ctx context.Context, p proof, key *jose.Key) error {
	h := sha256.New()
	h.Write(key.Thumbprint[:])
	h.Write([]byte(p.id))
	id := base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	ctx, cancel := context.WithTimeout(ctx, store.Time)
	defer cancel()
	first, err := d.first(ctx, id, p.issued.Add(d.window+fleetSkew))
	switch {
	case errors.Is(err, auth.ErrFull):
		return auth.Unavailable("store_full", err, store.Retry)
	case err != nil:
		return auth.Unavailable("store_unavailable", err, store.Retry)
	case !first:
		refusal := badProof(errors.New("the proof has been used before"))
		refusal.Reason = "replay"
		return refusal
	}
	return nil
}

// first asks the store.
func (d *DPoP) first(ctx context.Context, id string, until time.Time) (first bool, err error) {
	defer store.Guard(&err)
	return d.replays.Use(ctx, id, until)
}

// badProof refuses a proof (RFC 9449 section 7.1).
func badProof(cause error) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.invalid_dpop_proof",
		Detail: "The DPoP proof is not valid for this request.",
		Event:  bulwark.AuthnTokenInvalid,
		Reason: "proof",
		Err:    cause,
	}
}

// wantsNonce tells the nonce to use (RFC 9449 section 9).
func wantsNonce(nonce string) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.use_dpop_nonce",
		Detail: "Make the DPoP proof with the nonce in the DPoP-Nonce header field.",
		Header: http.Header{"Dpop-Nonce": {nonce}},
		Event:  bulwark.AuthnTokenInvalid,
		Reason: "nonce",
	}
}
