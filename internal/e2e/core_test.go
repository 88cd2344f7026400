package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

const (
	host    = "api.example.com"
	baseURL = "https://" + host
	page    = "https://app.example.com" // the origin that may call
)

// A core is what the six services share: all but the router.
type core struct {
	issuer    *authtest.Issuer
	policy    *authz.Policy
	documents authz.Resource[*document]
	stack     *bulwark.Stack
	closers   []bulwark.Shutdowner // of the routes; they close before the stack
	handler   http.Handler         // the stack around the router, for the parts of a batch

	events bulwarktest.Recorder
	seen   callers
	log    bytes.Buffer // to be read after Shutdown

	mu   sync.Mutex
	kept map[string]*document
}

// A document belongs to the caller who made it.
type document struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Issuer  string `json:"-"`
	Subject string `json:"-"`
}

func newCore(t *testing.T) *core {
	t.Helper()
	c := &core{issuer: authtest.NewIssuer(t)}
	c.kept = map[string]*document{"1": {ID: "1", Title: "Plan", Issuer: c.issuer.URL(), Subject: "alice"}}
	c.policy = bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read"}},
		Roles: authz.Roles{
			"guest": {},
			"user":  {Grants: []string{"document:create:own", "document:read:own"}},
			"admin": {Grants: []string{"*"}},
		},
	}))
	c.documents = authz.Resource[*document]{
		Name:  "document",
		Load:  func(_ context.Context, r *http.Request) (*document, error) { return c.load(r.PathValue("id")) },
		Owner: func(d *document) (issuer, subject string) { return d.Issuer, d.Subject },
	}

	config := c.issuer.Config()
	config.TierClaim = "tier"
	tokens := bulwark.Must(jwt.New(config))
	c.stack = bulwark.Must(bulwark.Chain(
		audit.Config{
			Logger:    slog.New(slog.NewJSONHandler(&c.log, nil)),
			Observers: []bulwark.Recorder{&c.events},
			AccessLog: true,
		},
		bulwark.Edge{
			Hosts:           []string{host},
			BaseURL:         baseURL,
			TrustedProxies:  []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
			ForwardedHeader: "X-Forwarded-For",
		},
		headers.Config{},
		&c.seen, // outside auth
		cors.Config{
			Origins: []string{page},
			Methods: []string{"GET", "POST"},
			Headers: []string{"Authorization", "Content-Type"},
		},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "30/hour", MaxKeys: 1024},
		auth.Config{Authenticators: []auth.Authenticator{tokens}, Optional: true, Realm: "documents"},
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "1000/hour", MaxKeys: 1024,
			Tiers: ratelimit.Tiers{"slow": "3/hour"}, Anonymous: "unlimited"},
	))
	return c
}

// Tokens

// A person is a caller: the roles and the tier that the token names.
type person struct{ role, tier string }

var people = map[string]person{
	"alice": {role: "user"}, // owns document 1
	"bob":   {role: "user"},
	"gus":   {role: "guest"},
	"ann":   {role: "admin"},
	"sly":   {role: "user", tier: "slow"},
}

// bearer is the Authorization of the person, and of nobody where name is empty.
func (c *core) bearer(name string) string {
	if name == "" {
		return ""
	}
	claims := authtest.Claims{"sub": name, "roles": []string{people[name].role}}
	if tier := people[name].tier; tier != "" {
		claims["tier"] = tier
	}
	return "Bearer " + c.issuer.Token(claims)
}

// Documents

func (c *core) load(id string) (*document, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.kept[id]
	if !ok {
		return nil, authz.ErrNotFound
	}
	private := *d
	return &private, nil
}

// create makes the document that the body of r describes.
func (c *core) create(r *http.Request) (*document, error) {
	wanted, err := validate.BodyAs[struct {
		Title string `json:"title"`
	}](r)
	if err != nil {
		return nil, err
	}
	return c.keep(r.Context(), wanted.Title), nil
}

// keep makes a document of the caller's.
func (c *core) keep(ctx context.Context, title string) *document {
	owner, _ := bulwark.PrincipalFrom(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	d := &document{ID: strconv.Itoa(len(c.kept) + 1), Title: title, Issuer: owner.Issuer, Subject: owner.Subject}
	c.kept[d.ID] = d
	return d
}

// showDocument is the handler behind the check of the object.
func showDocument(w http.ResponseWriter, _ *http.Request, d authz.Granted[*document]) {
	answer(w, http.StatusOK, d.Value())
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// noRoute answers what no route matches, under routers that know nothing of
// problems.
func noRoute(w http.ResponseWriter, r *http.Request) {
	bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusNotFound, Code: "service.no_route"})
}

// Layers of routes

