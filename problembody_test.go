package bulwark_test

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/member"
)

// standard is a body as encoding/json writes it.
type standard struct {
	Type     string               `json:"type"`
	Title    string               `json:"title"`
	Status   int                  `json:"status"`
	Detail   string               `json:"detail,omitempty"`
	Instance string               `json:"instance,omitempty"`
	Code     string               `json:"code"`
	Errors   []bulwark.FieldError `json:"errors,omitempty"`
}

// byLibrary is the body of a problem with a plain status, by encoding/json.
func byLibrary(t *testing.T, p *bulwark.Problem) string {
	t.Helper()
	text, err := json.Marshal(standard{p.Type, p.Title, p.Status, p.Detail, "", p.Code, p.Errors})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Extensions) == 0 {
		return string(text)
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(text, &own); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for name, value := range p.Extensions {
		switch name {
		case "type", "title", "status", "detail", "instance", "code", "errors":
		default:
			all[name] = value
		}
	}
	for name, value := range own {
		all[name] = value
	}
	if text, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBodyIsThatOfTheLibrary(t *testing.T) {
	nasty := []string{"", "plain", `a"b\c`, "<b>&amp;</b>", "line\nfeed\ttab\r\b\f\x00\x1f\x7f", "\u2028\u2029", "ünïcödé 😀", "\xff\xfe\xc3(", strings.Repeat("x", 5000)}
	values := []any{nil, "text", `<"\`, []string(nil), []string{}, []string{"a", "<b>"}, 1, -1.5, 1e30, true, map[string]any{"b": 1, "a": []any{nil}},
		json.RawMessage(`{"z":  1}`), struct {
			A int `json:"a,omitempty"`
		}{}, math.MaxInt64}
	for i, text := range nasty {
		for j, value := range values {
			p := &bulwark.Problem{Type: text, Title: nasty[(i+1)%len(nasty)], Status: 400 + i, Code: text, Detail: nasty[(i+j)%len(nasty)]}
			check := func() {
				t.Helper()
				got, err := p.MarshalJSON()
				if want := byLibrary(t, p); err != nil || string(got) != want {
					t.Errorf("%v\n%s\n%s", err, got, want)
				}
			}
			check()
			p.Errors = []bulwark.FieldError{{Pointer: text, In: "body", Code: "<", Params: map[string]any{"limit": value}, Detail: text}}
			check()
			p.Extensions = map[string]any{text: value, "a": 1, "zz": value, "codes": text, "detail": "forged", "errors": 1, "instance": "forged", "Type": text}
			check()
			p.Errors, p.Detail = nil, ""
			check()
			p.Extensions = map[string]any{"status": "forged"}
			if got, _ := p.MarshalJSON(); strings.Contains(string(got), "forged") {
				t.Errorf("%s", got)
			}
		}
	}
}

func TestBodyThatJSONCannotSay(t *testing.T) {
	for _, extensions := range []map[string]any{{"bad": func() {}}, {"zzz": math.Inf(1)}, {"zzz": make(chan int)}} {
		if text, err := (&bulwark.Problem{Status: 400, Extensions: extensions}).MarshalJSON(); err == nil {
			t.Errorf("%s", text)
		}
	}
}

// TestMemberIsShared: many problems have one list, and nobody who gets a
// problem can change it.
func TestMemberIsShared(t *testing.T) {
	list := &member.List{Name: "violated-policies", Values: []string{"api"}}
	with := func(extensions map[string]any) *bulwark.Problem {
		p := &bulwark.Problem{Type: "t", Title: "T", Status: 429, Code: "a.b", Extensions: extensions}
		member.Attach(p, list)
		return p
	}
	for want, p := range map[string]*bulwark.Problem{
		`{"code":"a.b","status":429,"title":"T","type":"t","violated-policies":["api"]}`:          with(nil),
		`{"a":1,"code":"a.b","status":429,"title":"T","type":"t","violated-policies":["api"]}`:    with(map[string]any{"a": 1}),
		`{"code":"a.b","status":429,"title":"T","type":"t","violated-policies":2}`:                with(map[string]any{"violated-policies": 2}),
		`{"code":"a.b","status":429,"title":"T","type":"t","violated-policies":["api"],"z":null}`: with(map[string]any{"z": nil}),
	} {
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("%v\n%s\n%s", err, got, want)
		}
	}
	own := map[string]any{"mine": 1}
	before := maps.Clone(own)
	for range 2 {
		w := respond(with(own), func(p *bulwark.Problem) {
			names, ok := p.Extensions["violated-policies"].([]string)
			if !ok || len(names) != 1 || names[0] != "api" || p.Extensions["mine"] != 1 {
				t.Errorf("%v", p.Extensions)
			}
			names[0] = "poisoned"
			p.Extensions["poison"] = true
		})
		if !strings.Contains(w, "poisoned") {
			t.Errorf("what the Responder changes counts for its answer: %s", w)
		}
	}
	if list.Values[0] != "api" || !maps.Equal(own, before) {
		t.Errorf("a Responder has changed what others share: %v, %v", list, own)
	}
}

// respond refuses with p behind an Edge whose Responder changes the problem and
// then writes it, and returns the body.
func respond(p *bulwark.Problem, change func(*bulwark.Problem)) string {
	edge := bulwark.Must(bulwark.NewEdge(bulwark.Edge{InsecureAnyHost: true, Responder: func(w http.ResponseWriter, r *http.Request, p *bulwark.Problem) {
		change(p)
		bulwark.Deny(w, r, p)
	}}))
	w := httptest.NewRecorder()
	edge.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, p) })).
		ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}
