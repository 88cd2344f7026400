package audit_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/cors"
)

// A caller whom the request names is known, and is folded past a higher number
// only, whatever context the event comes with: a tracing layer may have derived
// it.
func TestAKnownCallerIsFoldedLater(t *testing.T) {
	type key struct{}
	tracing := func(next http.Handler) http.Handler { // as otelhttp does
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, 1)))
		})
	}
	edge := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"example.com"}}))
	byHand := as("alice", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	for name, wrap := range map[string]func(m *audit.Middleware) http.Handler{
		"audit":              func(m *audit.Middleware) http.Handler { return m.Wrap(byHand) },
		"edge_tracing_audit": func(m *audit.Middleware) http.Handler { return edge.Wrap(tracing(m.Wrap(byHand))) },
		"audit_cors": func(m *audit.Middleware) http.Handler {
			c := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://a.example"}}))
			return m.Wrap(c.Wrap(as("alice", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))))
		},
		"audit_tracing_cors": func(m *audit.Middleware) http.Handler {
			c := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://a.example"}}))
			return m.Wrap(tracing(c.Wrap(as("alice", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))))
		},
		"as_nobody": func(m *audit.Middleware) http.Handler {
			return m.Wrap(as("alice", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				bulwark.Deny(w, r.WithContext(bulwark.WithPrincipal(r.Context(), nil)), &bulwark.Problem{Status: 403, Code: "x.y"})
			})))
		},
		"assumed_without_auth": func(m *audit.Middleware) http.Handler {
			return m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				bulwark.Deny(w, r.WithContext(bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: "i", Subject: "s"})), &bulwark.Problem{Status: 403, Code: "x.y"})
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out)})
			h := wrap(m)
			for range 100 {
				r := request("GET", "/")
				r.Header.Set("Origin", "https://evil.example")
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			drain(t, m)
			got := out.records(t)
			if len(got) != 100 {
				t.Errorf("%d lines for %d events of a known caller, user %v", len(got), occurrences(got), got[0]["userId"])
			}
		})
	}
}
