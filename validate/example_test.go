package validate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// send sends a JSON body to a handler and returns the answer.
func send(handler http.Handler, method, url, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func Example() {
	type newUser struct {
		Email string `json:"email"`
		Name  string `json:"name"`
		Role  string `json:"role"`
	}
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
		user, err := validate.BodyAs[newUser](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		fmt.Printf("created %+v\n", user)
		w.WriteHeader(http.StatusCreated)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /users", users.Wrap(http.HandlerFunc(createUser)))

	w := send(mux, "POST", "/users", `{"email": "ann@example.com", "name": "Ann", "password": "correct horse"}`)
	fmt.Println(w.Code)
	w = send(mux, "POST", "/users", `{"name": "Ann", "password": "short", "role": "admin", "isAdmin": true}`)
	fmt.Println(w.Code, w.Header().Get("Content-Type"))

	// Check decides without answering.
	r := httptest.NewRequest("POST", "/users", strings.NewReader(`{"name": "Ann", "password": "short", "role": "admin", "isAdmin": true}`))
	r.Header.Set("Content-Type", "application/json")
	_, err := users.Check(r)
	for _, fault := range err.(*bulwark.Problem).Errors {
		fmt.Println(fault.Pointer, fault.Code, "-", fault.Detail)
	}
	// Output:
	// created {Email:ann@example.com Name:Ann Role:user}
	// 201
	// 422 application/problem+json
	// /email required - Is required.
	// /isAdmin unknown - Is not known here; leave it out.
	// /password min_length - Must have at least 8 characters.
	// /role enum - Must be one of the values that are allowed.
}

// A PATCH gets no defaults: a property that the patch does not name stays as it
// is. The schema requires nothing, because a patch may name any property.
func Example_patch() {
	settings := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"properties": {
			"theme": {"enum": ["light", "dark"], "default": "light"},
			"size":  {"type": "integer", "minimum": 8, "maximum": 32, "default": 12}
		}
	}`)}))
	handler := settings.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A pointer tells a property that is missing from a zero value.
		patch, err := validate.BodyAs[struct {
			Theme *string `json:"theme"`
			Size  *int    `json:"size"`
		}](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		fmt.Println("theme is named:", patch.Theme != nil)
		fmt.Println("size:", *patch.Size)
	}))
	send(handler, "PATCH", "/settings", `{"size": 14}`)
	// Output:
	// theme is named: false
	// size: 14
}

// A merge patch (RFC 7396) can set a member, remove it with null, or leave it
// out. A map of raw values tells the three apart; a struct of pointers cannot.
func Example_mergePatch() {
	profile := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"properties": {"nickname": {"type": ["string", "null"], "maxLength": 40}}
	}`)}))
	handler := profile.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		patch, err := validate.BodyAs[map[string]json.RawMessage](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		switch value, named := patch["nickname"]; {
		case !named:
			fmt.Println("keep the nickname")
		case string(value) == "null":
			fmt.Println("remove the nickname")
		default:
			fmt.Println("set the nickname to", string(value))
		}
	}))
	send(handler, "PATCH", "/profile", `{"nickname": "Al"}`)
	send(handler, "PATCH", "/profile", `{"nickname": null}`)
	send(handler, "PATCH", "/profile", `{}`)
	// Output:
	// set the nickname to "Al"
	// remove the nickname
	// keep the nickname
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
	send(handler, "PUT", "/settings", `{"theme": "dark"}`)
	// Output: {Theme:dark Size:12}
}

