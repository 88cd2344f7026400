package authz_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// A known is what the oracle knows about the names of an object, written down
// apart from the tags. A nil known has names of its own.
type known struct {
	write   []string          // the names that alice may write
	others  []string          // the other names
	objects map[string]*known // the objects behind names
	each    bool              // the names are free, and the objects are one
	holds   func(*paper) bool // whether the paper has a value that must not go
}

func nameOracle() *known {
	share := &known{write: []string{"note"}, others: []string{"limit"}}
	return &known{
		write:  []string{"title", "kind", "status", "pages", "tags", "labels", "free", "note", "layout", "cover", "lines", "shares", "due"},
		others: []string{"id", "owner", "role", "internal"},
		objects: map[string]*known{
			"layout": {write: []string{"columns", "font"}, objects: map[string]*known{"font": {write: []string{"name"}}}},
			"cover":  {write: []string{"text"}, others: []string{"approved"}, holds: func(p *paper) bool { return p.Cover != nil }},
			"lines":  {write: []string{"text"}, others: []string{"checked"}, holds: func(p *paper) bool { return len(p.Lines) > 0 }},
			"shares": {each: true, objects: map[string]*known{"": share}, holds: func(p *paper) bool { return len(p.Shares) > 0 }},
		},
	}
}

// names walks a body by the oracle, and counts forbidden and unknown names.
func (k *known) names(v any) (forbidden, unknown int) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			f, u := k.names(element)
			forbidden, unknown = forbidden+f, unknown+u
		}
	case map[string]any:
		for name, value := range v {
			below := k.objects[name]
			switch {
			case k.each:
				below = k.objects[""]
			case slices.Contains(k.others, name):
				forbidden++
				continue
			case !slices.Contains(k.write, name):
				unknown++
				continue
			}
			if below != nil {
				f, u := below.names(value)
				forbidden, unknown = forbidden+f, unknown+u
			}
		}
	}
	return forbidden, unknown
}

// lost reports whether a body names a value as a whole that must not go.
func (k *known) lost(body map[string]any, object *paper, merge bool) bool {
	for name, value := range body {
		below := k.objects[name]
		if below == nil || below.holds == nil || !below.holds(object) {
			continue
		}
		members, isObject := value.(map[string]any)
		_, isList := value.([]any)
		switch {
		case value == nil, name == "lines" && isList, name == "shares" && isObject && !merge:
			return true
		case name == "shares":
			for member, gone := range members {
				if _, there := object.Shares[member]; there && gone == nil {
					return true
				}
			}
		}
	}
	return false
}

// kept reports what alice may not write and a body has changed all the same.
func kept(before, after *paper) (changed []string) {
	differs := func(what string, differ bool) {
		if differ {
			changed = append(changed, what)
		}
	}
	differs("id", before.ID != after.ID)
	differs("owner", before.Owner != after.Owner)
	differs("role", before.Role != after.Role)
	differs("internal", before.Internal != after.Internal)
	differs("hidden", before.Hash != after.Hash || before.secret != after.secret || before.Layout.Key != after.Layout.Key)
	switch {
	case before.Cover == nil:
		differs("cover", after.Cover != nil && after.Cover.Approved)
	default:
		differs("cover", after.Cover == nil || after.Cover.Approved != before.Cover.Approved)
	}
	if len(before.Lines) > 0 {
		differs("lines", !reflect.DeepEqual(before.Lines, after.Lines))
	} else {
		differs("lines", slices.ContainsFunc(after.Lines, func(l line) bool { return l.Checked }))
	}
	for name, old := range before.Shares {
		differs("share", after.Shares[name] == nil || after.Shares[name].Limit != old.Limit)
	}
	for name, made := range after.Shares {
		differs("share", made != nil && before.Shares[name] == nil && made.Limit != 0)
	}
	return changed
}

