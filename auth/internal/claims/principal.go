package claims

import (
	"slices"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Principal returns the caller, for whom the issuer of that name vouches. Its
// strings share the document, which nobody changes any more.
func (s *Set) Principal(issuer, method string, g Grants, document []byte) *bulwark.Principal {
	return &bulwark.Principal{
		Subject:   s.Subject,
		Issuer:    issuer,
		Method:    method,
		Roles:     slices.Clip(g.Roles), // what one request appends is not another's
		Scopes:    slices.Clip(g.Scopes),
		Tier:      g.Tier,
		TokenID:   s.TokenID,
		SessionID: s.SessionID,
		ACR:       s.ACR,
		AuthTime:  s.AuthTime,
		Factors:   s.factors(),
		IssuedAt:  s.Issued,
		ExpiresAt: s.Expires,
		Claims:    lookup(document),
	}
}

// lookup finds a claim in the document. It is decoded anew for each call: what
// is handed out is the caller's, and a cached principal stays small.
func lookup(document []byte) func(name string) (any, bool) {
	return func(name string) (any, bool) {
		members, err := jsondoc.Members(nil, document, Limits(len(document)))
		if err != nil {
			return nil, false
		}
		for _, m := range members {
			if m.Name == name {
				return m.Value(), true
			}
		}
		return nil, false
	}
}
