package recipes

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/validate"
)

// A Note is the body of POST /notes.
type Note struct {
	Title string `json:"title"`
}

// Notes is the service under test.
type Notes struct {
	Routes  *authz.Mux   // the routes with their rules and layers
	Handler http.Handler // the routes behind the stack
}

// NewNotes takes the two parts that are different in a test: the verifier of
// the tokens, and the layer that gets the events.
func NewNotes(tokens auth.Authenticator, log bulwark.Builder) (*Notes, error) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"note": {"create", "read"}},
		Roles: authz.Roles{
			"reader": {Grants: []string{"note:read:all"}},
			"editor": {Inherits: []string{"reader"}, Grants: []string{"note:create:all"}},
		},
	})
	if err != nil {
		return nil, err
	}
	mux := authz.NewMux(policy)
	mux.Handle("GET /me", authz.Authenticated(), http.HandlerFunc(getMe))
	mux.Handle("POST /notes", authz.Require("note:create:all"), http.HandlerFunc(createNote),
		validate.Config{Body: validate.SchemaJSON(`{
			"type": "object",
			"properties": {"title": {"type": "string", "minLength": 1, "maxLength": 80}},
			"required": ["title"]
		}`)})
	stack, err := bulwark.Chain(
		log,
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		auth.Config{Authenticators: []auth.Authenticator{tokens}, Optional: true},
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "3/minute"},
	)
	if err != nil {
		return nil, err
	}
	return &Notes{Routes: mux, Handler: stack.Wrap(mux)}, nil
}

func createNote(w http.ResponseWriter, r *http.Request) {
	note, err := validate.BodyAs[Note](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(note)
}

// openProgram is what main calls.
func openProgram(logger *slog.Logger) (*Notes, error) {
	tokens, err := jwt.New(jwt.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.Discover("https://login.example.com", jwt.RemoteConfig{}),
	})
	if err != nil {
		return nil, err
	}
	return NewNotes(tokens, audit.Config{Logger: logger})
}

func getMe(w http.ResponseWriter, r *http.Request) {
	caller, ok := bulwark.PrincipalFrom(r.Context())
	if !ok {
		http.Error(w, "nobody", http.StatusUnauthorized)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"id": caller.Subject, "roles": caller.Roles})
}

func TestGetMe(t *testing.T) {
	alice := &bulwark.Principal{
		Issuer:  "https://login.example.com",
		Subject: "alice",
		Roles:   []string{"reader"},
	}
	r := authtest.As(httptest.NewRequest("GET", "/me", nil), alice)
	w := httptest.NewRecorder()
	getMe(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "alice") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestGetMeOfNobody(t *testing.T) {
	w := httptest.NewRecorder()
	getMe(w, authtest.As(httptest.NewRequest("GET", "/me", nil), nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("%d, want 401", w.Code)
	}
}

func TestPrincipalInAContext(t *testing.T) {
	ctx := bulwark.WithPrincipal(t.Context(), &bulwark.Principal{Issuer: "test", Subject: "alice"})
	if got := greeting(ctx); got != "hello, alice" {
		t.Errorf("%q", got)
	}
}

// greeting is code without a request.
func greeting(ctx context.Context) string {
	caller, ok := bulwark.PrincipalFrom(ctx)
	if !ok {
		return "hello"
	}
	return "hello, " + caller.Subject
}

func TestCreateNote(t *testing.T) {
	notes := openNotes(t, authtest.NewIssuer(t), &bulwarktest.Recorder{})
	for _, test := range []struct {
		name, role, body string
		want             int
	}{
		{"editor", "editor", `{"title":"Minutes"}`, http.StatusCreated},
		{"reader", "reader", `{"title":"Minutes"}`, http.StatusForbidden},
		{"empty-title", "editor", `{"title":""}`, http.StatusUnprocessableEntity},
		{"unknown-field", "editor", `{"title":"Minutes","owner":"bob"}`, http.StatusUnprocessableEntity},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/notes", strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/json")
			r = authtest.As(r, &bulwark.Principal{Issuer: "test", Subject: "alice", Roles: []string{test.role}})
			w := httptest.NewRecorder()
			notes.Routes.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("%d, want %d: %s", w.Code, test.want, w.Body)
			}
		})
	}
}

