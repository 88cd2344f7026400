package authztest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/internal/witness"
)

// Fields sends a request to each route of mux as each caller of the walk, and
// compares the fields of the answers with a file. The file has one line for
// each route and caller, with the status and the fields:
//
//	GET /documents | alice, owner | 200 | items[].id items[].title
//	GET /documents/{id} | alice, owner | 200 | content id title
//	GET /documents/{id} | mallory, stranger | 404 | problem authz.not_found
//
// A "-" stands for an answer that is not JSON. A difference fails the test, as
// with [Golden]. With UPDATE_GOLDEN=1 in the environment Fields writes the
// file. The names of a map are fields too, so that a map whose names change
// from run to run needs Walk.Skip.
//
// Fields also finds a handler that writes an object of a type of
// [authz.Fields] without [authz.Write] or [authz.WriteList]. The test fails,
// and names the route, the caller and the fields, if an answer has an object
// that these functions did not write and that has one of these:
//
//   - only names of fields of one registered type, and at least two of them;
//   - a field of a registered type that the caller may not read by the tags. A
//     reach such as "own" does not count, because Fields does not know the
//     owner of an object that it finds in an answer.
//
// An object of another type with such names is also found. Register its type
// and use authz.Write, or name the pattern in [Walk.Known].
//
// Upper and lower case, "_" and "-" do not count in a name: "ownerId" is the
// field "owner_id".
//
// A problem with the status and the code of the answer is not such an object.
//
// Fields looks for objects in every answer, whatever its Content-Type is. It
// also finds JSON in lines of text, in scripts and in strings of JSON. If a
// handler is meant to write such an object, name it in Walk.Known.
//
// A route that refuses every caller shows nothing about its handler. So at
// least one caller must get a status below 400 from each route that Walk.Skip
// does not name.
//
// The requests go to mux itself, without the layers around it. The handlers
// run, so use a service with stores that the test may write to. Each request
// has a deadline of 10 seconds, and ends at the first Flush of the handler.
func Fields(t testing.TB, mux *authz.Mux, walk Walk, file string) {
	t.Helper()
	routes := mux.Routes()
	if len(routes) == 0 {
		t.Fatalf("the Mux has no routes; register them before Fields")
		return
	}
	types := witness.Types(mux)
	if len(types) == 0 {
		t.Fatalf("no type is registered with the policy of the Mux; call authz.Fields for the types of the objects")
		return
	}
	if !walk.check(t, routes) {
		return
	}
	var lines strings.Builder
	for _, route := range routes {
		if reason, skipped := walk.Skip[name(route)]; skipped {
			lines.WriteString(name(route) + " | not walked: " + reason + "\n")
			continue
		}
		walk.route(t, mux, route, types, &lines)
	}
	compare(t, "field table", lines.String(), "the fields that callers see differ from", file)
}

// route walks one route as each caller.
func (walk *Walk) route(t testing.TB, mux *authz.Mux, route authz.Route, types []witness.Type, lines *strings.Builder) {
	t.Helper()
	reason, known := walk.Known[name(route)]
	served, excused := false, false
	for _, who := range walk.callers() {
		v, ok := walk.visit(t, mux, route, who)
		if !ok {
			return
		}
		served = served || v.status < 400
		c := read(v.body)
		fmt.Fprintf(lines, "%s | %s | %d | %s", name(route), who, v.status, v.shown(c))
		for _, found := range v.around(c, types, walk.Callers[who]) {
			excused = true
			if !known {
				t.Errorf("%s as %s: the answer has %s, which authz.Write did not write; answer with authz.Write or authz.WriteList, or say in Walk.Known why the handler may write it", name(route), who, found)
			}
		}
		if known {
			lines.WriteString(" | known: " + reason)
		}
		lines.WriteByte('\n')
	}
	if !served {
		t.Errorf("%s: every caller is refused, so that nothing is known about the handler; give the walk a caller, a value or a body with which the handler answers, or name the route in Walk.Skip", name(route))
	}
	if known && !excused {
		t.Errorf("%s: Walk.Known names the route, and its answers have no object that authz.Write should have written; remove the entry", name(route))
	}
}

// problemMembers are the members of a problem and of its errors.
var problemMembers = []string{"type", "title", "status", "detail", "instance", "code", "errors", "pointer", "in"}

// shown returns the fields of an answer as the file shows them. Of a problem it
// is the code, because the members are always the same.
func (v *visit) shown(c contents) string {
	if !c.json {
		return "-"
	}
	if !v.problem {
		return strings.Join(c.paths, " ")
	}
	var said struct {
		Code string `json:"code"`
	}
	json.Unmarshal(v.body, &said)
	shown := []string{"problem", plainCode(said.Code)}
	for _, path := range c.paths {
		if _, last, _ := cutLast(path); !slices.Contains(problemMembers, last) {
			shown = append(shown, path)
		}
	}
	return strings.Join(shown, " ")
}

// plainCode returns the code of a problem as the file shows it.
func plainCode(code string) string {
	parts := strings.Split(code, ".")
	for i, part := range parts {
		parts[i] = plain(part)
	}
	return strings.Join(parts, ".")
}

// cutLast cuts a path at its last name.
func cutLast(path string) (before, last string, found bool) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:], i >= 0
}

// around describes the objects of an answer that authz.Write should have
// written, and has not.
func (v *visit) around(c contents, types []witness.Type, caller *bulwark.Principal) (found []string) {
	written := map[string]bool{}
	for _, body := range v.sent {
		for _, o := range read(body).objects {
			written[o.text] = true
		}
	}
	for _, o := range c.objects {
		if written[o.text] || v.problem && o.isProblem(v.status) {
			continue
		}
		for _, typ := range types {
			if fields := exposed(o, typ, caller); len(fields) > 0 {
				text := strings.Join(fields, " ") + " of " + typ.Name
				if !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
		}
	}
	return found
}

// isProblem reports whether an object of an answer is a problem of that status,
// or one of its errors. Otherwise an object with a field such as "title" could
// pass for a problem.
func (o *object) isProblem(status int) bool {
	only := func(members ...string) bool {
		return !slices.ContainsFunc(o.names, func(name string) bool { return !slices.Contains(members, name) })
	}
	if o.path == "errors[]" {
		return only("pointer", "in", "code", "detail")
	}
	var said struct {
		Status int    `json:"status"`
		Code   string `json:"code"`
	}
	return o.path == "" && only("type", "title", "status", "detail", "instance", "code", "errors") &&
		json.Unmarshal([]byte(o.text), &said) == nil && said.Status == status && status >= 400 && said.Code != ""
}

// exposed returns the paths of the fields of a type that an object should not
// have without authz.Write.
func exposed(o object, typ witness.Type, caller *bulwark.Principal) []string {
	var all, hidden []string
	other := false
	for _, name := range o.names {
		i := slices.IndexFunc(typ.Fields, func(f witness.Field) bool { return folded(f.Name) == folded(name) })
		if i < 0 {
			other = true
			continue
		}
		all = append(all, o.at(name))
		if f := typ.Fields[i]; !f.Open && !f.Reads(caller) {
			hidden = append(hidden, o.at(name))
		}
	}
	if !other && len(all) >= min(2, len(typ.Fields)) {
		return all
	}
	return hidden
}

// folded returns a name without what a second struct for the same object is
// likely to write in another way.
func folded(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}