// Names match exactly. A field without a json tag gets only a property with the
// name of the field, here "Theme". The schema declares "theme", so the error
// says which tag to write.
//
// A handler that no Middleware wraps gets an error.
func ExampleBodyAs_incorrect() {
	layer := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"properties": {"theme": {"enum": ["light", "dark"]}}
	}`)}))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := validate.BodyAs[struct{ Theme string }](r)
		fmt.Println(err)
	})
	send(layer.Wrap(handler), "PUT", "/settings", `{"theme": "dark"}`)
	send(handler, "PUT", "/settings", `{"theme": "dark"}`)
	// Output:
	// validate: the name of a field must be exactly the name of the property, so that fields of struct { Theme string } stay empty; write the tag `json:"theme"` for Theme, as the schema of validate.Config.Body declares it, or `json:"-"` for a field that must stay empty
	// validate: no layer has checked the body of this request; wrap the handler with a Middleware whose Config has a schema in Body, and do not let an inner layer change or read r.Body
}

func ExampleQueryAs() {
	type page struct {
		Limit  int      `json:"limit"`
		Offset int      `json:"offset"`
		Tags   []string `json:"tag"`
	}
	layer := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(`{
		"type": "object",
		"properties": {
			"limit":  {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
			"offset": {"type": "integer", "minimum": 0, "default": 0},
			"tag":    {"type": "array", "items": {"type": "string"}, "maxItems": 5}
		}
	}`)}))
	handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := validate.QueryAs[page](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		fmt.Printf("%+v from %s\n", p, r.URL.RawQuery)
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents?limit=10&tag=a&tag=b", nil))
	// Output: {Limit:10 Offset:0 Tags:[a b]} from limit=10&tag=a&tag=b&offset=0
}

func ExamplePathAs() {
	layer := bulwark.Must(validate.New(validate.Config{Path: validate.SchemaJSON(`{
		"type": "object",
		"properties": {"id": {"type": "integer", "minimum": 1}}
	}`)}))
	mux := http.NewServeMux()
	mux.Handle("GET /documents/{id}", layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, err := validate.PathAs[struct {
			ID int `json:"id"`
		}](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		fmt.Println("document", route.ID)
	})))
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents/7", nil))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/documents/0", nil))
	fmt.Println(w.Code)
	// Output:
	// document 7
	// 422
}

func ExampleHeaderAs() {
	layer := bulwark.Must(validate.New(validate.Config{Header: validate.SchemaJSON(`{
		"type": "object",
		"required": ["Idempotency-Key"],
		"properties": {"Idempotency-Key": {"type": "string", "format": "uuid"}}
	}`)}))
	handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, err := validate.HeaderAs[struct {
			Key string `json:"Idempotency-Key"`
		}](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		fmt.Println("key", header.Key)
	}))
	r := httptest.NewRequest("POST", "/payments", nil)
	r.Header.Set("Idempotency-Key", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output: key f81d4fae-7dec-11d0-a765-00a0c91e6bf6
}

// Schemas may stand in files. In a program, use an embed.FS.
func ExampleSchemaFS() {
	files := fstest.MapFS{
		"user.json":    {Data: []byte(`{"type": "object", "properties": {"home": {"$ref": "address.json"}}}`)},
		"address.json": {Data: []byte(`{"type": "object", "properties": {"city": {"type": "string", "maxLength": 80}}}`)},
	}
	layer := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaFS(files, "user.json")}))
	handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	fmt.Println(send(handler, "PUT", "/users/7", `{"home": {"city": "Oslo"}}`).Code)
	fmt.Println(send(handler, "PUT", "/users/7", `{"home": {"city": 1}}`).Code)
	// Output:
	// 204
	// 422
}

// A misspelled rule is not applied, and most validators do not report it. Here
// the program does not start. Each error names the place and what to write.
func ExampleNew_incorrect() {
	_, err := validate.New(validate.Config{
		Body: validate.SchemaJSON(`{
			"type": "object",
			"properties": {
				"name":  {"type": "string", "maxLenght": 100},
				"email": {"type": "string", "format": "e-mail"}
			}
		}`),
		Query: validate.SchemaJSON(`{
			"properties": {"page": {"type": "integer", "minimum": 1, "default": 0}}
		}`),
		MaxErrors: 1000,
	})
	fmt.Println(err)
	// Output:
	// validate.MaxErrors: 1000: is more than 100; write a number up to 100
	// validate.Body: the schema of validate.Config.Body at /properties/email/format names a format that is not known; did you mean "email"?; correct it, or add your own to Config.Formats
	// validate.Body: the schema of validate.Config.Body at /properties/name/maxLenght is not a keyword of draft 2020-12; did you mean "maxLength"?
	// validate.Query: the schema of validate.Config.Query at /properties/page/default is refused by its own schema; write a value that the rules beside it allow
}
