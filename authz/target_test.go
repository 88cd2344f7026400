package authz_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// gateway is a router of somebody else's in front of an upstream: admins alone
// reach /admin/ of it. It reads the path as routers do, with "/" for none.
func gateway(t *testing.T, policy *authz.Policy, proxy http.Handler) map[string]http.Handler {
	t.Helper()
	config := func(rule authz.Rule) http.Handler {
		return bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: rule})).Wrap(proxy)
	}
	admins, public := config(authz.RequireRole("admin")), config(authz.Public("site"))
	mounted := authz.NewMux(policy)
	mounted.Mount("/admin/", authz.RequireRole("admin"), proxy)
	mounted.Mount("/", authz.Public("site"), proxy)
	handled := authz.NewMux(policy)
	handled.Handle("GET /admin/", authz.RequireRole("admin"), proxy)
	handled.Handle("GET /", authz.Public("site"), proxy)
	theirs := http.NewServeMux()
	theirs.Handle("GET /admin/", proxy)
	theirs.Handle("GET /", proxy)
	guard := bulwark.Must(authz.Guard(theirs, policy, map[string]authz.Rule{"GET /admin/": authz.RequireRole("admin"), "GET /": authz.Public("site")}))
	return map[string]http.Handler{
		"config": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if path := r.URL.EscapedPath(); strings.HasPrefix(path, "/admin/") || path == "/admin" {
				admins.ServeHTTP(w, r)
				return
			}
			public.ServeHTTP(w, r)
		}),
		"mount": mounted, "tail": handled, "guard": guard,
	}
}

// ask sends one request with the target as it stands and returns the status.
func ask(t *testing.T, server *httptest.Server, method, target string) int {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, target)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	response.Body.Close()
	return response.StatusCode
}

// A request target without a path passes with the path of nobody: a router sees
// "/", and a proxy sends the opaque part on.
func TestCaseAuthz1OpaqueTargets(t *testing.T) {
	policy := mustPolicy(t, guide())
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/admin") {
			w.WriteHeader(http.StatusTeapot) // what nobody may see
		}
	}))
	t.Cleanup(upstream.Close)
	for name, h := range gateway(t, policy, httputil.NewSingleHostReverseProxy(bulwark.Must(url.Parse(upstream.URL)))) {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			t.Cleanup(server.Close)
			want := 400
			if name == "mount" || name == "tail" || name == "guard" {
				want = 404 // ServeMux knows no such path
			}
			for _, target := range []string{"http:http://x/admin/keys", "http:admin/keys", "x:/../admin/keys", "http:%2Fadmin/keys", "mailto:admin"} {
				got := ask(t, server, "GET", target)
				if target == "x:/../admin/keys" { // has a path
					if got == http.StatusTeapot || got == 200 {
						t.Errorf("%s: %d", target, got)
					}
					continue
				}
				if got != want {
					t.Errorf("%s: %d, want %d", target, got, want)
				}
			}
			if got := ask(t, server, "GET", "http://x/page"); got != 200 { // the absolute form of RFC 9112 section 3.2.2
				t.Errorf("absolute form: %d", got)
			}
			if got := ask(t, server, "GET", "http://x/admin/keys"); got != 401 {
				t.Errorf("absolute form of an admin's path: %d", got)
			}
		})
	}
	layer := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.Public("site")})).Wrap(ok())
	object := authz.Object(policy, documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	for _, u := range []*url.URL{{Opaque: "http://x/admin/keys"}, {Opaque: "//x/admin", Path: "/"}, {Path: "*"}, {Path: ""}, {Path: "admin/keys"}} {
		for _, h := range []http.Handler{layer, object} {
			r := request("GET", "/", as("alice", "user"))
			r.URL = u
			pathValue.check(t, h, r)
		}
	}
}

