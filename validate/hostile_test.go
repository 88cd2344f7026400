package validate_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// secret stands in every refused value; no answer and no event may contain it.
const secret = "s3cr3t-v4lue"

func TestRefusesBodies(t *testing.T) {
	with := func(extra string) string { return goodUser[:len(goodUser)-1] + "," + extra + "}" }
	tests := []struct {
		name   string
		body   string
		status int
		code   string
		faults []string
	}{
		{"MissingEmail", `{"password":"correct horse","name":"Ann"}`, 422, "validate.invalid", []string{"body /email required"}},
		{"EverythingMissing", `{}`, 422, "validate.invalid", []string{"body /email required", "body /name required", "body /password required"}},
		{"UnknownField", with(`"isAdmin":true`), 422, "validate.invalid", []string{"body /isAdmin unknown"}},
		{"UnknownFieldWithSlashAndTilde", with(`"a/b~c":1`), 422, "validate.invalid", []string{"body /a~1b~0c unknown"}},
		{"UnknownEmptyName", with(`"":1`), 422, "validate.invalid", []string{"body / unknown"}},
		{"RoleAdmin", with(`"role":"admin"`), 422, "validate.invalid", []string{"body /role enum"}},
		{"RoleNull", with(`"role":null`), 422, "validate.invalid", []string{"body /role enum"}},
		{"OtherCase", strings.Replace(goodUser, "email", "EMAIL", 1), 422, "validate.invalid", []string{"body /EMAIL unknown", "body /email required"}},
		{"LongS", `{"email":"a@example.com","pa\u017f\u017fword":"12345678","name":"A"}`, 422, "validate.invalid",
			[]string{"body /password required", "body /paſſword unknown"}},
		{"Prototype", with(`"__proto__":{"role":"admin"}`), 422, "validate.invalid", []string{"body /__proto__ unknown"}},
		{"ShortPassword", strings.Replace(goodUser, "correct horse", "s3cr3t", 1), 422, "validate.invalid", []string{"body /password min_length"}},
		{"SevenCharactersOfManyBytes", strings.Replace(goodUser, "correct horse", "äöüßéèê", 1), 422, "validate.invalid", []string{"body /password min_length"}},
		{"NameTooLong", strings.Replace(goodUser, "Ann", strings.Repeat(secret, 10), 1), 422, "validate.invalid", []string{"body /name max_length"}},
		{"NameANumber", strings.Replace(goodUser, `"Ann"`, `12345`, 1), 422, "validate.invalid", []string{"body /name type"}},
		{"NameAnObject", strings.Replace(goodUser, `"Ann"`, `{"$ne":"`+secret+`"}`, 1), 422, "validate.invalid", []string{"body /name type"}},
		{"EmailWithSpace", strings.Replace(goodUser, "ann@", " ann@", 1), 422, "validate.invalid", []string{"body /email format"}},
		{"EmailWithHeader", strings.Replace(goodUser, "ann@", `ann\r\nBcc: `+secret+`@`, 1), 422, "validate.invalid", []string{"body /email format"}},
		{"SeveralAtOnce", `{"email":"` + secret + `","password":"x","name":"","more":1}`, 422, "validate.invalid",
			[]string{"body /email format", "body /more unknown", "body /name min_length", "body /password min_length"}},
		{"AnArray", `[` + goodUser + `]`, 422, "validate.invalid", []string{"body  type"}},
		{"AString", `"` + secret + `"`, 422, "validate.invalid", []string{"body  type"}},
		{"Null", `null`, 422, "validate.invalid", []string{"body  type"}},
		{"DuplicateKey", with(`"name":"` + secret + `"`), 400, "body.malformed", []string{"body /name repeated"}},
		{"DuplicateKeyByCase", with(`"NAME":"` + secret + `"`), 400, "body.malformed", []string{"body /NAME repeated"}},
		{"DuplicateKeyEscaped", with(`"n\u0061me":"x"`), 400, "body.malformed", []string{"body /name repeated"}},
		{"NestedTenThousand", strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), 400, "body.too_complex", nil},
		{"NestedObjects", strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), 400, "body.too_complex", nil},
		{"HugeExponent", `{"name":1e1000001}`, 400, "body.too_complex", nil},
		{"LongNumber", `{"name":` + strings.Repeat("9", 65) + `}`, 400, "body.too_complex", nil},
		{"ManyKeys", `{"a` + strings.Join(numbered(1_200), `":1,"a`) + `":1}`, 400, "body.too_complex", nil},
		{"Truncated", goodUser[:40], 400, "body.malformed", nil},
		{"Trailing", goodUser + `{}`, 400, "body.malformed", nil},
		{"NotJSON", `email=` + secret, 400, "body.malformed", nil},
		{"OnlySpace", "  \n", 400, "body.malformed", nil},
		{"NaN", `{"name":NaN}`, 400, "body.malformed", nil},
		{"InvalidUTF8", "{\"name\":\"\xff\"}", 400, "body.malformed", nil},
		{"LoneSurrogate", `{"name":"\ud800"}`, 400, "body.malformed", nil},
		{"ByteOrderMark", "\ufeff" + goodUser, 400, "body.malformed", nil},
		{"Empty", "", 400, "body.required", nil},
		{"FiveMegabytes", `{"name":"` + strings.Repeat("a", 5<<20) + `"}`, 413, "body.too_large", nil},
	}
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(signUp), MaxBodyBytes: 64 << 10}))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := through(t, m, post(test.body))
			o.refused(t, test.status, test.code)
			sameList(t, o.faults(), test.faults)
			if strings.Contains(o.text, secret) {
				t.Errorf("the answer repeats the value: %s", o.text)
			}
			for _, attr := range o.events[0].Attrs {
				if strings.Contains(attr.Value.String(), secret) {
					t.Errorf("the event repeats the value: %v", attr)
				}
			}
		})
	}
}

