package attacks

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // refusals outside a recorder
	os.Exit(m.Run())
}

const issuer = "https://accounts.example"

type document struct{ id, owner string }

// A service has a document of alice's, a search that checks late, and a part
// for admins.
type service struct {
	policy    *authz.Policy
	documents authz.Resource[*document]
}

func newService(t *testing.T) *service {
	t.Helper()
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:*:own"}}, "reader": {Grants: []string{"document:read:all"}}, "admin": {Grants: []string{"*"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &service{policy, authz.Resource[*document]{
		Name: "document", Policy: policy,
		Load: func(_ context.Context, r *http.Request) (*document, error) {
			if r.PathValue("id") != "1" {
				return nil, authz.ErrNotFound
			}
			return &document{"1", "alice"}, nil
		},
		Owner: func(d *document) (string, string) { return issuer, d.owner },
	}}
}

// object is the handler for a document.
func (s *service) object(action string, value func(*http.Request, string) string) http.Handler {
	res := s.documents
	res.PathValue = value
	return authz.Object(s.policy, res.Can(action), show)
}

func show(w http.ResponseWriter, _ *http.Request, d authz.Granted[*document]) {
	io.WriteString(w, "document "+d.Value().id)
}

// behind puts a rule in front of a handler.
func (s *service) behind(rule authz.Rule, h http.Handler) http.Handler {
	return bulwark.Must(authz.New(authz.Config{Policy: s.policy, Rule: rule})).Wrap(h)
}

func admin(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "admin") }

// late looks for the document of the query, and checks it late.
func (s *service) late(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Title", "Plan")
	if r.URL.Query().Has("forget") {
		io.WriteString(w, "document 1")
		return
	}
	d := &document{"1", "alice"}
	if r.URL.Query().Get("id") != "1" {
		d = nil
	}
	if _, err := s.documents.Check(r, "read", d); err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	io.WriteString(w, "document 1")
}

// The routers. Each has the routes GET and PUT /documents/{id}, POST /search
// and GET /admin/users.

func (s *service) muxed() http.Handler {
	m := authz.NewMux(s.policy)
	authz.HandleObject(m, "GET /documents/{id}", s.documents.Can("read"), show)
	authz.HandleObject(m, "PUT /documents/{id}", s.documents.Can("update"), show)
	m.Handle("POST /search", authz.Deferred(), http.HandlerFunc(s.late))
	m.Handle("GET /admin/users", authz.RequireRole("admin"), http.HandlerFunc(admin))
	return m
}

func (s *service) serveMux() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /documents/{id}", s.object("read", nil))
	m.Handle("PUT /documents/{id}", s.object("update", nil))
	m.Handle("POST /search", s.behind(authz.Deferred(), http.HandlerFunc(s.late)))
	m.Handle("GET /admin/users", s.behind(authz.RequireRole("admin"), http.HandlerFunc(admin)))
	return m
}

func (s *service) chi() http.Handler {
	m := chi.NewRouter()
	m.Method("GET", "/documents/{id}", s.object("read", nil))
	m.Method("PUT", "/documents/{id}", s.object("update", nil))
	m.Method("POST", "/search", s.behind(authz.Deferred(), http.HandlerFunc(s.late)))
	m.Method("GET", "/admin/users", s.behind(authz.RequireRole("admin"), http.HandlerFunc(admin)))
	return m
}

func (s *service) gorilla() http.Handler {
	m := mux.NewRouter().SkipClean(true)
	value := func(r *http.Request, name string) string { return mux.Vars(r)[name] }
	m.Methods("GET").Path("/documents/{id}").Handler(s.object("read", value))
	m.Methods("PUT").Path("/documents/{id}").Handler(s.object("update", value))
	m.Methods("POST").Path("/search").Handler(s.behind(authz.Deferred(), http.HandlerFunc(s.late)))
	m.Methods("GET").Path("/admin/users").Handler(s.behind(authz.RequireRole("admin"), http.HandlerFunc(admin)))
	return m
}

func (s *service) gin() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	m := gin.New()
	m.RedirectTrailingSlash = false
	m.HandleMethodNotAllowed = true
	m.Use(func(g *gin.Context) {
		for _, p := range g.Params {
			g.Request.SetPathValue(p.Key, p.Value)
		}
	})
	m.GET("/documents/:id", gin.WrapH(s.object("read", nil)))
	m.PUT("/documents/:id", gin.WrapH(s.object("update", nil)))
	m.POST("/search", gin.WrapH(s.behind(authz.Deferred(), http.HandlerFunc(s.late))))
	m.GET("/admin/users", gin.WrapH(s.behind(authz.RequireRole("admin"), http.HandlerFunc(admin))))
	return m
}

func (s *service) echo() http.Handler {
	m := echo.New()
	values := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(e echo.Context) error {
			for _, name := range e.ParamNames() {
				e.Request().SetPathValue(name, e.Param(name))
			}
			return next(e)
		}
	}
	m.GET("/documents/:id", echo.WrapHandler(s.object("read", nil)), values)
	m.PUT("/documents/:id", echo.WrapHandler(s.object("update", nil)), values)
	m.POST("/search", echo.WrapHandler(s.behind(authz.Deferred(), http.HandlerFunc(s.late))))
	m.GET("/admin/users", echo.WrapHandler(s.behind(authz.RequireRole("admin"), http.HandlerFunc(admin))))
	return m
}

// An attack is one request, and its answer under every router.
type attack struct {
	name, method, target, caller string
	want                         string            // status, and the code or the body
	other                        map[string]string // under routers that differ: docs/routers.md says so
}

// away is an answer that a router gives by itself: no handler of ours runs.
const away = "the router"

// decoding are the routers that decode the path before they match it.
var decoding = map[string]string{"gorilla": away, "gin": away}

var attacks = []attack{
	{name: "owner", method: "GET", target: "/documents/1", caller: "alice", want: "200 document 1"},
	{name: "owner_writes", method: "PUT", target: "/documents/1", caller: "alice", want: "200 document 1"},
	{name: "admin", method: "GET", target: "/admin/users", caller: "root", want: "200 admin"},
	{name: "query", method: "GET", target: "/documents/1?x=/../admin%2F", caller: "alice", want: "200 document 1"},
	{name: "encoded_letter", method: "GET", target: "/documents/%31", caller: "alice", want: "200 document 1",
		other: map[string]string{"chi": "404 authz.not_found", "echo": "404 authz.not_found"}},
	{name: "stranger", method: "GET", target: "/documents/1", caller: "mallory", want: "404 authz.not_found"},
	{name: "stranger_writes", method: "PUT", target: "/documents/1", caller: "mallory", want: "404 authz.not_found"},
	{name: "missing", method: "GET", target: "/documents/9", caller: "mallory", want: "404 authz.not_found"},
	{name: "missing_of_the_owner", method: "PUT", target: "/documents/9", caller: "alice", want: "404 authz.not_found"},
	{name: "readable_only", method: "PUT", target: "/documents/1", caller: "reader", want: "403 authz.forbidden"},
	{name: "no_caller", method: "GET", target: "/documents/1", want: "401 authz.unauthenticated"},
	{name: "no_role", method: "GET", target: "/admin/users", caller: "alice", want: "403 authz.forbidden"},
	{name: "no_grant", method: "GET", target: "/documents/1", caller: "guest", want: "403 authz.forbidden"},

	{name: "late", method: "POST", target: "/search?id=1", caller: "alice", want: "200 document 1"},
	{name: "late_stranger", method: "POST", target: "/search?id=1", caller: "mallory", want: "404 authz.not_found"},
	{name: "late_missing", method: "POST", target: "/search?id=9", caller: "mallory", want: "404 authz.not_found"},
	{name: "late_no_caller", method: "POST", target: "/search?id=1", want: "401 authz.unauthenticated"},
	{name: "late_forgotten", method: "POST", target: "/search?forget", caller: "alice", want: "500 authz.unchecked"},

	{name: "encoded_slash", method: "GET", target: "/documents/1%2F", caller: "alice", want: "400 authz.path_value", other: decoding},
	{name: "encoded_slash_inside", method: "GET", target: "/documents/a%2F1", caller: "alice", want: "400 authz.path_value", other: decoding},
	{name: "encoded_slash_of_admins", method: "GET", target: "/admin%2Fusers", caller: "alice", want: away},
	{name: "encoded_backslash", method: "GET", target: "/documents/a%5C1", caller: "alice", want: "400 authz.path_value"},
	{name: "dots", method: "GET", target: "/documents/../admin/users", caller: "alice", want: away},
	{name: "encoded_dots", method: "GET", target: "/documents/%2e%2e", caller: "alice", want: "400 authz.path_value"},
	{name: "dots_and_parameter", method: "GET", target: "/documents/..;x", caller: "alice", want: "400 authz.path_value"},
	{name: "encoded_again", method: "GET", target: "/documents/%252e%252e", caller: "alice", want: "400 authz.path_value"},
	{name: "nul", method: "GET", target: "/documents/1%00", caller: "alice", want: "400 authz.path_value"},
	{name: "semicolon", method: "GET", target: "/documents/1;x=y", caller: "alice", want: "400 authz.path_value",
		other: map[string]string{"Mux": "404 authz.not_found"}}, // a value may have a semicolon on a Mux
	{name: "semicolon_of_admins", method: "GET", target: "/admin;x/users", caller: "alice", want: away},
	{name: "double_slash", method: "GET", target: "//admin/users", caller: "alice", want: away},
	{name: "double_slash_inside", method: "GET", target: "/documents//1", caller: "alice", want: away},
	{name: "opaque_target", method: "GET", target: "http:admin/users", caller: "alice", want: away},
	{name: "absolute_target", method: "GET", target: "http://x/documents/1", caller: "alice", want: "200 document 1"},
	{name: "unknown_path", method: "GET", target: "/nothing", caller: "root", want: away},
	{name: "trailing_slash", method: "GET", target: "/documents/1/", caller: "alice", want: away},
	{name: "unknown_method", method: "FOO", target: "/documents/1", caller: "alice", want: away},
	{name: "lower_case_method", method: "get", target: "/documents/1", caller: "alice", want: away},
	{name: "trace", method: "TRACE", target: "/documents/1", caller: "alice", want: away},
	{name: "options", method: "OPTIONS", target: "/documents/1", caller: "alice", want: away},
	{name: "other_method", method: "DELETE", target: "/documents/1", caller: "alice", want: away},
	{name: "head", method: "HEAD", target: "/documents/1", caller: "alice", want: away,
		other: map[string]string{"Mux": "200 ", "ServeMux": "200 "}}, // GET answers HEAD
	{name: "head_stranger", method: "HEAD", target: "/documents/1", caller: "mallory", want: away,
		other: map[string]string{"Mux": "404 ", "ServeMux": "404 "}},
}