func TestReadersMayNotWrite(t *testing.T) {
	issuer, events := authtest.NewIssuer(t), &bulwarktest.Recorder{}
	notes := openNotes(t, issuer, events)

	r := httptest.NewRequest("POST", "https://api.example.com/notes", strings.NewReader(`{"title":"Minutes"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"sub": "alice", "roles": []string{"reader"}}))
	w := httptest.NewRecorder()
	notes.Handler.ServeHTTP(w, r)

	var problem struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusForbidden || problem.Code != "authz.forbidden" {
		t.Errorf("%d %s, want 403 authz.forbidden", w.Code, problem.Code)
	}
	reported := events.Take()
	if len(reported) != 1 {
		t.Fatalf("%d events, want 1: %+v", len(reported), reported)
	}
	e := reported[0]
	if e.Name != bulwark.AuthzFail || e.Reason != "authz.forbidden" || e.UserID != "alice" || e.Route != "POST /notes" {
		t.Errorf("the event is %+v", e)
	}
}

// openNotes is the service with a verifier of the issuer's tokens.
func openNotes(t *testing.T, issuer *authtest.Issuer, events *bulwarktest.Recorder) *Notes {
	t.Helper()
	tokens, err := jwt.New(issuer.Config())
	if err != nil {
		t.Fatal(err)
	}
	notes, err := NewNotes(tokens, events)
	if err != nil {
		t.Fatal(err)
	}
	return notes
}

func TestNoForgedTokenPasses(t *testing.T) {
	issuer, events := authtest.NewIssuer(t), &bulwarktest.Recorder{}
	notes := openNotes(t, issuer, events)
	for _, attack := range issuer.Attacks() {
		t.Run(attack.Name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "https://api.example.com/me", nil)
			r.Header.Set("Authorization", "Bearer "+attack.Token)
			w := httptest.NewRecorder()
			notes.Handler.ServeHTTP(w, r)
			reported := events.Take()
			if w.Code != http.StatusUnauthorized || len(reported) != 1 || reported[0].Reason != attack.Reason {
				t.Errorf("%d, want 401; the events are %+v, want the reason %s", w.Code, reported, attack.Reason)
			}
		})
	}
}

func TestALimitIsRestored(t *testing.T) {
	issuer := authtest.NewIssuer(t) // outside the bubble: it has a listener
	synctest.Test(t, func(t *testing.T) {
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
		notes, err := NewNotes(bulwark.Must(jwt.New(config)), &bulwarktest.Recorder{})
		if err != nil {
			t.Fatal(err)
		}
		token := issuer.Token(nil) // good for 15 minutes
		ask := func() int {
			r := httptest.NewRequest("GET", "https://api.example.com/me", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			notes.Handler.ServeHTTP(w, r)
			return w.Code
		}
		for i, want := range []int{200, 200, 200, 429} {
			if got := ask(); got != want {
				t.Errorf("request %d: %d, want %d", i, got, want)
			}
		}
		time.Sleep(time.Minute) // takes no time in a bubble
		if got := ask(); got != 200 {
			t.Errorf("a minute later: %d, want 200", got)
		}
		time.Sleep(16 * time.Minute)
		if got := ask(); got != 401 {
			t.Errorf("with an expired token: %d, want 401", got)
		}
	})
}

func TestWhoMayCallWhat(t *testing.T) {
	notes := openNotes(t, authtest.NewIssuer(t), &bulwarktest.Recorder{})
	authztest.Golden(t, notes.Routes, "testdata/notes.routes")
	authztest.Matrix(t, notes.Routes, []string{"reader", "editor"})
}

// notesRoutes is what testdata/notes.routes holds.
const notesRoutes = `GET /me | authenticated | every caller
POST /notes | permission note:create:all | editor
`

func TestTheProgramIsBuiltAsTheTestIs(t *testing.T) {
	var log bytes.Buffer
	notes, err := openProgram(slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	notes.Handler.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/me", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", w.Code)
	}
}

func TestTheGoldenFileIsThatOfThePage(t *testing.T) {
	file, err := os.ReadFile("testdata/notes.routes")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != notesRoutes {
		t.Errorf("testdata/notes.routes:\n%s", file)
	}
}

func ginMe(g *gin.Context) {
	caller, ok := bulwark.PrincipalFrom(g.Request.Context())
	if !ok {
		g.Status(http.StatusUnauthorized)
		return
	}
	g.JSON(http.StatusOK, gin.H{"id": caller.Subject})
}

func TestGinMe(t *testing.T) {
	router := gin.New()
	router.GET("/me", ginMe)
	r := authtest.As(httptest.NewRequest("GET", "/me", nil), &bulwark.Principal{Issuer: "test", Subject: "alice"})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Body.String() != `{"id":"alice"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func echoMe(e echo.Context) error {
	caller, ok := bulwark.PrincipalFrom(e.Request().Context())
	if !ok {
		return echo.ErrUnauthorized
	}
	return e.JSON(http.StatusOK, map[string]string{"id": caller.Subject})
}

func TestEchoMe(t *testing.T) {
	router := echo.New()
	router.GET("/me", echoMe)
	r := authtest.As(httptest.NewRequest("GET", "/me", nil), &bulwark.Principal{Issuer: "test", Subject: "alice"})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"id":"alice"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What the page says of mistakes in tests.
func TestMistakesOfTests(t *testing.T) {
	issuer, events := authtest.NewIssuer(t), &bulwarktest.Recorder{}
	notes := openNotes(t, issuer, events)
	alice := &bulwark.Principal{Issuer: "test", Subject: "alice", Roles: []string{"editor"}}
	for name, test := range map[string]struct {
		handler http.Handler
		request *http.Request
		status  int
		reason  string
	}{
		"wrong-host":         {notes.Handler, httptest.NewRequest("GET", "/me", nil), 421, "edge.misdirected"},
		"as-around-the-auth": {notes.Handler, authtest.As(httptest.NewRequest("GET", "https://api.example.com/me", nil), alice), 401, "authz.unauthenticated"},
		"no-issuer": {events.Wrap(notes.Routes), authtest.As(httptest.NewRequest("GET", "/me", nil),
			&bulwark.Principal{Subject: "alice"}), 401, "authz.unauthenticated"},
		"no-content-type": {events.Wrap(notes.Routes), authtest.As(httptest.NewRequest("POST", "/notes", strings.NewReader(`{"title":"Minutes"}`)), alice),
			415, "body.unsupported_media_type"},
		"no-auth-around-a-limit": {events.Wrap(bulwark.Must(ratelimit.New(ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "3/minute"})).Wrap(notes.Routes)),
			httptest.NewRequest("GET", "/me", nil), 500, "ratelimit.unconfigured"},
	} {
		events.Take()
		w := httptest.NewRecorder()
		test.handler.ServeHTTP(w, test.request)
		reported := events.Take()
		if w.Code != test.status || len(reported) != 1 || reported[0].Reason != test.reason {
			t.Errorf("%s: %d, %+v, want %d %s", name, w.Code, reported, test.status, test.reason)
		}
	}
	// A note comes back as it was sent.
	r := authtest.As(httptest.NewRequest("POST", "/notes", strings.NewReader(`{"title":"Minutes"}`)), alice)
	r.Header.Set("Content-Type", "application/json")
	created := httptest.NewRecorder()
	notes.Routes.ServeHTTP(created, r)
	if got := strings.TrimSpace(created.Body.String()); got != `{"title":"Minutes"}` {
		t.Errorf("created %s", got)
	}
	// authtest.As settles the caller, so that a limit by principal counts.
	w := httptest.NewRecorder()
	bulwark.Must(ratelimit.New(ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "3/minute"})).Wrap(notes.Routes).
		ServeHTTP(w, authtest.As(httptest.NewRequest("GET", "/me", nil), alice))
	if w.Code != 200 {
		t.Errorf("a limit inside authtest.As: %d", w.Code)
	}
}