func numbered(n int) []string {
	var all []string
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

func TestRefusesMediaTypes(t *testing.T) {
	tests := []struct {
		name     string
		header   http.Header
		code     string
		accepted bool
	}{
		{"JSON", http.Header{"Content-Type": {"application/json"}}, "", true},
		{"UTF8", http.Header{"Content-Type": {"Application/JSON; Charset=\"UTF-8\""}}, "", true},
		{"Identity", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"identity"}}, "", true},
		{"Missing", http.Header{}, "body.unsupported_media_type", false},
		{"Form", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "body.unsupported_media_type", false},
		{"Text", http.Header{"Content-Type": {"text/plain"}}, "body.unsupported_media_type", false},
		{"UTF16", http.Header{"Content-Type": {"application/json; charset=utf-16"}}, "body.unsupported_media_type", false},
		{"Twice", http.Header{"Content-Type": {"application/json", "application/json"}}, "body.unsupported_media_type", false},
		{"Broken", http.Header{"Content-Type": {"application/json; charset"}}, "body.unsupported_media_type", false},
		{"MergePatch", http.Header{"Content-Type": {"application/merge-patch+json"}}, "", true},
		{"OtherJSON", http.Header{"Content-Type": {"application/problem+json"}}, "body.unsupported_media_type", false},
		{"Gzip", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, "body.unsupported_encoding", false},
		{"IdentityThenGzip", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"identity, gzip"}}, "body.unsupported_encoding", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := post(goodUser)
			r.Header = test.header
			o := serve(t, validate.Config{Body: validate.SchemaJSON(signUp)}, r)
			if test.accepted {
				o.passed(t)
				return
			}
			o.refused(t, 415, test.code)
			if test.code == "body.unsupported_media_type" && o.header.Get("Accept") != "application/json, application/merge-patch+json" {
				t.Errorf("Accept is %q", o.header.Get("Accept"))
			}
		})
	}
	t.Run("PatchNotDeclared", func(t *testing.T) {
		r := post(goodUser)
		r.Header.Set("Content-Type", "application/merge-patch+json")
		o := serve(t, validate.Config{Body: validate.SchemaJSON(signUp), MediaTypes: []string{"application/json"}}, r)
		o.refused(t, 415, "body.unsupported_media_type")
		if o.header.Get("Accept") != "application/json" {
			t.Errorf("Accept is %q", o.header.Get("Accept"))
		}
	})
}

