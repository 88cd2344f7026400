package authz_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// A ticket has a field for every kind of tag.
type ticket struct {
	A string         `json:"a" authz:"-"`
	B string         `json:"b" authz:"read=*"`
	C string         `json:"c" authz:"write=*"`
	D int            `json:"d" authz:"write=own"`
	E []string       `json:"e" authz:"write=tenant,read=own"`
	F *string        `json:"f" authz:"write=r0"`
	G any            `json:"g" authz:"read=r1,write=r1|r2"`
	H map[string]int `json:"h" authz:"write=own|r3"`
	I bool           `json:"i" authz:"write=tenant|own|r4"`
	J string         `json:"j" authz:"write=-,read=*"`
	K string         `json:"k" authz:"read=-,write=r5|tenant"`
	L string         `json:"ſ" authz:"write=*"`
	M string         `json:"kelvin" authz:"write=r2"`
	O string         `json:"-" authz:"write=*"`
}

// Random roles, relations and bodies: a body is accepted if and only if every
// name in it is a field that the caller may write. A naive reader of the tags
// says which.
func TestDecodeAcceptsExactlyWhatTagsAllow(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 3))
	typ := reflect.TypeFor[ticket]()
	values := map[string]string{"d": "5", "e": `["x"]`, "g": `{"x":1}`, "h": `{"x":1}`, "i": "true"}
	others := []string{"A", "ID", "ſ ", "s", "S", "\u212aelvin", "Kelvin", "O", "-", "", "aa", "ª"}
	accepted, refused := 0, 0
	for range 300 {
		parents := map[string][]string{}
		config := authz.PolicyConfig{Resources: map[string][]string{"ticket": {"update"}}, Reaches: []string{"tenant"}, Roles: authz.Roles{}}
		for i := range 6 {
			name := fmt.Sprintf("r%d", i)
			for j := range i {
				if rng.IntN(4) == 0 {
					parents[name] = append(parents[name], fmt.Sprintf("r%d", j))
				}
			}
			config.Roles[name] = authz.Role{Inherits: parents[name]}
		}
		config.Roles["any"] = authz.Role{Grants: []string{"ticket:update:all"}}
		policy := mustPolicy(t, config)
		if err := authz.Fields[ticket](policy); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			owns, near := rng.IntN(2) == 0, rng.IntN(2) == 0
			caller := as("alice", "any")
			for i := range 6 {
				if rng.IntN(4) == 0 {
					caller.Roles = append(caller.Roles, fmt.Sprintf("r%d", i))
				}
			}
			res := authz.Resource[ticket]{Name: "ticket", Policy: policy,
				Owner:   func(ticket) (string, string) { return accounts, map[bool]string{true: "alice", false: "bob"}[owns] },
				Reaches: map[string]func(*bulwark.Principal, ticket) bool{"tenant": func(*bulwark.Principal, ticket) bool { return near }}}
			allowed := true
			members := map[string]json.RawMessage{}
			for i := range typ.NumField() {
				field := typ.Field(i)
				name := field.Tag.Get("json")
				if name == "-" || rng.IntN(6) != 0 {
					continue
				}
				members[name] = json.RawMessage(`"x"`)
				if text, ok := values[name]; ok {
					members[name] = json.RawMessage(text)
				}
				if rng.IntN(5) == 0 {
					members[name] = json.RawMessage("null")
				}
				allowed = allowed && mayWrite(field.Tag.Get("authz"), caller.Roles, parents, owns, near)
			}
			if rng.IntN(5) == 0 {
				members[others[rng.IntN(len(others))]] = json.RawMessage("1")
				allowed = false
			}
			body, _ := json.Marshal(members)
			method := []string{"PUT", "PATCH", "POST"}[rng.IntN(3)]
			r := bodied(method, string(body), caller)
			g, err := res.Check(r, "update", ticket{A: "a", B: "b", J: "j", O: "o"})
			if err != nil {
				t.Fatal(err)
			}
			next, err := authz.Decode(nil, r, g)
			if strings.Contains(fmt.Sprint(err), "body.malformed") { // two of the names differ only by case
				continue
			}
			if (err == nil) != allowed {
				t.Fatalf("%s %s as %v, owner %v, tenant %v: %v, want accepted %v", method, body, caller.Roles, owns, near, err, allowed)
			}
			if v := next.Value(); err == nil && (v.A != "a" || v.B != "b" || v.J != "j" || v.O != "o") {
				t.Fatalf("%s %s changed %+v", method, body, v)
			}
			if allowed {
				accepted++
			} else {
				refused++
			}
		}
	}
	if accepted < 3000 || refused < 3000 {
		t.Errorf("only %d accepted and %d refused", accepted, refused)
	}
}

// mayWrite reads a tag naively.
func mayWrite(tag string, roles []string, parents map[string][]string, owns, near bool) bool {
	var has func(role, wanted string) bool
	has = func(role, wanted string) bool {
		return role == wanted || slices.ContainsFunc(parents[role], func(p string) bool { return has(p, wanted) })
	}
	for _, part := range strings.Split(tag, ",") {
		list, ok := strings.CutPrefix(part, "write=")
		if !ok {
			continue
		}
		for _, entry := range strings.Split(list, "|") {
			if entry == "*" || entry == "own" && owns || entry == "tenant" && near ||
				slices.ContainsFunc(roles, func(role string) bool { return has(role, entry) }) {
				return true
			}
		}
	}
	return false
}
