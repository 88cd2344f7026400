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
	// "client_id" for Cognito, whose access tokens name only the client. See
	// RolesClaims for how a claim is written. Default: none, tokens without aud
	// are refused.
	AudienceClaim string
	// Keys are the issuer's keys: [Discover], [RemoteKeys], [StaticKeys],
	// [SecretKeys] or [Signer.Keys]. Required.
	Keys KeySource
	// Algorithms are the accepted signature algorithms (RFC 7518 section 3.1):
	// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA or
	// its other name Ed25519 (RFC 9864), and for secrets HS256, HS384, HS512.
	// Who accepts one of two names accepts the other. At least one must be for
	// the Keys where those are known at start. Default: all that the Keys
	// allow. The algorithm "none" cannot be named.
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
	// access tokens only, or a tenant. See RolesClaims for how a claim is
	// written. At most 16.
	Require map[string]string
	// Skew is how much the clocks of issuer and service may differ. Default: 60
	// seconds. At most 5 minutes. A negative value allows no difference.
	Skew time.Duration
	// MaxLifetime refuses tokens whose exp is further than this after their
	// iat, which they must then have. Default: no limit. At most 10 years.
	MaxLifetime time.Duration
	// RolesClaims are the claims that hold the caller's roles, each a list of
	// strings or one string; the roles of all of them count. A claim is written
	// as its name, or as a path of names with dots between them, such as
	// "realm_access.roles"; a claim that has the whole text as its name comes
	// first. Where a name in a path holds a dot, write a JSON Pointer (RFC
	// 6901), which begins with a slash:
	// "/resource_access/com.example.web/roles". A token without any of them has
	// no roles. Default: "roles". At most 16.
	RolesClaims []string
	// TierClaim is the claim that names the caller's rate-limit tier, written
	// as in RolesClaims. Default: none is read.
	TierClaim string
	// TokenIDClaim is the claim that identifies a token in place of jti, such
	// as "uti" for Entra ID, written as in RolesClaims. Revocations name a
	// token by it. Default: "jti".
	TokenIDClaim string
	// ClientClaim is the claim that stands in for a missing sub, such as
	// "client_id", written as in RolesClaims: for issuers that leave sub out of
	// the tokens of clients which act for themselves. The subject is then
	// "client:" and the value, such as "client:reports", so that a client is
	// never taken for the person of that name; a token whose sub begins with
	// "client:" is refused (RFC 9700 section 4.15). Default: none, tokens
	// without sub are refused.
	ClientClaim string
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
	// [auth.MemoryRevocations] never waits. Where it is set, tokens that have
	// neither jti (see TokenIDClaim) nor sid nor iat are refused, because no
	// revocation could name them. Optional: without it a token is good until it
	// expires.
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
	configName      = "jwt.Config" // in the log
)

// New returns a verifier. The error joins a *[bulwark.ConfigError] for
// everything that is wrong. The keys are fetched when the first token comes, so
// the issuer need not be up yet.
func New(c Config) (*Verifier, error) {
	c.Audience = slices.Clone(c.Audience)
	found := fault.In("jwt")
	c.check(found)
	types := c.types(found)
	names := claims.NamesOf(found, configName, c.RolesClaims, c.TierClaim, c.TokenIDClaim, c.ClientClaim)
	audienceClaim := claims.PathOf(found, "AudienceClaim", c.AudienceClaim)
	algorithms, err := c.algorithms()
	found.Join(err)
	if err := found.Err(); err != nil {
		return nil, err
	}
	v := &Verifier{
		issuer:        c.Issuer,
		audience:      c.Audience,
		audienceClaim: audienceClaim,
		names:         names,
		require:       required(c.Require),
		maxLifetime:   c.MaxLifetime,
		method:        cmp.Or(c.Method, "jwt"),
		skew:          max(cmp.Or(c.Skew, defaultSkew), 0),
		maxBytes:      int(cmp.Or(c.MaxTokenBytes, defaultMaxBytes)),
		binding:       confirmation.Rules{Config: configName, MutualTLS: c.MutualTLS, Unbound: c.InsecureUnbound},
		revocations:   revocation.New(c.Revocations, c.InsecureOnOutage, configName),
		cache:         cache.New[*verified](cmp.Or(c.MaxCached, defaultCache)),
		keys:          c.Keys.(source),
		rules:         jose.Rules{Algorithms: algorithms, Types: types, Plain: c.InsecurePlainType},
	}
	if c.DPoP != nil { // a nil *dpop.Verifier in the interface would be one that checks
		v.binding.Prover = c.DPoP
	}
	v.keys.open()
	return v, nil
}
