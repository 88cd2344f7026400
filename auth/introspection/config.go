package introspection

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
)

// Config says which server is asked about tokens, and which of them are
// accepted. It prints, logs and encodes as JSON without the Secret of the
// Client. Other encoders see every field.
type Config struct {
	// Endpoint is the URL of the introspection endpoint: https, or http on
	// loopback, without user and fragment. Required.
	Endpoint string
	// Issuer is the Issuer of the callers. If an answer has an iss, it must be
	// exactly this text. No other authenticator of a layer may have the same
	// Issuer, except a jwt.Verifier with the same Revocations, DPoP, MutualTLS,
	// InsecureUnbound and MaxTokenBytes, and with ClientClaim in both or in
	// neither: an issuer may issue signed and opaque tokens. Required.
	Issuer string
	// Audience holds the names of this service. The aud of an answer must hold
	// at least one of them. Required, unless InsecureAnyAudience is set.
	Audience []string
	// InsecureAnyAudience accepts tokens with any audience, or none, for
	// servers whose answers have no aud. A token for any other service of the
	// issuer is then accepted. Default: false.
	InsecureAnyAudience bool
	// Types are the accepted values of token_type, typ and token_use, if an
	// answer has one of them. Case does not matter. Some servers also call
	// refresh and ID tokens active, and only these members tell them apart.
	// Default: "Bearer", "DPoP", "at+jwt", "access_token" and "access".
	Types []string
	// RequireType refuses tokens whose answer has none of token_type, typ and
	// token_use. Set it beside InsecureAnyAudience and InsecureNoExpiry, if the
	// answers of the server have a type: without an audience nothing else tells
	// a refresh token from an access token. Default: false.
	RequireType bool
	// InsecureNoExpiry accepts tokens without exp. The stream of such a caller
	// does not end when the token ends. Some servers, such as Doorkeeper, leave
	// type and exp out of answers about refresh tokens: the refresh token is
	// then accepted. Default: false.
	InsecureNoExpiry bool

	// Client is this service, as the authorization server knows it, and how it
	// asks. Required.
	Client Client
	// MaxTokenBytes bounds the length of a token in bytes. Default: 8192. At
	// most 65536.
	MaxTokenBytes int64
	// Cache says how long answers are remembered, and how many. Default: the
	// defaults of its fields.
	Cache Cache
	// InsecureOnOutage is how long the last good answer about a token is used
	// after the Cache.Lifetime, while the endpoint fails. The answer is never
	// used after the exp of the token. An attacker who can make the endpoint
	// fail can use a revoked token for this time. New writes one log line if
	// this field is set. Default: 0, such tokens are refused with 503. At most
	// 1 hour.
	InsecureOnOutage time.Duration

	// Skew is how much the clocks of issuer and service may differ. A negative
	// value allows no difference. Default: 60 seconds. At most 5 minutes.
	Skew time.Duration
	// RolesClaims are the members of an answer that hold the roles of the
	// caller. Each is a list of strings, or one string. The caller has the
	// roles of all these members. An answer with none of the members gives no
	// roles.
	//
	// A member is written in one of three ways:
	//   - as its name, such as "role" or "https://example.com/roles";
	//   - as a path of names with dots between them, such as
	//     "realm_access.roles", if no member has the whole text as its name;
	//   - as a JSON Pointer (RFC 6901), which begins with a slash, if a name in
	//     the path holds a dot: "/resource_access/com.example.web/roles".
	//
	// Default: "roles". At most 16.
	RolesClaims []string
	// TierClaim names the member with the rate-limit tier of the caller. The
	// name is written as in RolesClaims. Default: none, callers have no tier.
	TierClaim string
	// TokenIDClaim names the member that identifies a token, if this is not
	// jti. Revocations name a token by this member. The name is written as in
	// RolesClaims. Default: "jti".
	TokenIDClaim string
	// SubjectClaim names the member that is the Subject of the caller in place
	// of sub, such as "oid" or "uid". The name is written as in RolesClaims.
	// The sub of the answer is then not read: a token without the member has no
	// subject. Choose a member that the issuer never gives to another user. A
	// member that changes hands, such as username, needs InsecureSubjectClaim.
	// Default: "sub".
	SubjectClaim string
	// InsecureSubjectClaim accepts a SubjectClaim that the issuer may give to
	// another user later, or that users may choose: an email address, a login
	// name, a name or a telephone number. The new holder of the address is then
	// the same caller as the earlier holder. Default: false.
	InsecureSubjectClaim bool
	// ClientClaim names the member that stands in for a missing sub, such as
	// "client_id". RFC 7662 section 2.2 makes sub optional, and some servers
	// write no sub if a client acts for itself. With SubjectClaim it stands in
	// for this member. The name is written as in RolesClaims.
	//
	// The subject is then "client:" and the value, such as "client:reports". So
	// a client is never taken for the person of that name. A token whose own
	// sub, or SubjectClaim, begins with "client:" is refused (RFC 9700 section
	// 4.15).
	//
	// Default: none, tokens without sub are refused.
	ClientClaim string
	// Map completes the caller from the answer, as the last step. It may change
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
	// The log gets the text of the error, so keep the values of members out.
	//
	// Map is called once for each answer. Its result is remembered with the
	// answer, for Cache.Lifetime or Cache.InactiveLifetime: it must depend on
	// the members alone. Map must be safe for concurrent use. The Principal and
	// the Claims belong to Map until it returns. Default: nil.
	Map func(*bulwark.Principal, auth.Claims) error
	// Method is the Method of the callers; see [bulwark.Principal]. Default:
	// "introspection".
	Method string
	// Revocations names the tokens that are no longer good, before their
	// remembered answers expire or the server knows. It is asked on every
	// request. It has 2 seconds to answer, or the token is refused with 503.
	// [auth.MemoryRevocations] never waits. A token then needs a jti (see
	// TokenIDClaim), a sid or an iat. Without all three it is refused, because
	// no revocation could name it. Default: nil, only the server revokes
	// tokens.
	Revocations auth.Revocations
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
}

