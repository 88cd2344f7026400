package jwt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/internal/compact"
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

// Issuers verifies the tokens of many issuers, such as the tenants of a
// service, which may come and go. It has a [Verifier] for each of them. So the
// keys, the outages and the revocations of one issuer do not touch another
// issuer. It is an [auth.Authenticator], as a Verifier is. It is safe for
// concurrent use. Make it with [NewIssuers].
//
// A token whose iss matches none of the patterns is not looked at. Other tokens
// are refused as follows, besides what a Verifier refuses:
//
//   - 401 with the reason "issuer", if Find returns [auth.ErrNotFound];
//   - 503 with the reason "store_unavailable", if Find returns another error,
//     panics, or does not answer in time;
//   - 503 with the reason "store_full", if there is no room for the issuer;
//   - 500 "jwt.unconfigured", if Find returns a Config that [New] refuses, or
//     the Config of another issuer.
//
// An answer that refuses an issuer holds for at most 5 seconds. It takes no
// room that a found issuer needs: 4096 such answers are remembered. An outage
// of Find refuses the tokens of an issuer one minute after Find has confirmed
// it.
type Issuers struct {
	book     *book     // nil with a template
	one      *Verifier // of the template, or nil
	names    []string  // that auth.New compares
	patterns []issuer.Pattern
	binding  confirmation.Rules
	maxBytes int
}

// The interfaces by which [auth.New] knows Issuers.
var (
	_ auth.Authenticator = (*Issuers)(nil)
	_ auth.Issuers       = (*Issuers)(nil)
	_ auth.Reviewer      = (*Issuers)(nil)
	_ bulwark.Shutdowner = (*Issuers)(nil)
)

// NewIssuers returns a verifier of the tokens of many issuers. It does not call
// Find. The error joins a *[bulwark.ConfigError] for each mistake.
func NewIssuers(c IssuersConfig) (*Issuers, error) {
	found := fault.In("jwt(issuers)")
	c.check(found)
	s := &Issuers{
		binding:  confirmation.Rules{Config: issuersName},
		maxBytes: int(cmp.Or(c.MaxTokenBytes, defaultMaxBytes)),
	}
	if c.DPoP != nil { // a nil *dpop.Verifier in the interface would be one that checks
		s.binding.Prover = c.DPoP
	}
	for i, text := range c.Patterns {
		p, reason := issuer.NewPattern(text)
		if reason != "" {
			found.AddAt("Patterns", i, withoutUser(text), reason)
		}
		s.patterns, s.names = append(s.patterns, p), append(s.names, text)
	}
	if c.templated() {
		s.one = c.template(found)
	}
	if err := found.Err(); err != nil {
		if s.one != nil {
			_ = s.one.Shutdown(context.Background()) // which waits for nothing
		}
		return nil, err
	}
	if s.one != nil {
		s.names, s.maxBytes = s.one.tenants.names(), s.one.maxBytes
		if s.one.tenants.listed == nil {
			p, _ := issuer.NewPattern(s.names[0]) // of a template that has been read
			s.patterns = []issuer.Pattern{p}
		}
		return s, nil
	}
	s.book = newBook(c)
	return s, nil
}

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

// Issuers returns the patterns, or the issuers of the Tenants.
func (s *Issuers) Issuers() []string {
	if s.made() != nil {
		return nil
	}
	return s.names
}

// Detect returns [auth.Explicit] for a Bearer token of three segments whose iss
// matches one of the patterns, or is the issuer of one of the Tenants. It
// returns [auth.None] for any other. With [IssuersConfig.DPoP] the scheme may
// also be DPoP. Detect does not call Find. It does not look into a token that
// is longer than [IssuersConfig.MaxTokenBytes].
func (s *Issuers) Detect(r *http.Request) auth.Presence {
	if _, ok := s.issuerOf(r); ok {
		return auth.Explicit
	}
	return auth.None
}

// issuerOf returns the issuer of the token of r, if s is for it.
func (s *Issuers) issuerOf(r *http.Request) (string, bool) {
	if s.made() != nil {
		return "", false
	}
	token, _, ok := s.binding.Credentials(r)
	if !ok {
		return "", false
	}
	named, ok := issuer.Of(r, token, s.maxBytes)
	return named, ok && s.accepts(named)
}

// accepts reports whether s is for tokens of the issuer.
func (s *Issuers) accepts(named string) bool {
	if s.one != nil && s.one.tenants.listed != nil {
		return s.one.tenants.accepts(named)
	}
	for _, p := range s.patterns {
		if p.Match(named) {
			return true
		}
	}
	return false
}

