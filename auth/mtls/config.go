package mtls

import (
	"crypto/x509"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says whose certificates are accepted, and which name in a
// certificate is the name of the caller. Issuer, ClientCAs, and one of URI and
// DNS are required.
type Config struct {
	// Issuer is the Issuer of the callers, such as "https://ca.example.org". It
	// is a name of your choice for the authority. No other authenticator may
	// have the same Issuer. Required. Printable ASCII. At most 256 bytes.
	Issuer string
	// ClientCAs are the authorities that issue the certificates of clients. Use
	// an authority of your own. Every certificate for clients that one of these
	// authorities has issued is a caller, if its name fits URI or DNS. Never
	// use [x509.SystemCertPool] here. To change the authority, name both for a
	// while. Required. At least one certificate.
	ClientCAs *x509.CertPool
	// Intermediates are certificates that may stand between ClientCAs and the
	// certificate of a client, besides those that the client sends. They are
	// not trusted by themselves. Behind a proxy only these count, because a
	// proxy forwards the certificate of the client alone. Default: none.
	Intermediates *x509.CertPool
	// URI takes the URI of a certificate as the Subject. The URI must begin
	// with this text, and have more behind it:
	//
	//   - "spiffe://example.org/" accepts "spiffe://example.org/ns/a", which is
	//     a SPIFFE ID.
	//   - "urn:example:device:" accepts "urn:example:device:17".
	//
	// The text ends with a slash, or with a colon if it has no "//". Upper and
	// lower case differ. A URI is refused if it has a query, a fragment, an
	// escape such as "%2F", an empty segment, or a segment of dots. At most
	// 2048 bytes. Required, unless DNS is set.
	URI string
	// DNS takes the DNS name of a certificate as the Subject, in lower case.
	// The name must be this domain or a name below it, such as
	// "partners.example.org". A wildcard is refused. Required, unless URI is
	// set.
	DNS string
	// Map completes the caller from the certificate, as the last step. It may
	// change the Subject, Roles, Scopes, Tier and the other fields. Three rules
	// hold for the result:
	//   - Issuer, Method, IssuedAt and TokenID stay as they are;
	//   - ExpiresAt may become earlier, and not later;
	//   - Subject is not empty.
	//
	// If the result breaks a rule, or Map panics, the request gets an opaque
	// 500, because the mistake is in Map. If Map returns a [bulwark.Problem],
	// this is the refusal. Any other error is a 401 with the reason "claim".
	// The log gets the text of the error, so keep the names in the certificate
	// out.
	//
	// Map is called after the chain has been verified. Its result is kept for
	// at most one minute: it must depend on the certificate alone. Map must be
	// safe for concurrent use, and must not change the certificate. The
	// Principal belongs to Map until it returns. Default: nil.
	Map func(*bulwark.Principal, *x509.Certificate) error
	// Revocations names the certificates that are no longer good, by their
	// TokenID or by their caller. It is asked on every request, and has 2
	// seconds to answer. A Revocation of a caller names the certificates whose
	// validity began at its IssuedUntil or earlier. Default: nil, a certificate
	// is good until it expires.
	Revocations auth.Revocations
	// InsecureOnOutage is how long certificates are accepted without an answer
	// of Revocations, counted from the first failure. An attacker who can make
	// the store fail can use a revoked certificate for this time. Default: 0,
	// the request is refused with 503. At most 1 hour.
	InsecureOnOutage time.Duration
	// MaxCached bounds how many verified certificates are cached, each for at
	// most one minute, at 1 KiB each on average. A negative value caches none,
	// so that each request builds its chain. Default: 10000. At most 1000000.
	MaxCached int
}

const (
	configName    = "mtls.Config" // in the log
	method        = "mtls"
	mostIssuer    = 256
	mostOutage    = time.Hour
	defaultCached = 10_000
	mostCached    = 1_000_000
)

// New returns a Verifier. The error joins a *[bulwark.ConfigError] for each
// mistake. New copies the pools.
func New(c Config) (*Verifier, error) {
	found := fault.In("mtls")
	c.check(found)
	if err := found.Err(); err != nil {
		return nil, err
	}
	if c.MaxCached == 0 {
		c.MaxCached = defaultCached
	}
	v := &Verifier{
		issuer:      c.Issuer,
		roots:       c.ClientCAs.Clone(),
		named:       naming{uri: c.URI, dns: c.DNS},
		complete:    c.Map,
		known:       cache.New[known](c.MaxCached),
		strangers:   cache.New[stranger](mostStrangers),
		revocations: revocation.New(c.Revocations, c.InsecureOnOutage, configName),
		reviews:     c.Revocations != nil,
	}
	if c.Intermediates != nil {
		v.between = c.Intermediates.Clone()
	} else {
		v.between = x509.NewCertPool()
	}
	return v, nil
}

// check notes the mistakes.
func (c Config) check(found *fault.List) {
	if c.Issuer == "" || len(c.Issuer) > mostIssuer || strings.ContainsFunc(c.Issuer, func(r rune) bool { return r <= ' ' || r > '~' }) {
		found.Add("Issuer", "", "must be 1 to 256 bytes of printable ASCII without spaces; write a name of your authority, such as https://ca.example.org")
	}
	// Without roots, package x509 takes those of the operating system.
	if c.ClientCAs == nil || c.ClientCAs.Equal(x509.NewCertPool()) {
		found.Add("ClientCAs", "", "is nil or empty; add the certificate of the authority that issues the certificates of your clients")
	}
	switch {
	case c.URI == "" && c.DNS == "":
		found.Add("URI", "", `is empty, and DNS also; set the one that names your clients, such as URI: "spiffe://example.org/"`)
	case c.URI != "" && c.DNS != "":
		found.Add("DNS", c.DNS, "cannot be set beside URI; leave one of them out, or give each kind of name a Verifier, an Issuer and an auth.Config of its own, around its own routes")
	case c.URI != "":
		if reason := prefixFault(c.URI); reason != "" {
			found.Add("URI", c.URI, reason)
		}
	case !isDomain(c.DNS) || !strings.Contains(c.DNS, "."):
		found.Add("DNS", c.DNS, "must be a domain in lower case with at least one dot, without a dot or an asterisk in front, such as partners.example.org")
	}
	if c.Revocations != nil && fault.IsNil(c.Revocations) {
		found.Add("Revocations", "", "holds a nil pointer; use &auth.MemoryRevocations{}, or leave it out")
	}
	if c.InsecureOnOutage < 0 || c.InsecureOnOutage > mostOutage {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "must be between 0 and 1 hour; zero refuses certificates at once in an outage")
	}
	if c.InsecureOnOutage > 0 && c.Revocations == nil {
		found.Add("InsecureOnOutage", c.InsecureOnOutage.String(), "needs Revocations; set Revocations, or leave it out")
	}
	if c.MaxCached > mostCached {
		found.Number("MaxCached", c.MaxCached, -1, mostCached, defaultCached)
	}
}
