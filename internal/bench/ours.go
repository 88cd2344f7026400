package bench

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

// plenty is a rate that no benchmark exceeds.
const plenty = "1000000/second,burst=1000000000"

// newLogger is where all subjects log to: the JSON handler, with the writing
// itself left out.
func newLogger() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// A Chain is the service behind bulwark.
type Chain struct {
	http.Handler
	Audit *audit.Middleware
	stack *bulwark.Stack
}

// NewChain returns the service behind the whole chain. With the access log each
// request leaves a record, as in the peers' chains; without, only what is
// refused does.
func NewChain(accessLog bool) (*Chain, error) {
	return newChain(audit.Config{Logger: newLogger(), AccessLog: accessLog, MaxAccessQueue: 65536}, sanitizeConfig(), validateConfig())
}

// newChain is the service with some layers in front of the handler that
// creates.
func newChain(c audit.Config, write ...bulwark.Builder) (*Chain, error) {
	recorder, err := audit.New(c)
	if err != nil {
		return nil, err
	}
	steps, err := layers()
	if err != nil {
		return nil, err
	}
	stack, err := bulwark.Chain(append([]bulwark.Builder{recorder}, builders(steps)...)...)
	if err != nil {
		return nil, err
	}
	mux, err := routes(write...)
	if err != nil {
		return nil, err
	}
	return &Chain{stack.Wrap(mux), recorder, stack}, nil
}

// Close ends the goroutines of the chain.
func (c *Chain) Close() { c.stack.Shutdown(context.Background()) }

// A step is a layer with its name in the table of costs.
type step struct {
	name  string
	layer bulwark.Layer
}

// layers are those of the chain inside audit, outermost first.
func layers() ([]step, error) {
	tokens, err := jwt.New(verifierConfig())
	if err != nil {
		return nil, err
	}
	var steps []step
	var errs []error
	add := func(name string, part bulwark.Builder) {
		layer, err := part.Build()
		steps, errs = append(steps, step{name, layer}), append(errs, err)
	}
	add("edge", bulwark.Edge{Hosts: []string{host}, BaseURL: "https://" + host})
	add("headers", headers.Config{})
	add("cors", corsConfig())
	add("ratelimit by address", ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: plenty, MaxKeys: 1 << 16})
	add("auth, jwt", auth.Config{Authenticators: []auth.Authenticator{tokens}, Optional: true, Realm: "documents", TrustedOrigins: []string{origin}})
	add("ratelimit by principal", ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: plenty, Anonymous: "unlimited", MaxKeys: 1 << 16})
	return steps, errors.Join(errs...)
}

func builders(steps []step) (parts []bulwark.Builder) {
	for _, s := range steps {
		parts = append(parts, s.layer)
	}
	return parts
}

func verifierConfig() jwt.Config {
	return jwt.Config{Issuer: issuer, Audience: []string{audience}, Keys: jwt.StaticKeys(&signingKey().PublicKey), Algorithms: []string{"RS256"}}
}

func corsConfig() cors.Config {
	return cors.Config{
		Origins: []string{origin}, Credentials: true, MaxAge: 24 * time.Hour,
		Methods: []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
		Headers: []string{"Authorization", "Content-Type"},
		Expose:  []string{"X-Total-Count", "RateLimit", "RateLimit-Policy", "Retry-After"},
	}
}

// policyConfig is the policy of the guide.
func policyConfig() authz.PolicyConfig {
	return authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read", "update", "delete"}},
		Roles: authz.Roles{
			"user":      {Grants: []string{"document:create:own", "read:own", "update:own"}},
			"moderator": {Grants: []string{"document:create:own", "read:all", "update:own", "delete:own"}},
			"admin":     {Grants: []string{"*"}},
		},
	}
}

// routes are the routes behind their rules, and layers in front of the handler
// that creates.
func routes(write ...bulwark.Builder) (http.Handler, error) {
	policy, err := authz.NewPolicy(policyConfig())
	if err != nil {
		return nil, err
	}
	s := newStore()
	documents := authz.Resource[*Document]{
		Name: "document",
		Load: func(_ context.Context, r *http.Request) (*Document, error) {
			d, err := s.get(r.PathValue("id"))
			if errors.Is(err, errNoDocument) {
				return nil, authz.ErrNotFound
			}
			return d, err
		},
		Owner: func(d *Document) (issuer, subject string) { return d.ownerIssuer, d.OwnerID },
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), getDocument)
	authz.HandleCreate(mux, "POST /documents", documents.Can("create"), s.creator(len(write) > 0), write...)
	return mux, nil
}

func sanitizeConfig() sanitize.Config {
	return sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text, "/content": sanitize.UGC}, MaxBodyBytes: maxBody}
}

func validateConfig() validate.Config {
	return validate.Config{Body: validate.SchemaJSON(documentSchema), MaxBodyBytes: maxBody}
}

func getDocument(w http.ResponseWriter, _ *http.Request, d authz.Granted[*Document]) {
	answer(w, http.StatusOK, d.Value())
}

// creator is the handler that creates. It reads the body itself where it was
// not validated.
func (s *store) creator(validated bool) func(http.ResponseWriter, *http.Request, func(*Document) (authz.Granted[*Document], error)) {
	read := validate.BodyAs[draft]
	if !validated {
		read = unmarshalDraft
	}
	return func(w http.ResponseWriter, r *http.Request, check func(*Document) (authz.Granted[*Document], error)) {
		said, err := read(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		caller, _ := bulwark.PrincipalFrom(r.Context())
		grant, err := check(&Document{OwnerID: caller.Subject, ownerIssuer: caller.Issuer, Title: said.Title, Content: said.Content, Visibility: said.Visibility})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		d, err := grant.For(r.Context(), "create")
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		answer(w, http.StatusCreated, s.create(d))
	}
}
