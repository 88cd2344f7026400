package jwt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/fault"
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