var roles = map[string]string{"alice": "user", "mallory": "user", "reader": "reader", "root": "admin", "guest": ""}

// as makes the caller of the request the person of a header field.
func as(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p *bulwark.Principal
		if name := r.Header.Get("X-Caller"); name != "" {
			p = &bulwark.Principal{Issuer: issuer, Subject: name, Method: "test", Roles: strings.Fields(roles[name])}
		}
		r, _ = bulwark.Identify(r, p)
		next.ServeHTTP(w, r)
	})
}

// TestAttacks sends every attack over a connection to every router. The answers
// are equal, except where a router answers by itself. Then it refuses, and
// nothing of a document or of the admins is in its answer.
func TestAttacks(t *testing.T) {
	s := newService(t)
	for name, router := range map[string]http.Handler{
		"Mux": s.muxed(), "ServeMux": s.serveMux(), "chi": s.chi(), "gorilla": s.gorilla(), "gin": s.gin(), "echo": s.echo(),
	} {
		server := httptest.NewServer(as(router))
		defer server.Close()
		for _, a := range attacks {
			t.Run(name+"/"+a.name, func(t *testing.T) {
				want := a.want
				if other, ok := a.other[name]; ok {
					want = other
				}
				status, text, header := a.send(t, server)
				if header.Get("X-Title") != "" && status != 200 {
					t.Errorf("a refusal has a field of the handler: %v", header)
				}
				got := fmt.Sprint(status, " ", text)
				if want != away {
					if got != want {
						t.Errorf("%s %s: %s, want %s", a.method, a.target, got, want)
					}
					return
				}
				redirect := status == 301 || status == 307 || status == 308
				if status < 300 && a.method != "OPTIONS" || status >= 500 || !redirect && (strings.Contains(text, "document") || strings.Contains(text, "admin")) {
					t.Errorf("%s %s: %s", a.method, a.target, got)
				}
				if name == "Mux" && (redirect || !strings.HasPrefix(text, "authz.") && a.method != "HEAD") {
					t.Errorf("%s %s: %s, and a Mux answers with a problem", a.method, a.target, got)
				}
				t.Log(got)
			})
		}
	}
}

// send returns the status of the answer, and its code or its body.
func (a attack) send(t *testing.T, server *httptest.Server) (status int, text string, header http.Header) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nX-Caller: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", a.method, a.target, a.caller)
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: a.method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct{ Code string }
	if response.Header.Get("Content-Type") == "application/problem+json" && json.Unmarshal(body, &problem) == nil {
		return response.StatusCode, problem.Code, response.Header
	}
	return response.StatusCode, string(body), response.Header
}
