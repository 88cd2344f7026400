package claims

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Grants are what the issuer says that the caller may do.
type Grants struct {
	Roles, Scopes []string
	Tier          string
}

// ReadGrants reads scopes, roles and tier, the latter two from where the paths
// say. A claim in a form that cannot be read refuses the token: half of what an
// issuer says about a caller is not less, but something else.
func ReadGrants(members []jsondoc.Member, roles, tier Path) (Grants, error) {
	var g Grants
	var ok bool
	if g.Roles, ok = StringList(roles.find(members)); !ok {
		return Grants{}, Malformed("the claim with the roles is no list of strings")
	}
	if value := tier.find(members); value != nil {
		if g.Tier, ok = value.(string); !ok {
			return Grants{}, Malformed("the claim with the tier is no string")
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
		return Grants{}, Malformed("the claim with the scopes is neither string nor list of strings")
	}
	return g, nil
}

// split returns the scopes in a text, between which there are spaces and
// nothing else (RFC 6749 section 3.3): other white space would make two scopes
// of one.
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

// A Path finds a claim by its name, or by a path of names. The whole text is
// tried as a name first: names that are URLs have dots. The zero value finds
// nothing.
type Path struct {
	name string
	path []string
}

// NewPath returns the path that is written with a dot between names.
func NewPath(text string) Path {
	return Path{name: text, path: strings.Split(text, ".")}
}

func (p Path) find(members []jsondoc.Member) any {
	if p.name == "" {
		return nil
	}
	if value := Find(members, p.name); value != nil || len(p.path) == 1 {
		return value
	}
	value := Find(members, p.path[0])
	for _, name := range p.path[1:] {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// Find returns the value of the member with the name, or nil.
func Find(members []jsondoc.Member, name string) any {
	for _, m := range members {
		if m.Name == name {
			return m.Value()
		}
	}
	return nil
}
