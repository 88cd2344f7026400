package jwt

import (
	"context"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// IssuersConfig says whose tokens are accepted, if there are many issuers. Set
// Find and Patterns, or set Template.
type IssuersConfig struct {
	// Find returns the Config for the tokens of an issuer, such as one row of a
	// table of tenants. It returns [auth.ErrNotFound] if there is no such
	// issuer. Any other error is an outage.
	//
	// The issuer comes from a token that nobody has verified. Find is asked
	// only if the issuer matches one of the Patterns. Compare the issuer, and
	// never make a URL of it: the Keys of the Config are what the table says.
	// The Issuer of the Config must be exactly the issuer.
	//
	// Find is asked again once a minute for each issuer that sends tokens. The
	// tokens of an issuer that is no longer found are refused. A Config that
	// has changed takes effect. If the Config is the same, the fetched keys and
	// the cached tokens remain. Two Configs are the same if their fields have
	// equal values, and their Keys were made with equal arguments. Pointers and
	// interfaces must be identical. A func is never the same as another func,
	// so a Config with a func loses its cached tokens, but not its keys.
	//
	// Find is called from many goroutines at once. It must return when its
	// context ends. Required, unless Template is set.
	Find func(ctx context.Context, issuer string) (Config, error)
	// Patterns are the issuers that Find is asked for. A pattern is the https
	// URL of an issuer. A "*" in it stands for exactly one label of the host or
	// one segment of the path:
	//   - "https://login.example.com/realms/*"
	//   - "https://*.login.example.com"
	//
	// A label is made of lower-case letters, digits and "-". A segment is made
	// of letters, digits, "-", ".", "_" and "~". An issuer of more than 512
	// bytes never matches. The last two labels of the host are never "*". For
	// development, the URL may be http to loopback. Required with Find. At most
	// 64.
	Patterns []string
	// Template is the Config for all tenants of Microsoft Entra ID. Its Issuer
	// has {tenantid} in place of the tenant, such as
	// "https://login.microsoftonline.com/{tenantid}/v2.0". Its Keys are
	// [Discover] of the same text. The tenant of a token is a GUID in lower
	// case, which its tid names also. The Issuer of a caller is the iss of the
	// token. So callers of two tenants are never the same caller. Default:
	// none, Find says which issuers there are.
	Template Config
	// Tenants are the ids of the tenants whose tokens the Template accepts, as
	// GUIDs in lower case. Required with Template, unless InsecureAnyTenant is
	// set. At most 1000: for more tenants, and for tenants that come and go,
	// write Find.
	Tenants []string
	// InsecureAnyTenant accepts tokens of every tenant for the Template.
	// Everybody can make a tenant at Entra ID, so everybody can have such a
	// token: it says who calls, and not that the caller may call. Default:
	// false.
	InsecureAnyTenant bool
	// Max is how many issuers are kept with their keys. If there are more, the
	// issuer that has sent no good token for the longest time gives way, and it
	// is found again with its next token. It gives way only to an issuer that
	// Find has confirmed. An issuer that has sent a good token within the last
	// minute does not give way: the further issuer gets 503. Default: 1000. At
	// most 10000.
	Max int
	// MaxFinds bounds how many calls of Find are under way for issuers that are
	// not kept. Up to 1024 further issuers wait, in the order in which they
	// came, for at most the Timeout. The tokens of any more issuers get 503 at
	// once. For an issuer that is kept, there is one more call at most.
	// Default: 16. At most 1024.
	MaxFinds int
	// Timeout bounds one call of Find. Default: 2 seconds. At most 30 seconds.
	Timeout time.Duration
	// MaxCached is the [Config.MaxCached] for all issuers together. If a Config
	// of Find has a negative MaxCached, its tokens are not cached. Any other
	// MaxCached in it has no effect. Default: 10000.
	MaxCached int
	// MaxTokenBytes bounds the length of a token in bytes. A Config may set a
	// lower bound. Default: 8192. At most 65536.
	MaxTokenBytes int64
	// DPoP is the [Config.DPoP] of each Config. Set it here, and not in the
	// Configs. Default: nil.
	DPoP *dpop.Verifier
}

const (
	defaultIssuers = 1000
	mostIssuers    = 10_000
	defaultFinds   = 16
	mostFinds      = 1024
	defaultFind    = 2 * time.Second
	mostFind       = 30 * time.Second
	mostPatterns   = 64
	mostTenants    = 1000
	issuersName    = "jwt.IssuersConfig" // in the log
)

// templated reports whether there is a Template.
func (c IssuersConfig) templated() bool { return c.Template.Issuer != "" || c.Template.Keys != nil }

// check notes the mistakes in the plain fields.
func (c IssuersConfig) check(found *fault.List) {
	switch {
	case c.Find == nil && !c.templated():
		found.Add("Find", "", "is nil; write the function that returns the Config of an issuer, or set Template for Microsoft Entra ID")
	case c.Find != nil && c.templated():
		found.Add("Template", "", "must be left out beside Find: set one of both")
	case c.Find != nil && len(c.Patterns) == 0:
		found.Add("Patterns", "", "is empty; write the issuers that Find may be asked for, such as https://login.example.com/realms/*")
	case c.Find == nil && len(c.Patterns) > 0:
		found.Add("Patterns", "", "must be left out without Find: the Tenants of the Template say which issuers there are")
	}
	if len(c.Patterns) > mostPatterns {
		found.Add("Patterns", strconv.Itoa(len(c.Patterns)), "must have at most 64 patterns")
	}
	if !c.templated() && (len(c.Tenants) > 0 || c.InsecureAnyTenant) {
		found.Add("Tenants", "", "must be left out without Template, InsecureAnyTenant also: Find says which issuers there are")
	}
	if c.Max < 0 || c.Max > mostIssuers {
		found.Add("Max", strconv.Itoa(c.Max), "must be between 1 and 10000; zero is 1000")
	}
	if c.MaxFinds < 0 || c.MaxFinds > mostFinds {
		found.Add("MaxFinds", strconv.Itoa(c.MaxFinds), "must be between 1 and 1024; zero is 16")
	}
	if c.Timeout < 0 || c.Timeout > mostFind {
		found.Add("Timeout", c.Timeout.String(), "must be at most 30 seconds; zero is 2 seconds")
	}
	if c.MaxTokenBytes < 0 || c.MaxTokenBytes > mostBytes {
		found.Add("MaxTokenBytes", strconv.FormatInt(c.MaxTokenBytes, 10), "must be between 1 and 65536; zero is 8192")
	}
	if c.DPoP != nil && c.DPoP.Challenge().Scheme == "" {
		found.Add("DPoP", "", "was made without dpop.New; check its error")
	}
}
