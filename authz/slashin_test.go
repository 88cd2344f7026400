package authz_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// slashMux has routes with SlashIn, beside routes that a slash could evade.
func slashMux(t *testing.T) (mux *authz.Mux, reached *string) {
	t.Helper()
	reached = new(string)
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*reached = r.Pattern + " " + r.PathValue("name") + " " + r.PathValue("id")
	})
	mux = authz.NewMux(mustPolicy(t, guide()))
	anyone, admins := authz.Authenticated(), authz.RequireRole("admin")
	mux.Handle("GET /groups/{name}", anyone, spy, authz.SlashIn("name"))
	mux.Handle("GET /groups/{name}/members/{id}", anyone, spy, authz.SlashIn("name"))
	mux.Handle("DELETE /groups/{name}/members/{id}", admins, spy, authz.SlashIn("name"))
	mux.Handle("GET /groups/{name}/{$}", anyone, spy, authz.SlashIn("name"))
	mux.Handle("GET /files/{name}", anyone, spy, authz.SlashIn("name"))
	mux.Handle("GET /files/private/{id}", admins, spy)
	mux.Handle("GET /files/secret/{id}", admins, spy, authz.SlashIn("id"))
	mux.Handle("GET /files/hidden/{$}", admins, spy)
	mux.Handle("GET /files/tree/", admins, spy)
	mux.Mount("/files/mount/", admins, spy)
	mux.Handle("GET admin.example.com/files/host/{id}", admins, spy)
	mux.Handle("GET admin.example.com/files/vault/{id}", admins, spy, authz.SlashIn("id"))
	mux.Handle("GET /plain/{name}", anyone, spy)
	return mux, reached
}

func TestSlashIn(t *testing.T) {
	mux, reached := slashMux(t)
	for _, test := range []struct{ method, target, route string }{
		{"GET", "/groups/a", "GET /groups/{name} a "},
		{"GET", "/groups/a%2Fb", "GET /groups/{name} a/b "},
		{"HEAD", "/groups/a%2fb", "GET /groups/{name} a/b "},
		{"GET", "/groups/a%2Fb%2Fc.d", "GET /groups/{name} a/b/c.d "},
		{"GET", "/groups/a%2Fb;v=1", "GET /groups/{name} a/b;v=1 "},
		{"GET", "/groups/a%2Fb?q=%2F..", "GET /groups/{name} a/b "},
		{"GET", "/groups/a%2Fb%20c", "GET /groups/{name} a/b c "},
		{"GET", "/groups/a%2F100%25", "GET /groups/{name} a/100% "},
		{"GET", "/groups/a%2Fb/members/1", "GET /groups/{name}/members/{id} a/b 1"},
		{"GET", "/groups/a%2Fb/", "GET /groups/{name}/{$} a/b "},
		{"GET", "/files/a%2Fb", "GET /files/{name} a/b "},
		{"GET", "/files/privat%2Fkey", "GET /files/{name} privat/key "},
		{"GET", "/files/a%2Fprivate%2Fkey", "GET /files/{name} a/private/key "},
		{"GET", "/files/host%2Fkey", "GET /files/{name} host/key "}, // another host
		{"GET", "/files/vault%2Fa%2Fb", "GET /files/{name} vault/a/b "},
	} {
		*reached = ""
		w := serve(mux, request(test.method, test.target, as("alice", "user")))
		if w.Code != 200 || *reached != test.route {
			t.Errorf("%s %s: %d, reached %q, want %q", test.method, test.target, w.Code, *reached, test.route)
		}
	}
	root := as("root", "admin")
	for name, r := range map[string]*http.Request{
		"backslash":             request("GET", "/groups/a%5Cb", root),
		"backslash_and_slash":   request("GET", "/groups/a%2Fb%5cc", root),
		"dots":                  request("GET", "/groups/a%2F..", root),
		"dots_first":            request("GET", "/groups/..%2Fadmin", root),
		"dots_between":          request("GET", "/groups/a%2F..%2Fb", root),
		"dot":                   request("GET", "/groups/a%2F.%2Fb", root),
		"encoded_dots":          request("GET", "/groups/a%2F%2e%2e%2Fb", root),
		"encoded_dot":           request("GET", "/groups/%2e%2Fb", root),
		"dots_and_parameter":    request("GET", "/groups/a%2F..;x%2Fb", root),
		"empty_segment":         request("GET", "/groups/a%2F%2Fb", root),
		"empty_first":           request("GET", "/groups/%2Fetc", root),
		"empty_last":            request("GET", "/groups/a%2F", root),
		"encoded_again":         request("GET", "/groups/a%2F%252Fb", root),
		"encoded_letter_again":  request("GET", "/groups/a%2F%2561", root),
		"slash_encoded_again":   request("GET", "/groups/a%252Fb", root),
		"nul":                   request("GET", "/groups/a%2F%00", root),
		"newline":               request("GET", "/groups/a%2F%0a", root),
		"overlong":              request("GET", "/groups/a%2F%c0%ae", root),
		"other_wildcard":        request("GET", "/groups/a/members/1%2F2", root),
		"both_wildcards":        request("GET", "/groups/a%2Fb/members/1%2F2", root),
		"dots_elsewhere":        request("GET", "/groups/a%2Fb/members/%2e%2e", root),
		"another_route":         request("GET", "/plain/a%2Fb", root),
		"the_private_route":     request("GET", "/files/private%2Fkey", root),
		"lower_case":            request("GET", "/files/private%2fkey", root),
		"encoded_letters":       request("GET", "/files/%70rivate%2Fkey", root),
		"head":                  request("HEAD", "/files/private%2Fkey", root),
		"a_tail":                request("GET", "/files/tree%2Fdeep%2Fkey", root),
		"a_redirect":            request("GET", "/files/tree%2Fx%2Fy", root),
		"a_mount":               request("GET", "/files/mount%2Fkeys", root),
		"a_deep_slash_route":    request("GET", "/files/secret%2Fa%2Fb", root),
		"head_of_a_slash_route": request("HEAD", "/files/secret%2Fa%2Fb", root),
		"a_slash_route":         request("GET", "/files/secret%2Fa", root),
		"a_longer_slash_route":  request("GET", "/groups/a%2Fmembers%2F1", root),
		"a_longest_slash_route": request("GET", "/groups/a%2Fb%2Fmembers%2F1", root),
	} {
		t.Run(name, func(t *testing.T) {
			*reached = ""
			pathValue.check(t, mux, r)
			if *reached != "" {
				t.Errorf("reached %q", *reached)
			}
		})
	}
	elsewhere := request("GET", "/files/host%2Fkey", root)
	elsewhere.Host = "Admin.Example.com:443"
	pathValue.check(t, mux, elsewhere)
	vault := request("GET", "/files/vault%2Fa%2Fb", root)
	vault.Host = "Admin.Example.com:443"
	pathValue.check(t, mux, vault)
	// ServeMux drops the brackets, and takes two ports for a part of the name.
	vault.Host = "[admin.example.com]:443"
	pathValue.check(t, mux, vault)
	vault.Host = "admin.example.com:1:2"
	if w := serve(mux, vault); w.Code != 200 || *reached != "GET /files/{name} vault/a/b " {
		t.Errorf("another host: %d, reached %q", w.Code, *reached)
	}
	changed := request("GET", "/groups/a%2Fb", root)
	changed.URL.Path = "/groups/c" // a layer has changed it
	if w := serve(mux, changed); w.Code == 200 {
		t.Errorf("a path that is not the path that was sent is served: %s", *reached)
	}
	noRoute.check(t, mux, request("GET", "/groups/%2F", root)) // ServeMux takes it for the end of the path
	e := pathValue.check(t, mux, request("GET", "/files/private%2Fkey", root))
	if !strings.Contains(wanted(e), "another route of the Mux") {
		t.Errorf("the event does not say why: %+v", e)
	}
}

