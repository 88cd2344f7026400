package validate_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/validate"
)

type (
	// untagged is what a newcomer writes.
	untagged struct{ Email, Password, Name, Role string }
	street   struct{ Street string }
	base     struct{ ID int }
)

// checkedBody returns a request whose body was checked.
func checkedBody(t *testing.T, schema, text string) *http.Request {
	t.Helper()
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(schema), OptionalBody: text == ""}))
	r, err := m.Check(post(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A field that would stay empty because its name is the name of a property in
// another spelling is an error that says which tag to write.
func TestMisnamedFields(t *testing.T) {
	body := func(schema string, as func(*http.Request) error) func(*testing.T) error {
		return func(t *testing.T) error { return as(checkedBody(t, schema, "")) }
	}
	for _, test := range []struct {
		name string
		got  func(*testing.T) error
		want []string // parts of the error; none for no error
	}{
		{"NoTags", body(signUp, as[untagged]), []string{"validate_test.untagged", "validate.Config.Body", "`json:\"email\"` for Email", "`json:\"password\"` for Password", "`json:\"name\"` for Name", "`json:\"role\"` for Role", "`json:\"-\"`"}},
		{"Pointer", body(signUp, as[*untagged]), []string{"`json:\"email\"` for Email"}},
		{"TagInAnotherCase", body(signUp, as[struct {
			Mail string `json:"EMAIL"`
		}]), []string{"`json:\"email\"` for Mail"}},
		{"Kelvin", body(`{"properties":{"kind":{}}}`, as[struct {
			Kind string "json:\"\u212aind\""
		}]), []string{"`json:\"kind\"` for Kind"}},
		{"SnakeCase", body(`{"properties":{"created_at":{}}}`, as[struct{ CreatedAt string }]), []string{"`json:\"created_at\"` for CreatedAt"}},
		{"Embedded", body(`{"properties":{"id":{}}}`, as[struct{ base }]), []string{"`json:\"id\"` for ID"}},
		{"Nested", body(`{"properties":{"address":{"properties":{"street":{}}}}}`, as[struct {
			Address *street `json:"address"`
		}]), []string{"`json:\"street\"` for Address.Street"}},
		{"Items", body(`{"properties":{"list":{"items":{"$ref":"#/$defs/a"}}},"$defs":{"a":{"allOf":[{"properties":{"street":{}}}]}}}`, as[struct {
			List []street `json:"list"`
		}]), []string{"`json:\"street\"` for List.Street"}},
		{"Values", body(`{"additionalProperties":{"properties":{"street":{}}}}`, as[map[string]street]), []string{"`json:\"street\"` for Street"}},
		{"InABranch", body(`{"oneOf":[{"required":["street"],"properties":{"street":{}}},{"maxProperties":0}]}`, as[street]), []string{"`json:\"street\"` for Street"}},
		{"OtherPropertiesAllowed", body(`{"properties":{"street":{}},"additionalProperties":true}`, as[street]), []string{"`json:\"street\"` for Street"}},

		{"Tags", body(signUp, as[user]), nil},
		{"ExactName", body(`{"properties":{"Street":{}}}`, as[street]), nil},
		{"BothNames", body(`{"properties":{"street":{}},"allOf":[{"properties":{"Street":{}}}]}`, as[street]), nil},
		{"AnotherFieldHasTheProperty", body(`{"properties":{"street":{}}}`, as[struct {
			Street string
			S      string `json:"street"`
		}]), nil},
		{"LeftOut", body(`{"properties":{"street":{}}}`, as[struct {
			Street string `json:"-"`
		}]), nil},
		{"NoFieldForIt", body(signUp, as[struct{ Tenant string }]), nil},
		{"SnakeCaseThatMayCome", body(`{"properties":{"created_at":{}},"additionalProperties":true}`, as[struct{ CreatedAt string }]), nil},
		{"TagOfItsOwn", body(`{"properties":{"created_at":{}}}`, as[struct {
			At string `json:"createdAt"`
		}]), nil},
		{"Map", body(signUp, as[map[string]any]), nil},
		{"Any", body(signUp, as[any]), nil},
		{"DecodesItself", body(`{"properties":{"wall":{},"at":{}}}`, as[struct {
			At time.Time `json:"at"`
		}]), nil},
		{"InACircle", body(`{"properties":{"next":{"$ref":"#"},"value":{}}}`, as[circle]), nil},

		{"Query", func(t *testing.T) error {
			m := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(`{"properties":{"limit":{"type":"integer"}}}`)}))
			r, err := m.Check(get("limit=1"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = validate.QueryAs[struct{ Limit int }](r)
			return err
		}, []string{"validate.Config.Query", "`json:\"limit\"` for Limit"}},
		{"Header", func(t *testing.T) error {
			m := bulwark.Must(validate.New(validate.Config{Header: validate.SchemaJSON(`{"properties":{"X-Trace":{"type":"string"}}}`)}))
			r := get("")
			r.Header.Set("X-Trace", "1")
			r, err := m.Check(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = validate.HeaderAs[struct {
				Trace string `json:"x-trace"`
			}](r)
			return err
		}, []string{"validate.Config.Header", "`json:\"X-Trace\"` for Trace"}},
		{"Path", func(t *testing.T) error {
			m := bulwark.Must(validate.New(validate.Config{Path: validate.SchemaJSON(`{"properties":{"id":{"type":"integer"}}}`)}))
			r := get("")
			r.SetPathValue("id", "7")
			r, err := m.Check(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = validate.PathAs[base](r)
			return err
		}, []string{"validate.Config.Path", "`json:\"id\"` for ID"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 2 { // the second answer is remembered
				err := test.got(t)
				if test.want == nil {
					if err != nil {
						t.Errorf("got %v", err)
					}
					continue
				}
				if !errors.As(err, new(*bulwark.ConfigError)) {
					t.Fatalf("got %v, want a ConfigError", err)
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("got %q, want %s in it", err, want)
					}
				}
			}
		})
	}
}

type circle struct {
	Next  *circle `json:"next"`
	Value any     `json:"value"`
}

func as[T any](r *http.Request) error {
	_, err := validate.BodyAs[T](r)
	return err
}

// The fields of a type are compared with the schema once. After this, a call
// allocates only what it returns.
func TestAllocationsOfBodyAs(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	type flag struct {
		On bool `json:"on"`
	}
	r := checkedBody(t, `{"properties":{"on":{"type":"boolean"}}}`, `{"on":true}`)
	if allocs := testing.AllocsPerRun(200, func() {
		if got, err := validate.BodyAs[flag](r); err != nil || !got.On {
			t.Fatal(got, err)
		}
	}); allocs > 2 {
		t.Errorf("%.0f allocations, at most 2 are allowed", allocs)
	}
}
