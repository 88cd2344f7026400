package jwt

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// claims are the claims of a token that have been checked, and the others.
type claims struct {
	subject, tokenID, sessionID, acr string
	expires, issued, authTime        time.Time
	roles, scopes                    []string
	tier                             string
}

func claimLimits() jsondoc.Limits {
	return jsondoc.Limits{Bytes: mostBytes, Depth: 16, Keys: 512, Items: 1024, Values: 2048}
}

// lastSecond is the end of the year 9999: a time past it is nobody's intent.
const lastSecond = 253402300799

// readClaims decodes and checks the claims, which nobody has vouched for yet.
func (v *Verifier) readClaims(payload []byte, now time.Time) (claims, error) {
	var room [24]jsondoc.Member
	members, err := jsondoc.Members(room[:0], payload, claimLimits())
	if err != nil {
		return claims{}, auth.Invalid("malformed", err)
	}
	var c claims
	var audience any
	var issuer string
	var notBefore time.Time
	bound := false
	for _, m := range members {
		ok := true
		switch m.Name {
		case "iss":
			issuer, ok = m.Value.(string)
		case "aud":
			audience = m.Value
		case "sub":
			c.subject, ok = m.Value.(string)
		case "jti":
			c.tokenID, ok = m.Value.(string)
		case "sid":
			c.sessionID, ok = m.Value.(string)
		case "acr":
			c.acr, ok = m.Value.(string)
		case "exp":
			c.expires, ok = numericDate(m.Value)
		case "nbf":
			notBefore, ok = numericDate(m.Value)
		case "iat":
			c.issued, ok = numericDate(m.Value)
		case "auth_time":
			c.authTime, ok = numericDate(m.Value)
		case "cnf":
			bound = true
		}
		if !ok {
			return claims{}, auth.Invalid("malformed", errors.New("the claim "+m.Name+" is of another type or out of range"))
		}
	}
	if issuer == "" {
		return claims{}, auth.Invalid("malformed", errors.New("no iss"))
	}
	if issuer != v.issuer {
		return claims{}, auth.Invalid("issuer", nil)
	}
	if err := v.checkAudience(audience); err != nil {
		return claims{}, err
	}
	if err := v.checkTimes(c, notBefore, now); err != nil {
		return claims{}, err
	}
	// A token bound to a key (RFC 7800) is worth nothing without the proof,
	// which nobody has checked.
	if bound {
		return claims{}, auth.Invalid("binding", nil)
	}
	if c.subject == "" {
		return claims{}, auth.Invalid("malformed", errors.New("no sub"))
	}
	return c, v.readGrants(&c, members)
}

// checkAudience wants one of our names in aud, a string or a list of them (RFC
// 7519 section 4.1.3).
func (v *Verifier) checkAudience(audience any) error {
	names, ok := stringList(audience)
	if !ok {
		return auth.Invalid("malformed", errors.New("the claim aud is of another type"))
	}
	for _, name := range names {
		if slices.Contains(v.audience, name) {
			return nil
		}
	}
	return auth.Invalid("audience", nil)
}

// checkTimes compares exp, nbf and iat with the clock, give or take the skew.
func (v *Verifier) checkTimes(c claims, notBefore, now time.Time) error {
	latest := now.Add(v.skew)
	switch {
	case c.expires.IsZero():
		return auth.Invalid("malformed", errors.New("no exp"))
	case !now.Before(c.expires.Add(v.skew)):
		return auth.Invalid("expired", nil)
	case notBefore.After(latest), c.issued.After(latest):
		return auth.Invalid("not_yet_valid", nil)
	case v.maxLifetime > 0 && (c.issued.IsZero() || c.expires.Sub(c.issued) > v.maxLifetime):
		return auth.Invalid("lifetime", nil)
	}
	return nil
}

// readGrants reads scopes, roles and tier. A claim in a form that cannot be read
// refuses the token: half of what an issuer says about a caller is not less,
// but something else.
func (v *Verifier) readGrants(c *claims, members []jsondoc.Member) error {
	var ok bool
	if c.roles, ok = stringList(v.roles.find(members)); !ok {
		return auth.Invalid("malformed", errors.New("the claim with the roles is no list of strings"))
	}
	if tier := v.tier.find(members); tier != nil {
		if c.tier, ok = tier.(string); !ok {
			return auth.Invalid("malformed", errors.New("the claim with the tier is no string"))
		}
	}
	// RFC 8693 section 4.2 has scope as one string; some issuers have scp,
	// as string or list.
	granted := find(members, "scope")
	if granted == nil {
		granted = find(members, "scp")
	}
	if text, one := granted.(string); one {
		c.scopes = strings.Fields(text)
		return nil
	}
	if c.scopes, ok = stringList(granted); !ok {
		return auth.Invalid("malformed", errors.New("the claim with the scopes is neither string nor list of strings"))
	}
	return nil
}

// principal returns the caller. Its strings share the payload, which nobody
// changes any more.
func (v *Verifier) principal(c claims, payload []byte) *bulwark.Principal {
	return &bulwark.Principal{
		Subject:   c.subject,
		Issuer:    v.issuer,
		Method:    v.method,
		Roles:     slices.Clip(c.roles), // what one request appends is not another's
		Scopes:    slices.Clip(c.scopes),
		Tier:      c.tier,
		TokenID:   c.tokenID,
		SessionID: c.sessionID,
		ACR:       c.acr,
		AuthTime:  c.authTime,
		IssuedAt:  c.issued,
		ExpiresAt: c.expires,
		Claims: func(name string) (any, bool) {
			// Decoded anew for each call: what is handed out is the caller's,
			// and a cached principal stays small.
			members, err := jsondoc.Members(nil, payload, claimLimits())
			if err != nil {
				return nil, false
			}
			for _, m := range members {
				if m.Name == name {
					return m.Value, true
				}
			}
			return nil, false
		},
	}
}

// numericDate reads seconds since 1970, whole or not (RFC 7519 section 2).
func numericDate(value any) (time.Time, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	if seconds, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return time.Unix(seconds, 0), seconds >= 0 && seconds <= lastSecond
	}
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// stringList returns a list of strings, or one string as such a list. What is
// missing is an empty list.
func stringList(value any) ([]string, bool) {
	switch value := value.(type) {
	case nil:
		return nil, true
	case string:
		return []string{value}, true
	case []any:
		texts := make([]string, len(value))
		for i, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			texts[i] = text
		}
		return texts, true
	}
	return nil, false
}

func find(members []jsondoc.Member, name string) any {
	for _, m := range members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// claimPath finds a claim by its name, or by a path of names. The whole text is
// tried as a name first: names that are URLs have dots.
type claimPath struct {
	name string
	path []string
}

func newClaimPath(text string) claimPath {
	return claimPath{name: text, path: strings.Split(text, ".")}
}

func (p claimPath) find(members []jsondoc.Member) any {
	if p.name == "" {
		return nil
	}
	if value := find(members, p.name); value != nil || len(p.path) == 1 {
		return value
	}
	value := find(members, p.path[0])
	for _, name := range p.path[1:] {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}