// A server that drops path parameters, or decodes twice, serves a path that
// another mount has a stricter rule for.
func TestCaseAuthz2PathParameters(t *testing.T) {
	reached := false
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })
	for name, h := range gateway(t, mustPolicy(t, guide()), h) {
		t.Run(name, func(t *testing.T) {
			for _, target := range []string{"/admin;x/keys", "/admin;/keys", "/admin%3Bx/keys", "/admin%3bx/keys", "/;x/admin/keys", "/admin/keys;v=1",
				"/admin%253Bx/keys", "/admin%253bx/keys", "/admin%3Fx/keys", "/admin%23/keys", "/%2561dmin/keys", "/a%25%36%31"} {
				for _, caller := range []*bulwark.Principal{nil, as("root", "admin")} {
					reached = false
					pathValue.check(t, h, request("GET", target, caller))
					if reached {
						t.Errorf("%s reached the upstream", target)
					}
				}
			}
			for _, target := range []string{"/", "/page", "/100%25", "/100%25az", "/100%25%20sure", "/a,b=c&d:e@f", "/%C3%A4"} {
				if w := get(h, target, nil); w.Code != 200 {
					t.Errorf("%s: %d %s", target, w.Code, w.Body)
				}
			}
		})
	}
	// A value of a route has no sub-router behind it.
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /notes/{id}", authz.Public("x"), h)
	mux.Handle("GET /files/{path...}", authz.Public("x"), h)
	for _, target := range []string{"/notes/a;b", "/notes/a%23b", "/files/c;d/e%3Ff", "/files/100%2541"} {
		if w := get(mux, target, nil); w.Code != 200 {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// A principal without an issuer counts as nobody. The event says so, and the
// answer does not.
func TestCaseAuthz6HalfKnownCallers(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	mux.Handle("GET /admin/users", authz.RequireRole("admin"), ok())
	checked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res := documents()
		res.Policy = policy
		_, err := res.Check(r, "read", &document{})
		bulwark.Deny(w, r, err)
	})
	for target, h := range map[string]http.Handler{"/documents/1": mux, "/admin/users": mux, "/x": checked} {
		for _, p := range []*bulwark.Principal{{Subject: "alice", Roles: []string{"user"}}, {Issuer: accounts, Roles: []string{"user"}}, {}} {
			w := get(h, target, p)
			if w.Code != 401 || strings.Contains(w.Body.String(), "Issuer") {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
			event := unauthenticated.check(t, h, request("GET", target, p))
			if text := fmt.Sprint(event.Attrs); !strings.Contains(text, "no Issuer or no Subject") {
				t.Errorf("%s: the event says %s", target, text)
			}
		}
		if text := fmt.Sprint(unauthenticated.check(t, h, request("GET", target, nil)).Attrs); strings.Contains(text, "Issuer") {
			t.Errorf("%s of nobody: the event says %s", target, text)
		}
	}
	if got := policy.Explain(authz.Query{Principal: &bulwark.Principal{Subject: "alice"}, Resource: "document", Action: "read", Reach: "own"}); !strings.Contains(got, "no Issuer") {
		t.Errorf("Explain: %s", got)
	}
}

// A reach is a proof about one request, and does not serve another caller.
func TestCaseAuthz3ReachOfAnotherCaller(t *testing.T) {
	var kept authz.Reach
	mux := authz.NewMux(mustPolicy(t, guide()))
	authz.HandleList(mux, "GET /keep", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		kept = reach
		authz.WriteList(w, r, reach, []*document{})
	})
	authz.HandleList(mux, "GET /use", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, kept, []*document{{OwnerID: "bob"}})
	})
	authz.HandleList(mux, "GET /assume", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), as("mallory", "user")))
		authz.WriteList(w, r, reach, []*document{})
	})
	unconfigured := want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable}
	for _, keeper := range []*bulwark.Principal{as("root", "admin"), as("bob", "user"), as("alice", "user")} {
		if w := get(mux, "/keep", keeper); w.Code != 200 {
			t.Fatal(w.Code)
		}
		unconfigured.check(t, mux, request("GET", "/use", as("alice", "user")))
	}
	unconfigured.check(t, mux, request("GET", "/assume", as("root", "admin")))
	public := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { authz.WriteList(w, r, kept, []*document{}) })
	unconfigured.check(t, public, request("GET", "/", nil))
}

// Nothing of the refused list hints at what was cut out. What the layers have
// set stays.
func TestCaseAuthz4FieldsOfARefusedList(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	inner := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Inner", "1")
			next.ServeHTTP(w, r)
		})
	})
	fields := map[string]string{"X-Pagination": "total=61", "X-Total-Count": "61", "Link": "</x?page=2>", "Content-Range": "items 0-1/61",
		"Etag": `"61"`, "Last-Modified": "x", "X-Next-Cursor": "61", "Content-Type": "text/csv", "Vary": "Accept"}
	list := func(items ...*document) func(http.ResponseWriter, *http.Request, authz.Reach) {
		return func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
			for name, value := range fields {
				w.Header().Set(name, value)
			}
			authz.WriteList(w, r, reach, items)
		}
	}
	authz.HandleList(mux, "GET /leak", documents().Can("read"), list(&document{OwnerID: "bob"}), inner)
	authz.HandleList(mux, "GET /fine", documents().Can("read"), list(), inner)
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 20 { // more than there is room for without allocating
			w.Header().Set(fmt.Sprint("X-Outer-", i), "1")
		}
		mux.ServeHTTP(w, r)
	})
	leak := want{status: 500, code: "authz.list_leak", event: bulwark.SysUnavailable, header: map[string]string{"X-Inner": "1", "X-Outer-19": "1"}}
	for name := range fields {
		if name != "Content-Type" {
			leak.header[name] = ""
		}
	}
	leak.header["Content-Type"] = "application/problem+json"
	leak.check(t, outer, request("GET", "/leak", as("alice", "user")))
	var rec bulwarktest.Recorder
	w := get(rec.Wrap(outer), "/fine", as("alice", "user"))
	if w.Code != 200 || w.Header().Get("X-Pagination") != "total=61" || len(rec.Take()) != 0 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A reach that is not of the request does not know what the layers have set.
