package issuers

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// mcpServer is an MCP server at /mcp, with its metadata.
func mcpServer(log bulwark.Builder, tokens auth.Authenticator, tools http.Handler) (http.Handler, error) {
	metadata, err := auth.MetadataHandler(auth.Metadata{
		Resource:             "https://mcp.example.com/mcp",
		AuthorizationServers: []string{"https://login.example.com"},
		Scopes:               []string{"files:read"}, // what a client needs at first
	})
	if err != nil {
		return nil, err
	}
	outside, err := bulwark.Chain(log, bulwark.Edge{Hosts: []string{"mcp.example.com"}})
	if err != nil {
		return nil, err
	}
	inside, err := bulwark.Chain(auth.Config{
		Authenticators:   []auth.Authenticator{tokens},
		ResourceMetadata: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
		Scopes:           []string{"files:read"},
	})
	if err != nil {
		return nil, err
	}
	routes := http.NewServeMux()
	routes.Handle("GET /.well-known/oauth-protected-resource/mcp", metadata)
	routes.Handle("/mcp", inside.Wrap(tools))
	return outside.Wrap(routes), nil
}

// mayWrite is the rule of the tools that write. It names all scopes that such a
// call needs, so that a client gets them in one step.
func mayWrite(policy *authz.Policy) (*authz.Middleware, error) {
	return authz.New(authz.Config{Policy: policy, Rule: authz.Authenticated().Scopes("files:read", "files:write")})
}

// callTool runs a tool of an MCP call.
func callTool(w http.ResponseWriter, r *http.Request, tool string, write *authz.Middleware) {
	if tool == "write_file" {
		if err := write.Check(r); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}

// The answers of the page.
const (
	mcpUnauthorized = `HTTP/1.1 401 Unauthorized
WWW-Authenticate: Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="files:read"
`
	mcpStepUp = `HTTP/1.1 403 Forbidden
WWW-Authenticate: Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", error="insufficient_scope", scope="files:read files:write"
`
	mcpInvalid = `HTTP/1.1 401 Unauthorized
WWW-Authenticate: Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", error="invalid_token"
`
)

// TestMCPServer goes the way of an MCP client: from the 401 to the metadata,
// from there to the issuer, and from a token with one scope to one with two.
func TestMCPServer(t *testing.T) {
	const keys = "https://login.example.com/jwks"
	config := mcp()
	net := newInternet(t, map[string]any{
		below(config.Issuer): map[string]any{"issuer": config.Issuer, "jwks_uri": keys},
		keys:                 map[string]any{"keys": []any{jwk("A1", nil)}},
	})
	config.Keys = jwt.Discover(config.Issuer, jwt.RemoteConfig{Transport: net})
	tokens, err := jwt.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Shutdown(context.Background())
	policy, err := authz.NewPolicy(authz.PolicyConfig{Resources: map[string][]string{"file": {"read"}}, Roles: authz.Roles{"user": {}}})
	if err != nil {
		t.Fatal(err)
	}
	write, err := mayWrite(policy)
	if err != nil {
		t.Fatal(err)
	}
	events := &bulwarktest.Recorder{}
	server, err := mcpServer(bulwark.LayerFunc(events.Wrap), tokens, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct{ Params struct{ Name string } }
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		callTool(w, r, call.Params.Name, write)
	}))
	if err != nil {
		t.Fatal(err)
	}
	call := func(tool, token string) *httptest.ResponseRecorder {
		events.Take()
		r := httptest.NewRequest(http.MethodPost, "https://mcp.example.com/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+tool+`"}}`))
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		return w
	}
	with := func(audience, scope string) string {
		return token(config.Issuer, "A1", `"typ":"at+jwt"`, map[string]any{"aud": audience, "sub": "alice", "client_id": "https://app.example.com/client.json", "scope": scope})
	}
	resource := config.Audience[0]
	for _, test := range []struct {
		name, tool, token, want string // the answer
		event                   bulwark.EventName
		reason                  string
	}{
		{"without-token", "read_file", "", mcpUnauthorized, bulwark.AuthzFail, "auth.credentials_required"},
		{"read", "read_file", with(resource, "files:read"), "", "", ""},
		{"write-without-scope", "write_file", with(resource, "files:read"), mcpStepUp, bulwark.AuthzFail, "authz.insufficient_scope"},
		{"write", "write_file", with(resource, "files:read files:write"), "", "", ""},
		{"token-of-another-server", "read_file", with("https://other.example.com/mcp", "files:read"), mcpInvalid, bulwark.AuthnTokenInvalid, "audience"},
		{"token-of-the-host", "read_file", with("https://mcp.example.com", "files:read"), mcpInvalid, bulwark.AuthnTokenInvalid, "audience"},
		{"resource-with-slash", "read_file", with(resource+"/", "files:read"), mcpInvalid, bulwark.AuthnTokenInvalid, "audience"},
	} {
		w := call(test.tool, test.token)
		got := events.Take()
		if test.want == "" {
			if w.Code != 200 || len(got) != 0 {
				t.Errorf("%s: %d, %+v", test.name, w.Code, got)
			}
			continue
		}
		line := w.Result().Proto + " " + w.Result().Status + "\nWWW-Authenticate: " + strings.Join(w.Header()["Www-Authenticate"], "|") + "\n"
		if line != test.want || len(got) != 1 || got[0].Name != test.event || got[0].Reason != test.reason {
			t.Errorf("%s: %s%+v, want %s%s %s", test.name, line, got, test.want, test.event, test.reason)
		}
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://mcp.example.com/.well-known/oauth-protected-resource/mcp", nil))
	var metadata map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &metadata); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"resource": resource, "authorization_servers": []any{config.Issuer}, "scopes_supported": []any{"files:read"}, "bearer_methods_supported": []any{"header"}}
	if w.Code != 200 || !reflect.DeepEqual(metadata, want) {
		t.Errorf("%d %v, want %v", w.Code, metadata, want)
	}
}
