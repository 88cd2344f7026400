package jwt

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/auth/internal/store"
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
	// for secrets HS256, HS384, HS512. Default: all that the Keys allow. There
	// is no way to say "none".
	Algorithms []string
	// Types are the accepted values of typ, without "application/" in front.
	// Default "at+jwt", which marks access tokens (RFC 9068 section 2.1).
	Types []string
	// InsecurePlainType accepts tokens whose typ is "JWT" or missing, too. Many
	// issuers still send those. It takes away the difference between an access
	// token and any other token of the issuer, such as an ID token: the
	// Audience, and what Require asks for, must then tell them apart.
	InsecurePlainType bool
	// Require names claims that a token must have with exactly this text as
	// value, such as {"token_use": "access"}: what an issuer writes into its
	// access tokens only, or a tenant. At most 16.
	Require map[string]string
	// Skew is how much the clocks of issuer and service may differ. Default 60
	// seconds, at most 5 minutes; negative is none.
	Skew time.Duration
	// MaxLifetime refuses tokens whose exp is further than this after their
	// iat, which they must then have. Zero sets no limit; at most 10 years.
	MaxLifetime time.Duration
	// RolesClaim is the claim that holds the caller's roles, a list of strings
	// or one string: the name of a claim, or else a path of names such as
	// "realm_access.roles". Default "roles". A token without it has no roles.
	RolesClaim string
	// TierClaim is the claim, or path, that names the caller's rate-limit tier.
	// Empty reads none.
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
	// InsecureOnOutage is how long tokens are accepted unasked while Revocations
	// does not answer, from its first failure on. An answer to any token ends
	// the outage. It is logged, at most once a minute. Whoever can make the
	// store fail keeps a revoked token alive for as long. Default: not at all,
	// tokens are refused with 503. At most 1 hour.
	InsecureOnOutage time.Duration
	// Method is the [bulwark.Principal] Method of the callers. Default "jwt".
	Method string
	// MaxTokenBytes bounds the length of a token. Default 8192, at most 65536.
	MaxTokenBytes int64
	// MaxCached bounds how many verified tokens are remembered, for at most a
	// minute each, at 1 KiB each on average. Default 10000; negative remembers
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
	errs := c.check()
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
	}
	types, typeErrs := c.types()
	algorithms, algorithmErrs := c.algorithms()
	v.rules = jose.Rules{Algorithms: algorithms, Types: types, Plain: c.InsecurePlainType}
	errs = append(append(errs, typeErrs...), algorithmErrs...)
	if keys, ok := c.Keys.(*static); ok && len(algorithmErrs) == 0 {
		if err := keys.tooMany(algorithms); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if c.DPoP != nil { // a nil *dpop.Verifier in the interface would be one that checks
		v.binding.Prover = c.DPoP
	}
	v.keys = c.Keys.(source)
	return v, nil
}

