package fleetguide

import (
	"context"
	"crypto"
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Common is what all processes of the service have in common.
type Common struct {
	Limits   ratelimit.Store
	Sessions session.Store
	Keys     apikey.Store

	SigningKey       crypto.Signer
	StoreKey, Pepper []byte
	Edge             bulwark.Edge
	Observer         bulwark.Recorder
}

// A Process is one process of the service.
type Process struct {
	http.Handler
	Sessions *session.Sessions
	Keys     *apikey.Keys
	stack    *bulwark.Stack
}

// NewProcess makes a process. Nothing in it differs from the service of one
// process, but for where the Common comes from.
func NewProcess(c Common, lookup func(ctx context.Context, subject string) (*bulwark.Principal, error), logger *slog.Logger) (*Process, error) {
	const issuer = "https://api.example.com"
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: c.SigningKey, Issuer: issuer})
	if err != nil {
		return nil, err
	}
	sessions, err := session.New(session.Config{
		Signer: signer, Audience: issuer, Lookup: lookup,
		Store: c.Sessions, StoreKeys: [][]byte{c.StoreKey},
	})
	if err != nil {
		return nil, err
	}
	keys, err := apikey.New(apikey.Config{
		Prefix: "shop", Issuer: issuer + "/keys",
		Store: c.Keys, Peppers: []apikey.Pepper{{Version: 1, Key: c.Pepper}},
	})
	if err != nil {
		return nil, err
	}
	stack, err := bulwark.Chain(
		audit.Config{Logger: logger, Observers: []bulwark.Recorder{c.Observer}},
		c.Edge,
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute", Store: c.Limits},
		auth.Config{Authenticators: []auth.Authenticator{sessions, keys}, Optional: true},
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute", Store: c.Limits, Anonymous: "unlimited"},
	)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("GET /orders", orders)
	return &Process{stack.Wrap(mux), sessions, keys, stack}, nil
}

// orders stands for the work of the service.
func orders(w http.ResponseWriter, r *http.Request) {
	if _, ok := bulwark.PrincipalFrom(r.Context()); !ok {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "orders.login"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// health says that this process runs. It does not ask Redis or the database.
func health(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }
