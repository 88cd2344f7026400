// Package confirmation checks that the sender of a token holds the key that the
// token is bound to (RFC 7800): by a DPoP proof (RFC 9449) or by the
// certificate of the connection (RFC 8705). The packages that read tokens share
// it.
package confirmation

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// The schemes that a token comes under.
const (
	Bearer = "Bearer"
	DPoP   = "DPoP"
)

// A Confirmation is what the claim cnf of a token says. The zero value is that
// of a token without one.
type Confirmation struct {
	Key         string // jkt: the thumbprint of the DPoP key (RFC 9449 section 6.1)
	Certificate string // x5t#S256: of the client's certificate (RFC 8705 section 3.1)
	Unknown     bool   // there is a cnf that is bound in no way, or in one that nobody here checks
}

// Read reads the claim cnf. It reports false where it is not an object, or has
// a member that is known and is not a text.
//
// Unknown members beside a known one are ignored (RFC 7800 section 3.1). If
// there are only unknown members, the token is bound in a way that nothing here
// checks, and is refused: accepting it would make it a bearer token. The
// members that RFC 7800 itself defines for other bindings always refuse the
// token.
func Read(claim any) (Confirmation, bool) {
	members, ok := claim.(map[string]any)
	if !ok {
		return Confirmation{}, false
	}
	var c Confirmation
	for name, value := range members {
		text, isText := value.(string)
		switch name {
		case "jkt":
			c.Key = text
		case "x5t#S256":
			c.Certificate = text
		case "jwk", "jwe", "jku", "kid": // RFC 7800 sections 3.2 to 3.5
			c.Unknown = true
			continue
		default:
			continue
		}
		if !isText || text == "" {
			return Confirmation{}, false
		}
	}
	if !c.bound() {
		c.Unknown = true
	}
	return c, true
}

func (c Confirmation) bound() bool { return c != Confirmation{} }

// A Prover checks the DPoP proof of a request: that it is of the key with the
// thumbprint, for this very request and token. What it returns is for
// bulwark.Deny.
type Prover interface {
	Check(r *http.Request, token, thumbprint string) error
	Challenge() bulwark.Challenge
}

// Rules say which tokens are accepted. The zero value accepts unbound ones
// only.
type Rules struct {
	Config    string // the Config that the rules come from, such as "jwt.Config", for the log
	Prover    Prover // nil accepts no token that is bound to a DPoP key
	MutualTLS bool   // tokens that are bound to a certificate
	Unbound   bool   // tokens that are bound to nothing, beside bound ones
}

// binds reports whether tokens can be bound at all.
func (rules *Rules) binds() bool { return rules.Prover != nil || rules.MutualTLS }

// Challenges offers the schemes under which tokens are read, the one to prefer
// first.
func (rules *Rules) Challenges() []bulwark.Challenge {
	bearer := bulwark.Challenge{Scheme: Bearer}
	switch {
	case rules.Prover == nil:
		return []bulwark.Challenge{bearer}
	case rules.MutualTLS || rules.Unbound:
		return []bulwark.Challenge{rules.Prover.Challenge(), bearer}
	}
	return []bulwark.Challenge{rules.Prover.Challenge()}
}

// Credentials returns the token of r and its scheme. A token under a scheme
// that is not offered is read also, so that it is refused for the reason
// "binding".
func (rules *Rules) Credentials(r *http.Request) (token, scheme string, ok bool) {
	if token, ok = auth.Credentials(r, Bearer); ok {
		return token, Bearer, true
	}
	if rules.Prover == nil {
		return "", "", false
	}
	token, ok = auth.Credentials(r, DPoP)
	return token, DPoP, ok
}

// Accepts returns nil if a token with the confirmation can be checked here, and
// the refusal otherwise.
func (rules *Rules) Accepts(c Confirmation) error {
	switch {
	case c.Unknown:
		return binding("bound in a way that is not supported: the cnf must have jkt or x5t#S256, and no other way of binding")
	case c.Key != "" && rules.Prover == nil:
		return binding("bound to a DPoP key; set " + rules.Config + ".DPoP to check it")
	case c.Certificate != "" && !rules.MutualTLS:
		return binding("bound to a certificate; set " + rules.Config + ".MutualTLS to check it")
	case !c.bound() && rules.binds() && !rules.Unbound:
		return binding("not bound to a key or certificate of the client; " + rules.Config + ".InsecureUnbound accepts it")
	}
	return nil
}

// Check returns nil if r proves the confirmation of its token. The token must
// have been verified and accepted.
func (rules *Rules) Check(r *http.Request, scheme, token string, c Confirmation) error {
	if c.Certificate != "" && !holdsCertificate(r, c.Certificate) {
		return binding("not bound to the certificate of this connection, which " + rules.Config +
			".MutualTLS compares; the server must ask for one with tls.RequestClientCert or more, and bulwark.Edge.ClientCertFrom must name a proxy that ends TLS")
	}
	if c.Key == "" {
		if strings.EqualFold(scheme, DPoP) {
			return binding("sent under the scheme DPoP, and not bound to a DPoP key; the scheme must be Bearer, if " + rules.Config + " accepts it")
		}
		return nil
	}
	if !strings.EqualFold(scheme, DPoP) {
		// RFC 9449 section 7.2: as a bearer token anybody could use it.
		return binding("bound to a DPoP key, and sent under the scheme Bearer; with " + rules.Config + ".DPoP the scheme must be DPoP")
	}
	return rules.Prover.Check(r, token, c.Key)
}

// CheckNone refuses a token that is bound. It is for callers without a request.
func CheckNone(c Confirmation) error {
	if c.bound() {
		return binding("bound to the client, and Verify has no request that proves it; use Authenticate")
	}
	return nil
}

// holdsCertificate compares the certificate of the client, whose key the
// handshake has proven (RFC 8705 section 3): the handshake with this process,
// or with a proxy that bulwark.Edge trusts to say so.
func holdsCertificate(r *http.Request, thumbprint string) bool {
	_, s := bulwark.Enter(r)
	certs, _ := s.ClientCertificates()
	if len(certs) == 0 {
		return false
	}
	sum := sha256.Sum256(certs[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:]) == thumbprint
}

func binding(why string) *bulwark.Problem {
	return auth.Invalid("binding", errors.New("the token is "+why))
}
