package validate_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

type user struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name"`
	Role     string `json:"role"`
}

func TestSignUp(t *testing.T) {
	o := serve(t, validate.Config{Body: validate.SchemaJSON(signUp), MaxBodyBytes: 64 << 10}, post(goodUser))
	o.passed(t)
	if want := `{"email":"ann@example.com","name":"Ann","password":"correct horse","role":"user"}`; o.body != want {
		t.Errorf("the handler reads %s, want %s", o.body, want)
	}
	if o.seen.ContentLength != int64(len(o.body)) {
		t.Errorf("ContentLength is %d, the body has %d bytes", o.seen.ContentLength, len(o.body))
	}
	got, err := validate.BodyAs[user](o.seen)
	if want := (user{"ann@example.com", "correct horse", "Ann", "user"}); err != nil || got != want {
		t.Errorf("BodyAs = %+v, %v", got, err)
	}
}

// Where nothing is missing, the bytes are the client's own.
func TestUnchangedBody(t *testing.T) {
	text := ` {"role":"moderator", "name":"Ann","password":"correct horse","email":"ann@example.com"}`
	r := post(text)
	r.Header.Set("Content-Digest", "sha-256=:x:")
	o := serve(t, validate.Config{Body: validate.SchemaJSON(signUp)}, r)
	o.passed(t)
	if o.body != text || o.seen.Header.Get("Content-Digest") == "" {
		t.Errorf("the handler reads %s with header %v", o.body, o.seen.Header)
	}
}

func TestChangedBodyDropsWhatDescribedIt(t *testing.T) {
	r := post(goodUser)
	for name, value := range map[string]string{"Content-Digest": "sha-256=:x:", "Digest": "x", "Content-MD5": "x", "Repr-Digest": "x",
		"Content-Encoding": "identity", "Trailer": "X-T", "Content-Length": "70"} {
		r.Header.Set(name, value)
	}
	r.Trailer = http.Header{"X-T": nil}
	r.TransferEncoding = []string{"chunked"}
	r.Form = map[string][]string{"a": {"b"}}
	before := r.Header.Clone()
	o := serve(t, validate.Config{Body: validate.SchemaJSON(signUp)}, r)
	o.passed(t)
	if want := (http.Header{"Content-Type": {"application/json"}, "Content-Length": {"81"}}); !reflect.DeepEqual(o.seen.Header, want) {
		t.Errorf("header is %v", o.seen.Header)
	}
	if o.seen.Trailer != nil || o.seen.TransferEncoding != nil || o.seen.Form != nil {
		t.Errorf("kept %v %v %v", o.seen.Trailer, o.seen.TransferEncoding, o.seen.Form)
	}
	if !reflect.DeepEqual(r.Header, before) || r.Form == nil {
		t.Errorf("the outer request was modified: %v", r.Header)
	}
}