// The rule of the route decides, not the rule of a route that is more general.
func TestSlashInKeepsTheRule(t *testing.T) {
	mux, reached := slashMux(t)
	forbidden.check(t, mux, request("DELETE", "/groups/a%2Fb/members/1", as("alice", "user")))
	unauthenticated.check(t, mux, request("GET", "/groups/a%2Fb", nil))
	if serve(mux, request("DELETE", "/groups/a%2Fb/members/1", as("root", "admin"))); *reached != "DELETE /groups/{name}/members/{id} a/b 1" {
		t.Errorf("reached %q", *reached)
	}
}

// Two routes with SlashIn may both fit a path whose slashes are decoded, and
// neither of them is more specific.
func TestSlashInBesideAnEqualRoute(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	anyone, admins := authz.Authenticated(), authz.RequireRole("admin")
	mux.Handle("GET /pair/{name}", anyone, ok(), authz.SlashIn("name"))
	mux.Handle("GET /pair/{a}/{b}", admins, ok(), authz.SlashIn("a"))
	mux.Handle("GET /tree/{name}/end", anyone, ok(), authz.SlashIn("name"))
	mux.Handle("GET /tree/mid/{id}/{x}", admins, ok(), authz.SlashIn("id"))
	for _, target := range []string{"/pair/x%2Fy%2Fz", "/tree/mid%2Fa%2Fb/end"} {
		pathValue.check(t, mux, request("GET", target, as("alice", "user")))
	}
	if w := get(mux, "/tree/a%2Fmid/end", as("alice", "user")); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A route that is added later counts at once.
func TestSlashInAndALaterRoute(t *testing.T) {
	mux, _ := slashMux(t)
	root := as("root", "admin")
	if w := get(mux, "/groups/late%2Fx", root); w.Code != 200 {
		t.Fatalf("before: %d", w.Code)
	}
	mux.Handle("GET /groups/late/{id}", authz.RequireRole("admin"), ok())
	pathValue.check(t, mux, request("GET", "/groups/late%2Fx", root))
}

// SlashIn stands among the layers of every function that registers a route.
func TestSlashInOfObjects(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	res := documents()
	loaded := ""
	res.Load = loadAs(&loaded)
	layered := false
	layer := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { layered = true; next.ServeHTTP(w, r) })
	})
	authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}, authz.SlashIn("id"), layer)
	authz.HandleList(mux, "GET /shelves/{id}", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		loaded = r.PathValue("id")
		authz.WriteList[*document](w, r, reach, nil)
	}, authz.SlashIn("id"))
	authz.HandleCreate(mux, "POST /shelves/{id}", res.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*document) (authz.Granted[*document], error)) {
		loaded = r.PathValue("id")
	}, layer, authz.SlashIn("id"))
	for _, test := range []struct{ method, path string }{{"GET", "/documents/"}, {"GET", "/shelves/"}, {"POST", "/shelves/"}} {
		loaded = ""
		if w := serve(mux, request(test.method, test.path+"a%2Fb", as("alice", "user"))); w.Code != 200 || loaded != "a/b" {
			t.Errorf("%s %s: %d, loaded %q", test.method, test.path, w.Code, loaded)
		}
		pathValue.check(t, mux, request(test.method, test.path+"a%2F..", as("alice", "user")))
	}
	if !layered {
		t.Error("the layer did not run")
	}
}