// Cache says how long answers are remembered, and how many.
type Cache struct {
	// Lifetime is how long an answer about a good token is used. It is never
	// used after the exp of the token. A revoked token is still accepted for
	// this time. With a negative value no answer about a good token is
	// remembered. Default: 60 seconds. At most 60 seconds.
	Lifetime time.Duration
	// InactiveLifetime is how long a refused token stays refused without a new
	// question. A negative value remembers no refusal. Default: 5 seconds. At
	// most 5 seconds.
	InactiveLifetime time.Duration
	// Max bounds how many good tokens are remembered, at 1 KiB each on average.
	// Refused tokens are remembered apart, at most 1024, so that bad tokens do
	// not push out good ones. With a negative value no good token is
	// remembered. Default: 10000.
	Max int
}

// Format names the issuer, and keeps the secret out of logs for every verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c Config) shown() string { return "introspection for " + strconv.Quote(c.Issuer) }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

const (
	defaultTimeout       = 5 * time.Second
	mostTimeout          = 30 * time.Second
	defaultAnswerBytes   = 64 << 10
	mostAnswerBytes      = 1 << 20
	defaultTokenBytes    = 8 << 10
	mostTokenBytes       = 64 << 10
	defaultConcurrent    = 64
	mostConcurrent       = 1024
	mostCacheLifetime    = time.Minute
	mostInactiveLifetime = 5 * time.Second
	defaultCache         = 10_000
	mostOutage           = time.Hour
	defaultSkew          = time.Minute
	maxSkew              = 5 * time.Minute
	configName           = "introspection.Config" // in the log
)

// defaultTypes are what servers call access tokens: RFC 6749 section 7.1, RFC
// 9449 section 5, RFC 9068 section 2.1 and RFC 8693 section 3, or their own
// names.
func defaultTypes() []string { return []string{"bearer", "dpop", "at+jwt", "access_token", "access"} }

func (c Config) withDefaults() Config {
	c.Audience = slices.Clone(c.Audience)
	c.Types = slices.Clone(c.Types)
	for i, name := range c.Types {
		c.Types[i] = typeName(name)
	}
	if len(c.Types) == 0 {
		c.Types = defaultTypes()
	}
	for _, open := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Client.Timeout, defaultTimeout}, {&c.Cache.Lifetime, mostCacheLifetime}, {&c.Cache.InactiveLifetime, mostInactiveLifetime}, {&c.Skew, defaultSkew},
	} {
		*open.field = cmp.Or(*open.field, open.value)
	}
	c.Client.MaxAnswerBytes = cmp.Or(c.Client.MaxAnswerBytes, defaultAnswerBytes)
	c.MaxTokenBytes = cmp.Or(c.MaxTokenBytes, defaultTokenBytes)
	c.Client.MaxConcurrent = cmp.Or(c.Client.MaxConcurrent, defaultConcurrent)
	c.Cache.Max = cmp.Or(c.Cache.Max, defaultCache)
	c.Method = cmp.Or(c.Method, "introspection")
	return c
}

// typeName is a type in the one spelling: it may be a media type, whose case
// does not matter and which may come without "application/" (RFC 7515 section
// 4.1.9).
func typeName(text string) string { return strings.TrimPrefix(strings.ToLower(text), "application/") }

// New returns an introspector. The error joins a *[bulwark.ConfigError] for
// each mistake. The path of a field names the issuer, as in
// "introspection(https://login.example.com).Endpoint". An issuer that is
// missing, or that is not a short plain text, is left out of the path. The
// endpoint need not be up yet.
func New(c Config) (*Introspector, error) {
	c = c.withDefaults()
	names, err := c.check()
	if err != nil {
		return nil, err
	}
	if c.InsecureOnOutage > 0 {
		slog.Default().Info("security layer with InsecureOnOutage: a token is accepted by its last answer while the endpoint fails",
			"layer", "introspection", "issuer", c.Issuer, "for", c.InsecureOnOutage.String())
	}
	return newIntrospector(c, names), nil
}