func TestDefaults(t *testing.T) {
	schema := `{
		"$defs":{"address":{"type":"object","properties":{"country":{"type":"string","default":"US"},"zip":{"type":"string"}}}},
		"type":"object",
		"allOf":[{"properties":{"lang":{"type":"string","default":"en"}}}],
		"properties":{
			"home":{"$ref":"#/$defs/address"},
			"work":{"$ref":"#/$defs/address","default":{}},
			"nothing":{"type":["string","null"],"default":null},
			"list":{"type":"array","items":{"$ref":"#/$defs/address"}},
			"pair":{"type":"array","prefixItems":[{"type":"object","properties":{"a":{"type":"integer","default":1}}}],"items":false},
			"tags":{"type":"array","items":{"type":"string"},"default":["a"]}
		}}`
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(schema)}))
	tests := []struct{ name, body, want string }{
		{"Empty", `{}`, `{"lang":"en","nothing":null,"tags":["a"],"work":{"country":"US"}}`},
		{"NullIsPresent", `{"nothing":null,"lang":"de","work":{"country":"FR"},"tags":[]}`, `{"nothing":null,"lang":"de","work":{"country":"FR"},"tags":[]}`},
		{"Nested", `{"home":{},"list":[{},{"country":"DE"},{"zip":"1"}],"pair":[{}]}`,
			`{"home":{"country":"US"},"lang":"en","list":[{"country":"US"},{"country":"DE"},{"country":"US","zip":"1"}],"nothing":null,"pair":[{"a":1}],"tags":["a"],"work":{"country":"US"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := through(t, m, post(test.body))
			o.passed(t)
			if o.body != test.want {
				t.Errorf("got  %s\nwant %s", o.body, test.want)
			}
		})
	}
	t.Run("NotShared", func(t *testing.T) {
		first, second := through(t, m, post(`{}`)), through(t, m, post(`{}`))
		got, err := validate.BodyAs[map[string]any](first.seen)
		if err != nil {
			t.Fatal(err)
		}
		got["tags"].([]any)[0] = "changed"
		got["work"].(map[string]any)["country"] = "changed"
		again, _ := validate.BodyAs[map[string]any](second.seen)
		if reflect.DeepEqual(got, again) || again["tags"].([]any)[0] != "a" {
			t.Errorf("requests share a default: %v", again)
		}
	})
}

func TestUnknownProperties(t *testing.T) {
	const composed = `{
		"$defs":{"named":{"type":"object","properties":{"name":{"type":"string"}}}},
		"type":"object",
		"allOf":[{"$ref":"#/$defs/named"},{"properties":{"age":{"type":"integer"},"inner":{"properties":{"a":{}}}}}],
		"properties":{"inner":{"properties":{"b":{}}},"free":{"type":"object","additionalProperties":true},"any":{},"anyRef":{"$ref":"#/$defs/any"},
			"constant":{"const":{"deep":{"x":1}}},"list":{"type":"array"},
			"shape":{"oneOf":[
				{"required":["radius"],"properties":{"kind":{"const":"circle"},"radius":{"type":"number"}}},
				{"required":["side"],"properties":{"kind":{"const":"square"},"side":{"type":"number"}}}]},
			"cond":{"if":{"properties":{"kind":{"const":"a"}},"required":["kind"]},"then":{"properties":{"a":{}}},"else":{"properties":{"kind":{},"b":{}}}},
			"dep":{"properties":{"x":{}},"dependentSchemas":{"x":{"properties":{"y":{}}}}}}
		}`
	schema := strings.Replace(composed, `"$defs":{`, `"$defs":{"any":{},`, 1)
	tests := []struct {
		name, body string
		faults     []string
	}{
		{"ThroughAllOfAndRef", `{"name":"a","age":1}`, nil},
		{"UnknownBesideThem", `{"name":"a","age":1,"admin":true}`, []string{"body /admin unknown"}},
		{"TwoSchemasOfOneProperty", `{"inner":{"a":1,"b":2}}`, nil},
		{"NestedUnknown", `{"inner":{"a":1,"c":2}}`, []string{"body /inner/c unknown"}},
		{"Free", `{"free":{"x":{"y":[{"z":1}]}}}`, nil},
		{"Anything", `{"any":{"x":{"y":1}},"anyRef":[{"x":1}]}`, nil},
		{"Constant", `{"constant":{"deep":{"x":1}}}`, nil},
		{"ListOfWhatNobodyDescribes", `{"list":[1,{"x":1}]}`, []string{"body /list/1/x unknown"}},
		{"Branch", `{"shape":{"kind":"circle","radius":1}}`, nil},
		{"OtherBranchIsUnknown", `{"shape":{"kind":"circle","radius":1,"side":2}}`, []string{"body /shape/side unknown"}},
		{"BestBranch", `{"shape":{"kind":"square","side":"x"}}`, []string{"body /shape/side type"}},
		{"Then", `{"cond":{"kind":"a","a":1}}`, nil},
		{"ElseIsUnknown", `{"cond":{"kind":"a","b":1}}`, []string{"body /cond/b unknown"}},
		{"Else", `{"cond":{"kind":"z","b":1}}`, nil},
		{"DependentSchema", `{"dep":{"x":1,"y":1}}`, nil},
		{"DependentSchemaNotApplied", `{"dep":{"y":1}}`, []string{"body /dep/y unknown"}},
		{"CaseInAFreeObject", `{"FREE":{}}`, []string{"body /FREE unknown"}},
	}
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(schema)}))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := through(t, m, post(test.body))
			if test.faults == nil {
				o.passed(t)
				return
			}
			o.refused(t, 422, "validate.invalid")
			sameList(t, o.faults(), test.faults)
		})
	}
	t.Run("Insecure", func(t *testing.T) {
		open := bulwark.Must(validate.New(validate.Config{InsecureUnknownProperties: true, Body: validate.SchemaJSON(schema)}))
		through(t, open, post(`{"admin":true,"inner":{"c":1}}`)).passed(t)
		o := through(t, open, post(`{"AGE":1,"inner":{"A":1}}`))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"body /AGE unknown", "body /inner/A unknown"})
	})
	t.Run("AdditionalPropertiesAndCase", func(t *testing.T) {
		extra := validate.SchemaJSON(`{"type":"object","properties":{"role":{"type":"string"}},"additionalProperties":true}`)
		o := serve(t, validate.Config{Body: extra}, post(`{"Role":"admin","more":{"x":{}}}`))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"body /Role unknown"})
	})
}

func TestOptionalBody(t *testing.T) {
	config := validate.Config{Body: validate.SchemaJSON(signUp), OptionalBody: true}
	o := serve(t, config, httptest.NewRequest("POST", "/users", nil))
	o.passed(t)
	got, err := validate.BodyAs[*user](o.seen)
	if got != nil || err != nil {
		t.Errorf("BodyAs = %v, %v", got, err)
	}
	serve(t, config, post(`{}`)).refused(t, 422, "validate.invalid")
	serve(t, config, post(goodUser)).passed(t)
}

func TestStatus(t *testing.T) {
	serve(t, validate.Config{Body: validate.SchemaJSON(signUp), Status: 400}, post(`{}`)).refused(t, 400, "validate.invalid")
}

func TestBodyAs(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(signUp)}))
	checked, err := m.Check(post(goodUser))
	if err != nil {
		t.Fatal(err)
	}
	unchecked := func(t *testing.T, r *http.Request) {
		t.Helper()
		got, err := validate.BodyAs[user](r)
		if !errors.As(err, new(*bulwark.ConfigError)) || got != (user{}) {
			t.Errorf("BodyAs = %+v, %v", got, err)
		}
	}
	t.Run("NoLayer", func(t *testing.T) { unchecked(t, post(goodUser)) })
	t.Run("SubRequestWithAnotherBody", func(t *testing.T) {
		sub := post(`{"role":"admin"}`).WithContext(checked.Context())
		unchecked(t, sub)
	})
	t.Run("SubRequestWithoutBody", func(t *testing.T) {
		unchecked(t, httptest.NewRequest("GET", "/", nil).WithContext(checked.Context()))
	})
	t.Run("SubRequestReadByAnotherLayer", func(t *testing.T) {
		other := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{"role":{}}}`)}))
		sub, err := other.Check(post(`{"role":"admin"}`).WithContext(checked.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := validate.BodyAs[user](sub); err != nil || got.Role != "admin" || got.Email != "" {
			t.Errorf("BodyAs = %+v, %v", got, err)
		}
	})
	t.Run("WrongType", func(t *testing.T) {
		_, err := validate.BodyAs[struct{ Email int }](checked)
		if !errors.As(err, new(*bulwark.ConfigError)) {
			t.Errorf("a name in another case: %v", err)
		}
		type wrong struct {
			Email int `json:"email"`
		}
		_, err = validate.BodyAs[wrong](checked)
		if err == nil || strings.Contains(err.Error(), "ann") || !strings.HasSuffix(err.Error(), "Email: int: a string") {
			t.Errorf("BodyAs = %v", err)
		}
	})
	t.Run("WrongTypeOfTheWhole", func(t *testing.T) {
		if _, err := validate.BodyAs[int](checked); err == nil || !strings.HasSuffix(err.Error(), "in validate.Config: int: an object") {
			t.Errorf("BodyAs = %v", err)
		}
	})
	t.Run("LayersInLayers", func(t *testing.T) {
		inner := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{"q":{"type":"string"}}}`)}))
		r := post(goodUser)
		r.URL.RawQuery = "q=1"
		r, err := m.Check(r)
		if err == nil {
			r, err = inner.Check(r)
		}
		if err != nil {
			t.Fatal(err)
		}
		u, err := validate.BodyAs[user](r)
		q, err2 := validate.QueryAs[map[string]string](r)
		if err != nil || err2 != nil || u.Name != "Ann" || q["q"] != "1" {
			t.Errorf("%v %v %v %v", u, err, q, err2)
		}
	})
}

func TestSchemaFS(t *testing.T) {
	files := fstest.MapFS{
		"schemas/user.json":    {Data: []byte(`{"type":"object","properties":{"home":{"$ref":"address.json#/$defs/address"}}}`)},
		"schemas/address.json": {Data: []byte(`{"$defs":{"address":{"type":"object","properties":{"city":{"type":"string","default":"Oslo"}}}}}`)},
		"outside.json":         {Data: []byte(`{"$ref":"../../../../etc/passwd"}`)},
		"net.json":             {Data: []byte(`{"$ref":"https://example.com/x.json"}`)},
		"disk.json":            {Data: []byte(`{"$ref":"file:///etc/passwd"}`)},
		"bad.json":             {Data: []byte(`{"$ref":"schemas/typo.json"}`)},
		"schemas/typo.json":    {Data: []byte(`{"tpye":"string"}`)},
		"id.json":              {Data: []byte(`{"$id":"https://example.com/id.json","$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"n":{"type":"integer","default":1}}}}}`)},
	}
	t.Run("RelativeReference", func(t *testing.T) {
		o := serve(t, validate.Config{Body: validate.SchemaFS(files, "schemas/user.json")}, post(`{"home":{}}`))
		o.passed(t)
		if o.body != `{"home":{"city":"Oslo"}}` {
			t.Errorf("body is %s", o.body)
		}
	})
	t.Run("ItsOwnID", func(t *testing.T) {
		o := serve(t, validate.Config{Body: validate.SchemaFS(files, "id.json")}, post(`{}`))
		o.passed(t)
		if o.body != `{"n":1}` {
			t.Errorf("body is %s", o.body)
		}
	})
	for _, name := range []string{"outside.json", "net.json", "disk.json", "bad.json", "missing.json", "../x.json"} {
		t.Run("Refuses-"+strings.Trim(name, "./"), func(t *testing.T) {
			_, err := validate.New(validate.Config{Body: validate.SchemaFS(files, name)})
			if !errors.As(err, new(*bulwark.ConfigError)) {
				t.Errorf("New = %v", err)
			}
		})
	}
}

func TestIsALayer(t *testing.T) {
	config := validate.Config{Body: validate.SchemaJSON(signUp)}
	stack, err := bulwark.Chain(config, bulwark.Must(validate.New(config)))
	if err != nil || len(stack.Layers()) != 2 {
		t.Fatal(stack, err)
	}
	if kind := stack.Layers()[0].(bulwark.Kinded).Kind(); kind != "validate" {
		t.Errorf("Kind is %q", kind)
	}
	layer, err := validate.Config{}.Build()
	if layer != nil || err == nil {
		t.Errorf("Build = %v, %v; want a literal nil and an error", layer, err)
	}
}
