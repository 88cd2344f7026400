package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// ServeMux matches segment by segment before it decodes, and a file server
// reads the decoded path: an encoded slash must not take a request past the
// rule of the more specific route.
func TestEncodedSlashMeetsTheRuleOfItsPath(t *testing.T) {
	policy := mustPolicy(t, guide())
	files := http.FileServerFS(fstest.MapFS{"files/private/secret.txt": {Data: []byte("SECRET")}, "files/open.txt": {Data: []byte("OPEN")}})
	outer, inner := authz.Authenticated(), authz.RequireRole("admin")

	mounted := authz.NewMux(policy)
	mounted.Mount("/files/", outer, files)
	mounted.Mount("/files/private/", inner, files)
	handled := authz.NewMux(policy)
	handled.Handle("GET /files/{path...}", outer, files)
	handled.Handle("GET /files/private/{path...}", inner, files)
	tails := authz.NewMux(policy)
	tails.Handle("GET /files/", outer, files)
	tails.Handle("GET /files/private/", inner, files)
	literal := authz.NewMux(policy)
	literal.Handle("GET /files/{path...}", outer, files)
	literal.Handle("GET /files/private/secret.txt", inner, files)

	// guarded puts the rules around a ServeMux, and layered into its routes.
	guarded := func(open, private string) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(open, files)
		mux.Handle(private, files)
		return bulwark.Must(authz.Guard(mux, policy, map[string]authz.Rule{open: outer, private: inner}))
	}
	layered := func(open, private string) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(open, bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: outer})).Wrap(files))
		mux.Handle(private, bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: inner})).Wrap(files))
		return mux
	}
	// prefixed is a router that matches prefixes and neither cleans nor
	// redirects.
	open := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: outer})).Wrap(files)
	private := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: inner})).Wrap(files)
	prefixed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.EscapedPath(), "/files/private/") {
			private.ServeHTTP(w, r)
			return
		}
		open.ServeHTTP(w, r)
	})

	for name, h := range map[string]http.Handler{
		"mount": mounted, "wildcard": handled, "tail": tails, "literal": literal,
		"guard_tail": guarded("GET /files/", "GET /files/private/"), "guard_wildcard": guarded("GET /files/{path...}", "GET /files/private/{path...}"),
		"guard_methodless": guarded("/files/", "/files/private/"),
		"config_tail":      layered("GET /files/", "GET /files/private/"), "config_wildcard": layered("GET /files/{path...}", "GET /files/private/{path...}"),
		"config_prefix": prefixed,
	} {
		t.Run(name, func(t *testing.T) {
			user, root := as("alice", "user"), as("root", "admin")
			forbidden.check(t, h, request("GET", "/files/private/secret.txt", user))
			for _, target := range []string{"/files/private%2Fsecret.txt", "/files/private%2fsecret.txt", "/files/private%5Csecret.txt",
				"/files/private%5csecret.txt", `/files/private\secret.txt`, "/files/x%2F..%2Fprivate%2Fsecret.txt"} {
				for _, caller := range []*bulwark.Principal{user, root, nil} {
					pathValue.check(t, h, request("GET", target, caller))
				}
			}
			for target, caller := range map[string]*bulwark.Principal{"/files/open.txt": user, "/files/private/secret.txt": root} {
				if w := get(h, target, caller); w.Code != 200 {
					t.Errorf("%s: %d", target, w.Code)
				}
			}
		})
	}
	// A router that leaves an empty segment in hides a path from its own rules.
	for _, target := range []string{"/files//private/secret.txt", "//files/private/secret.txt"} {
		pathValue.check(t, prefixed, request("GET", target, as("alice", "user")))
	}
}

// A path that somebody outside has rewritten may keep the encoding that came
// in.
func TestEncodedSlashInARewrittenPath(t *testing.T) {
	layer := bulwark.Must(authz.New(authz.Config{Policy: mustPolicy(t, guide()), Rule: authz.Public("x")}))
	for _, raw := range []string{"/a%2Fb", "/a%2fb", "/a%5Cb", "/a%5cb", "/a/b%2F"} {
		r := request("GET", "/a/b", nil)
		r.URL.RawPath = raw
		pathValue.check(t, layer.Wrap(ok()), r)
	}
	r := request("GET", "/a/b", nil)
	r.URL.RawPath = "/a%2" // cut short, and not the encoding of the path
	if w := serve(layer.Wrap(ok()), r); w.Code != 200 {
		t.Error(w.Code)
	}
}

