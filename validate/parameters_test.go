package validate_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

const listing = `{
	"type":"object",
	"properties":{
		"limit":{"type":"integer","minimum":1,"maximum":100,"default":50},
		"offset":{"type":"integer","minimum":0},
		"ratio":{"type":"number"},
		"draft":{"type":"boolean"},
		"q":{"type":"string","maxLength":5},
		"sort":{"enum":["asc","desc"]},
		"tag":{"type":"array","items":{"type":"string"},"maxItems":3},
		"id":{"type":"array","items":{"type":"integer"},"x-explode":false}
	}}`

func get(query string) *http.Request {
	r := httptest.NewRequest("GET", "/documents", nil)
	r.URL.RawQuery = query
	return r
}

func TestQuery(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(listing), JSON: bulwark.JSONLimits{MaxItems: 50, MaxKeys: 60}}))
	passes := []struct {
		name, query, after string
		want               map[string]any
	}{
		{"Default", "", "limit=50", map[string]any{"limit": json.Number("50")}},
		{"DefaultAppended", "q=a+b%26", "q=a+b%26&limit=50", map[string]any{"limit": json.Number("50"), "q": "a b&"}},
		{"Unchanged", "limit=1&&offset=0", "limit=1&&offset=0", map[string]any{"limit": json.Number("1"), "offset": json.Number("0")}},
		{"Types", "limit=7&ratio=-0.5&draft=true&sort=asc&q=", "limit=7&ratio=-0.5&draft=true&sort=asc&q=",
			map[string]any{"limit": json.Number("7"), "ratio": json.Number("-0.5"), "draft": true, "sort": "asc", "q": ""}},
		{"WholeWithFraction", "limit=7.0", "limit=7.0", map[string]any{"limit": json.Number("7.0")}},
		{"Arrays", "limit=1&tag=a&tag=b,c&id=1,2", "limit=1&tag=a&tag=b,c&id=1,2",
			map[string]any{"limit": json.Number("1"), "tag": []any{"a", "b,c"}, "id": []any{json.Number("1"), json.Number("2")}}},
	}
	for _, test := range passes {
		t.Run(test.name, func(t *testing.T) {
			r := get(test.query)
			o := through(t, m, r)
			o.passed(t)
			if o.seen.URL.RawQuery != test.after || r.URL.RawQuery != test.query {
				t.Errorf("the query is %q, the outer one %q", o.seen.URL.RawQuery, r.URL.RawQuery)
			}
			got, err := validate.QueryAs[map[string]any](o.seen)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("QueryAs = %v, %v; want %v", got, err, test.want)
			}
		})
	}
	refusals := []struct {
		name, query string
		status      int
		code        string
		faults      []string
	}{
		{"Unknown", "page=1", 422, "validate.invalid", []string{"query /page unknown"}},
		{"OtherCase", "LIMIT=1", 422, "validate.invalid", []string{"query /LIMIT unknown"}},
		{"Brackets", "tag[]=1&tag[0]=2", 422, "validate.invalid", []string{"query /tag[0] unknown", "query /tag[] unknown"}},
		{"Repeated", "limit=1&limit=2", 422, "validate.invalid", []string{"query /limit repeated"}},
		{"RepeatedList", "id=1&id=2", 422, "validate.invalid", []string{"query /id repeated", "query /id type"}},
		{"OutOfRange", "limit=101&offset=-1", 422, "validate.invalid", []string{"query /limit maximum", "query /offset minimum"}},
		{"Zero", "limit=0", 422, "validate.invalid", []string{"query /limit minimum"}},
		{"Text", "limit=ten", 422, "validate.invalid", []string{"query /limit type"}},
		{"EmptyNumber", "limit=", 422, "validate.invalid", []string{"query /limit type"}},
		{"NoValue", "limit", 422, "validate.invalid", []string{"query /limit type"}},
		{"Plus", "limit=%2b5", 422, "validate.invalid", []string{"query /limit type"}},
		{"PlusIsSpace", "limit=+5", 422, "validate.invalid", []string{"query /limit type"}},
		{"Hexadecimal", "limit=0x10", 422, "validate.invalid", []string{"query /limit type"}},
		{"LeadingZero", "limit=010", 422, "validate.invalid", []string{"query /limit type"}},
		{"Exponent", "limit=1e1", 422, "validate.invalid", []string{"query /limit type"}},
		{"Underscore", "limit=1_0", 422, "validate.invalid", []string{"query /limit type"}},
		{"OtherDigits", "limit=" + url.QueryEscape("١"), 422, "validate.invalid", []string{"query /limit type"}},
		{"Fraction", "limit=1.5", 422, "validate.invalid", []string{"query /limit type"}},
		{"LongNumber", "ratio=" + strings.Repeat("1", 65), 422, "validate.invalid", []string{"query /ratio type"}},
		{"NaN", "ratio=NaN", 422, "validate.invalid", []string{"query /ratio type"}},
		{"BooleanOne", "draft=1", 422, "validate.invalid", []string{"query /draft type"}},
		{"BooleanCase", "draft=TRUE", 422, "validate.invalid", []string{"query /draft type"}},
		{"ManyItems", "tag=1&tag=2&tag=3&tag=4", 422, "validate.invalid", []string{"query /tag max_items"}},
		{"ItemType", "id=1,x", 422, "validate.invalid", []string{"query /id/1 type"}},
		{"TooLong", "q=%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4", 422, "validate.invalid", []string{"query /q max_length"}},
		{"BadPercent", "limit=%zz", 400, "validate.malformed_query", nil},
		{"BadPercentInName", "%=1", 400, "validate.malformed_query", nil},
		{"CutPercent", "q=%2", 400, "validate.malformed_query", nil},
		{"Semicolon", "limit=1;offset=2", 400, "validate.malformed_query", nil},
		{"NoName", "=1", 400, "validate.malformed_query", nil},
		{"InvalidUTF8", "q=%ff", 400, "validate.malformed_query", nil},
		{"NUL", "q=%00", 400, "validate.malformed_query", nil},
		{"ManyPairs", strings.Repeat("q=1&", 61), 400, "validate.too_complex", nil},
		{"ManyCommas", "id=" + strings.Repeat("1,", 60), 400, "validate.too_complex", nil},
	}
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			o := through(t, m, get(test.query))
			o.refused(t, test.status, test.code)
			sameList(t, o.faults(), test.faults)
		})
	}
	t.Run("ASemicolonEscaped", func(t *testing.T) { through(t, m, get("q=a%3Bb")).passed(t) })
	t.Run("NoParametersAtAll", func(t *testing.T) {
		config := validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{}}`)}
		serve(t, config, get("")).passed(t)
		serve(t, config, get("a=1")).refused(t, 422, "validate.invalid")
	})
	t.Run("Insecure", func(t *testing.T) {
		open := validate.Config{Query: validate.SchemaJSON(listing), InsecureUnknownProperties: true}
		serve(t, open, get("page=1")).passed(t)
		serve(t, open, get("page=1&page=2")).passed(t)
		serve(t, open, get("Limit=1")).refused(t, 422, "validate.invalid")
	})
	t.Run("ArrayDefault", func(t *testing.T) {
		o := serve(t, validate.Config{Query: validate.SchemaJSON(`{"properties":{
			"tag":{"type":"array","items":{"type":"string"},"default":["a b","c"]},"id":{"type":"array","items":{"type":"integer"},"x-explode":false,"default":[1,2]},
			"on":{"type":"boolean","default":true},"off":{"type":"boolean","default":false}}}`)}, get(""))
		o.passed(t)
		if want := "id=1%2C2&off=false&on=true&tag=a+b&tag=c"; o.seen.URL.RawQuery != want {
			t.Errorf("query is %s, want %s", o.seen.URL.RawQuery, want)
		}
	})
	t.Run("ThroughRefAndAllOf", func(t *testing.T) {
		config := validate.Config{Query: validate.SchemaJSON(`{"$defs":{"n":{"allOf":[{"type":"integer"}]},"ids":{"type":"array","items":{"$ref":"#/$defs/n"}},
			"page":{"properties":{"limit":{"$ref":"#/$defs/n"}}}},"allOf":[{"$ref":"#/$defs/page"}],"properties":{"ids":{"$ref":"#/$defs/ids"}}}`)}
		o := serve(t, config, get("limit=3&ids=1&ids=2"))
		o.passed(t)
		got, err := validate.QueryAs[struct {
			Limit int   `json:"limit"`
			IDs   []int `json:"ids"`
		}](o.seen)
		if err != nil || got.Limit != 3 || len(got.IDs) != 2 {
			t.Errorf("QueryAs = %v, %v", got, err)
		}
	})
	t.Run("AnotherQuery", func(t *testing.T) {
		o := through(t, m, get("limit=1"))
		sub := get("limit=1000").WithContext(o.seen.Context())
		if got, err := validate.QueryAs[map[string]any](sub); !errors.As(err, new(*bulwark.ConfigError)) {
			t.Errorf("QueryAs = %v, %v", got, err)
		}
		if got, err := validate.PathAs[map[string]any](o.seen); !errors.As(err, new(*bulwark.ConfigError)) {
			t.Errorf("PathAs = %v, %v", got, err)
		}
	})
}

func TestPath(t *testing.T) {
	schema := validate.SchemaJSON(`{"type":"object","required":["id"],"properties":{"id":{"type":"integer","minimum":1},"name":{"type":"string","format":"uuid"}}}`)
	request := func(id, name string) *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		r.Pattern = "GET /{id}/{name...}"
		r.SetPathValue("id", id)
		r.SetPathValue("name", name)
		return r
	}
	m := bulwark.Must(validate.New(validate.Config{Path: schema}))
	t.Run("Passes", func(t *testing.T) {
		o := through(t, m, request("42", ""))
		o.passed(t)
		got, err := validate.PathAs[struct {
			ID int `json:"id"`
		}](o.seen)
		if err != nil || got.ID != 42 {
			t.Errorf("PathAs = %v, %v", got, err)
		}
		other := request("43", "").WithContext(o.seen.Context())
		if _, err := validate.PathAs[map[string]any](other); !errors.As(err, new(*bulwark.ConfigError)) {
			t.Errorf("PathAs of another path = %v", err)
		}
	})
	tests := []struct {
		name, id, wildcard string
		status             int
		code               string
		faults             []string
	}{
		{"Empty", "", "", 422, "validate.invalid", []string{"path /id required"}},
		{"Text", "1 OR 1=1", "", 422, "validate.invalid", []string{"path /id type"}},
		{"BothWrong", "0", "x", 422, "validate.invalid", []string{"path /id minimum", "path /name format"}},
		{"NUL", "1", "a\x00", 400, "validate.malformed_path", nil},
		{"InvalidUTF8", "1", "\xff", 400, "validate.malformed_path", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := through(t, m, request(test.id, test.wildcard))
			o.refused(t, test.status, test.code)
			sameList(t, o.faults(), test.faults)
		})
	}
	t.Run("OtherRouter", func(t *testing.T) {
		config := validate.Config{Path: schema, PathValue: func(r *http.Request, name string) string { return r.Header.Get("Wildcard-" + name) }}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Wildcard-id", "7")
		serve(t, config, r).passed(t)
		r.Header.Set("Wildcard-id", "x")
		serve(t, config, r).refused(t, 422, "validate.invalid")
	})
}

func TestHeader(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{Header: validate.SchemaJSON(`{"type":"object","required":["x-tenant"],"properties":{
		"x-tenant":{"type":"string","pattern":"^[a-z]+$"},
		"X-Count":{"type":"integer","default":1},
		"X-List":{"type":"array","items":{"type":"integer"},"default":[1,2]}}}`)}))
	request := func(h http.Header) *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = h
		return r
	}
	t.Run("Passes", func(t *testing.T) {
		h := http.Header{"X-Tenant": {"acme"}, "X-List": {"1, 2", ",3"}, "User-Agent": {"x"}}
		o := through(t, m, request(h))
		o.passed(t)
		got, err := validate.HeaderAs[struct {
			Tenant string `json:"x-tenant"`
			Count  int    `json:"X-Count"`
			List   []int  `json:"X-List"`
		}](o.seen)
		if err != nil || got.Tenant != "acme" || got.Count != 1 || !reflect.DeepEqual(got.List, []int{1, 2, 3}) {
			t.Errorf("HeaderAs = %+v, %v", got, err)
		}
		if o.seen.Header.Get("X-Count") != "1" || h.Get("X-Count") != "" {
			t.Errorf("header is %v, the outer one %v", o.seen.Header, h)
		}
		other := request(http.Header{"X-Tenant": {"evil"}}).WithContext(o.seen.Context())
		if _, err := validate.HeaderAs[map[string]any](other); !errors.As(err, new(*bulwark.ConfigError)) {
			t.Errorf("HeaderAs of another header = %v", err)
		}
	})
	t.Run("ListDefault", func(t *testing.T) {
		o := through(t, m, request(http.Header{"X-Tenant": {"acme"}}))
		o.passed(t)
		if got := o.seen.Header.Get("X-List"); got != "1, 2" {
			t.Errorf("X-List is %q", got)
		}
	})
	tests := []struct {
		name   string
		header http.Header
		status int
		code   string
		faults []string
	}{
		{"Missing", nil, 422, "validate.invalid", []string{"header /x-tenant required"}},
		{"Repeated", http.Header{"X-Tenant": {"a", "b"}}, 422, "validate.invalid", []string{"header /x-tenant repeated"}},
		{"Pattern", http.Header{"X-Tenant": {"a;b"}, "X-List": {"1,x"}}, 422, "validate.invalid", []string{"header /X-List/1 type", "header /x-tenant pattern"}},
		{"Bytes", http.Header{"X-Tenant": {"\xe9"}}, 400, "validate.malformed_header", nil},
		{"ManyItems", http.Header{"X-Tenant": {"a"}, "X-List": {strings.Repeat("1,", 1001)}}, 400, "validate.too_complex", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := through(t, m, request(test.header))
			o.refused(t, test.status, test.code)
			sameList(t, o.faults(), test.faults)
		})
	}
}

func TestAllPartsInOneAnswer(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{
		Body: validate.SchemaJSON(signUp), Query: validate.SchemaJSON(listing),
		Path:   validate.SchemaJSON(`{"required":["id"],"properties":{"id":{"type":"integer"}}}`),
		Header: validate.SchemaJSON(`{"required":["x-a"],"properties":{"x-a":{"type":"string"}}}`),
	}))
	r := post(`{"email":"a@example.com","name":"A"}`)
	r.Pattern = "POST /users/{id...}"
	r.URL.RawQuery = "limit=0"
	o := through(t, m, r)
	o.refused(t, 422, "validate.invalid")
	sameList(t, o.faults(), []string{"body /password required", "header /x-a required", "path /id required", "query /limit minimum"})
}

func FuzzQuery(f *testing.F) {
	for _, query := range []string{"", "limit=1", "a=1&b=2", "q=%C3%A4", "q=%ff", "a;b", "%zz=1", "=1", "a=1&a=2", "limit=+5", "a%00=1", "&&&", "q=a%3Bb", "id=1,2,"} {
		f.Add(query)
	}
	m := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(listing)}))
	f.Fuzz(func(t *testing.T, query string) {
		ours, ok := validate.ParseQuery(query)
		theirs, err := url.ParseQuery(query)
		if ok && ours != nil {
			// What is accepted is read as everybody reads it.
			if err != nil || !reflect.DeepEqual(url.Values(ours), theirs) {
				t.Fatalf("%q: %v, net/url says %v, %v", query, ours, theirs, err)
			}
		}
		checked, err := m.Check(get(query))
		if err != nil {
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 422 && p.Status != 400 || p.Code == "validate.unchecked" {
				t.Fatalf("%q: %v", query, err)
			}
			return
		}
		if !ok {
			t.Fatalf("%q passed and does not parse", query)
		}
		// A second reading of what is passed on says the same.
		first, err := validate.QueryAs[map[string]any](checked)
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.Check(checked)
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", query, checked.URL.RawQuery, err)
		}
		if second, err := validate.QueryAs[map[string]any](again); err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("%q: %v, then %v, %v", query, first, second, err)
		}
	})
}

func FuzzCoerce(f *testing.F) {
	for _, text := range []string{"", "0", "-0", "1", "-1.5", "+1", "01", "1.", ".5", "1e3", "0x1", " 1", "true", "TRUE", "١", "1_000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []any{validate.Integer(text), validate.Number(text)} {
			switch got := got.(type) {
			case json.Number:
				var v any
				if err := json.Unmarshal([]byte(text), &v); err != nil || string(got) != text {
					t.Fatalf("%q became %v, which is not a JSON number: %v", text, got, err)
				}
			case string:
				if got != text {
					t.Fatalf("%q became %q", text, got)
				}
			default:
				t.Fatalf("%q became %T", text, got)
			}
		}
		if got, ok := validate.Boolean(text).(bool); ok && (text != "true" && text != "false" || got != (text == "true")) {
			t.Fatalf("%q became %v", text, got)
		}
	})
}
