package authz_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
)

// replaced is what alice's PUT of {} leaves: the fields that she may not write.
func replaced() *paper {
	return &paper{ID: "1", Owner: "alice", Role: "user", Layout: layout{Key: "kept"}, Cover: &cover{Approved: true},
		Lines: []line{{"l", true}}, Shares: map[string]*lending{"bob": {"n", 5}}, Internal: "i", Hash: "h", secret: "z"}
}

// draft is what her POST of {} makes.
func draft() *paper {
	return &paper{ID: "new", Owner: "alice", Role: "user", Internal: "i", Hash: "h", secret: "z"}
}

func TestDecodeAccepts(t *testing.T) {
	alice, editor, root := as("alice", "user"), as("eve", "editor"), as("root", "admin")
	both := as("alice", "user", "admin") // the owner, and an administrator
	text := "new"
	for name, test := range map[string]struct {
		method string
		caller *bulwark.Principal
		body   string
		start  func() *paper
		change func(*paper)
	}{
		"put_nothing":        {"PUT", alice, `{}`, replaced, func(p *paper) {}},
		"put_flat":           {"PUT", alice, `{"title":"x","kind":"y","pages":7}`, replaced, func(p *paper) { p.Title, p.Kind, p.Pages = "x", "y", 7 }},
		"put_whole_number":   {"PUT", alice, `{"pages":1e1}`, replaced, func(p *paper) { p.Pages = 10 }},
		"put_null":           {"PUT", alice, `{"title":null,"pages":null,"note":null,"due":null,"tags":null}`, replaced, func(p *paper) {}},
		"put_pointer":        {"PUT", alice, `{"note":"new"}`, replaced, func(p *paper) { p.Note = &text }},
		"put_list":           {"PUT", alice, `{"tags":["b","c"]}`, replaced, func(p *paper) { p.Tags = []string{"b", "c"} }},
		"put_map":            {"PUT", alice, `{"labels":{"z":"3"}}`, replaced, func(p *paper) { p.Labels = map[string]string{"z": "3"} }},
		"put_any":            {"PUT", alice, `{"free":{"n":null,"Kind":{"kind":1}}}`, replaced, func(p *paper) { p.Free = decodedAny(`{"n":null,"Kind":{"kind":1}}`) }},
		"put_nested":         {"PUT", alice, `{"layout":{"font":{"name":"Mono"}}}`, replaced, func(p *paper) { p.Layout.Font = &font{"Mono"} }},
		"put_inner":          {"PUT", alice, `{"cover":{"text":"x"}}`, replaced, func(p *paper) { p.Cover = &cover{"x", true} }},
		"put_inner_empty":    {"PUT", alice, `{"cover":{}}`, replaced, func(p *paper) { p.Cover = &cover{"", true} }},
		"put_merge_type":     {"PUT+merge", alice, `{"title":"x"}`, stored, func(p *paper) { p.Title = "x" }},
		"put_editor":         {"PUT", editor, `{"title":"x"}`, stored, func(p *paper) { p.Title = "x" }},
		"put_editor_nothing": {"PUT", editor, `{}`, stored, func(p *paper) { p.Title = "" }},
		"put_admin": {"PUT", root, `{"owner":"bob","role":"admin"}`, stored, func(p *paper) {
			p.Owner, p.Role = "bob", "admin" // an administrator may write these two alone
		}},
		"put_both": {"PUT", both, `{"owner":"alice"}`, func() *paper { return &paper{ID: "1", Internal: "i", Hash: "h", secret: "z"} },
			func(p *paper) { p.Owner, p.Layout.Key = "alice", "kept" }},
		"put_both_lines": {"PUT", both, `{"owner":"alice","lines":[{"text":"a","checked":true},{}],"cover":null,"shares":{"eve":{"limit":1}}}`, func() *paper { return &paper{ID: "1", Internal: "i", Hash: "h", secret: "z"} },
			func(p *paper) {
				p.Owner, p.Layout.Key, p.Lines, p.Shares = "alice", "kept", []line{{"a", true}, {}}, map[string]*lending{"eve": {Limit: 1}}
			}},

		"patch_nothing":      {"PATCH", alice, `{}`, stored, func(p *paper) {}},
		"patch_flat":         {"PATCH", alice, `{"title":"x"}`, stored, func(p *paper) { p.Title = "x" }},
		"patch_null":         {"PATCH", alice, `{"title":null,"note":null,"labels":null,"free":null,"due":null,"pages":null}`, stored, func(p *paper) { p.Title, p.Note, p.Labels, p.Free, p.Due, p.Pages = "", nil, nil, nil, time.Time{}, 0 }},
		"patch_null_struct":  {"PATCH", alice, `{"layout":null}`, stored, func(p *paper) { p.Layout = layout{Key: "kept"} }},
		"patch_list":         {"PATCH", alice, `{"tags":[]}`, stored, func(p *paper) { p.Tags = []string{} }},
		"patch_map":          {"PATCH", alice, `{"labels":{"x":null,"z":"3"}}`, stored, func(p *paper) { p.Labels = map[string]string{"y": "2", "z": "3"} }},
		"patch_any":          {"PATCH", alice, `{"free":{"m":{"p":null,"r":{"s":null,"t":1}},"l":[null,{"n":null}]}}`, stored, func(p *paper) { p.Free = decodedAny(`{"m":{"q":"2","r":{"t":1}},"l":[null,{"n":null}]}`) }},
		"patch_any_replaced": {"PATCH", alice, `{"free":"x"}`, stored, func(p *paper) { p.Free = "x" }},
		"patch_nested":       {"PATCH", alice, `{"layout":{"font":{"name":"Mono"}}}`, stored, func(p *paper) { p.Layout.Font = &font{"Mono"} }},
		"patch_nested_null":  {"PATCH", alice, `{"layout":{"font":null,"columns":null}}`, stored, func(p *paper) { p.Layout = layout{Key: "kept"} }},
		"patch_inner":        {"PATCH", alice, `{"cover":{"text":null}}`, stored, func(p *paper) { p.Cover = &cover{"", true} }},
		"patch_member":       {"PATCH", alice, `{"shares":{"bob":{"note":"x"},"eve":{"note":"y"}}}`, stored, func(p *paper) { p.Shares = map[string]*lending{"bob": {"x", 5}, "eve": {"y", 0}} }},
		"patch_member_gone":  {"PATCH", alice, `{"shares":{"nobody":null}}`, stored, func(p *paper) {}},
		"patch_admin":        {"PATCH", root, `{"cover":{"approved":false}}`, nil, nil},
		"patch_editor":       {"PATCH", editor, `{"title":"x"}`, stored, func(p *paper) { p.Title = "x" }},

		"post_nothing": {"POST", alice, `{}`, draft, func(p *paper) {}},
		"post_flat":    {"POST", alice, `{"title":"x","tags":["a"]}`, draft, func(p *paper) { p.Title, p.Tags = "x", []string{"a"} }},
		"post_inner": {"POST", alice, `{"cover":{"text":"c"},"lines":[{"text":"l"}],"shares":{"bob":{"note":"n"}}}`, draft, func(p *paper) {
			p.Cover, p.Lines, p.Shares = &cover{"c", false}, []line{{"l", false}}, map[string]*lending{"bob": {"n", 0}}
		}},
		"post_nulls": {"POST", alice, `{"cover":null,"lines":null,"shares":null}`, draft, func(p *paper) {}},
		"post_merge": {"POST+merge", alice, `{"title":"x","free":{"a":null,"b":1}}`, draft, func(p *paper) { p.Title, p.Free = "x", decodedAny(`{"b":1}`) }},
	} {
		t.Run(name, func(t *testing.T) {
			method, merge := strings.CutSuffix(test.method, "+merge")
			r := bodied(method, test.body, test.caller)
			if merge {
				r.Header.Set("Content-Type", "application/merge-patch+json")
			}
			d := sends(t, papers(), r)
			if test.change == nil { // only who owns the paper may write the cover
				d.refused(t, 403, "authz.field_forbidden", "/cover forbidden")
				return
			}
			want := test.start()
			test.change(want)
			if d.next == nil || d.status != 204 || len(d.events) != 0 {
				t.Fatalf("refused with %d %s", d.status, d.text)
			}
			if !reflect.DeepEqual(d.next, want) {
				t.Errorf("the new state is\n%+v, want\n%+v", d.next, want)
			}
		})
	}
}