// So the refusal has nothing of the handler's, and nothing of theirs.
func TestRefusedListOfAReachThatNobodyMade(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	var kept authz.Reach
	for path, made := range map[string]func(authz.Reach) authz.Reach{
		"/zero":  func(authz.Reach) authz.Reach { return authz.Reach{} },
		"/all":   func(authz.Reach) authz.Reach { return authz.Reach{All: true} },
		"/other": func(authz.Reach) authz.Reach { return kept },
	} {
		authz.HandleList(mux, "GET "+path, documents().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
			w.Header().Set("X-Pagination", "total=61")
			authz.WriteList(w, r, made(reach), []*document{{OwnerID: "alice"}})
		})
	}
	authz.HandleList(mux, "GET /keep", documents().Can("read"), func(_ http.ResponseWriter, _ *http.Request, reach authz.Reach) { kept = reach })
	authz.HandleList(mux, "GET /type", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		w.Header().Set("X-Pagination", "total=61")
		authz.WriteList(w, r, reach, []string{"61"})
	})
	get(mux, "/keep", as("alice", "user"))
	unconfigured := want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable, header: map[string]string{"X-Pagination": ""}}
	for _, path := range []string{"/zero", "/all", "/other", "/type"} {
		unconfigured.check(t, mux, request("GET", path, as("alice", "user")))
	}
}

// The handler may also change what a layer has set, or hide a total beside it.
func TestCaseAuthz4ValuesOfTheLayers(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	layer := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"X-Added", "X-Set", "X-Removed", "X-Direct"} {
				w.Header().Set(name, "layer")
			}
			w.Header()["Vary"] = append(make([]string, 0, 4), "Origin") // room for another value
			next.ServeHTTP(w, r)
		})
	})
	authz.HandleList(mux, "GET /leak", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		w.Header().Add("X-Added", "total=61")
		w.Header().Set("X-Set", "total=61")
		w.Header().Del("X-Removed")
		w.Header()["X-Direct"] = []string{"layer", "total=61"}
		w.Header().Add("Vary", "X-Total-61")
		w.Header()["x-total"] = []string{"61"} // not canonical
		authz.WriteList(w, r, reach, []*document{{OwnerID: "bob"}})
	}, layer)
	w := get(mux, "/leak", as("alice", "user"))
	if w.Code != 500 || strings.Contains(fmt.Sprint(w.Header()), "61") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, name := range []string{"X-Added", "X-Set", "X-Removed", "X-Direct"} {
		if got := w.Header()[name]; len(got) != 1 || got[0] != "layer" {
			t.Errorf("%s is %q", name, got)
		}
	}
	if got := w.Header()["Vary"]; len(got) != 1 || got[0] != "Origin" {
		t.Errorf("Vary is %q", got)
	}
}

// A query comes from outside and may hold a line that looks like a verdict.
func TestCaseAuthz5ExplainQuotes(t *testing.T) {
	policy := mustPolicy(t, guide())
	for _, evil := range []string{"doc\nallow document:delete:all to \"root\"", "a\rb", "document:delete:all to", "read\u2028x", "\u202eall", "", "own ", "a\x1b[31m"} {
		for _, q := range []authz.Query{
			{Principal: as("a", "user"), Resource: evil, Action: "read", Reach: "all"},
			{Principal: as("a", "user"), Resource: "document", Action: evil, Reach: "all"},
			{Principal: as("a", "user"), Resource: "document", Action: "read", Reach: evil},
			{Principal: as(evil, evil), Resource: "document", Action: "read", Reach: "own"},
			{Principal: &bulwark.Principal{Issuer: evil, Subject: "x", Roles: []string{evil}}, Resource: "document", Action: "delete", Reach: "own"},
			{Resource: evil, Action: evil, Reach: evil},
		} {
			got := policy.Explain(q)
			if strings.Contains(got, "\nallow") || strings.Contains(got, evil) && evil != "" && !strings.Contains(got, strconv.Quote(evil)) || strings.ContainsAny(got, "\r\u2028\u202e\x1b") {
				t.Errorf("%q explains as %q", evil, got)
			}
		}
	}
	if got := policy.Explain(authz.Query{Principal: as("a", "user"), Resource: "document", Action: "raed now", Reach: "own"}); !strings.HasPrefix(got, `deny document:"raed now":own to`) {
		t.Errorf("Explain: %s", got)
	}
}
