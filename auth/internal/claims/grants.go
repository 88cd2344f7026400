package claims

import (
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Grants are what the issuer says that the caller may do.
type Grants struct {
	Roles, Scopes []string
	Tier          string
}

// ReadGrants reads scopes, roles and tier, the latter two from where the names
// say. A claim in a form that cannot be read refuses the token: a part of the
// grants could mean something else than the whole.
func ReadGrants(members []jsondoc.Member, n Names) (Grants, error) {
	var g Grants
	for _, path := range n.Roles {
		roles, ok := StringList(path.Find(members))
		if !ok {
			return Grants{}, Malformed("a claim that " + n.Config + ".RolesClaims names is not a string or a list of strings")
		}
		g.add(roles)
	}
	var ok bool
	if value := n.Tier.Find(members); value != nil {
		if g.Tier, ok = value.(string); !ok {
			return Grants{}, Malformed("the claim that " + n.Config + ".TierClaim names is not a string")
		}
	}
	// RFC 7662 section 2.2 and RFC 8693 section 4.2 have scope as one string;
	// some issuers have scp, as string or list.
	granted := Find(members, "scope")
	if granted == nil {
		granted = Find(members, "scp")
	}
	if text, one := granted.(string); one {
		g.Scopes = split(text)
		return g, nil
	}
	if g.Scopes, ok = StringList(granted); !ok {
		return Grants{}, Malformed("scope or scp is neither a string nor a list of strings")
	}
	return g, nil
}

// add puts further roles behind those that are there, each once.
func (g *Grants) add(roles []string) {
	if len(g.Roles) == 0 {
		g.Roles = roles
		return
	}
	for _, role := range roles {
		if !slices.Contains(g.Roles, role) {
			g.Roles = append(g.Roles, role)
		}
	}
}

// split returns the scopes in a text. Only spaces separate them (RFC 6749
// section 3.3).
func split(text string) []string {
	count := 0
	for scope := range strings.SplitSeq(text, " ") {
		if scope != "" {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	scopes := make([]string, 0, count) // without spare room: a cached caller keeps them
	for scope := range strings.SplitSeq(text, " ") {
		if scope != "" {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}
