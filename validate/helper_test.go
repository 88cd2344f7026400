package validate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/validate"
)

// signUp is the schema of a sign-up.
const signUp = `{
	"type": "object",
	"required": ["email", "password", "name"],
	"properties": {
		"email": {"type": "string", "format": "email"},
		"password": {"type": "string", "minLength": 8, "maxLength": 100},
		"name": {"type": "string", "minLength": 1, "maxLength": 100},
		"role": {"enum": ["user", "moderator"], "default": "user"}
	}
}`

const goodUser = `{"email":"ann@example.com","password":"correct horse","name":"Ann"}`

// post is a JSON request.
func post(text string) *http.Request {
	r := httptest.NewRequest("POST", "/users", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// outcome is what became of a request.
type outcome struct {
	status  int
	header  http.Header
	text    string
	problem problem
	events  []bulwark.Event
	seen    *http.Request // by the handler behind; nil if it did not run
	body    string        // what the handler behind read
}

type problem struct {
	Title, Detail, Code string
	Status              int
	Errors              []bulwark.FieldError
}

// faults lists the errors as "in pointer code".
func (o outcome) faults() []string {
	var all []string
	for _, e := range o.problem.Errors {
		all = append(all, e.In+" "+e.Pointer+" "+e.Code)
	}
	return all
}

func serve(t *testing.T, config validate.Config, r *http.Request) outcome {
	t.Helper()
	m, err := validate.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return through(t, m, r)
}

func through(t *testing.T, m *validate.Middleware, r *http.Request) outcome {
	t.Helper()
	var o outcome
	var recorder bulwarktest.Recorder
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.seen = r
		if r.Body != nil {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("the handler cannot read the body: %v", err)
			}
			o.body = string(text)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	w := httptest.NewRecorder()
	recorder.Wrap(m.Wrap(next)).ServeHTTP(w, r)
	o.status, o.header, o.text, o.events = w.Code, w.Header(), w.Body.String(), recorder.Take()
	if o.seen == nil {
		decoder := json.NewDecoder(strings.NewReader(o.text))
		decoder.UseNumber()
		if err := decoder.Decode(&o.problem); err != nil {
			t.Fatalf("the answer %q is not a problem: %v", o.text, err)
		}
	}
	return o
}

// passed asserts that the handler behind ran, and nothing was reported.
func (o outcome) passed(t *testing.T) {
	t.Helper()
	if o.seen == nil || o.status != http.StatusNoContent || len(o.events) != 0 {
		t.Fatalf("refused with %d %s, events %v", o.status, o.text, o.events)
	}
}

// refused asserts status, code, header, body and event of a refusal, and that
// the handler behind did not run.
func (o outcome) refused(t *testing.T, status int, code string) {
	t.Helper()
	if o.seen != nil {
		t.Fatal("the handler behind ran")
	}
	if o.status != status || o.problem.Status != status || o.problem.Code != code || o.problem.Title != http.StatusText(status) || o.problem.Detail == "" {
		t.Errorf("answered %d %s, want %d %s", o.status, o.text, status, code)
	}
	if got := o.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type is %q", got)
	}
	if got := o.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	name := bulwark.InputValidationFail
	if status >= 500 {
		name = bulwark.SysUnavailable
	}
	if len(o.events) != 1 || o.events[0].Name != name || o.events[0].Status != status || o.events[0].Reason != code {
		t.Errorf("events are %+v, want one %s with %d %s", o.events, name, status, code)
	}
}

func sameList[T any](t *testing.T, got, want []T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got) != len(want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}
