package authzen_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

type document struct{ ID, Owner string }

// service is an API whose shared documents and reports a decision point
// decides. Document 1 belongs to bob, and document 2 to alice.
func service(t testing.TB, pdp authz.Engine) *authz.Mux {
	t.Helper()
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update"}},
		Reaches:   []string{"shared"},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own", "document:read:shared", "document:update:shared"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]document{"1": {"1", "bob"}, "2": {"2", "alice"}, "3": {"3", "bob"}, "4": {"4", "bob"}}
	documents := authz.Resource[*document]{
		Name: "document",
		Load: func(_ context.Context, r *http.Request) (*document, error) {
			d, ok := stored[r.PathValue("id")]
			if !ok {
				return nil, authz.ErrNotFound
			}
			return &d, nil
		},
		Owner:   func(d *document) (issuer, subject string) { return login, d.Owner },
		ID:      func(d *document) string { return d.ID },
		Engines: map[string]authz.Engine{"shared": pdp},
	}
	mux := authz.NewMux(policy)
	shows := func(w http.ResponseWriter, _ *http.Request, d authz.Granted[*document]) {
		fmt.Fprint(w, "document ", d.Value().ID)
	}
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), shows)
	authz.HandleObject(mux, "PUT /documents/{id}", documents.Can("update"), shows)
	authz.HandleList(mux, "GET /documents", documents.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		all := []*document{{"1", "bob"}, {"2", "alice"}, {"3", "bob"}, {"4", "bob"}}
		found, err := documents.Filter(r, reach, all)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		authz.WriteList(w, r, reach, found)
	})
	mux.Handle("GET /reports", authz.Authenticated().Ask(pdp, "report", "run"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "report")
	}))
	return mux
}

// visit is a request of alice.
func visit(h http.Handler, method, target string) (*httptest.ResponseRecorder, []bulwark.Event) {
	var events bulwarktest.Recorder
	w, r := newRequest(context.Background(), method, target)
	events.Wrap(h).ServeHTTP(w, r)
	return w, events.Take()
}

func newRequest(ctx context.Context, method, target string) (*httptest.ResponseRecorder, *http.Request) {
	return httptest.NewRecorder(), httptest.NewRequest(method, target, nil).WithContext(bulwark.WithPrincipal(ctx, alice))
}

// refused fails t unless an answer is this refusal, and tells the client
// nothing of the decision point.
func refused(t *testing.T, w *httptest.ResponseRecorder, events []bulwark.Event, status int, code string, name bulwark.EventName, reason string) {
	t.Helper()
	body := w.Body.String()
	if w.Code != status || !strings.Contains(body, `"code":"`+code+`"`) || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("answered %d %v %s", w.Code, w.Header(), body)
	}
	if (status == 503) != (w.Header().Get("Retry-After") != "") {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	shown := fmt.Sprint(w.Header(), body)
	if strings.Contains(shown, "authzen") || strings.Contains(shown, "127.0.0.1") || strings.Contains(shown, "left alone") {
		t.Errorf("the client sees %s", shown)
	}
	if len(events) != 1 || events[0].Name != name || events[0].Reason != reason || events[0].Status != status {
		t.Fatalf("events %+v", events)
	}
	for _, text := range []string{secret, marker} {
		if strings.Contains(shown, text) || strings.Contains(fmt.Sprintf("%+v", events), text) {
			t.Errorf("%q is in %s or %+v", text, shown, events)
		}
	}
}

