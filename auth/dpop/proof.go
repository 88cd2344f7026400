package dpop

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// maxProofID bounds the jti of a proof, in bytes.
const maxProofID = 512

// proof is what the claims of a proof say (RFC 9449 section 4.2).
type proof struct {
	id, method, uri, tokenHash, nonce string
	issued, expires, notBefore        time.Time
}

// parse takes the one proof of r apart.
func (d *Verifier) parse(r *http.Request) (compact.Token, jose.Header, error) {
	lines := r.Header["Dpop"]
	if len(lines) != 1 {
		return compact.Token{}, jose.Header{}, badProof(fmt.Errorf("there are %d DPoP header fields, and there must be exactly 1", len(lines)))
	}
	parts, err := compact.Parse(lines[0], d.maxBytes)
	if err != nil {
		return compact.Token{}, jose.Header{}, badProof(d.lengthFault(err))
	}
	head, err := d.rules.ReadHeader(parts.Header)
	if err != nil {
		return compact.Token{}, jose.Header{}, badProof(algorithmFault(err))
	}
	return parts, head, nil
}

// lengthFault names the field that bounds a proof.
func (d *Verifier) lengthFault(err error) error {
	if errors.Is(err, compact.ErrTooLong) {
		return fmt.Errorf("the proof is longer than dpop.Config.MaxProofBytes, which is %d", d.maxBytes)
	}
	return err
}

// algorithmFault names the field that chooses the algorithms.
func algorithmFault(err error) error {
	var alg *jose.AlgorithmError
	if errors.As(err, &alg) {
		return fmt.Errorf("%w; dpop.Config.Algorithms names the accepted ones", alg)
	}
	return err
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
		case "exp":
			p.expires, ok = claims.NumericDate(m.Number())
		case "nbf":
			p.notBefore, ok = claims.NumericDate(m.Number())
		}
		if !ok && m.Value() != nil { // null is a claim that is not there
			return proof{}, errors.New("the claim " + m.Name + " is of another type or out of range")
		}
	}
	return p, nil
}

// checkClaims holds the claims against the request.
func (d *Verifier) checkClaims(p proof, r *http.Request, base, token string, now time.Time) error {
	hash := sha256.Sum256(compact.Bytes(token))
	switch {
	case p.id == "" || len(p.id) > maxProofID:
		return errJTI
	case p.method != r.Method:
		return errMethod
	case !sameURI(p.uri, base, requestPath(r)):
		return fmt.Errorf("the htu is not the URI of the request; it must begin with the BaseURL of bulwark.Edge (%s), and the path must be the one that the client asked for", base)
	case p.tokenHash != base64.RawURLEncoding.EncodeToString(hash[:]):
		return errHash
	}
	return d.checkTimes(p, now)
}

// checkTimes holds the iat against the clock, and the exp and nbf that a proof
// may have as any token does (RFC 7519 sections 4.1.4 and 4.1.5).
//
// Where proofs carry a nonce it is the nonce that tells their time (RFC 9449
// sections 4.3, step 11, and 11.1), so that a client whose clock is wrong can
// call at all. Its other times are then by its own clock, as its iat is. The
// nonce itself is looked at once the signature is known to be good.
func (d *Verifier) checkTimes(p proof, now time.Time) error {
	if p.issued.IsZero() {
		return errNoTime
	}
	if d.nonces != nil {
		now = p.issued
	}
	switch {
	case now.Sub(p.issued) > d.window || p.issued.Sub(now) > d.window:
		return fmt.Errorf("the iat is %v before now, and dpop.Config.Window is %v; with dpop.Config.NonceKey the clock of the client does not matter",
			now.Sub(p.issued).Truncate(time.Second), d.window)
	case !p.expires.IsZero() && !now.Before(p.expires):
		return errExpired
	case p.notBefore.Sub(now) > d.window:
		return fmt.Errorf("the nbf is further ahead than dpop.Config.Window, which is %v", d.window)
	}
	return nil
}

// What the log says of a proof that no field of the Config would accept.
var (
	errJTI     = errors.New("the jti is missing, or has more than 512 bytes")
	errMethod  = errors.New("the htm is not the method of the request")
	errHash    = errors.New("the ath is not the hash of the token")
	errNoTime  = errors.New("the iat is missing")
	errExpired = errors.New("the exp has passed")
)

// badProof refuses a proof (RFC 9449 section 7.1).
func badProof(cause error) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.invalid_dpop_proof",
		Detail: "The DPoP proof is not valid for this request.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "proof"},
		Err:    cause,
	}
}
