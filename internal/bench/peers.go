package bench

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httplog/v3"
	"github.com/go-chi/httprate"
	"github.com/go-chi/jwtauth/v5"
	"github.com/microcosm-cc/bluemonday"
	rscors "github.com/rs/cors"
	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/unrolled/secure"
)

// The chains that people build today. Each peer is set up as its documentation
// shows, and where there is a choice, the cheaper way is taken.

// wrapper is what the peers call a middleware.
type wrapper = func(http.Handler) http.Handler

// outerPeers are the layers in front of authentication, outermost first.
func outerPeers(log bool) []wrapper {
	layers := []wrapper{middleware.RequestID}
	if log {
		layers = append(layers, newHTTPLog())
	}
	return append(layers, unrolled().Handler, rsCORS().Handler, byAddress(1<<40, time.Minute))
}

func newHTTPLog() wrapper {
	return httplog.RequestLogger(newLogger(), &httplog.Options{Level: slog.LevelInfo, Schema: httplog.SchemaECS, RecoverPanics: true})
}

// byAddress limits by the peer's address, an IPv6 one by its /64.
func byAddress(limit int, window time.Duration) wrapper {
	return httprate.LimitBy(limit, window, func(r *http.Request) (string, error) {
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		return httprate.CanonicalizeIP(address), err
	})
}

// unrolled sets the fields that headers.Config{} sets, and checks the host.
func unrolled() *secure.Secure {
	return secure.New(secure.Options{
		AllowedHosts: []string{host}, STSSeconds: 63072000, STSIncludeSubdomains: true,
		FrameDeny: true, ContentTypeNosniff: true, ReferrerPolicy: "no-referrer",
		ContentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'", CrossOriginResourcePolicy: "same-origin",
	})
}

func rsCORS() *rscors.Cors {
	c := corsConfig()
	return rscors.New(rscors.Options{AllowedOrigins: c.Origins, AllowedMethods: c.Methods, AllowedHeaders: c.Headers,
		ExposedHeaders: c.Expose, AllowCredentials: true, MaxAge: int(c.MaxAge / time.Second)})
}

// A person is a caller as the peers know it.
type person struct {
	issuer, subject string
	roles           []string
}

// chiPerson reads the claims that jwtauth has verified.
func chiPerson(ctx context.Context) (p person, ok bool) {
	_, claims, err := jwtauth.FromContext(ctx)
	if err != nil {
		return p, false
	}
	p.issuer, _ = claims["iss"].(string)
	p.subject, _ = claims["sub"].(string)
	roles, _ := claims["roles"].([]any)
	for _, role := range roles {
		if name, ok := role.(string); ok {
			p.roles = append(p.roles, name)
		}
	}
	return p, p.subject != ""
}

func auth0Person(ctx context.Context) (p person, ok bool) {
	claims, err := jwtmiddleware.GetClaims[*validator.ValidatedClaims](ctx)
	if err != nil {
		return p, false
	}
	custom, ok := claims.CustomClaims.(*grants)
	if !ok {
		return p, false
	}
	return person{claims.RegisteredClaims.Issuer, claims.RegisteredClaims.Subject, custom.Roles}, true
}

// byPerson limits by caller.
func byPerson(who func(context.Context) (person, bool)) wrapper {
	return httprate.LimitBy(1<<40, time.Minute, func(r *http.Request) (string, error) {
		p, ok := who(r.Context())
		if !ok {
			return "", errors.New("nobody")
		}
		return p.issuer + " " + p.subject, nil
	})
}

// NewChiChain returns the service behind chi, httplog, unrolled/secure,
// rs/cors, httprate, jwtauth, casbin, jsonschema and bluemonday.
func NewChiChain() (http.Handler, error) {
	s, err := newPeerService(chiPerson, chi.URLParam)
	if err != nil {
		return nil, err
	}
	tokens, err := jwtauthTokens(RS256)
	if err != nil {
		return nil, err
	}
	mux := chi.NewRouter()
	mux.Use(outerPeers(true)...)
	mux.Use(tokens, byPerson(chiPerson))
	mux.Get("/documents/{id}", s.get)
	mux.Post("/documents", s.create)
	return mux, nil
}