// attr is a text attribute of an event.
func attr(e bulwark.Event, key string) string {
	for _, a := range e.Attrs {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// A decision point that fails never opens a route, and never hides what the
// policy alone allows.
func TestRoutesUnderAttack(t *testing.T) {
	elsewhere := serve(t, says(allow))
	for _, a := range attacks(elsewhere.URL) {
		t.Run(a.name, func(t *testing.T) {
			config := authzen.Config{URL: serve(t, a.handler).URL, Secret: secret, Breaker: authzen.Breaker{Failures: 1000}}
			if a.hangs {
				config.Timeout = brief
			}
			mux := service(t, client(t, config))
			for _, route := range [][2]string{{"GET", "/documents/1"}, {"HEAD", "/documents/1"}, {"PUT", "/documents/1"}, {"PUT", "/documents/2"}, {"GET", "/documents"}, {"GET", "/reports"}} {
				w, events := visit(mux, route[0], route[1])
				if route[0] == "HEAD" {
					if w.Code != 503 || w.Body.Len() > 0 || len(events) != 1 || events[0].Reason != "authz.engine_unavailable" {
						t.Errorf("HEAD: %d %s, %+v", w.Code, w.Body, events)
					}
					continue
				}
				refused(t, w, events, 503, "authz.engine_unavailable", bulwark.SysUnavailable, "authz.engine_unavailable")
				if got := attr(events[0], "error"); !strings.Contains(got, "ask an engine: authzen: ask http://127.0.0.1:") || !strings.Contains(got, a.want) && route[1] != "/documents" {
					t.Errorf("%s: the event says %q", route[1], got)
				}
			}
			if w, events := visit(mux, "GET", "/documents/2"); w.Code != 200 || w.Body.String() != "document 2" || len(events) > 0 {
				t.Errorf("her own document: %d %s, %v", w.Code, w.Body, events)
			}
			if w, _ := visit(mux, "GET", "/documents/9"); w.Code != 404 {
				t.Errorf("a missing document: %d", w.Code)
			}
		})
	}
}

// A sound answer decides, and a denial is not an outage.
func TestRoutes(t *testing.T) {
	l := overHandler(evens)
	mux := service(t, client(t, authzen.Config{URL: "https://pdp.example", Transport: l, Map: func(q *authz.Query, e *authzen.Evaluation) error {
		if q.Resource == "report" {
			e.Resource.ID = "0"
		}
		return nil
	}}))
	for _, test := range []struct{ target, body string }{
		{"/documents/2", "document 2"}, {"/documents/4", "document 4"}, {"/reports", "report"},
	} {
		if w, events := visit(mux, "GET", test.target); w.Code != 200 || w.Body.String() != test.body || len(events) > 0 {
			t.Errorf("%s: %d %s, %v", test.target, w.Code, w.Body, events)
		}
	}
	w, events := visit(mux, "GET", "/documents/3")
	refused(t, w, events, 404, "authz.not_found", bulwark.AuthzFail, "authz.not_readable")
	if got := attr(events[0], "decision"); got != "d3" {
		t.Errorf("the event has the decision %q", got)
	}
	missing, _ := visit(mux, "GET", "/documents/9")
	if missing.Code != 404 || withoutInstance(missing.Body.String()) != withoutInstance(w.Body.String()) {
		t.Errorf("a missing document is %s, a denied one %s", missing.Body, w.Body)
	}
	w, events = visit(mux, "GET", "/documents")
	if w.Code != 200 || strings.Count(w.Body.String(), `"bob"`) != 1 || !strings.Contains(w.Body.String(), `"4"`) || len(events) > 0 {
		t.Errorf("the list: %d %s, %v", w.Code, w.Body, events)
	}
	asked := l.asked()
	if last := asked[len(asked)-1]; !strings.HasSuffix(last.url, "/evaluations") {
		t.Errorf("the list asked %s", last.url)
	}
}

// withoutInstance cuts the id of the request out of a problem.
func withoutInstance(body string) string {
	parts := strings.Split(body, ",")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return strings.Contains(part, `"instance"`) }), ",")
}

// A denial of the decision point on a rule is 403.
func TestRuleDenied(t *testing.T) {
	for _, body := range []string{`{"decision":false,"context":{"id":"d-1","reason":"` + "no" + `"}}`, `{"decision":true,"context":{"obligations":[{"type":"log"}]}}`} {
		w, events := visit(service(t, client(t, authzen.Config{URL: serve(t, says(body)).URL})), "GET", "/reports")
		refused(t, w, events, 403, "authz.forbidden", bulwark.AuthzFail, "authz.forbidden")
	}
}

// The begin of an outage goes to the audit layer of the request that found out,
// beside its refusal.
func TestOutageAtARoute(t *testing.T) {
	mux := service(t, client(t, authzen.Config{URL: serve(t, http.NotFoundHandler()).URL, Breaker: authzen.Breaker{Failures: 1}}))
	if _, events := visit(mux, "GET", "/reports"); len(events) != 1 {
		t.Errorf("a 404 is an outage: %+v", events)
	}
	mux = service(t, client(t, authzen.Config{URL: serve(t, says("garbage")).URL, Breaker: authzen.Breaker{Failures: 1}}))
	_, events := visit(mux, "GET", "/reports")
	if len(events) != 2 || events[0].Reason != "authzen.outage" || events[1].Reason != "authz.engine_unavailable" {
		t.Errorf("events %+v", events)
	}
	w, events := visit(mux, "GET", "/reports")
	refused(t, w, events, 503, "authz.engine_unavailable", bulwark.SysUnavailable, "authz.engine_unavailable")
	if !strings.Contains(attr(events[0], "error"), "left alone for a while") {
		t.Errorf("the event says %q", attr(events[0], "error"))
	}
}
