package relations

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// decisionPoint says how to ask a decision point that decides by roles.
func decisionPoint(url, key string) authzen.Config {
	return authzen.Config{
		URL:    url,
		Secret: key,
		Map: func(q *authz.Query, e *authzen.Evaluation) error {
			e.Subject.Properties = map[string]any{"roles": q.Principal.Roles, "issuer": q.Principal.Issuer}
			return nil
		},
	}
}

// A decision point that decides by roles gets the roles.
func TestADecisionPointGetsTheRoles(t *testing.T) {
	pdp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var question struct {
			Subject struct {
				Properties struct {
					Roles  []string `json:"roles"`
					Issuer string   `json:"issuer"`
				} `json:"properties"`
			} `json:"subject"`
		}
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil || r.Header.Get("Authorization") != "Bearer key" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		caller := question.Subject.Properties
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]bool{"decision": slices.Contains(caller.Roles, "user") && caller.Issuer == accounts})
	}))
	defer pdp.Close()
	engine, err := authzen.New(decisionPoint(pdp.URL, "key"))
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Shutdown(context.Background())
	api := serve(t, &peer{engine: engine}, owned(as(accounts, "owner"), "plan"))
	want(t, api, "GET", "plan", as(accounts, "someone"), documentOf("plan"))
	want(t, api, "GET", "plan", as(partners, "someone"), hidden)
}