func TestPatternsWithEncodedSlashesAreRefused(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	for _, pattern := range []string{"GET /a%2Fb", "GET /a%2fb/{id}", "GET /a%5Cb/", `GET /a\b`} {
		mustRefuse(t, "Mux("+pattern+")", "slash", func() { mux.Handle(pattern, authz.Public("x"), ok()) })
		theirs := http.NewServeMux()
		theirs.Handle(pattern, ok())
		if _, err := authz.Guard(theirs, policy, map[string]authz.Rule{pattern: authz.Public("x")}); !hasFault(err, "authz.Guard.rules["+pattern+"]", "slash") {
			t.Errorf("Guard takes %q: %v", pattern, err)
		}
	}
}

func TestPathValuesAreUTF8(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	mux.Handle("GET /documents/{id}", authz.Public("x"), ok())
	mux.Handle("GET /files/{path...}", authz.Public("x"), ok())
	mux.Handle("GET /static/", authz.Public("x"), ok())
	theirs := http.NewServeMux()
	theirs.Handle("GET /documents/{id}", ok())
	theirs.Handle("GET /files/{path...}", ok())
	theirs.Handle("GET /static/", ok())
	rules := map[string]authz.Rule{"GET /documents/{id}": authz.Public("x"), "GET /files/{path...}": authz.Public("x"), "GET /static/": authz.Public("x")}
	for name, h := range map[string]http.Handler{"mux": mux, "guard": bulwark.Must(authz.Guard(theirs, policy, rules)),
		"config": bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.Public("x")})).Wrap(ok())} {
		t.Run(name, func(t *testing.T) {
			for _, prefix := range []string{"/documents/", "/files/", "/files/a/", "/static/"} {
				for _, value := range []string{
					"%c0%ae%c0%ae", "%c0%af", "%e0%80%ae", "%e0%80%af", "%f0%80%80%af", // overlong dots and slashes
					"%c1%9c",                // an overlong backslash
					"%ff", "a%80", "%e2%82", // no encoding of anything, cut short
					"%ed%a0%80",    // a surrogate
					"%f4%90%80%80", // past the last code point
				} {
					pathValue.check(t, h, request("GET", prefix+value, nil))
				}
				for _, value := range []string{"%EF%BC%8E%EF%BC%8E", "%EF%BC%8F", "%E2%80%A4%E2%80%A4", "%C3%A4", "%F0%9F%94%92", "%EF%BF%BD"} {
					if w := get(h, prefix+value, nil); w.Code != 200 {
						t.Errorf("%s%s: %d", prefix, value, w.Code)
					}
				}
			}
		})
	}
}