func TestWrongSlashIns(t *testing.T) {
	policy := mustPolicy(t, guide())
	for name, test := range map[string]struct {
		pattern string
		layers  []bulwark.Builder
		reason  string
	}{
		"unknown":   {"GET /groups/{name}", []bulwark.Builder{authz.SlashIn("nam")}, ".layers[0]: is the name of a SlashIn, and the pattern has no wildcard"},
		"no_wild":   {"GET /groups", []bulwark.Builder{authz.SlashIn("name")}, ".layers[0]: is the name of a SlashIn"},
		"empty":     {"GET /groups/{name}", []bulwark.Builder{authz.SlashIn("")}, ".layers[0]: is the name of a SlashIn"},
		"dollar":    {"GET /groups/{$}", []bulwark.Builder{authz.SlashIn("$")}, ".layers[0]: is the name of a SlashIn"},
		"multi":     {"GET /groups/{name...}", []bulwark.Builder{authz.SlashIn("name")}, ".layers[0]: is a SlashIn on a pattern with {name...}"},
		"beside":    {"GET /groups/{name}/{rest...}", []bulwark.Builder{authz.SlashIn("name")}, ".layers[0]: is a SlashIn on a pattern with {rest...}"},
		"tail":      {"GET /groups/{name}/", []bulwark.Builder{authz.SlashIn("name")}, ".layers[0]: is a SlashIn on a pattern that ends in a slash"},
		"twice":     {"GET /groups/{name}", []bulwark.Builder{authz.SlashIn("name"), authz.SlashIn("name")}, ".layers[1]: is a second SlashIn"},
		"two_names": {"GET /{a}/{b}", []bulwark.Builder{authz.SlashIn("a"), authz.SlashIn("b")}, ".layers[1]: is a second SlashIn"},
	} {
		t.Run(name, func(t *testing.T) {
			mux := authz.NewMux(policy)
			mustRefuse(t, "Mux("+test.pattern+")", test.reason, func() { mux.Handle(test.pattern, authz.Authenticated(), ok(), test.layers...) })
			if len(mux.Routes()) != 0 {
				t.Error("the route is there")
			}
		})
	}
	mux := authz.NewMux(policy)
	mustRefuse(t, "Mux(/debug/)", ".layers[0]: is a SlashIn on a pattern that ends in a slash, or on a Mount", func() {
		mux.Mount("/debug/", authz.Authenticated(), ok(), authz.SlashIn("name"))
	})
	mustRefuse(t, "Object(document:read)", ".layers[0]: is a SlashIn under another router", func() {
		authz.Object(policy, documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}, authz.SlashIn("id"))
	})
	if layer, err := authz.SlashIn("name").Build(); layer != nil || !hasFault(err, "authz.SlashIn", "is not a layer") {
		t.Errorf("Build: %v, %v", layer, err)
	}
	if _, err := bulwark.Chain(authz.SlashIn("name")); !hasFault(err, "authz.SlashIn", "is not a layer") {
		t.Errorf("Chain: %v", err)
	}
}

// loadAs notes the id of the document, which is alice's.
func loadAs(id *string) func(context.Context, *http.Request) (*document, error) {
	return func(_ context.Context, r *http.Request) (*document, error) {
		*id = r.PathValue("id")
		return &document{ID: *id, OwnerID: "alice"}, nil
	}
}
