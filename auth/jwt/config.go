package jwt

import (
	"cmp"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// Config says whose tokens are accepted, and how they are read.
type Config struct {
	// Issuer is the exact iss of the tokens: no trailing slash more or less.
	// Required.
	Issuer string
	// Audience are the names of this service, of which the aud of a token must
	// hold one. Required: without it a token for any other service of the
	// issuer would do here.
	Audience []string
	// AudienceClaim is read in place of aud in tokens that have no aud, such as
	// "client_id" for Cognito, whose access tokens name only the client.
	// Default: none, tokens without aud are refused.
	AudienceClaim string
	// Keys are the issuer's keys: [Discover], [RemoteKeys], [StaticKeys],
	// [SecretKeys] or [Signer.Keys]. Required.
	Keys KeySource
	// Algorithms are the accepted signature algorithms (RFC 7518 section 3.1):
	// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, and
	// for secrets HS256, HS384, HS512. Default: all that the Keys allow. The
	// algorithm "none" cannot be named.
	Algorithms []string
	// Types are the accepted values of typ, without "application/" in front.
	// Default: "at+jwt", which marks access tokens (RFC 9068 section 2.1).
	Types []string
	// InsecurePlainType also accepts tokens whose typ is "JWT" or missing. Many
	// issuers still send those. It takes away the difference between an access
	// token and any other token of the issuer, such as an ID token: the
	// Audience, and what Require asks for, must then tell them apart.
	InsecurePlainType bool
	// Require names claims that a token must have with exactly this text as
	// value, such as {"token_use": "access"}: what an issuer writes into its
	// access tokens only, or a tenant. At most 16.
	Require map[string]string
	// Skew is how much the clocks of issuer and service may differ. Default: 60
	// seconds. At most 5 minutes. A negative value allows no difference.
	Skew time.Duration
	// MaxLifetime refuses tokens whose exp is further than this after their
	// iat, which they must then have. Default: no limit. At most 10 years.
	MaxLifetime time.Duration
	// RolesClaim is the claim that holds the caller's roles, a list of strings
	// or one string: the name of a claim, or else a path of names such as
	// "realm_access.roles". A token without it has no roles. Default: "roles".
	RolesClaim string
	// TierClaim is the claim, or path, that names the caller's rate-limit tier.
	// Default: none is read.
	TierClaim string
	// DPoP accepts tokens that are bound to a key of the client's, with a proof
	// that whoever sends them holds it (RFC 9449); see [dpop.New]. Tokens that
	// are bound to nothing are then refused.
	DPoP *dpop.Verifier
	// MutualTLS accepts tokens that are bound to the certificate of the
	// connection (RFC 8705 section 3), which the server must ask for:
	// tls.RequestClientCert and up. It is the certificate of this process' own
	// connection; one that a proxy names in a header field is not read. Tokens
	// bound to nothing are then refused.
	MutualTLS bool
	// InsecureUnbound accepts, beside DPoP or MutualTLS, tokens that are bound
	// to nothing, which anybody can use who has got hold of one.
	InsecureUnbound bool
	// Revocations names the tokens that are no longer good. It is asked on
	// every request, also for cached tokens, and has 2 seconds to answer;
	// [auth.MemoryRevocations] never waits. Tokens without jti or iat are
	// refused where it is set, for they could not be revoked. Optional: without
	// it a token is good until it expires.
	Revocations auth.Revocations
	// InsecureOnOutage is how long tokens are accepted unasked while
	// Revocations does not answer, from its first failure on. An answer to any
	// token ends the outage. It is logged, at most once a minute. Whoever can
	// make the store fail keeps a revoked token alive for as long. Default: not
	// at all, tokens are refused with 503. At most 1 hour.
	InsecureOnOutage time.Duration
	// Method is the [bulwark.Principal] Method of the callers. Default: "jwt".
	Method string
	// MaxTokenBytes bounds the length of a token. Default: 8192. At most 65536.
	MaxTokenBytes int64
	// MaxCached bounds how many verified tokens are remembered, for at most a
	// minute each, at 1 KiB each on average. Default: 10000. Negative remembers
	// none, so that each request verifies its signature.
	MaxCached int
}

const (
	defaultSkew     = time.Minute
	maxSkew         = 5 * time.Minute
	mostLifetime    = 3650 * 24 * time.Hour
	defaultMaxBytes = 8 << 10
	mostBytes       = 64 << 10
	mostOutage      = time.Hour
	defaultCache    = 10_000
	defaultType     = "at+jwt"
)

// New returns a verifier. The error joins a *[bulwark.ConfigError] for
// everything that is wrong. The keys are fetched when the first token comes, so
// the issuer need not be up yet.
func New(c Config) (*Verifier, error) {
	c.Audience = slices.Clone(c.Audience)
	found := fault.In("jwt")
	c.check(found)
	types := c.types(found)
	algorithms, err := c.algorithms()
	found.Join(err)
	if err := found.Err(); err != nil {
		return nil, err
	}
	v := &Verifier{
		issuer:        c.Issuer,
		audience:      c.Audience,
		audienceClaim: c.AudienceClaim,
		require:       required(c.Require),
		maxLifetime:   c.MaxLifetime,
		roles:         claims.NewPath(cmp.Or(c.RolesClaim, "roles")),
		tier:          claims.NewPath(c.TierClaim),
		method:        cmp.Or(c.Method, "jwt"),
		skew:          max(cmp.Or(c.Skew, defaultSkew), 0),
		maxBytes:      int(cmp.Or(c.MaxTokenBytes, defaultMaxBytes)),
		binding:       confirmation.Rules{MutualTLS: c.MutualTLS, Unbound: c.InsecureUnbound},
		revocations:   revocation.New(c.Revocations, c.InsecureOnOutage),
		cache:         cache.New[*verified](cmp.Or(c.MaxCached, defaultCache)),
		keys:          c.Keys.(source),
		rules:         jose.Rules{Algorithms: algorithms, Types: types, Plain: c.InsecurePlainType},
	}
	if c.DPoP != nil { // a nil *dpop.Verifier in the interface would be one that checks
		v.binding.Prover = c.DPoP
	}
	return v, nil
}