// A second StepUp must never take the first one away.
func TestStepUpTwiceIsRefused(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	once := authz.Authenticated().StepUp("urn:mfa", 0)
	for name, rule := range map[string]authz.Rule{
		"acr_then_age": once.StepUp("", 5*time.Minute),
		"age_then_acr": authz.Authenticated().StepUp("", 5*time.Minute).StepUp("urn:mfa", 0),
		"other_acr":    once.StepUp("urn:pwd", 0),
		"same":         once.StepUp("urn:mfa", 0),
		"older":        authz.Authenticated().StepUp("", time.Minute).StepUp("", time.Hour),
		"in_all":       authz.All(once.StepUp("urn:pwd", 0)),
		"then_scope":   once.StepUp("", time.Hour).Scopes("a"),
	} {
		t.Run(name, func(t *testing.T) {
			mustRefuse(t, "Mux(GET /x)", "asks twice for a step-up", func() { mux.Handle("GET /x", rule, ok()) })
		})
	}
	res := documents()
	mustRefuse(t, "Mux(GET /x)", "asks twice for a step-up", func() {
		authz.HandleObject(mux, "GET /x", res.Can("read").StepUp("urn:mfa", 0).StepUp("", time.Hour), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	})

	// All is the way to ask for both.
	mux.Handle("GET /both", authz.All(once, authz.Authenticated().StepUp("", 5*time.Minute)), ok())
	refused := want{status: 401, code: "authz.insufficient_user_authentication", event: bulwark.AuthzFail}
	caller := as("alice")
	caller.AuthTime = time.Now()
	refused.check(t, mux, request("GET", "/both", caller))
	caller.ACR, caller.AuthTime = "urn:mfa", time.Now().Add(-time.Hour)
	refused.check(t, mux, request("GET", "/both", caller))
	caller.AuthTime = time.Now()
	if w := get(mux, "/both", caller); w.Code != 200 {
		t.Error(w.Code)
	}
}

// A role's name may look like another role with a reach.
func TestAdmitsComparesWholeNames(t *testing.T) {
	c := guide()
	c.Roles = authz.Roles{"user": {}, "user (x)": {Grants: []string{"document:read:all"}}, "user (own)": {Grants: []string{"document:read:own"}}}
	mux := authz.NewMux(mustPolicy(t, c))
	mux.Handle("GET /plain", authz.Require("document:read:own"), ok())
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	authz.HandleList(mux, "GET /documents", documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Reach) {})
	routes := mux.Routes()
	if len(routes) != 3 {
		t.Fatalf("routes: %+v", routes)
	}
	for _, route := range routes {
		for role, admitted := range map[string]bool{"user (x)": true, "user (own)": true, "user": false, "user (x) (all)": false, "user (own) (own)": false, "": false} {
			if route.Admits(role) != admitted {
				t.Errorf("%s %v: Admits(%q) = %v", route.Pattern, route.Roles, role, !admitted)
			}
		}
	}
}

// A grant is for the request that it was made for.
func TestGrantsStayWithTheirRequest(t *testing.T) {
	var saved context.Context
	swap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Query().Has("save"):
				saved = context.WithoutCancel(r.Context())
			case r.URL.Query().Has("saved"):
				r = r.WithContext(saved)
			case r.URL.Query().Has("saved_clone"):
				r = r.Clone(saved)
			case r.URL.Query().Has("clone"):
				r = r.Clone(r.Context())
			case r.URL.Query().Has("elsewhere"):
				r = r.Clone(r.Context())
				r.URL.Path = "/documents/1"
			case r.URL.Query().Has("in_place"):
				r.URL.Path = "/documents/1"
			case r.URL.Query().Has("rewrite"): // in place, as a canonicaliser of the query does
				r.URL.RawQuery = "rewritten"
			case r.URL.Query().Has("copy"): // and one that copies
				u := *r.URL
				u.RawQuery = ""
				r = r.WithContext(r.Context())
				r.URL = &u
			}
			next.ServeHTTP(w, r)
		})
	}
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	ran := ""
	h := func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) { ran = d.Value().ID }
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), h, bulwark.LayerFunc(swap))
	theirs := http.NewServeMux()
	theirs.Handle("GET /documents/{id}", authz.Object(policy, documents().Can("read"), h, bulwark.LayerFunc(swap)))
	bob := as("bob", "moderator")
	for name, router := range map[string]http.Handler{"mux": mux, "object": theirs} {
		t.Run(name, func(t *testing.T) {
			if w := get(router, "/documents/1?save", bob); w.Code != 200 || ran != "1" {
				t.Fatalf("%d, object %q", w.Code, ran)
			}
			foreign := want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable}
			for _, target := range []string{"/documents/2?saved", "/documents/2?saved_clone", "/documents/2?elsewhere", "/documents/2?in_place"} {
				ran = ""
				if w := get(router, target, bob); w.Code != foreign.status || !strings.Contains(w.Body.String(), foreign.code) || ran != "" {
					t.Errorf("%s: %d %s, and the handler got object %q", target, w.Code, w.Body, ran)
				}
			}
			r := request("GET", "/documents/1?saved", bob)
			r.Host = "other.example"
			ran = ""
			if w := serve(router, r); w.Code != foreign.status || ran != "" {
				t.Errorf("another host: %d, and the handler got object %q", w.Code, ran)
			}
			for _, query := range []string{"", "clone", "rewrite", "copy"} {
				ran = ""
				if w := get(router, "/documents/2?"+query, bob); w.Code != 200 || ran != "2" {
					t.Errorf("%s: %d, object %q", query, w.Code, ran)
				}
			}
		})
	}
}