// newDocument cleans and checks the body of POST /documents.
func newDocument() []bulwark.Builder {
	return []bulwark.Builder{
		sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text}},
		validate.Config{Body: validate.SchemaJSON(`{
			"type": "object",
			"required": ["title"],
			"properties": {"title": {"type": "string", "minLength": 1, "maxLength": 64}}
		}`)},
	}
}

// newBatch checks the body of POST /batch.
func newBatch() []bulwark.Builder {
	return []bulwark.Builder{validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"required": ["parts"],
		"properties": {
			"parallel": {"type": "boolean"},
			"parts": {"type": "array", "maxItems": 20, "items": {
				"type": "object",
				"required": ["method", "path"],
				"properties": {
					"method": {"enum": ["GET", "POST"]},
					"path": {"type": "string", "pattern": "^/"},
					"body": {"type": "string"},
					"authorization": {"type": "string"}
				}
			}}
		}
	}`)}}
}

// vaultGuesses bounds what a caller may try at GET /vault. It has to see the
// status that the handler answers with.
func vaultGuesses() []bulwark.Builder {
	return []bulwark.Builder{ratelimit.Config{Name: "vault", Key: ratelimit.ByPrincipal, Rate: "2/hour",
		Count: ratelimit.Failures, AuthOutside: true, MaxKeys: 1024}}
}

// behind is the rule and the layers of one route, for routers whose routes have
// no rules.
func (c *core) behind(rule authz.Rule, layers ...bulwark.Builder) *bulwark.Stack {
	parts := append([]bulwark.Builder{authz.Config{Policy: c.policy, Rule: rule}}, layers...)
	stack := bulwark.Must(bulwark.Chain(parts...))
	c.closers = append(c.closers, stack)
	return stack
}

// object is the handler of GET /documents/{id}, for routers that have no
// HandleObject.
func (c *core) object(documents authz.Resource[*document]) http.Handler {
	h := authz.Object(c.policy, documents.Can("read"), showDocument)
	c.closers = append(c.closers, h)
	return h
}

// A batch

// A part is one request of a batch, with a credential of its own.
type part struct {
	Method        string `json:"method"`
	Path          string `json:"path"`
	Body          string `json:"body,omitempty"`
	Authorization string `json:"authorization,omitempty"`
}

type batch struct {
	Parallel bool   `json:"parallel"`
	Parts    []part `json:"parts"`
}

// A batchAnswer tells whom the handler took for the caller: before the first
// part, beside each part, and after the last.
type batchAnswer struct {
	Before string       `json:"before"`
	After  string       `json:"after"`
	Parts  []partAnswer `json:"parts"`
}

type partAnswer struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Challenge string `json:"challenge"`
	Beside    string `json:"beside"`
}

// runBatch sends the parts through the whole stack with the context of r.
func (c *core) runBatch(r *http.Request) (batchAnswer, error) {
	b, err := validate.BodyAs[batch](r)
	if err != nil {
		return batchAnswer{}, err
	}
	ctx := r.Context()
	result := batchAnswer{Before: subject(ctx), Parts: make([]partAnswer, len(b.Parts))}
	var running sync.WaitGroup
	for i, p := range b.Parts {
		run := func() {
			result.Parts[i] = c.send(ctx, p)
			result.Parts[i].Beside = subject(ctx)
		}
		if b.Parallel {
			running.Go(run)
		} else {
			run()
		}
	}
	running.Wait()
	result.After = subject(ctx)
	return result, nil
}

func (c *core) send(ctx context.Context, p part) partAnswer {
	r, err := http.NewRequestWithContext(ctx, p.Method, baseURL+p.Path, strings.NewReader(p.Body))
	if err != nil {
		return partAnswer{Status: http.StatusBadRequest}
	}
	if p.Authorization != "" {
		r.Header.Set("Authorization", p.Authorization)
	}
	if p.Body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	result := partAnswer{Status: w.Code, Challenge: w.Header().Get("WWW-Authenticate")}
	if w.Header().Get("Content-Type") == "application/problem+json" {
		json.Unmarshal(w.Body.Bytes(), &result)
	}
	return result
}

func subject(ctx context.Context) string {
	p, ok := bulwark.PrincipalFrom(ctx)
	if !ok {
		return ""
	}
	return p.Subject
}

// A layer outside auth

// callers is a layer that keeps who called on which path. It stands outside
// auth, where contexts do not reach.
type callers struct {
	mu   sync.Mutex
	kept []call
}

type call struct{ path, issuer, subject string }

// Build returns c.
func (c *callers) Build() (bulwark.Layer, error) { return c, nil }

// Wrap notes each request after next has answered it.
func (c *callers) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		next.ServeHTTP(w, r)
		noted := call{path: r.URL.Path}
		if p := scope.Caller(); p != nil {
			noted.issuer, noted.subject = p.Issuer, p.Subject
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kept = append(c.kept, noted)
	})
}

// take returns the calls since the last take.
func (c *callers) take() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.kept
	c.kept = nil
	return kept
}