// check returns what is wrong with the plain fields.
func (c Config) check() []error {
	var errs []error
	wrong := func(field, value, reason string) {
		errs = append(errs, &bulwark.ConfigError{Field: "jwt." + field, Value: value, Reason: reason})
	}
	if c.Issuer == "" {
		wrong("Issuer", "", "is empty; name the exact iss of the tokens")
	}
	if len(c.Audience) == 0 {
		wrong("Audience", "", "is empty; name this service as the aud of its tokens does")
	}
	for i, audience := range c.Audience {
		if audience == "" {
			wrong(fmt.Sprintf("Audience[%d]", i), "", "is empty")
		}
	}
	if c.Skew > maxSkew {
		wrong("Skew", c.Skew.String(), "must be at most 5 minutes")
	}
	if c.MaxLifetime < 0 || c.MaxLifetime > mostLifetime {
		wrong("MaxLifetime", c.MaxLifetime.String(), "must be between 0 and 10 years; zero sets no limit")
	}
	if c.MaxTokenBytes < 0 || c.MaxTokenBytes > mostBytes {
		wrong("MaxTokenBytes", strconv.FormatInt(c.MaxTokenBytes, 10), "must be between 1 and 65536; zero is 8192")
	}
	if len(c.Require) > maxRequire {
		wrong("Require", strconv.Itoa(len(c.Require)), "must be at most 16 claims")
	}
	for _, want := range required(c.Require) {
		if want.name == "" || want.value == "" {
			wrong("Require", want.name, "has an empty name or value; a claim cannot be required to be missing")
		}
	}
	if c.DPoP != nil && c.DPoP.Challenge().Scheme == "" {
		wrong("DPoP", "", "was made without dpop.New; check its error")
	}
	if c.InsecureUnbound && c.DPoP == nil && !c.MutualTLS {
		wrong("InsecureUnbound", "", "says nothing without DPoP or MutualTLS: all tokens are unbound then")
	}
	if c.Revocations != nil && store.IsNil(c.Revocations) {
		wrong("Revocations", "", "is a nil pointer; use &auth.MemoryRevocations{} or leave it out")
	}
	if c.InsecureOnOutage < 0 || c.InsecureOnOutage > mostOutage {
		wrong("InsecureOnOutage", c.InsecureOnOutage.String(), "must be between 0 and 1 hour; zero is not at all")
	}
	if c.InsecureOnOutage > 0 && c.Revocations == nil {
		wrong("InsecureOnOutage", c.InsecureOnOutage.String(), "says nothing without Revocations")
	}
	return errs
}

// maxRequire bounds what each token is compared with.
const maxRequire = 16

// types returns the accepted types in lower case: typ is a media type, whose
// case does not matter (RFC 7515 section 4.1.9).
func (c Config) types() ([]string, []error) {
	if len(c.Types) == 0 {
		return []string{defaultType}, nil
	}
	var types []string
	var errs []error
	for i, typ := range c.Types {
		typ = strings.ToLower(typ)
		switch {
		case typ == "" || typ == "jwt":
			errs = append(errs, &bulwark.ConfigError{Field: fmt.Sprintf("jwt.Types[%d]", i), Value: typ,
				Reason: "tells access tokens from no others; set InsecurePlainType if the issuer has no better"})
		case strings.HasPrefix(typ, "application/") || len(typ) > jose.MaxType:
			errs = append(errs, &bulwark.ConfigError{Field: fmt.Sprintf("jwt.Types[%d]", i), Value: typ,
				Reason: "must be without application/ in front, and at most 64 bytes"})
		}
		types = append(types, typ)
	}
	return types, errs
}

// algorithms returns the accepted algorithms, which must fit the keys: a list
// that names both secrets and public keys is how a public key comes to be
// taken for a secret (RFC 8725 section 2.1).
func (c Config) algorithms() (map[string]*jose.Algorithm, []error) {
	keys, ok := c.Keys.(source)
	if !ok {
		return nil, []error{&bulwark.ConfigError{Field: "jwt.Keys", Reason: "is nil; use Discover, RemoteKeys, StaticKeys or SecretKeys"}}
	}
	errs := keys.faults(c.Issuer)
	chosen := map[string]*jose.Algorithm{}
	if len(c.Algorithms) == 0 {
		for name, a := range jose.Algorithms() {
			if a.Secret() == keys.secret() {
				chosen[name] = a
			}
		}
		return chosen, errs
	}
	known := jose.Algorithms()
	for i, name := range c.Algorithms {
		field := fmt.Sprintf("jwt.Algorithms[%d]", i)
		a := known[name]
		switch {
		case a == nil:
			errs = append(errs, &bulwark.ConfigError{Field: field, Value: name,
				Reason: "is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512"})
		case a.Secret() && !keys.secret():
			errs = append(errs, &bulwark.ConfigError{Field: field, Value: name, Reason: "needs SecretKeys and is never accepted beside public keys"})
		case !a.Secret() && keys.secret():
			errs = append(errs, &bulwark.ConfigError{Field: field, Value: name, Reason: "needs public keys, and Keys are secrets"})
		}
		chosen[name] = a
	}
	return chosen, errs
}
