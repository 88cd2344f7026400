package introspection

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
)

// Config says who is asked about tokens, and which of them are accepted. It
// prints, logs and encodes as JSON without the Client's Secret; other encoders
// see every field.
type Config struct {
	// Endpoint is the URL of the introspection endpoint: https, or http on
	// loopback, without user and fragment. Required.
	Endpoint string
	// Issuer is the Issuer of the callers, and no other authenticator's. The
	// iss of an answer, where it has one, must be exactly this. Required.
	Issuer string
	// Audience are the names of this service, of which the aud of an answer
	// must hold one. Required, unless InsecureAnyAudience is set.
	Audience []string
	// InsecureAnyAudience accepts tokens whatever their audience, for servers
	// whose answers have no aud. A token for any other service of the issuer
	// will do then.
	InsecureAnyAudience bool
	// Types are the accepted values of token_type, typ and token_use, where an
	// answer has one of them. Case does not matter. Some servers call refresh
	// and ID tokens active as well, and say only there what they are. Default:
	// "Bearer", "DPoP", "at+jwt", "access_token" and "access".
	Types []string
	// RequireType refuses tokens whose answer has none of token_type, typ and
	// token_use. Set it with InsecureAnyAudience and InsecureNoExpiry if the
	// server says the type of an access token: without an audience nothing else
	// tells a refresh token from it.
	RequireType bool
	// InsecureNoExpiry accepts tokens without exp. A request that streams is
	// then not ended when its token is. Where a server leaves type and exp out
	// of what it says about a refresh token, as Doorkeeper does, the refresh
	// token is accepted.
	InsecureNoExpiry bool

	// Client is this service, as the authorization server knows it. Required.
	Client Client
	// Transport makes the requests. Default: one of its own that uses the proxy
	// of the environment and TLS 1.2 or later.
	Transport http.RoundTripper
	// Timeout bounds one question, its answer included, and the time that a
	// request waits for its turn. Default: 5 seconds. At most 30 seconds.
	Timeout time.Duration
	// MaxAnswerBytes bounds an answer. Default: 64 KiB. At most 1 MiB.
	MaxAnswerBytes int64
	// MaxTokenBytes bounds the length of a token. Default: 8192. At most 65536.
	MaxTokenBytes int64
	// MaxConcurrent bounds the questions under way. Beside them at most 1024
	// requests wait for an answer or their turn; others are refused with 503.
	// Default: 64. At most 1024.
	MaxConcurrent int

	// Cache says how long answers are remembered, and how many.
	Cache Cache
	// InsecureOnOutage is how long after its Cache.Lifetime the last good
	// answer about a token is used while the endpoint fails, and never past the
	// exp. Whoever can make the endpoint fail keeps a revoked token alive for
	// as long. That it is set is logged once, by New. Default: not at all, such
	// tokens are refused with 503. At most 1 hour.
	InsecureOnOutage time.Duration

	// Skew is how much the clocks of issuer and service may differ. Default: 60
	// seconds. At most 5 minutes. A negative value allows no difference.
	Skew time.Duration
	// RolesClaims are the members of an answer that hold the caller's roles,
	// each a list of strings or one string; the roles of all of them count. A
	// member is written as its name, or as a path of names with dots between
	// them, such as "realm_access.roles"; a member that has the whole text as
	// its name comes first. Where a name in a path holds a dot, write a JSON
	// Pointer (RFC 6901), which begins with a slash:
	// "/resource_access/com.example.web/roles". An answer without any of them
	// has no roles. Default: "roles". At most 16.
	RolesClaims []string
	// TierClaim is the member that names the caller's rate-limit tier, written
	// as in RolesClaims. Default: none is read.
	TierClaim string
	// TokenIDClaim is the member that identifies a token in place of jti,
	// written as in RolesClaims. Revocations name a token by it. Default:
	// "jti".
	TokenIDClaim string
	// ClientClaim is the member that stands in for a missing sub, which RFC
	// 7662 section 2.2 makes optional, such as "client_id", written as in
	// RolesClaims: servers leave sub out for clients that act for themselves.
	// The subject is then "client:" and the value, such as "client:reports", so
	// that a client is never taken for the person of that name; a token whose
	// sub begins with "client:" is refused (RFC 9700 section 4.15). Default:
	// none, tokens without sub are refused.
	ClientClaim string
	// Method is the [bulwark.Principal] Method of the callers. Default:
	// "introspection".
	Method string
	// Revocations names the tokens that are no longer good, before their
	// remembered answers have run out or the server knows. It is asked on every
	// request and has 2 seconds to answer; [auth.MemoryRevocations] never
	// waits. An outage is 503. Where it is set, tokens that have neither jti
	// (see TokenIDClaim) nor sid nor iat are refused, because no revocation
	// could name them. Optional.
	Revocations auth.Revocations
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
}

// Cache says how long answers are remembered, and how many.
type Cache struct {
	// Lifetime is how long an answer about a good token is believed, and never
	// past its exp: for so long a revoked token may still be used. Default: 60
	// seconds. At most 60 seconds. Negative is not at all.
	Lifetime time.Duration
	// InactiveLifetime is how long a token that was refused stays refused
	// without asking again. Default: 5 seconds. At most 5 seconds. Negative is
	// not at all.
	InactiveLifetime time.Duration
	// Max bounds how many good tokens are remembered, at 1 KiB each on average.
	// Refused tokens are remembered apart, at most 1024, so that nobody drives
	// out good ones by sending bad ones. Default: 10000. Negative remembers
	// none.
	Max int
}

// Format names the issuer, and keeps the secret out of logs for every verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c Config) shown() string { return "introspection for " + strconv.Quote(c.Issuer) }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes String.
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
		{&c.Timeout, defaultTimeout}, {&c.Cache.Lifetime, mostCacheLifetime}, {&c.Cache.InactiveLifetime, mostInactiveLifetime}, {&c.Skew, defaultSkew},
	} {
		*open.field = cmp.Or(*open.field, open.value)
	}
	c.MaxAnswerBytes = cmp.Or(c.MaxAnswerBytes, defaultAnswerBytes)
	c.MaxTokenBytes = cmp.Or(c.MaxTokenBytes, defaultTokenBytes)
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, defaultConcurrent)
	c.Cache.Max = cmp.Or(c.Cache.Max, defaultCache)
	c.Method = cmp.Or(c.Method, "introspection")
	return c
}

// typeName is a type in the one spelling: it may be a media type, whose case
// does not matter and which may come without "application/" (RFC 7515 section
// 4.1.9).
func typeName(text string) string { return strings.TrimPrefix(strings.ToLower(text), "application/") }

// New returns an introspector. The error joins a *[bulwark.ConfigError] for
// everything that is wrong. The endpoint need not be up yet.
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
