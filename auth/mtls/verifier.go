package mtls

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Verifier verifies the certificates of clients. It is an
// [auth.Authenticator], an [auth.Claimant], an [auth.Issuer] and an
// [auth.Reviewer]. Make it with [New]: a zero or nil Verifier is refused by
// auth.New, and answers 500 "mtls.unconfigured". A Verifier is safe for
// concurrent use.
type Verifier struct {
	issuer      string
	roots       *x509.CertPool
	between     *x509.CertPool
	named       naming
	complete    func(*bulwark.Principal, *x509.Certificate) error
	known       *cache.Cache[known]
	strangers   *cache.Cache[stranger]
	revocations revocation.Checker
	reviews     bool // there are revocations
}

// known is a certificate that has been verified.
type known struct {
	principal *bulwark.Principal
	until     time.Time // when to verify it again
}

// A stranger is a client whose certificates lead to no authority. Its search
// for a chain can take a hundred signatures.
type stranger struct {
	err   error
	until time.Time
}

// keeps is how long a verified certificate is not verified again, and how long
// no chain is searched again.
const keeps = time.Minute

// Bounds of the strangers that are remembered.
const (
	mostStrangers = 1024
	strangerBytes = 256
)

// The interfaces that [auth.New] looks for.
var (
	_ auth.Authenticator = (*Verifier)(nil)
	_ auth.Claimant      = (*Verifier)(nil)
	_ auth.Issuer        = (*Verifier)(nil)
	_ auth.Reviewer      = (*Verifier)(nil)
)

func (v *Verifier) made() error {
	if v == nil || v.roots == nil {
		return fault.Unmade("mtls", "New")
	}
	return nil
}

// Issuer returns [Config.Issuer].
func (v *Verifier) Issuer() string {
	if v.made() != nil {
		return ""
	}
	return v.issuer
}

// Detect returns [auth.Ambient] if the client has presented a certificate; see
// [bulwark.Scope.ClientCertificates]. A certificate of any authority counts. A
// sub-request that a handler sends has no certificate of its own.
func (v *Verifier) Detect(r *http.Request) auth.Presence {
	if v.made() != nil || len(presented(r)) == 0 {
		return auth.None
	}
	return auth.Ambient
}

// Claim says that a Verifier claims every certificate of a client. Two
// Verifiers would both claim it, and the request would be ambiguous. So a layer
// may have only one Verifier.
func (v *Verifier) Claim() string { return "client certificates" }

// presented returns the certificates that the client has sent with r itself. A
// sub-request has none: a page of another site could have caused it, and its
// header would not say so.
func presented(r *http.Request) []*x509.Certificate {
	_, s := bulwark.Enter(r)
	certs, inherited := s.ClientCertificates()
	if inherited {
		return nil
	}
	return certs
}

// Challenges offers the scheme ClientCertificate, without parameters. The
// package comment says why.
func (v *Verifier) Challenges() []bulwark.Challenge {
	return []bulwark.Challenge{{Scheme: "ClientCertificate"}}
}

// Authenticate verifies the certificate of the client. The log has one of these
// reasons for a refusal:
//
//   - "malformed": the certificate does not have exactly one name of the kind
//     of [Config.URI] or [Config.DNS], the name has another form, an extension
//     is not understood, or the client has sent more than 8 intermediate
//     certificates.
//   - "claim": the name does not fit [Config.URI] or [Config.DNS], or
//     [Config.Map] has refused the certificate.
//   - "issuer": no chain leads to [Config.ClientCAs], or an authority may not
//     issue the certificate.
//   - "type": the certificate is not made for clients.
//   - "expired" and "not_yet_valid": the certificate is not valid now.
//   - "revoked": [Config.Revocations] names the certificate or the caller.
func (v *Verifier) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := v.made(); err != nil {
		return nil, err
	}
	certs := presented(r)
	if len(certs) == 0 {
		return nil, attempt.Mark(auth.Invalid("malformed", errMissing), method)
	}
	p, err := v.verify(certs)
	if err == nil {
		err = v.revocations.Check(r.Context(), p)
	}
	if err != nil {
		return nil, attempt.Mark(err, method)
	}
	return p, nil
}

// verify returns the caller whose certificate is the first.
func (v *Verifier) verify(certs []*x509.Certificate) (*bulwark.Principal, error) {
	own, now := certs[0], time.Now()
	if err := dates(own, now); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(own.Raw)
	if found := v.known.Get(sum); found.principal != nil && !cache.Passed(now, found.until) {
		return found.principal, nil
	}
	if err := forClients(own); err != nil {
		return nil, err
	}
	end, err := v.chained(certs, now)
	if err != nil {
		return nil, err
	}
	subject, reason, cause := v.named.subject(own)
	if cause != nil {
		return nil, auth.Invalid(reason, cause)
	}
	p, err := v.completed(&bulwark.Principal{
		Subject: subject, Issuer: v.issuer, Method: method, TokenID: base64.RawURLEncoding.EncodeToString(sum[:]),
		IssuedAt: own.NotBefore, ExpiresAt: end,
	}, own)
	if err != nil {
		return nil, err
	}
	until := now.Add(keeps)
	if p.ExpiresAt.Before(until) {
		until = p.ExpiresAt
	}
	v.known.Put(sum, known{p, until}, weight(p))
	return p, nil
}

// chained is trusted, which it does not ask again about strangers.
func (v *Verifier) chained(certs []*x509.Certificate, now time.Time) (end time.Time, err error) {
	if len(certs) > 1+mostBetween {
		return time.Time{}, auth.Invalid("malformed", errMany)
	}
	hash := sha256.New()
	for _, c := range certs { // each says how long it is
		hash.Write(c.Raw)
	}
	together := cache.Key(hash.Sum(nil))
	if found := v.strangers.Get(together); found.err != nil && !cache.Passed(now, found.until) {
		return time.Time{}, found.err
	}
	if end, err = v.trusted(certs, now); err != nil {
		v.strangers.Put(together, stranger{err, now.Add(keeps)}, strangerBytes)
	}
	return end, err
}

// Review returns how to look again whether p has been revoked. Without
// [Config.Revocations] the name is empty: a certificate that has not been
// revoked is good until its ExpiresAt.
func (v *Verifier) Review(p *bulwark.Principal) (name string, again func(context.Context) error) {
	if v.made() != nil || p == nil || !v.reviews {
		return "", nil
	}
	return "certificate " + p.TokenID + " " + p.Key(), func(ctx context.Context) error {
		return attempt.Mark(v.revocations.Check(ctx, p), method)
	}
}
