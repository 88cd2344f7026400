package authz_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A name without a value is a mistake of the program. Load never looks for an
// object without a name.
func TestPathNamesWithoutValue(t *testing.T) {
	policy := mustPolicy(t, guide())
	values := func(known map[string]string) func(*http.Request, string) string {
		return func(_ *http.Request, name string) string { return known[name] }
	}
	both := map[string]string{"org": "acme", "id": "1"}
	for name, test := range map[string]struct {
		names   []string
		known   map[string]string
		missing string // the name without a value
	}{
		"all":       {[]string{"org", "id"}, both, ""},
		"default":   {nil, both, ""},
		"no_id":     {nil, map[string]string{"doc": "1"}, "id"},
		"misspelt":  {[]string{"orgs", "id"}, both, "orgs"},
		"the_last":  {[]string{"org", "idd"}, both, "idd"},
		"no_values": {[]string{"org", "id"}, nil, "org"},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, ran := 0, 0
			res := documents()
			res.Load = func(_ context.Context, r *http.Request) (*document, error) {
				loaded++
				return load(context.Background(), r)
			}
			res.PathValue, res.PathNames = values(test.known), test.names
			rule := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.Authenticated(), PathValue: values(test.known), PathNames: test.names}))
			for config, h := range map[string]http.Handler{
				"Resource": authz.Object(policy, res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) { ran++ }),
				"Config":   rule.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran++ })),
				"Check": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if err := rule.Check(r); err != nil {
						bulwark.Deny(w, r, err)
						return
					}
					ran++
				}),
			} {
				loaded, ran = 0, 0
				r := request("GET", "/documents/1", as("alice", "user"))
				if test.missing == "" {
					if w := serve(h, r); w.Code != 200 || ran != 1 {
						t.Errorf("%s: %d, the handler ran %d times", config, w.Code, ran)
					}
					continue
				}
				e := want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable}.check(t, h, r)
				if loaded != 0 || ran != 0 {
					t.Errorf("%s: Load ran %d times, the handler %d times", config, loaded, ran)
				}
				owner := config
				if owner == "Check" {
					owner = "Config"
				}
				for _, part := range []string{"authz." + owner + ".PathNames: " + test.missing + ": ", owner + ".PathValue returned nothing"} {
					if !strings.Contains(wanted(e), part) {
						t.Errorf("%s: error %q lacks %q", config, wanted(e), part)
					}
				}
			}
		})
	}
}

// Names for a function that is missing are refused in every way to register.
func TestPathNamesWithoutPathValue(t *testing.T) {
	policy := mustPolicy(t, guide())
	res := documents()
	res.PathNames = []string{"org", "id"}
	const reason = "are the names for PathValue, which is missing; set PathValue, or leave PathNames out"
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	mustRefuse(t, "Object(document:read).access", "is of a resource whose PathNames "+reason, func() { authz.Object(policy, res.Can("read"), show) })
	mustRefuse(t, "Mux(GET /d/{id}).access", "PathNames "+reason, func() { authz.HandleObject(authz.NewMux(policy), "GET /d/{id}", res.Can("read"), show) })
	if _, err := authz.New(authz.Config{Policy: policy, Rule: authz.Authenticated(), PathNames: res.PathNames}); !hasFault(err, "authz.PathNames", reason) {
		t.Errorf("New = %v", err)
	}
}

// Under a router that keeps its path values to itself, Load looks for an object
// without a name. The 404 is the same as any other, and the log says why.
func TestObjectWithoutPathValues(t *testing.T) {
	policy := mustPolicy(t, guide())
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	own := documents()
	own.PathValue = func(*http.Request, string) string { return "99" }
	broken := documents()
	broken.Load = func(context.Context, *http.Request) (*document, error) {
		return nil, &bulwark.Problem{Status: 404, Code: "documents.gone", Detail: "gone"}
	}
	// Whatever the path values are, the answer has the same bytes.
	usual := get(authz.Object(policy, own.Can("read"), show), "/documents/1", as("alice", "user"))
	for name, test := range map[string]struct {
		resource authz.Resource[*document]
		pattern  string
		values   map[string]string
		caller   *bulwark.Principal
		reason   string
		hint     bool
	}{
		"no_pattern":      {documents(), "", nil, as("alice", "user"), "authz.not_found", true},
		"around":          {documents(), "/", nil, as("alice", "user"), "authz.not_found", true},
		"unit_test":       {documents(), "", map[string]string{"id": "99"}, as("alice", "user"), "authz.not_found", false},
		"servemux":        {documents(), "GET /documents/{id}", map[string]string{"id": "99"}, as("alice", "user"), "authz.not_found", false},
		"other_name":      {documents(), "GET /documents/{doc}", map[string]string{"doc": "99"}, as("alice", "user"), "authz.not_found", false},
		"fixed":           {documents(), "GET /mine", nil, as("alice", "user"), "authz.not_found", false},
		"own_function":    {own, "", nil, as("alice", "user"), "authz.not_found", false},
		"another_problem": {broken, "", nil, as("alice", "user"), "documents.gone", false},
		"not_readable":    {documents(), "", map[string]string{"id": "1"}, as("mallory", "user"), "authz.not_readable", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := request("GET", "/documents/1", test.caller)
			r.Pattern = test.pattern
			for name, value := range test.values {
				r.SetPathValue(name, value)
			}
			var rec bulwarktest.Recorder
			w := serve(rec.Wrap(authz.Object(policy, test.resource.Can("read"), show)), r)
			events := rec.Take()
			if w.Code != 404 || len(events) != 1 || events[0].Reason != test.reason {
				t.Fatalf("%d, events %+v", w.Code, events)
			}
			if test.reason != "documents.gone" && withoutInstance(w.Body.String()) != withoutInstance(usual.Body.String()) {
				t.Errorf("body %s, want %s", w.Body, usual.Body)
			}
			text := wanted(events[0])
			if !test.hint && text != "" {
				t.Errorf("an ordinary refusal has the error %q", text)
			}
			for _, part := range []string{"path value", "Resource.PathValue", "PathNames"} {
				if test.hint && !strings.Contains(text, part) {
					t.Errorf("error %q lacks %q", text, part)
				}
			}
		})
	}
}

// withoutInstance cuts the id of the request out of a body.
func withoutInstance(body string) string {
	before, after, _ := strings.Cut(body, `"instance":"`)
	_, after, _ = strings.Cut(after, `"`)
	return before + after
}