// A name is the same host in any case and with the root's dot (RFC 9110 section
// 4.2.3, RFC 3986 section 3.2.2), and so has the same rules.
func TestHostsAreComparedAsNames(t *testing.T) {
	policy := mustPolicy(t, guide())
	patterns := map[string]authz.Rule{"GET admin.example.com/users/{id}": authz.RequireRole("admin"), "GET /users/{id}": authz.Public("x"), "POST /users/{id}": authz.Public("x")}
	mux, theirs := authz.NewMux(policy), http.NewServeMux()
	var host string
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host = r.Host
		fmt.Fprint(w, r.Pattern+" "+r.PathValue("id"))
	})
	for pattern, rule := range patterns {
		mux.Handle(pattern, rule, spy)
		theirs.Handle(pattern, spy)
	}
	guard := bulwark.Must(authz.Guard(theirs, policy, patterns))
	for name, h := range map[string]http.Handler{"mux": mux, "guard": guard} {
		t.Run(name, func(t *testing.T) {
			for _, sent := range []string{"admin.example.com", "ADMIN.example.com", "Admin.Example.COM:8080", "admin.example.com.", "admin.example.com.:443", "ADMIN.EXAMPLE.COM.:443", "admin.example.com:"} {
				r := request("GET", "/users/1", as("alice", "user"))
				r.Host = sent
				forbidden.check(t, h, r)
				r = request("GET", "/users/1", as("root", "admin"))
				r.Host = sent
				if w := serve(h, r); w.Code != 200 || w.Body.String() != "GET admin.example.com/users/{id} 1" {
					t.Errorf("%s: %d %s", sent, w.Code, w.Body)
				}
				if r.Pattern != "GET admin.example.com/users/{id}" || r.Host != sent {
					t.Errorf("outside, the pattern is %q and the host %q", r.Pattern, r.Host)
				}
				r = request("DELETE", "/users/1", as("root", "admin"))
				r.Host = sent
				methodNotAllowed("GET, HEAD, POST").check(t, h, r)
				r = request("GET", "/nothing", as("root", "admin"))
				r.Host = sent
				noRoute.check(t, h, r)
			}
			for _, sent := range []string{"example.com", "admin.example.com.evil.example", "[::1]:80", "[::1]", "", "."} {
				r := request("GET", "/users/1", nil)
				r.Host = sent
				host = "unset"
				if w := serve(h, r); w.Code != 200 || w.Body.String() != "GET /users/{id} 1" {
					t.Errorf("%s: %d %s", sent, w.Code, w.Body)
				}
				if host != strings.TrimSuffix(sent, ".") {
					t.Errorf("sent %q, the handler sees %q", sent, host)
				}
			}
		})
	}
}

// A pattern whose host no request ever has would leave its path to a route
// without a host.
func TestPatternsWithOddHostsAreRefused(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	for _, pattern := range []string{"GET Admin.example.com/x", "GET admin.example.com./x", "GET admin.example.com:8080/x", "GET [::1]/x"} {
		mustRefuse(t, "Mux("+pattern+")", "host", func() { mux.Handle(pattern, authz.Public("x"), ok()) })
		theirs := http.NewServeMux()
		theirs.Handle(pattern, ok())
		if _, err := authz.Guard(theirs, policy, map[string]authz.Rule{pattern: authz.Public("x")}); !hasFault(err, "authz.Guard.rules["+pattern+"]", "host") {
			t.Errorf("Guard takes %q: %v", pattern, err)
		}
	}
	mustRefuse(t, "Mux(Admin.example.com/m/)", "host", func() { mux.Mount("Admin.example.com/m/", authz.Public("x"), ok()) })
	if len(mux.Routes()) != 0 {
		t.Errorf("routes %+v", mux.Routes())
	}
}

func TestHostsOnTheWire(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET admin.example.com/users", authz.RequireRole("admin"), ok())
	mux.Handle("GET /users", authz.Public("x"), ok())
	server := httptest.NewServer(mux)
	defer server.Close()
	for host, status := range map[string]int{"admin.example.com": 401, "ADMIN.example.com": 401, "admin.example.com.": 401, "admin.EXAMPLE.com.:8080": 401, "www.example.com": 200} {
		r, err := http.NewRequest("GET", server.URL+"/users", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("%s: %d, want %d", host, response.StatusCode, status)
		}
	}
}
