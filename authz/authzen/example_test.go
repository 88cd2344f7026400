package authzen_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// A decision point that knows that bob has shared document 1 with everybody.
func Example() {
	point := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked authzen.Evaluation
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"decision": %v}`, asked.Resource.ID == "1")
	}))
	defer point.Close()

	pdp, err := authzen.New(authzen.Config{URL: point.URL, Timeout: 5 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pdp.Shutdown(context.Background())

	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Reaches:   []string{"shared"},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own", "document:read:shared"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	type document struct{ id, owner string }
	documents := authz.Resource[*document]{
		Name: "document",
		Load: func(_ context.Context, r *http.Request) (*document, error) {
			return &document{r.PathValue("id"), "bob"}, nil
		},
		Owner:   func(d *document) (issuer, subject string) { return "https://login.example", d.owner },
		ID:      func(d *document) string { return d.id },
		Engines: map[string]authz.Engine{"shared": pdp},
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), func(w http.ResponseWriter, _ *http.Request, d authz.Granted[*document]) {
		fmt.Fprintf(w, "document %s of %s", d.Value().id, d.Value().owner)
	})

	caller := &bulwark.Principal{Issuer: "https://login.example", Subject: "alice", Roles: []string{"user"}}
	for _, path := range []string{"/documents/1", "/documents/2"} {
		r := httptest.NewRequest("GET", path, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), caller)))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /documents/1 200
	// /documents/2 404
}

// OpenFGA has relations in place of actions, and takes a subject without a
// colon or a number sign. The id of the subject stays one for issuer and
// subject, in an alphabet that OpenFGA takes. The tuples in OpenFGA must have
// the same ids.
func ExampleConfig() {
	config := authzen.Config{
		URL: "https://fga.example/stores/01JN1803442023HVDKV03FB3AA",
		Map: func(q *authz.Query, e *authzen.Evaluation) error {
			e.Subject.ID = base64.RawURLEncoding.EncodeToString([]byte(q.Principal.Key()))
			e.Action = authzen.Action{Name: "can_" + q.Action}
			return nil
		},
		Transport: printed{},
	}
	pdp, err := authzen.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := pdp.Decide(context.Background(), &authz.Query{
		Principal: &bulwark.Principal{Issuer: "https://login.example", Subject: "alice"},
		Resource:  "document", Action: "read", Reach: "shared", ID: "1",
	})
	fmt.Println(d.Allowed, err)
	// Output:
	// POST https://fga.example/stores/01JN1803442023HVDKV03FB3AA/access/v1/evaluation
	// {"subject":{"type":"user","id":"MjE6aHR0cHM6Ly9sb2dpbi5leGFtcGxlYWxpY2U"},"action":{"name":"can_read"},"resource":{"type":"document","id":"1"}}
	// true <nil>
}

// Before the change to a new decision point, both are asked. The old one still
// answers.
func ExampleShadow() {
	old := relations{"alice reads 1": true, "alice reads 2": true}
	next := relations{"alice reads 1": true}
	told := make(chan string, 16)
	shadow := &authzen.Shadow{
		Engine:    old,
		Candidate: next,
		Report: func(_ context.Context, d authzen.Difference) {
			told <- fmt.Sprintf("document %s: now %v, then %v", d.Query.ID, d.Engine.Allowed, d.Candidate.Allowed)
		},
		Recorder: ignored{}, // the events; leave it out to log them
	}
	for _, id := range []string{"1", "2"} {
		d, err := shadow.Decide(context.Background(), &authz.Query{
			Principal: &bulwark.Principal{Issuer: "https://login.example", Subject: "alice"},
			Resource:  "document", Action: "read", ID: id,
		})
		fmt.Println(id, d.Allowed, err)
	}
	fmt.Println(<-told)
	if err := shadow.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 true <nil>
	// 2 true <nil>
	// document 2: now true, then false
}

// Every mistake of a Config is told at once.
func ExampleNew_incorrect() {
	_, err := authzen.New(authzen.Config{
		URL:     "http://pdp.example.com", // anybody on the way could allow everything
		Secret:  "from a file\n",          // with its line end
		Timeout: time.Minute,              // package authz waits 5 seconds
	})
	fmt.Println(err)
	// Output:
	// authzen.URL: http://pdp.example.com: must be https: an attacker on the way could allow everything; on a network that something else protects, set InsecureHTTP
	// authzen.Secret: has a space, a line end or another character that a Bearer token cannot have; trim what was read from a file, or use Authorize
	// authzen.Timeout: 1m0s: must be 1ms to 5s, or 0 for the default of 1s
}

// A Map that sends Subject alone makes two people the same subject: the alice
// of a partner is allowed what our alice is. If only one issuer is known to the
// decision point, refuse the others in Map.
func ExampleConfig_incorrect() {
	wrong := func(q *authz.Query, e *authzen.Evaluation) error {
		e.Subject.ID = q.Principal.Subject
		return nil
	}
	right := func(q *authz.Query, e *authzen.Evaluation) error {
		if q.Principal.Issuer != "https://login.example" {
			return errors.New("the decision point knows only callers of login.example")
		}
		e.Subject.ID = q.Principal.Subject
		return nil
	}
	stranger := &authz.Query{
		Principal: &bulwark.Principal{Issuer: "https://login.partner.example", Subject: "alice"},
		Resource:  "document", Action: "read", ID: "1",
	}
	for _, alter := range []func(*authz.Query, *authzen.Evaluation) error{wrong, right} {
		pdp, err := authzen.New(authzen.Config{URL: "https://pdp.example", Map: alter, Transport: printed{}})
		if err != nil {
			fmt.Println(err)
			return
		}
		d, err := pdp.Decide(context.Background(), stranger)
		fmt.Println(d.Allowed, err)
	}
	// Output:
	// POST https://pdp.example/access/v1/evaluation
	// {"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"document","id":"1"}}
	// true <nil>
	// false authzen: ask https://pdp.example: change the question by authzen.Config.Map: the decision point knows only callers of login.example
}

// printed is a Transport that prints the question and allows.
type printed struct{}

func (printed) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s %s\n%s\n", r.Method, r.URL, body)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"decision":true}`)), Request: r,
	}, nil
}

// relations is an engine that knows who reads what.
type relations map[string]bool

func (known relations) Decide(_ context.Context, q *authz.Query) (authz.Decision, error) {
	return authz.Decision{Allowed: known[q.Principal.Subject+" reads "+q.ID]}, nil
}

type ignored struct{}

func (ignored) Record(context.Context, bulwark.Event) {}