// decodedAny is a value as package jsondoc makes it.
func decodedAny(text string) any {
	var v any
	decoder := newDecoder(text)
	if err := decoder.Decode(&v); err != nil {
		panic(err)
	}
	return v
}

// What the caller may not write is neither set nor lost by a write to the value
// around it.
func TestDecodeKeepsInnerFields(t *testing.T) {
	alice, editor := as("alice", "user"), as("eve", "editor")
	for name, test := range map[string]struct {
		caller *bulwark.Principal
		body   string
		faults map[string]string // by method
		lost   string
	}{
		"struct_null":     {alice, `{"cover":null}`, map[string]string{"PUT": "/cover", "PATCH": "/cover"}, "approved"},
		"list":            {alice, `{"lines":[{"text":"x"}]}`, map[string]string{"PUT": "/lines", "PATCH": "/lines"}, "checked"},
		"list_empty":      {alice, `{"lines":[]}`, map[string]string{"PUT": "/lines", "PATCH": "/lines"}, "checked"},
		"list_null":       {alice, `{"lines":null}`, map[string]string{"PUT": "/lines", "PATCH": "/lines"}, "checked"},
		"list_set":        {alice, `{"lines":[{"checked":true}]}`, map[string]string{"PUT": "/lines", "PATCH": "/lines"}, "checked"},
		"map_null":        {alice, `{"shares":null}`, map[string]string{"PUT": "/shares", "PATCH": "/shares"}, "limit"},
		"map_replaced":    {alice, `{"shares":{}}`, map[string]string{"PUT": "/shares"}, "limit"},
		"map_member_null": {alice, `{"shares":{"bob":null}}`, map[string]string{"PUT": "/shares", "PATCH": "/shares/bob"}, "limit"},
		"outer_first":     {editor, `{"lines":[{"text":"x"}]}`, map[string]string{"PUT": "/lines", "PATCH": "/lines"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for method, pointer := range test.faults {
				d := sends(t, papers(), bodied(method, test.body, test.caller))
				d.refused(t, 403, "authz.field_forbidden", pointer+" forbidden")
				e := d.answer.Errors[0]
				if test.lost == "" && e.Params != nil || test.lost != "" && fmt.Sprint(e.Params) != "map[fields:["+test.lost+"]]" {
					t.Errorf("%s lists %v, want %s", method, e.Params, test.lost)
				}
			}
		})
	}
}

