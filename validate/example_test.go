package validate_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

func Example() {
	users := bulwark.Must(validate.New(validate.Config{
		Body: validate.SchemaJSON(`{
			"type": "object",
			"required": ["email", "password", "name"],
			"properties": {
				"email":    {"type": "string", "format": "email"},
				"password": {"type": "string", "minLength": 8, "maxLength": 100},
				"name":     {"type": "string", "minLength": 1, "maxLength": 100},
				"role":     {"enum": ["user", "moderator"], "default": "user"}
			}
		}`),
		MaxBodyBytes: 64 << 10,
	}))
	createUser := func(w http.ResponseWriter, r *http.Request) {
		user, err := validate.BodyAs[struct {
			Email, Name, Role string
		}](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		_ = user
	}
	_ = users.Wrap(http.HandlerFunc(createUser))

	// Check decides without answering.
	r := httptest.NewRequest("POST", "/users", strings.NewReader(`{"name": "Ann", "password": "short", "role": "admin", "isAdmin": true}`))
	r.Header.Set("Content-Type", "application/json")
	_, err := users.Check(r)
	for _, fault := range err.(*bulwark.Problem).Errors {
		fmt.Println(fault.Pointer, fault.Code, "-", fault.Detail)
	}
	// Output:
	// /email required - Is required.
	// /isAdmin unknown - Is not known here.
	// /password min_length - Must have at least 8 characters.
	// /role enum - Must be one of the values that are allowed.
}

func ExampleBodyAs() {
	type settings struct {
		Theme string `json:"theme"`
		Size  int    `json:"size"`
	}
	layer := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"properties": {
			"theme": {"enum": ["light", "dark"], "default": "light"},
			"size":  {"type": "integer", "minimum": 8, "maximum": 32, "default": 12}
		}
	}`)}))
	handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := validate.BodyAs[settings](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		fmt.Printf("%+v\n", s)
	}))
	r := httptest.NewRequest("PUT", "/settings", strings.NewReader(`{"theme": "dark"}`))
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output: {Theme:dark Size:12}
}

func ExampleQueryAs() {
	type page struct {
		Limit, Offset int
		Tag           []string
	}
	layer := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(`{
		"type": "object",
		"properties": {
			"Limit":  {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
			"Offset": {"type": "integer", "minimum": 0, "default": 0},
			"Tag":    {"type": "array", "items": {"type": "string"}, "maxItems": 5}
		}
	}`)}))
	handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := validate.QueryAs[page](r)
		fmt.Printf("%+v from %s\n", p, r.URL.RawQuery)
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents?Limit=10&Tag=a&Tag=b", nil))
	// Output: {Limit:10 Offset:0 Tag:[a b]} from Limit=10&Tag=a&Tag=b&Offset=0
}

// A misspelled rule is not applied, and most validators say nothing. Here the
// program does not start.
func ExampleNew_incorrect() {
	_, err := validate.New(validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"properties": {
			"name":  {"type": "string", "maxLenght": 100},
			"email": {"type": "string", "format": "e-mail"}
		}
	}`)})
	fmt.Println(err)
	// Output:
	// validate.Body: body.json at /properties/email/format names a format that is not known; did you mean "email"?; add your own to Config.Formats
	// validate.Body: body.json at /properties/name/maxLenght is not a keyword of draft 2020-12; did you mean "maxLength"?
}
