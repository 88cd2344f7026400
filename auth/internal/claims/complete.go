package claims

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// A Completion is the Map of a Config, and the rules for what it makes. The
// zero value changes nothing.
type Completion struct {
	Names   Names
	Map     func(*bulwark.Principal, auth.Claims) error
	Revoked bool // revocations are configured, and must reach the caller
	Skew    time.Duration
}

// Complete lets the Map complete the caller, who nobody else has seen, from the
// claims in the document. The result is not p, so that a Map which keeps p
// cannot change it later.
//
// The error is a *bulwark.Problem if the Map has refused the token. Any other
// error is a mistake in the Map.
func (c *Completion) Complete(p *bulwark.Principal, document []byte) (*bulwark.Principal, error) {
	if c.Map == nil {
		return p, nil
	}
	before := *p
	if err := c.call(p, document); err != nil {
		return nil, err
	}
	if err := c.check(&before, p); err != nil {
		return nil, err
	}
	done := *p
	done.Roles, done.Scopes = slices.Clip(p.Roles), slices.Clip(p.Scopes) // what one request appends is not another's
	return &done, nil
}

// call calls the Map.
func (c *Completion) call(p *bulwark.Principal, document []byte) (err error) {
	members, err := jsondoc.Members(nil, document, Limits(len(document)))
	if err != nil {
		return Malformed("the claims cannot be read") // they have been read before
	}
	panicked := true
	defer func() {
		if panicked {
			_ = recover() // whose value may hold a claim, so it is not logged
			err = errors.New(c.Names.Config + ".Map panicked")
		}
	}()
	refused := c.Map(p, func(name string) (any, bool) {
		path, err := NewPath(name)
		if err != nil {
			return nil, false
		}
		value := path.Find(members)
		return value, value != nil
	})
	panicked = false
	var own *bulwark.Problem
	switch {
	case refused == nil:
		return nil
	case errors.As(refused, &own) && own != nil:
		return own
	}
	return auth.Invalid("claim", fmt.Errorf("%s.Map has refused the token: %w", c.Names.Config, refused))
}

// check holds the result of the Map against the rules.
func (c *Completion) check(before, after *bulwark.Principal) error {
	mistake := func(text string) error { return errors.New(c.Names.Config + ".Map " + text) }
	end, was := after.ExpiresAt, before.ExpiresAt
	switch {
	case after.Issuer != before.Issuer:
		return mistake("has changed the Issuer; it must stay the issuer of the token")
	case after.Method != before.Method:
		return mistake("has changed the Method; set the Method of the Config instead")
	case !after.IssuedAt.Equal(before.IssuedAt):
		return mistake("has changed IssuedAt; revocations of a caller compare it, so it must stay the iat of the token")
	case !was.IsZero() && (end.IsZero() || end.After(was)):
		return mistake("has made ExpiresAt later; it must not be after the exp of the token")
	case after.Subject == "":
		return mistake("has left the Subject empty; return an error to refuse the token")
	case c.Revoked && !reachable(after) && reachable(before):
		return mistake("has left the caller without TokenID, SessionID and IssuedAt; Revocations needs one of them")
	case c.Revoked && !reachable(after):
		return Unreachable(c.Names.Config)
	}
	if !end.Equal(was) && !time.Now().Before(end.Add(c.Skew)) {
		return auth.Invalid("expired", errors.New("the ExpiresAt that "+c.Names.Config+".Map has set has passed"))
	}
	if after.Subject != before.Subject {
		return c.Names.Reserved(after.Subject)
	}
	return nil
}

// reachable reports whether a revocation can name the credential of p.
func reachable(p *bulwark.Principal) bool {
	return p.TokenID != "" || p.SessionID != "" || !p.IssuedAt.IsZero()
}

// Unreachable refuses a token that no revocation can name.
func Unreachable(config string) error {
	return Malformed("there is no jti, sid or iat, and " + config + ".Revocations needs one of them; " + config + ".TokenIDClaim can name another claim than jti")
}

// Weight returns the bytes of the texts of a caller, beside those of the
// document, for the bound of a cache.
func (c *Completion) Weight(p *bulwark.Principal) int {
	if c.Map == nil {
		return 0 // they share the document
	}
	sum := len(p.Subject) + len(p.Tier) + len(p.TokenID) + len(p.SessionID) + len(p.ACR)
	for _, texts := range [...][]string{p.Roles, p.Scopes} {
		for _, text := range texts {
			sum += len(text)
		}
	}
	for method := range p.Factors {
		sum += len(method)
	}
	return sum
}
