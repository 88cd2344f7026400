package auth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestMetadata(t *testing.T) {
	for _, test := range []struct {
		name     string
		metadata auth.Metadata
		want     map[string]any
	}{
		{"least", auth.Metadata{Resource: "https://api.example.com"},
			map[string]any{"resource": "https://api.example.com", "bearer_methods_supported": []any{"header"}}},
		{"all", auth.Metadata{
			Resource: "https://api.example.com", AuthorizationServers: []string{"https://issuer.example"}, JWKSURI: "https://api.example.com/jwks.json",
			Scopes: []string{"read"}, Name: "Documents", Documentation: "https://docs.example.com", PolicyURI: "https://example.com/policy",
			DPoPAlgorithms: []string{"ES256"}, DPoPRequired: true, MutualTLS: true,
		}, map[string]any{
			"resource": "https://api.example.com", "bearer_methods_supported": []any{"header"}, "authorization_servers": []any{"https://issuer.example"},
			"jwks_uri": "https://api.example.com/jwks.json", "scopes_supported": []any{"read"}, "resource_name": "Documents",
			"resource_documentation": "https://docs.example.com", "resource_policy_uri": "https://example.com/policy",
			"dpop_signing_alg_values_supported": []any{"ES256"}, "dpop_bound_access_tokens_required": true, "tls_client_certificate_bound_access_tokens": true,
		}},
		{"loopback", auth.Metadata{Resource: "http://127.0.0.1:8080"},
			map[string]any{"resource": "http://127.0.0.1:8080", "bearer_methods_supported": []any{"header"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, err := auth.MetadataHandler(test.metadata)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/oauth-protected-resource", nil))
			var got map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%v: %s", err, w.Body)
			}
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "public, max-age=3600" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
	}
}

func TestMetadataMethods(t *testing.T) {
	handler, err := auth.MetadataHandler(auth.Metadata{Resource: "http://localhost:8080"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestMetadataErrors(t *testing.T) {
	handler, err := auth.MetadataHandler(auth.Metadata{
		AuthorizationServers: []string{"https://issuer.example", "http://issuer.example"}, JWKSURI: "/jwks",
		Documentation: "https://docs.example.com#top", PolicyURI: "https://user@example.com", DPoPRequired: true,
	})
	want := []string{"auth(metadata).AuthorizationServers[1]", "auth(metadata).DPoPAlgorithms", "auth(metadata).Documentation", "auth(metadata).JWKSURI", "auth(metadata).PolicyURI", "auth(metadata).Resource"}
	if got := faulttest.Sorted(err); handler != nil || !slices.Equal(got, want) {
		t.Errorf("errors for %q", got)
	}
}