// Authenticate verifies the token of r as the [Verifier] of its issuer does.
func (s *Issuers) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	named, ok := s.issuerOf(r)
	if !ok {
		return nil, attempt.Mark(auth.Invalid("malformed", errNoToken), defaultMethod)
	}
	return s.with(r.Context(), named, func(v *Verifier) (*bulwark.Principal, error) { return v.Authenticate(r) })
}

// Verify verifies a token outside a request, as [Verifier.Verify] does. The
// context also bounds the wait for Find.
func (s *Issuers) Verify(ctx context.Context, token string) (*bulwark.Principal, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	if len(token) > s.maxBytes {
		return nil, attempt.Mark(auth.Invalid("malformed", fmt.Errorf("%w; %s.MaxTokenBytes is %d", compact.ErrTooLong, issuersName, s.maxBytes)), defaultMethod)
	}
	named, ok := compact.Issuer(token, s.maxBytes)
	switch {
	case !ok:
		return nil, attempt.Mark(auth.Invalid("malformed", errNoIssuer), defaultMethod)
	case !s.accepts(named):
		return nil, attempt.Mark(auth.Invalid("issuer", errNoPattern), defaultMethod)
	}
	return s.with(ctx, named, func(v *Verifier) (*bulwark.Principal, error) { return v.Verify(ctx, token) })
}

// with calls verify with the verifier of the issuer, which stays open until it
// returns.
func (s *Issuers) with(ctx context.Context, named string, verify func(*Verifier) (*bulwark.Principal, error)) (*bulwark.Principal, error) {
	if s.one != nil {
		return verify(s.one)
	}
	t, err := s.book.enter(ctx, named)
	if err != nil {
		return nil, attempt.Mark(err, defaultMethod)
	}
	defer t.leave()
	p, err := verify(t.verifier)
	if err == nil && p != nil {
		t.touch(time.Now())
	}
	return p, err
}

// Refresh loads the keys of one issuer now, as [Verifier.Refresh] does. An
// issuer that s is not for, or that Find does not know, is an error of
// [auth.Invalid]. The tenants of a Template share their keys.
func (s *Issuers) Refresh(ctx context.Context, issuer string) error {
	if err := s.made(); err != nil {
		return err
	}
	if !s.accepts(issuer) {
		return auth.Invalid("issuer", errNoPattern)
	}
	_, err := s.with(ctx, issuer, func(v *Verifier) (*bulwark.Principal, error) { return nil, v.Refresh(ctx) })
	return err
}

// Challenges offers the accepted schemes, as [Verifier.Challenges] does.
func (s *Issuers) Challenges() []bulwark.Challenge {
	if s.made() != nil {
		return []bulwark.Challenge{{Scheme: confirmation.Bearer}}
	}
	if s.one != nil {
		return s.one.Challenges()
	}
	// A Config may set InsecureUnbound or MutualTLS, so Bearer is offered also.
	offered := s.binding
	offered.Unbound = true
	return offered.Challenges()
}

// Review returns how to look again whether the issuer of the caller p is still
// found, and whether its verifier still accepts the token.
func (s *Issuers) Review(p *bulwark.Principal) (name string, again func(ctx context.Context) error) {
	if s.made() != nil || p == nil {
		return "", nil
	}
	if s.one != nil {
		return review(s.one, p)
	}
	return s.book.review(p)
}

// Shutdown stops the calls of Find and the fetching of keys. It waits for what
// is under way until ctx ends. Tokens of a found issuer are accepted for the
// rest of its minute.
func (s *Issuers) Shutdown(ctx context.Context) error {
	switch {
	case s.made() != nil:
		return nil
	case s.one != nil:
		return s.one.Shutdown(ctx)
	}
	return s.book.shutdown(ctx)
}

// made returns an error for Issuers that were made without NewIssuers.
func (s *Issuers) made() error {
	if s == nil || s.book == nil && s.one == nil {
		return fault.Unmade("jwt(issuers)", "NewIssuers")
	}
	return nil
}

// defaultMethod is the Method of callers whose Config names none, and of
// refusals before there is a Config.
const defaultMethod = "jwt"

var (
	errNoIssuer  = errors.New("the iss of the token is missing or cannot be read")
	errNoPattern = errors.New("the iss matches none of jwt.IssuersConfig.Patterns, and is not the issuer of one of its Tenants")
)

// withoutUser keeps a text that may hold a password out of an error.
func withoutUser(text string) string {
	if strings.Contains(text, "@") {
		return ""
	}
	return text
}
