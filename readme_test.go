package bulwark_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/internal/pagetest"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

// readmeBlocks returns the blocks of Go in README.md.
func readmeBlocks(t *testing.T) []string {
	t.Helper()
	var blocks []string
	for _, block := range pagetest.Blocks(t, "README.md", "go") {
		blocks = append(blocks, block.Text)
	}
	if len(blocks) != 2 {
		t.Fatalf("README.md has %d blocks of Go, want the program and the chain", len(blocks))
	}
	return blocks
}

// The program in README.md compiles as it stands, and its layer does what the
// sentence below it says.
func TestReadmeProgram(t *testing.T) {
	program := readmeBlocks(t)[0]
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
		t.Fatalf("the program does not compile: %v\n%s", err, out)
	}

	config := ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "100/15m"}
	if !strings.Contains(program, `ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "100/15m"}`) {
		t.Error("the program has another limit than this test")
	}
	var heard events
	handler := recording(&heard, bulwark.Must(ratelimit.New(config)).Wrap(http.HandlerFunc(ok)))
	for n := 1; n <= 101; n++ {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/hello", nil))
		switch {
		case n <= 100 && w.Code != http.StatusOK:
			t.Fatalf("request %d is %d", n, w.Code)
		case n == 101 && (w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" ||
			w.Header().Get("Content-Type") != "application/problem+json"):
			t.Errorf("request %d is %d with %v", n, w.Code, w.Header())
		}
	}
	if len(heard) != 1 || heard[0].Name != bulwark.ExcessRateLimitExceeded {
		t.Errorf("events %v", heard)
	}
}

// events are what a recorder has heard.
type events []bulwark.Event

// Record is bulwark.Recorder.
func (e *events) Record(_ context.Context, event bulwark.Event) { *e = append(*e, event) }

// recording lets rec hear what h reports.
func recording(rec bulwark.Recorder, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		r, _ = scope.Record(r, rec, "", "")
		h.ServeHTTP(w, r)
	})
}

func ok(http.ResponseWriter, *http.Request) {}

// A paper is the object of the README.
type paper struct{ owner string }

// readmeService is the chain of README.md.
func readmeService(logger *slog.Logger, tokens auth.Authenticator, issuer string) (http.Handler, error) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own", "document:update:own"}}, "admin": {Grants: []string{"*"}}},
	})
	if err != nil {
		return nil, err
	}
	documents := authz.Resource[*paper]{
		Name:  "document",
		Load:  func(context.Context, *http.Request) (*paper, error) { return &paper{"alice"}, nil },
		Owner: func(p *paper) (iss, sub string) { return issuer, p.owner },
	}
	getDocument := func(w http.ResponseWriter, _ *http.Request, p authz.Granted[*paper]) {
		w.Write([]byte(p.Value().owner))
	}
	putDocument := func(w http.ResponseWriter, r *http.Request, _ authz.Granted[*paper]) {
		body, _ := validate.BodyAs[map[string]string](r)
		w.Write([]byte(body["title"]))
	}
	const documentSchema = `{"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "maxLength": 200}}}`
	listUsers, health := http.HandlerFunc(ok), http.HandlerFunc(ok)

	stack, err := bulwark.Chain( // outermost first
		audit.Config{Logger: logger},
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		headers.Config{},
		cors.Config{Origins: []string{"https://app.example.com"}, Methods: []string{"GET", "PUT"},
			Headers: []string{"Authorization", "Content-Type"}, Credentials: true},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth.Config{Authenticators: []auth.Authenticator{tokens}, Optional: true}, // each route says who may call it
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute", Anonymous: "unlimited"},
	)
	if err != nil {
		return nil, err // every mistake of every Config, at once
	}

	mux := authz.NewMux(policy) // a route without a rule cannot be registered
	mux.Handle("GET /admin/users", authz.RequireRole("admin"), listUsers)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), getDocument)   // loads it and checks its owner
	authz.HandleObject(mux, "PUT /documents/{id}", documents.Can("update"), putDocument, // and the layers of this route:
		sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text}},
		validate.Config{Body: validate.SchemaJSON(documentSchema)})

	protected := stack.Wrap(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" { // outside the stack: a probe has no host name and no token
			health.ServeHTTP(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	}), nil
}

// The chain in README.md is the code above, and it protects.
func TestReadmeChain(t *testing.T) {
	if !pagetest.Read(t, "readme_test.go").Has(readmeBlocks(t)[1]) {
		t.Error("the chain of README.md is not the code of this test")
	}

	issuer := authtest.NewIssuer(t)
	tokens := bulwark.Must(jwt.New(issuer.Config()))
	service := bulwark.Must(readmeService(slog.New(slog.DiscardHandler), tokens, issuer.Config().Issuer))
	token := func(subject, role string) string {
		return "Bearer " + issuer.Token(authtest.Claims{"sub": subject, "roles": []string{role}})
	}
	for _, tt := range []struct {
		name, method, path, host, token, body string
		status                                int
		answer                                string
	}{
		{"a probe", "GET", "/health", "192.0.2.7", "", "", 200, ""},
		{"another host", "GET", "/documents/1", "evil.example", "", "", 421, ""},
		{"nobody", "GET", "/documents/1", "api.example.com", "", "", 401, ""},
		{"the owner", "GET", "/documents/1", "api.example.com", token("alice", "user"), "", 200, "alice"},
		{"a stranger", "GET", "/documents/1", "api.example.com", token("mallory", "user"), "", 404, ""},
		{"no admin", "GET", "/admin/users", "api.example.com", token("alice", "user"), "", 403, ""},
		{"an admin", "GET", "/admin/users", "api.example.com", token("root", "admin"), "", 200, ""},
		{"no route", "GET", "/else", "api.example.com", token("root", "admin"), "", 404, ""},
		{"a title with markup", "PUT", "/documents/1", "api.example.com", token("alice", "user"), `{"title": "<b>tide</b> table"}`, 200, "tide table"},
		{"a body without title", "PUT", "/documents/1", "api.example.com", token("alice", "user"), `{}`, 422, ""},
		{"an extra field", "PUT", "/documents/1", "api.example.com", token("alice", "user"), `{"title": "a", "owner": "b"}`, 422, ""},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		r.Host = tt.host
		if tt.token != "" {
			r.Header.Set("Authorization", tt.token)
		}
		if tt.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		if w.Code != tt.status || tt.answer != "" && w.Body.String() != tt.answer {
			t.Errorf("%s: %d %q, want %d %q", tt.name, w.Code, w.Body, tt.status, tt.answer)
		}
	}
}

// The layer in docs/architecture.md is the one that ExampleSlot runs.
func TestArchitectureLayer(t *testing.T) {
	blocks := pagetest.Blocks(t, "docs/architecture.md", "go")
	if len(blocks) != 1 {
		t.Fatalf("docs/architecture.md has %d blocks of Go, want the layer", len(blocks))
	}
	if !pagetest.Read(t, "exampleenter_test.go").Has(blocks[0].Text) {
		t.Error("the layer of docs/architecture.md is not the code of ExampleEnter")
	}
}

// The refusal and the record in README.md are those of a real request.
func TestReadmeRefusal(t *testing.T) {
	var log bytes.Buffer
	stack := bulwark.Must(bulwark.Chain(
		audit.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))},
		validate.Config{Body: validate.SchemaJSON(`{"type": "object", "required": ["email"], "properties": {"email": {"type": "string", "maxLength": 254}}}`)},
	))
	r := httptest.NewRequest("POST", "/users", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	stack.Wrap(http.HandlerFunc(ok)).ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: "i", Subject: "alice"})))
	if err := stack.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer := fmt.Sprintf("HTTP/1.1 %d %s\nContent-Type: %s\n\n%s", w.Code, http.StatusText(w.Code), w.Header().Get("Content-Type"), w.Body)
	for block, have := range map[string]string{"http": answer, "json": log.String()} {
		shown := pagetest.Blocks(t, "README.md", block)
		if len(shown) == 0 {
			t.Fatalf("README.md has no block of %s", block)
		}
		// A value that differs each time is "…" on the page, and so is the rest.
		want := regexp.QuoteMeta(strings.ReplaceAll(strings.TrimSpace(shown[0].Text), ",\n ", ","))
		want = strings.ReplaceAll(want, "…", ".*")
		if !regexp.MustCompile("(?s)^" + want + "\n?$").MatchString(have) {
			t.Errorf("the %s block of README.md does not fit\n%s\nwhich is what happens", block, have)
		}
	}
}
