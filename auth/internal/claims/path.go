package claims

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// A Path finds a claim. It is written in one of two forms.
//
// A text that begins with a slash is a JSON Pointer (RFC 6901): each slash
// begins a name, so that names may hold dots, as the ids of clients often do. A
// tilde in a name is written "~0" and a slash "~1". In a list the name is the
// number of an item, the first of which is 0.
//
// Any other text is the name of a claim. Where there is no claim of that whole
// name it is a path of names with dots between them. The whole text comes
// first, since names that are URLs have dots.
//
// The zero value finds nothing.
type Path struct {
	name string // empty for a pointer
	path []string
}

// NewPath reads a text.
func NewPath(text string) (Path, error) {
	if !strings.HasPrefix(text, "/") {
		return Path{name: text, path: strings.Split(text, ".")}, nil
	}
	if text == "/" {
		return Path{}, errors.New("does not name a claim; write a name behind the slash")
	}
	names := strings.Split(text[1:], "/")
	for i, name := range names {
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(name); strings.Contains(rest, "~") {
			return Path{}, errors.New("has a ~ without 0 or 1 behind it; write ~0 for a ~ and ~1 for a / (RFC 6901 section 3)")
		}
		// One pass: "~01" is the text "~1" and not a slash.
		names[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return Path{path: names}, nil
}

// maxRoles bounds how many claims the roles are read from.
const maxRoles = 16

// NamesOf reads what a Config, such as "jwt.Config", calls its claims, and
// notes what cannot be read.
func NamesOf(found *fault.List, config string, roles []string, tier, tokenID, client string) Names {
	n := Names{
		Config:  config,
		TokenID: PathOf(found, "TokenIDClaim", tokenID),
		Client:  PathOf(found, "ClientClaim", client),
		Tier:    PathOf(found, "TierClaim", tier),
	}
	if len(roles) == 0 {
		roles = []string{"roles"}
	}
	if len(roles) > maxRoles {
		found.Add("RolesClaims", strconv.Itoa(len(roles)), "must have at most 16 claims")
	}
	for i, text := range roles {
		path, err := NewPath(text)
		if err != nil {
			found.AddAt("RolesClaims", i, text, err.Error())
		}
		if text == "" {
			found.AddAt("RolesClaims", i, "", "is empty; write the name of a claim, or leave it out")
		}
		n.Roles = append(n.Roles, path)
	}
	return n
}

// PathOf reads one field of a Config, which may be empty.
func PathOf(found *fault.List, field, text string) Path {
	path, err := NewPath(text)
	if err != nil {
		found.Add(field, text, err.Error())
	}
	return path
}

// named reports whether p is of any claim.
func (p Path) named() bool {
	return p.name != "" || len(p.path) > 1 || len(p.path) == 1 && p.path[0] != ""
}

// Find returns the value of the claim, or nil.
func (p Path) Find(members []jsondoc.Member) any {
	if !p.named() {
		return nil
	}
	if p.name != "" {
		if value := Find(members, p.name); value != nil || len(p.path) == 1 {
			return value
		}
	}
	value := Find(members, p.path[0])
	for _, name := range p.path[1:] {
		switch inside := value.(type) {
		case map[string]any:
			value = inside[name]
		case []any:
			value = p.item(inside, name)
		default:
			return nil
		}
	}
	return value
}

// item returns the item of a list that a pointer names by its number (RFC 6901
// section 4), or nil.
func (p Path) item(list []any, number string) any {
	i, err := strconv.ParseUint(number, 10, 16)
	if err != nil || p.name != "" || i >= uint64(len(list)) || strconv.FormatUint(i, 10) != number {
		return nil
	}
	return list[i]
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