// Each bound of a document is the Config's.
func TestJSONLimits(t *testing.T) {
	anything := validate.SchemaJSON("true")
	for _, test := range []struct {
		rule       string
		limits     bulwark.JSONLimits
		good, over string
	}{
		{"depth", bulwark.JSONLimits{MaxDepth: 2}, `[[1]]`, `[[[1]]]`},
		{"keys", bulwark.JSONLimits{MaxKeys: 2}, `{"a":{"b":1}}`, `{"a":{"b":1},"c":1}`},
		{"items", bulwark.JSONLimits{MaxItems: 2}, `[1,[1,2]]`, `[1,2,3]`},
		{"values", bulwark.JSONLimits{MaxValues: 3}, `[1,2]`, `[1,2,3]`},
		{"string", bulwark.JSONLimits{MaxStringBytes: 3}, `["abc"]`, `["ab\u00e9"]`},
		{"name", bulwark.JSONLimits{MaxNameBytes: 3}, `{"abc":"abcd"}`, `{"abcd":1}`},
		{"name", bulwark.JSONLimits{MaxStringBytes: 3}, `{"abc":1}`, `{"abcd":1}`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			config := validate.Config{Body: anything, JSON: test.limits}
			serve(t, config, post(test.good)).passed(t)
			o := serve(t, config, post(test.over))
			o.refused(t, 400, "body.too_complex")
			if o.events[0].Rule != test.rule {
				t.Errorf("rule is %q", o.events[0].Rule)
			}
		})
	}
}

func TestMergePatch(t *testing.T) {
	config := validate.Config{MediaTypes: []string{"application/json", "application/merge-patch+json"},
		Body: validate.SchemaJSON(`{"type":"object","minProperties":1,"properties":{"title":{"type":["string","null"],"maxLength":5}}}`)}
	patch := func(text string) *http.Request {
		r := httptest.NewRequest("PATCH", "/documents/1", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/merge-patch+json")
		return r
	}
	t.Run("Null", func(t *testing.T) {
		o := serve(t, config, patch(`{"title":null}`))
		o.passed(t)
		got, err := validate.BodyAs[map[string]any](o.seen)
		if value, present := got["title"]; err != nil || !present || value != nil {
			t.Errorf("BodyAs = %v, %v", got, err)
		}
	})
	t.Run("Nothing", func(t *testing.T) {
		o := serve(t, config, patch(`{}`))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"body  min_properties"})
	})
	t.Run("AcceptPatch", func(t *testing.T) {
		r := patch(`{}`)
		r.Header.Set("Content-Type", "text/plain")
		o := serve(t, config, r)
		o.refused(t, 415, "body.unsupported_media_type")
		if got := o.header.Get("Accept-Patch"); got != "application/json, application/merge-patch+json" {
			t.Errorf("Accept-Patch is %q", got)
		}
	})
}

// The declared length of a body is not trusted: a chunked one is cut off at
// the limit, too.
func TestChunkedBodyBeyondTheLimit(t *testing.T) {
	r := httptest.NewRequest("POST", "/users", struct{ *strings.Reader }{strings.NewReader(strings.Repeat(" ", 70<<10))})
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = -1
	o := serve(t, validate.Config{Body: validate.SchemaJSON(signUp), MaxBodyBytes: 64 << 10}, r)
	o.refused(t, 413, "body.too_large")
}

// The work for a document is bounded for every schema.
func TestStepsAreBounded(t *testing.T) {
	schema := `{"$defs":{"tree":{"anyOf":[
		{"type":"array","items":{"$ref":"#/$defs/tree"},"minItems":1},
		{"type":"array","items":{"$ref":"#/$defs/tree"},"maxItems":1},
		{"type":"array","items":{"$ref":"#/$defs/tree"}}]}},
		"$ref":"#/$defs/tree"}`
	deep := strings.Repeat("[", 30) + `[]` + strings.Repeat("]", 30)
	serve(t, validate.Config{Body: validate.SchemaJSON(schema)}, post(deep)).passed(t)
	o := serve(t, validate.Config{Body: validate.SchemaJSON(schema), MaxSteps: 300}, post(deep))
	o.refused(t, 400, "validate.too_complex")
	if o.events[0].Rule != "body" {
		t.Errorf("rule is %q", o.events[0].Rule)
	}
}

func TestManyFaultsAreCapped(t *testing.T) {
	var items []string
	for range 900 {
		items = append(items, `"`+secret+`"`)
	}
	o := serve(t, validate.Config{Body: validate.SchemaJSON(`{"type":"array","items":{"type":"integer"}}`)}, post("["+strings.Join(items, ",")+"]"))
	o.refused(t, 422, "validate.invalid")
	if len(o.problem.Errors) != 20 || !strings.Contains(o.problem.Detail, "first 20 of 900") {
		t.Errorf("%d errors, %q", len(o.problem.Errors), o.problem.Detail)
	}
	o = serve(t, validate.Config{MaxErrors: 3, Body: validate.SchemaJSON(`{"type":"array","items":{"type":"integer"}}`)}, post("["+strings.Join(items, ",")+"]"))
	sameList(t, o.faults(), []string{"body /0 type", "body /1 type", "body /10 type"})
}