// NewAuth0Chain returns the same behind ServeMux and auth0/go-jwt-middleware,
// with httplog or without.
func NewAuth0Chain(log bool) (http.Handler, error) {
	s, err := newPeerService(auth0Person, (*http.Request).PathValue)
	if err != nil {
		return nil, err
	}
	tokens, err := auth0Tokens(RS256)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents/{id}", s.get)
	mux.HandleFunc("POST /documents", s.create)
	var h http.Handler = mux
	for _, wrap := range slices.Backward(append(outerPeers(log), tokens, byPerson(auth0Person))) {
		h = wrap(h)
	}
	return h, nil
}

// A peerService is the service as it is written with the peers.
type peerService struct {
	store    *store
	enforcer *casbin.Enforcer
	schema   *jsonschema.Schema
	title    *bluemonday.Policy
	content  *bluemonday.Policy
	who      func(context.Context) (person, bool)
	param    func(r *http.Request, name string) string
}

func newPeerService(who func(context.Context) (person, bool), param func(*http.Request, string) string) (*peerService, error) {
	enforcer, err1 := newEnforcer(guideRules())
	schema, err2 := compilePeer(documentSchema)
	return &peerService{newStore(), enforcer, schema, bluemonday.StrictPolicy(), bluemonday.UGCPolicy(), who, param}, errors.Join(err1, err2)
}

func (s *peerService) get(w http.ResponseWriter, r *http.Request) {
	p, ok := s.who(r.Context())
	if !ok {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	d, err := s.store.get(s.param(r, "id"))
	if err != nil || !s.may(p, "read", d) {
		http.NotFound(w, r)
		return
	}
	answer(w, http.StatusOK, d)
}

func (s *peerService) create(w http.ResponseWriter, r *http.Request) {
	p, ok := s.who(r.Context())
	if !ok {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var value any
	if err != nil || json.Unmarshal(text, &value) != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	if s.schema.Validate(value) != nil {
		http.Error(w, "Unprocessable Entity", http.StatusUnprocessableEntity)
		return
	}
	said := draft{Visibility: "private"} // jsonschema applies no defaults
	if err := json.Unmarshal(text, &said); err != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	d := &Document{OwnerID: p.subject, ownerIssuer: p.issuer, Title: s.title.Sanitize(said.Title),
		Content: s.content.Sanitize(said.Content), Visibility: said.Visibility}
	if !s.may(p, "create", d) {
		http.Error(w, "Forbidden", http.StatusForbidden)
		return
	}
	answer(w, http.StatusCreated, s.store.create(d))
}

// may asks the enforcer for each role, as tokens carry roles and not users.
func (s *peerService) may(p person, action string, d *Document) bool {
	reach := "all"
	if d.OwnerID == p.subject && d.ownerIssuer == p.issuer {
		reach = "own"
	}
	for _, role := range p.roles {
		if ok, err := s.enforcer.Enforce(role, "document", action, reach); err == nil && ok {
			return true
		}
	}
	return false
}

// casbinModel is RBAC with inheritance, where "all" covers "own".
const casbinModel = `
[request_definition]
r = sub, obj, act, reach
[policy_definition]
p = sub, obj, act, reach
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act && (p.reach == "all" || p.reach == r.reach)
`

// guideRules is policyConfig in casbin's terms.
func guideRules() (rules, inherits [][]string) {
	add := func(role, reach string, actions ...string) {
		for _, action := range actions {
			rules = append(rules, []string{role, "document", action, reach})
		}
	}
	add("user", "own", "create", "read", "update")
	add("moderator", "own", "create", "update", "delete")
	add("moderator", "all", "read")
	add("admin", "all", "create", "read", "update", "delete")
	return rules, nil
}

func newEnforcer(rules, inherits [][]string) (*casbin.Enforcer, error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	if _, err := e.AddPolicies(rules); err != nil {
		return nil, err
	}
	if len(inherits) > 0 {
		_, err = e.AddGroupingPolicies(inherits)
	}
	return e, err
}

func compilePeer(schema string) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.Draft, c.AssertFormat = jsonschema.Draft2020, true
	if err := c.AddResource("schema.json", strings.NewReader(schema)); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}
