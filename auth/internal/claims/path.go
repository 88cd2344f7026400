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

// Fields are what a Config, such as "jwt.Config", calls its claims.
type Fields struct {
	Config                         string
	Roles                          []string
	Tier, TokenID, Client, Subject string
	InsecureSubject                bool
}

// Names reads the fields, and notes what cannot be read.
func (f Fields) Names(found *fault.List) Names {
	n := Names{
		Config:  f.Config,
		TokenID: PathOf(found, "TokenIDClaim", f.TokenID),
		Client:  PathOf(found, "ClientClaim", f.Client),
		Tier:    PathOf(found, "TierClaim", f.Tier),
		Subject: PathOf(found, "SubjectClaim", f.Subject),
	}
	f.checkSubject(found, n.Subject)
	roles := f.Roles
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
	value, _ := p.look(members)
	return value
}

// look returns the value of the claim, or nil. It reports false if the path
// leads through a value that has no such part, such as a list or a text: then
// the claim is not missing, it is where nobody has expected it.
func (p Path) look(members []jsondoc.Member) (value any, ok bool) {
	if !p.named() {
		return nil, true
	}
	if p.name != "" {
		if value := Find(members, p.name); value != nil || len(p.path) == 1 {
			return value, true
		}
	}
	value = Find(members, p.path[0])
	for _, name := range p.path[1:] {
		switch inside := value.(type) {
		case nil:
			return nil, true
		case map[string]any:
			value = inside[name]
		case []any:
			if value, ok = p.item(inside, name); !ok {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return value, true
}

// text returns a claim that must be a string if it is there. It reports false
// for a claim of another type, and for one that the path does not reach.
func (p Path) text(members []jsondoc.Member) (string, bool) {
	value, ok := p.look(members)
	if value == nil {
		return "", ok
	}
	text, ok := value.(string)
	return text, ok
}

// item returns the item of a list that a pointer names by its number (RFC 6901
// section 4). A number behind the end is a missing claim. It reports false for
// a path that is not a pointer, and for what is not a number.
func (p Path) item(list []any, number string) (any, bool) {
	i, err := strconv.ParseUint(number, 10, 16)
	if err != nil || p.name != "" || strconv.FormatUint(i, 10) != number {
		return nil, false
	}
	if i >= uint64(len(list)) {
		return nil, true
	}
	return list[i], true
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