func TestLongNamesAreNotRepeated(t *testing.T) {
	name := strings.Repeat("n", 1_000)
	o := serve(t, validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{"a":{"type":"object"}}}`)}, post(`{"a":{"`+name+`":1}}`))
	o.refused(t, 422, "validate.invalid")
	sameList(t, o.faults(), []string{"body /a unknown"})
}

func TestTheSameAnswerEveryTime(t *testing.T) {
	schema := `{
		"type":"object",
		"required":["r1","r2","r3"],
		"patternProperties":{"^n":{"type":"number"},"^na":{"minimum":10}},
		"additionalProperties":{"type":"string","maxLength":2},
		"propertyNames":{"maxLength":4},
		"allOf":[{"required":["r2","r4"]},{"properties":{"o":{"oneOf":[{"required":["x"]},{"required":["y"]}]}}}]
	}`
	body := `{"n1":"x","na1":1,"na2":"y","b":"long","c":"long","d":5,"toolong":"x","o":{"k":1,"j":2},"n2":[],"e":[{"z":1,"y":2,"x":3}]}`
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(schema), MaxErrors: 100}))
	want := through(t, m, post(body))
	want.refused(t, 422, "validate.invalid")
	if len(want.problem.Errors) < 15 || !slices.IsSorted(want.faults()) {
		t.Errorf("faults are %q", want.faults())
	}
	for range 100 {
		got := through(t, m, post(body))
		if errors := got.text; errors[strings.Index(errors, `"code"`):] != want.text[strings.Index(want.text, `"code"`):] {
			t.Fatalf("got\n%s\nthen\n%s", want.text, got.text)
		}
	}
}

func TestPanicsAreRefusals(t *testing.T) {
	config := validate.Config{
		Body:    validate.SchemaJSON(`{"type":"string","format":"mine"}`),
		Formats: map[string]func(string) bool{"mine": func(string) bool { panic("no") }},
	}
	o := serve(t, config, post(`"`+secret+`"`))
	o.refused(t, 500, "validate.unchecked")
}

func TestUnconfigured(t *testing.T) {
	for name, m := range map[string]*validate.Middleware{"Nil": nil, "Zero": {}} {
		t.Run(name, func(t *testing.T) {
			o := through(t, m, post(goodUser))
			if o.seen != nil || o.status != 500 || o.problem.Code != "validate.unconfigured" {
				t.Errorf("answered %d %s", o.status, o.text)
			}
			if len(o.events) != 1 || o.events[0].Reason != "validate.unconfigured" || o.events[0].Name != bulwark.SysUnavailable {
				t.Errorf("events are %+v", o.events)
			}
			if _, err := m.Check(post(goodUser)); !errors.As(err, new(*bulwark.ConfigError)) {
				t.Errorf("Check = %v", err)
			}
		})
	}
}

// A valid tree of alternatives is cheap, and the faults of a bad one are those
// of the alternative that was meant.
func TestCaseValidate1FilterTree(t *testing.T) {
	branch := func(tag, op, list string) string {
		return `{"type":"object","required":["` + tag + `","` + list + `"],"properties":{"` + tag + `":{"const":"` + op + `"},"` + list + `":{"type":"array","items":{"$ref":"#/$defs/f"}}}}`
	}
	for _, names := range [][2]string{{"op", "args"}, {"kind", "members"}} {
		tag, list := names[0], names[1]
		m := bulwark.Must(validate.New(validate.Config{MaxSteps: 3_000, Body: validate.SchemaJSON(`{"$ref":"#/$defs/f","$defs":{"f":{"oneOf":[` +
			branch(tag, "and", list) + `,` + branch(tag, "or", list) + `,` + branch(tag, "not", list) + `,
			{"type":"object","required":["` + tag + `","name"],"properties":{"` + tag + `":{"const":"leaf"},"name":{"type":"string"}}}]}}}`)}))
		tree := func(leaf string, depth int) *http.Request {
			return post(nested(`{"`+tag+`":"and","`+list+`":[`, leaf, `]}`, depth))
		}
		t.Run(tag, func(t *testing.T) {
			through(t, m, tree(`{"`+tag+`":"leaf","name":"a"}`, 15)).passed(t)
			o := through(t, m, tree(`{"`+tag+`":"leaf","name":7}`, 15))
			o.refused(t, 422, "validate.invalid")
			sameList(t, o.faults(), []string{"body " + strings.Repeat("/"+list+"/0", 15) + "/name type"})
		})
	}
}
