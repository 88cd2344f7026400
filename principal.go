package bulwark

import (
	"slices"
	"strconv"
	"time"
)

// A Principal is the verified caller of a request. A layer that has verified a
// credential makes a Principal and gives it to [Identify]. Handlers read the
// Principal with [PrincipalFrom].
//
// A caller is the pair of Issuer and Subject, never Subject alone: two issuers
// may each have a user "alice", and the two users are different people. Compare
// callers with [Principal.Key].
//
// Do not modify a Principal after it has been shared: it may be cached, and
// many requests may read it at the same time. All methods accept a nil
// receiver, which is an anonymous caller.
type Principal struct {
	// Subject is the stable id of the caller, unique within Issuer. It is never
	// empty.
	Subject string
	// Issuer is the authority that vouches for Subject. Each authenticator has
	// an Issuer of its own.
	Issuer string
	// Method is how the caller was verified: "jwt", "introspection", "api_key",
	// "session" or "mtls".
	Method string
	// Roles are the roles of the caller. A role that the policy does not know
	// grants nothing.
	Roles []string
	// Scopes are the OAuth scopes of the credential (RFC 6749 section 3.3).
	Scopes []string
	// Tier is the name of the rate-limit tier of the caller. Empty means the
	// default tier.
	Tier string
	// TokenID is the jti of the token, or the id of the API key.
	TokenID string
	// SessionID is the login session of the credential. It is empty if the
	// credential does not belong to a session.
	SessionID string
	// ACR is the authentication context class of the login (OpenID Connect Core
	// section 2).
	ACR string
	// AuthTime is the time of the last login. A refresh does not change it.
	AuthTime time.Time
	// Factors are how and when the caller proved who they are. The key is the
	// method, such as "pwd", "otp" or "hwk" (RFC 8176 section 2), and the value
	// is its last time. A zero time means that the time is not known. Factors
	// is nil if the credential does not say.
	Factors map[string]time.Time
	// IssuedAt is the time at which the credential was issued. It is zero if
	// the credential does not have this time.
	IssuedAt time.Time
	// ExpiresAt is the time at which the credential expires. Zero means never.
	ExpiresAt time.Time
	// Claims returns another verified claim by its name. It may be nil. It must
	// be safe for concurrent use, and must not return shared state that can be
	// modified.
	Claims func(name string) (value any, ok bool)
}

// Key returns a text that identifies the caller. Two principals have the same
// key only if they have the same Issuer and the same Subject. Use the key for
// maps, limits and comparisons. It is not meant for display. The key of nil is
// empty.
func (p *Principal) Key() string {
	if p == nil {
		return ""
	}
	return string(p.AppendKey(make([]byte, 0, len(p.Issuer)+len(p.Subject)+8)))
}

// AppendKey appends [Principal.Key] to b. It saves the allocation of Key.
func (p *Principal) AppendKey(b []byte) []byte {
	if p == nil {
		return b
	}
	// With the length of the issuer in front, two different pairs of strings
	// never have the same encoding.
	b = strconv.AppendInt(b, int64(len(p.Issuer)), 10)
	b = append(b, ':')
	b = append(b, p.Issuer...)
	return append(b, p.Subject...)
}

// HasRole reports whether the caller has the role.
func (p *Principal) HasRole(role string) bool {
	return p != nil && slices.Contains(p.Roles, role)
}

// HasScope reports whether the credential has the OAuth scope.
func (p *Principal) HasScope(scope string) bool {
	return p != nil && slices.Contains(p.Scopes, scope)
}

// Claim returns a verified claim of the credential by its name. It returns
// false if the credential does not have the claim.
func (p *Principal) Claim(name string) (value any, ok bool) {
	if p == nil || p.Claims == nil {
		return nil, false
	}
	return p.Claims(name)
}

// nobody stands for an anonymous caller. A nil *Principal stands for a caller
// who is not known yet.
var nobody = new(Principal)

// orNil returns p, and nil for nobody.
func (p *Principal) orNil() *Principal {
	if p == nobody {
		return nil
	}
	return p
}
