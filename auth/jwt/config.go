package jwt

import (
	"cmp"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// Config says whose tokens are accepted, and how they are read.
type Config struct {
	// Issuer is the exact iss of the tokens. A slash at the end counts.
	// Required.
	Issuer string
	// Audience holds the names of this service. The aud of a token must hold at
	// least one of them. Without this check a token for any other service of
	// the issuer would be accepted. Required.
	Audience []string
	// AudienceClaim names the claim that is read in place of aud in tokens
	// without aud. Example: "client_id" for Cognito, whose access tokens name
	// only the client. The name is written as in RolesClaims. Default: none,
	// tokens without aud are refused.
	AudienceClaim string
	// Keys are the keys of the issuer: [Discover], [RemoteKeys], [KeyFile],
	// [StaticKeys], [SecretKeys] or [Signer.Keys]. Required.
	Keys KeySource
	// Algorithms are the accepted signature algorithms (RFC 7518 section 3.1).
	// For public keys: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
	// ES512, and EdDSA or its other name Ed25519 (RFC 9864); a Config that
	// accepts one of these two names accepts both. For secrets: HS256, HS384,
	// HS512. If the Keys are known at start, at least one algorithm must fit
	// them. The algorithm "none" cannot be named. Default: all that the Keys
	// allow.
	Algorithms []string
	// Types are the accepted values of typ, without "application/" in front.
	// Case does not matter. Default: "at+jwt", which marks access tokens (RFC
	// 9068 section 2.1).
	Types []string
	// InsecurePlainType also accepts tokens whose typ is "JWT" or missing, as
	// most libraries and many issuers write them. Such a typ does not tell an
	// access token from another token of the issuer, such as an ID token: the
	// Audience and Require must do so. Default: false.
	InsecurePlainType bool
	// Require names claims that a token must have, and their values. Example:
	// {"token_use": "access"}, if the issuer writes this into access tokens
	// only. A claim is written as in RolesClaims. The Go type of the value says
	// what the claim must be:
	//   - a string: the claim is this text, or a list of strings that has it;
	//   - a []string of 1 to 16 texts: the claim is a list of strings that has
	//     all of them, or the one text. Others may stand beside them;
	//   - a bool: the claim is true, or it is false. The text "true" is not;
	//   - an int, int64 or float64: the claim is the same number. The decimal
	//     numbers are compared, so that no digit is lost: 1.0 is 1, and 2^53+1
	//     is not 2^53.
	// A value of another Go type is an error. Default: none. At most 16.
	Require map[string]any
	// Skew is how much the clocks of issuer and service may differ. A negative
	// value allows no difference. Default: 60 seconds. At most 5 minutes.
	Skew time.Duration
	// MaxLifetime refuses tokens whose exp is later than their iat plus this
	// time. It also refuses tokens without iat. Default: no limit. At most 10
	// years.
	MaxLifetime time.Duration
	// RolesClaims are the claims that hold the roles of the caller. Each is a
	// list of strings, or one string. The caller has the roles of all these
	// claims. A token with none of the claims gives no roles.
	//
	// A claim is written in one of three ways:
	//   - as its name, such as "role" or "https://example.com/roles";
	//   - as a path of names with dots between them, such as
	//     "realm_access.roles", if no claim has the whole text as its name;
	//   - as a JSON Pointer (RFC 6901), which begins with a slash, if a name in
	//     the path holds a dot: "/resource_access/com.example.web/roles".
	//
	// Default: "roles". At most 16.
	RolesClaims []string
	// TierClaim names the claim with the rate-limit tier of the caller. The
	// name is written as in RolesClaims. Default: none, callers have no tier.
	TierClaim string
	// TokenIDClaim names the claim that identifies a token, if this is not jti.
	// Revocations name a token by this claim. Example: "uti" for Entra ID. The
	// name is written as in RolesClaims. Default: "jti".
	TokenIDClaim string
	// SubjectClaim names the claim that is the Subject of the caller in place
	// of sub, such as "oid" for Entra ID, whose sub differs from application to
	// application. The name is written as in RolesClaims. The sub of the token
	// is then not read: a token without the claim has no subject. Choose a
	// claim that the issuer never gives to another user. A claim that changes
	// hands, such as email, needs InsecureSubjectClaim. Default: "sub".
	SubjectClaim string
	// InsecureSubjectClaim accepts a SubjectClaim that the issuer may give to
	// another user later, or that users may choose: an email address, a login
	// name, a name or a telephone number. The new holder of the address is then
	// the same caller as the earlier holder. If the issuer does not check the
	// address, anybody is this caller: then Require {"email_verified": true}.
	// Default: false.
	InsecureSubjectClaim bool
	// ClientClaim names the claim that stands in for a missing sub, such as
	// "client_id". Some issuers write no sub if a client acts for itself. With
	// SubjectClaim it stands in for this claim. The name is written as in
	// RolesClaims.
	//
	// The subject is then "client:" and the value, such as "client:reports". So
	// a client is never taken for the person of that name. A token whose own
	// sub, or SubjectClaim, begins with "client:" is refused (RFC 9700 section
	// 4.15).
	//
	// Default: none, tokens without sub are refused.
	ClientClaim string
	// Map completes the caller from the claims, as the last step. It may change
	// the Subject, Roles, Scopes, Tier, TokenID, SessionID and the other
	// fields. Example: roles from the groups of a directory. Four rules hold
	// for the result:
	//   - Issuer, Method and IssuedAt stay as they are;
	//   - ExpiresAt may become earlier, and not later;
	//   - Subject is not empty;
	//   - with Revocations, TokenID, SessionID or IssuedAt remains.
	//
	// A token whose new ExpiresAt has passed is refused as expired.
	//
	// If the result breaks a rule, or Map panics, the request gets an opaque
	// 500, because the mistake is in Map. If Map returns a [bulwark.Problem],
	// this is the refusal. Any other error is a 401 with the reason "claim".
	// The log gets the text of the error, so keep the values of claims out.
	//
	// Map is called after the signature has been checked, and at most once for
	// each verification. Its result is cached with the token for up to one
	// minute: it must depend on the claims alone. Map must be safe for
	// concurrent use. The Principal and the Claims belong to Map until it
	// returns. Default: nil.
	Map func(*bulwark.Principal, auth.Claims) error
	// DPoP accepts tokens that are bound to a key of the client. The sender
	// proves for each request that it holds the key (RFC 9449); see [dpop.New].
	// Tokens that are not bound are then refused, unless InsecureUnbound is
	// set. Default: nil, tokens that are bound to a key are refused.
	DPoP *dpop.Verifier
	// MutualTLS accepts tokens that are bound to the certificate of the
	// connection (RFC 8705 section 3). The server must ask for a certificate:
	// tls.RequestClientCert or more. Behind a proxy that ends TLS, the
	// certificate is that in the Client-Cert header, if the proxy is in
	// [bulwark.Edge.ClientCertFrom]. A header of any other peer does not count.
	// Tokens that are not bound are then refused, unless InsecureUnbound is
	// set. Default: false, tokens that are bound to a certificate are refused.
	MutualTLS bool
	// InsecureUnbound also accepts tokens that are not bound, beside DPoP or
	// MutualTLS. An attacker who has stolen such a token can use it. Default:
	// false.
	InsecureUnbound bool
	// Revocations names the tokens that are no longer good. It is asked on
	// every request, also for cached tokens, and has 2 seconds to answer.
	// [auth.MemoryRevocations] never waits. A token then needs a jti (see
	// TokenIDClaim), a sid or an iat. Without all three it is refused, because
	// no revocation could name it. Default: nil, a token is good until it
	// expires.
	Revocations auth.Revocations
	// InsecureOnOutage is how long tokens are accepted without an answer of
	// Revocations, counted from the first failure. The first answer about any
	// token ends the outage. An outage is logged at most once a minute. An
	// attacker who can make the store fail can use a revoked token for this
	// time. Default: 0, tokens are refused with 503. At most 1 hour.
	InsecureOnOutage time.Duration
	// Method is the Method of the callers; see [bulwark.Principal]. Default:
	// "jwt".
	Method string
	// MaxTokenBytes bounds the length of a token in bytes. Default: 8192. At
	// most 65536.
	MaxTokenBytes int64
	// MaxCached bounds how many verified tokens are cached, each for at most
	// one minute, at 1 KiB each on average. A negative value caches no token,
	// so that each request verifies its signature. Default: 10000.
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

// New returns a verifier. The error joins a *[bulwark.ConfigError] for each
// mistake. The path of a field names the issuer, as in
// "jwt(https://login.example.com).Keys[0]". An issuer that is missing, or that
// is not a short plain text, is left out of the path.
//
// The issuer may still be down: the keys are fetched when the first token
// comes.
func New(c Config) (*Verifier, error) {
	c.Audience = slices.Clone(c.Audience)
	found := fault.In("jwt")
	c.check(found)
	types := c.types(found)
	names := claims.Fields{
		Config: configName, Roles: c.RolesClaims, Tier: c.TierClaim, TokenID: c.TokenIDClaim, Client: c.ClientClaim,
		Subject: c.SubjectClaim, InsecureSubject: c.InsecureSubjectClaim,
	}.Names(found)
	audienceClaim := claims.PathOf(found, "AudienceClaim", c.AudienceClaim)
	algorithms, err := c.algorithms()
	found.Join(err)
	if err := found.Err(); err != nil {
		return nil, fault.Renamed(err, "jwt", "jwt"+issuer.Label(c.Issuer))
	}
	v := &Verifier{
		issuer:        c.Issuer,
		audience:      c.Audience,
		audienceClaim: audienceClaim,
		completion:    claims.Completion{Names: names, Map: c.Map, Revoked: c.Revocations != nil, Skew: max(cmp.Or(c.Skew, defaultSkew), 0)},
		require:       required(c.Require),
		maxLifetime:   c.MaxLifetime,
		method:        cmp.Or(c.Method, defaultMethod),
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
