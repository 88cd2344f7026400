package authzen_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

const allow = `{"decision":true}`

// asks returns the one question that a query becomes.
func asks(t *testing.T, c authzen.Config, q *authz.Query) question {
	t.Helper()
	l := answering(200, allow)
	c.Transport = l
	if c.URL == "" {
		c.URL = "https://pdp.example"
	}
	d, err := client(t, c).Decide(context.Background(), q)
	if err != nil || !d.Allowed {
		t.Fatalf("Decide: %v, %v", d, err)
	}
	if len(l.asked()) != 1 {
		t.Fatalf("%d questions", len(l.asked()))
	}
	return l.asked()[0]
}

func TestQuestion(t *testing.T) {
	openFGA := func(q *authz.Query, e *authzen.Evaluation) error {
		e.Subject.ID = base64.RawURLEncoding.EncodeToString([]byte(e.Subject.ID))
		e.Subject.Properties = map[string]any{"roles": q.Principal.Roles}
		e.Action = authzen.Action{Name: "can_" + q.Action}
		return nil
	}
	for _, test := range []struct {
		name   string
		config authzen.Config
		query  *authz.Query
		want   string
	}{
		{"object", authzen.Config{}, query("1"),
			`{"subject":{"type":"user","id":"21:https://login.examplealice"},"action":{"name":"read","properties":{"reach":"shared"}},"resource":{"type":"document","id":"1"}}`},
		{"route", authzen.Config{SubjectType: "identity"}, &authz.Query{Principal: alice, Resource: "report", Action: "run"},
			`{"subject":{"type":"identity","id":"21:https://login.examplealice"},"action":{"name":"run"},"resource":{"type":"report","id":""}}`},
		{"properties", authzen.Config{},
			&authz.Query{Principal: alice, Resource: "document", Action: "read", ID: "1", Properties: map[string]any{"folder": []string{"a"}}, Context: map[string]any{"time": 12}},
			`{"subject":{"type":"user","id":"21:https://login.examplealice"},"action":{"name":"read"},"resource":{"type":"document","id":"1","properties":{"folder":["a"]}},"context":{"time":12}}`},
		{"properties-of-all-kinds", authzen.Config{},
			&authz.Query{Principal: alice, Resource: "document", Action: "read", ID: "1", Properties: map[string]any{
				"a": "\u2028<\x00", "A": nil, "n": int64(math.MaxInt64), "f": math.MaxFloat64, "long": new(big.Int).Lsh(big.NewInt(1), 300), "raw": json.RawMessage(`{"x":[[[]]]}`)}},
			`{"subject":{"type":"user","id":"21:https://login.examplealice"},"action":{"name":"read"},"resource":{"type":"document","id":"1","properties":{"A":null,"a":"\u2028\u003c\u0000","f":1.7976931348623157e+308,"long":2037035976334486086268445688409378161051468393665936250636140449354381299763336706183397376,"n":9223372036854775807,"raw":{"x":[[[]]]}}}}`},
		{"mapped", authzen.Config{Map: openFGA}, query("1"),
			`{"subject":{"type":"user","id":"MjE6aHR0cHM6Ly9sb2dpbi5leGFtcGxlYWxpY2U","properties":{"roles":["user"]}},"action":{"name":"can_read"},"resource":{"type":"document","id":"1"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := asks(t, test.config, test.query); got.body != test.want {
				t.Errorf("asked %s\nwant  %s", got.body, test.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	for _, test := range []struct {
		config        authzen.Config
		one, together string
	}{
		{authzen.Config{URL: "https://pdp.example"}, "https://pdp.example/access/v1/evaluation", "https://pdp.example/access/v1/evaluations"},
		{authzen.Config{URL: "https://pdp.example/stores/01JN/"}, "https://pdp.example/stores/01JN/access/v1/evaluation", "https://pdp.example/stores/01JN/access/v1/evaluations"},
		{authzen.Config{URL: "https://pdp.example", EvaluationURL: "https://e.example/one?v=1", EvaluationsURL: "https://e.example/all"}, "", ""},
		{authzen.Config{URL: "https://pdp.example", EvaluationURL: "https://e.example/one", EvaluationsURL: "https://e.example/all"}, "https://e.example/one", "https://e.example/all"},
	} {
		l := &line{}
		l.answer = func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "s") || strings.HasSuffix(r.URL.Path, "all") {
				return response(r, 200, `{"evaluations":[{"decision":true},{"decision":true}]}`), nil
			}
			return response(r, 200, allow), nil
		}
		test.config.Transport = l
		c, err := authzen.New(test.config)
		if test.one == "" {
			if err == nil {
				t.Error("a query is accepted in EvaluationURL")
			}
			continue
		}
		if _, err := c.Decide(context.Background(), query("1")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.DecideAll(context.Background(), reads("1", "2")); err != nil {
			t.Fatal(err)
		}
		if got := l.asked(); got[0].url != test.one || got[1].url != test.together {
			t.Errorf("asked %s and %s", got[0].url, got[1].url)
		}
	}
}

func TestHeader(t *testing.T) {
	got := asks(t, authzen.Config{Secret: secret}, query("1")).header
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity", "Authorization": "Bearer " + secret, "X-Request-Id": "",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
}

// Authorize sets header fields, and nothing else of the request.
func TestAuthorize(t *testing.T) {
	got := asks(t, authzen.Config{Authorize: func(r *http.Request) error {
		r.Header.Set("X-Api-Key", secret)
		r.Header.Set("Content-Type", "text/plain")
		r.Method, r.Host, r.URL.Host = "GET", "other.example", "other.example"
		return nil
	}}, query("1"))
	if got.url != "https://pdp.example/access/v1/evaluation" || got.header.Get("X-Api-Key") != secret || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("asked %s with %v", got.url, got.header)
	}
	got = asks(t, authzen.Config{Authorize: func(r *http.Request) error { r.Header = nil; return nil }}, query("1"))
	if got.header.Get("Content-Type") != "application/json" {
		t.Errorf("asked with %v", got.header)
	}
	l := answering(200, allow)
	c := client(t, authzen.Config{URL: "https://pdp.example", Transport: l, Authorize: func(*http.Request) error { return errors.New("no token") }})
	d, err := c.Decide(context.Background(), query("1"))
	denied(t, d, err, "authzen.Config.Authorize: no token")
	if len(l.asked()) != 0 {
		t.Error("asked without the credentials of the service")
	}
}

// The id of the request is sent, so that the logs of both sides can be joined.
func TestRequestID(t *testing.T) {
	l := answering(200, allow)
	c := client(t, authzen.Config{URL: "https://pdp.example", Transport: l})
	edge, err := bulwark.NewEdge(bulwark.Edge{Hosts: []string{"api.example"}, RequestID: func(*http.Request) string { return "request-1" }})
	if err != nil {
		t.Fatal(err)
	}
	h := edge.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := c.Decide(r.Context(), query("1")); err != nil {
			t.Error(err)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://api.example/", nil))
	if got := l.asked()[0].header.Get("X-Request-Id"); got != "request-1" {
		t.Errorf("X-Request-Id %q", got)
	}
}

// Two callers are never the same subject, whatever their names hold. A name
// that JSON cannot hold is not sent.
func TestSubjectsAreApart(t *testing.T) {
	l := answering(200, allow)
	c := client(t, authzen.Config{URL: "https://pdp.example", Transport: l})
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"1", "2", ":", "a", "/", "\xff", "\xfe", "\ufffd", `\ufffd`, `"`, "\u2028", "é", "e\u0301", "|"}
	name := func() string {
		var b strings.Builder
		for range 1 + random.IntN(4) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	subjects := map[string][2]string{}
	sent, refused := 0, 0
	for range 20_000 {
		pair := [2]string{name(), name()}
		before := len(l.asked())
		if _, err := c.Decide(context.Background(), &authz.Query{Principal: &bulwark.Principal{Issuer: pair[0], Subject: pair[1]}, Resource: "document", Action: "read"}); err != nil {
			if !strings.Contains(err.Error(), "not UTF-8") || utf8.ValidString(pair[0]+pair[1]) {
				t.Fatalf("%q: %v", pair, err)
			}
			refused++
			continue
		}
		var e authzen.Evaluation
		if err := json.Unmarshal([]byte(l.asked()[before].body), &e); err != nil {
			t.Fatal(err)
		}
		if other, taken := subjects[e.Subject.ID]; taken && other != pair {
			t.Fatalf("%q and %q are both %q", pair, other, e.Subject.ID)
		}
		subjects[e.Subject.ID] = pair
		sent++
		l.questions = nil
	}
	if sent < 1000 || refused < 1000 {
		t.Errorf("%d sent, %d refused", sent, refused)
	}
}

// The same subject of another issuer is another subject.
func TestTwoIssuers(t *testing.T) {
	ours := asks(t, authzen.Config{}, query("1")).body
	theirs := *query("1")
	theirs.Principal = &bulwark.Principal{Issuer: login + "/", Subject: "alice"}
	if got := asks(t, authzen.Config{}, &theirs).body; got == ours {
		t.Errorf("both are %s", got)
	}
}

// What cannot be asked is not sent, and not allowed.
func TestNotAsked(t *testing.T) {
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	for _, test := range []struct {
		name   string
		change func(*authz.Query)
		alter  func(*authz.Query, *authzen.Evaluation) error
		want   string // of the error, or empty for a denial without one
	}{
		{"anonymous", func(q *authz.Query) { q.Principal = nil }, nil, ""},
		{"no-issuer", func(q *authz.Query) { q.Principal = &bulwark.Principal{Subject: "alice"} }, nil, ""},
		{"no-subject", func(q *authz.Query) { q.Principal = &bulwark.Principal{Issuer: login} }, nil, ""},
		{"no-action", func(q *authz.Query) { q.Action = "" }, nil, "no subject type"},
		{"no-resource", func(q *authz.Query) { q.Resource = "" }, nil, "no subject type"},
		{"map-empties-the-subject", nil, func(_ *authz.Query, e *authzen.Evaluation) error { e.Subject.ID = ""; return nil }, "no subject type"},
		{"map-fails", nil, func(*authz.Query, *authzen.Evaluation) error { return errors.New("another issuer") }, "authzen.Config.Map: another issuer"},
		{"not-utf8-id", func(q *authz.Query) { q.ID = "a\xff" }, nil, "not UTF-8"},
		{"not-utf8-property", func(q *authz.Query) { q.Properties = map[string]any{"owner": "a\xff"} }, nil, "not UTF-8"},
		{"not-utf8-name", func(q *authz.Query) { q.Context = map[string]any{"a\xff": 1} }, nil, "not UTF-8"},
		{"not-utf8-json", func(q *authz.Query) { q.Properties = map[string]any{"raw": json.RawMessage("\"a\xff\"")} }, nil, "programs read differently"},
		{"half-a-character", func(q *authz.Query) { q.Properties = map[string]any{"raw": json.RawMessage(`"\ud800"`)} }, nil, "programs read differently"},
		{"name-twice", func(q *authz.Query) {
			q.Properties = map[string]any{"raw": json.RawMessage(`{"owner":"bob","owner":"alice"}`)}
		}, nil, "two members of the same name"},
		{"name-twice-in-the-context", func(q *authz.Query) {
			q.Context = map[string]any{"raw": json.RawMessage(`{"owner":"bob","\u006fwner":"alice"}`)}
		}, nil, "two members of the same name"},
		{"name-twice-by-map", nil, func(_ *authz.Query, e *authzen.Evaluation) error {
			e.Subject.Properties = map[string]any{"raw": json.RawMessage(`{"roles":[],"roles":["admin"]}`)}
			return nil
		}, "two members of the same name"},
		{"not-a-number", func(q *authz.Query) { q.Properties = map[string]any{"n": math.NaN()} }, nil, "no JSON form"},
		{"function", func(q *authz.Query) { q.Properties = map[string]any{"f": func() {}} }, nil, "unsupported type"},
		{"contains-itself", func(q *authz.Query) { q.Properties = cyclic }, nil, "no JSON form"},
		{"long", func(q *authz.Query) { q.Properties = map[string]any{"text": strings.Repeat("a", 64<<10)} }, nil, "longer than 65536 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := answering(200, allow)
			c := client(t, authzen.Config{URL: "https://pdp.example", Transport: l, Map: test.alter})
			q := *query("1")
			if test.change != nil {
				test.change(&q)
			}
			d, err := c.Decide(context.Background(), &q)
			if test.want == "" {
				if d.Allowed || err != nil || d.Reason != "anonymous" {
					t.Errorf("Decide: %v, %v", d, err)
				}
			} else {
				denied(t, d, err, test.want)
			}
			all, err := c.DecideAll(context.Background(), []authz.Query{q, q})
			if test.want == "" && (err != nil || len(all) != 2 || all[0].Allowed || all[1].Allowed) || test.want != "" && (err == nil || len(all) > 0) {
				t.Errorf("DecideAll: %v, %v", all, err)
			}
			if len(l.asked()) > 0 {
				t.Errorf("asked %v", l.asked())
			}
		})
	}
	d, err := client(t, authzen.Config{URL: "https://pdp.example"}).Decide(context.Background(), nil)
	denied(t, d, err, "no query")
}

// Map works on copies: an engine does not change the Query.
func TestMapLeavesTheQuery(t *testing.T) {
	q := query("1")
	q.Properties, q.Context = map[string]any{"a": 1}, map[string]any{"b": 1}
	asks(t, authzen.Config{Map: func(_ *authz.Query, e *authzen.Evaluation) error {
		delete(e.Resource.Properties, "a")
		e.Context["c"] = 1
		return nil
	}}, q)
	if len(q.Properties) != 1 || len(q.Context) != 1 {
		t.Errorf("the query has become %v, %v", q.Properties, q.Context)
	}
}