// FuzzDecode holds Decode against encoding/json and the oracle: an accepted
// body changes nothing that the caller may not write, has only known names, and
// gives the values that encoding/json reads. A refused body changes nothing,
// and the oracle has the same reason.
func FuzzDecode(f *testing.F) {
	for _, attack := range attacks {
		if len(attack.body) < 1<<16 {
			f.Add(attack.body, false, false)
			f.Add(attack.body, true, true)
		}
	}
	for _, body := range []string{
		`{}`, `{"title":"x","kind":"y","status":"z","pages":7,"tags":["b"],"labels":{"z":"3"},"note":"n","due":"2026-01-02T03:04:05Z"}`,
		`{"free":{"m":{"p":null}},"layout":{"columns":3,"font":{"name":"x"}},"cover":{"text":"x"},"shares":{"bob":{"note":"x"}}}`,
		`{"lines":[{"text":"a"},{}],"shares":{"bob":null},"cover":null}`, `{"layout":null,"free":null,"labels":{"x":null}}`,
	} {
		for i := range 4 {
			f.Add(body, i&1 != 0, i&2 != 0)
		}
	}
	res := papers()
	res.Policy = paperPolicy(f)
	alice := as("alice", "user")
	f.Fuzz(func(t *testing.T, body string, merge, empty bool) {
		before, object := stored(), stored()
		if empty {
			before, object = draft(), draft()
		}
		method := http.MethodPut
		if merge {
			method = http.MethodPatch
		}
		r := bodied(method, body, alice)
		g, err := res.Check(r, "update", object)
		if err != nil {
			t.Fatal(err)
		}
		next, err := authz.Decode(httptest.NewRecorder(), r, g)
		if !reflect.DeepEqual(object, before) {
			t.Fatalf("the object was changed to %+v", object)
		}
		var whole map[string]any
		decoder := newDecoder(body)
		parsed := decoder.Decode(&whole) == nil && whole != nil
		if _, end := decoder.Token(); end != io.EOF {
			parsed = false
		}
		forbidden, unknown := nameOracle().names(whole)
		lost := nameOracle().lost(whole, before, merge)
		if err == nil {
			after := next.Value()
			if !parsed || forbidden > 0 || unknown > 0 || lost {
				t.Fatalf("accepted: parsed %v, %d forbidden, %d unknown, lost %v", parsed, forbidden, unknown, lost)
			}
			if changed := kept(before, after); changed != nil {
				t.Fatalf("changed %v: %+v", changed, after)
			}
			sameAsJSON(t, body, whole, before, after, merge)
			return
		}
		var p *bulwark.Problem
		if !errors.As(err, &p) || p.Status >= 500 {
			t.Fatalf("refused with %v", err)
		}
		if next.Value() != nil || next.Caller() != nil {
			t.Fatal("a refusal has a grant")
		}
		switch {
		case p.Code == "authz.field_forbidden" && forbidden == 0 && !lost,
			p.Code == "authz.field_unknown" && (unknown == 0 || forbidden > 0 || lost),
			p.Code == "authz.field_type" && (unknown > 0 || forbidden > 0 || lost):
			t.Fatalf("%s: %d forbidden, %d unknown, lost %v", p.Code, forbidden, unknown, lost)
		case strings.HasPrefix(p.Code, "authz.") && len(p.Errors) == 0:
			t.Fatalf("%s names no field", p.Code)
		}
		for _, e := range p.Errors {
			if len(e.Pointer) > 256 {
				t.Fatalf("a pointer of %d bytes", len(e.Pointer))
			}
		}
	})
}

// sameAsJSON compares the values with those of encoding/json, which must know
// all names as well.
func sameAsJSON(t *testing.T, body string, given map[string]any, before, after *paper, merge bool) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	var want paper
	if err := decoder.Decode(&want); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) || !strings.Contains(err.Error(), "unknown field") {
			return // a number such as 1e1, a date, a null key: jsondoc reads more
		}
		t.Fatalf("accepted, and encoding/json says %v", err)
	}
	for _, field := range []struct {
		name              string
		want, got, before any
	}{
		{"title", want.Title, after.Title, before.Title}, {"kind", want.Kind, after.Kind, before.Kind},
		{"status", want.Status, after.Status, before.Status}, {"pages", want.Pages, after.Pages, before.Pages},
		{"tags", want.Tags, after.Tags, before.Tags}, {"note", want.Note, after.Note, before.Note},
	} {
		expect := field.want
		if _, named := given[field.name]; merge && !named {
			expect = field.before
		}
		if !reflect.DeepEqual(expect, field.got) {
			t.Fatalf("%s is %v, want %v", field.name, field.got, expect)
		}
	}
	if !merge && (!maps.Equal(want.Labels, after.Labels) || want.Layout.Columns != after.Layout.Columns || !reflect.DeepEqual(want.Layout.Font, after.Layout.Font)) {
		t.Fatalf("labels %v, layout %+v, want %v and %+v", after.Labels, after.Layout, want.Labels, want.Layout)
	}
}