// The list of errors is bounded, and says how many there are.
func TestDecodeBoundsItsErrors(t *testing.T) {
	var names, elements []string
	for i := range 50 {
		names = append(names, fmt.Sprintf(`"x%02d":1`, i))
		elements = append(elements, `{"checked":true}`)
	}
	d := sends(t, papers(), bodied("PUT", "{"+strings.Join(names, ",")+"}", as("alice", "user")))
	if d.status != 422 || len(d.answer.Errors) != 20 || !strings.Contains(d.answer.Detail, "the first 20 of 50") || d.answer.Errors[19].Pointer != "/x19" {
		t.Errorf("answered %d %s", d.status, d.text)
	}
	d.tells(t, "faults", "50")
	d = sends(t, papers(), bodied("POST", `{"lines":[`+strings.Join(elements, ",")+`]}`, as("alice", "user")))
	if d.status != 403 || len(d.answer.Errors) != 20 || !strings.Contains(d.answer.Detail, "the first 20 of 50") || d.answer.Errors[19].Pointer != "/lines/19/checked" {
		t.Errorf("answered %d %s", d.status, d.text)
	}
	d.tells(t, "field", "/lines/*/checked")
	// The way to an unknown name is bounded as well, at a whole name.
	deep := strings.Repeat(`{"`+strings.Repeat("k", 100)+`":`, 5)
	d = sends(t, papers(), bodied("POST", `{"shares":`+deep+`1`+strings.Repeat("}", 5)+`}`, as("alice", "user")))
	if e := d.answer.Errors; len(e) != 1 || len(e[0].Pointer) > 256 || strings.Count(e[0].Pointer, "k") != 200 {
		t.Errorf("answered %s", d.text)
	}
}

// A name in another case is told how it is spelled, if the caller may write it.
func TestDecodeTellsTheSpelling(t *testing.T) {
	d := sends(t, papers(), bodied("PUT", `{"TITLE":1,"ROLE":1}`, as("alice", "user")))
	d.refused(t, 422, "authz.field_unknown", "/ROLE unknown", "/TITLE unknown")
	if e := d.answer.Errors; e[0].Params != nil || e[1].Params["declared"] != "title" || e[1].Detail != "Must be spelled title, in the same case." {
		t.Errorf("errors are %+v", e)
	}
}
