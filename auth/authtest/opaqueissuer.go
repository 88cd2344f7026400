package authtest

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/introspection"
)

// An OpaqueIssuer is an authorization server whose tokens say nothing, with the
// introspection endpoint (RFC 7662) that tells what they stand for. It is safe
// for concurrent use.
type OpaqueIssuer struct {
	url string

	mu     sync.Mutex
	tokens map[string]Claims
	down   bool
	asked  int
}

// What the issuer knows the service by that asks. Both mean something else
// unless they are encoded (RFC 6749 section 2.3.1).
const (
	clientID     = "documents:api"
	clientSecret = "100% +secret"
)

// NewOpaqueIssuer starts an issuer, and stops it when the test ends.
func NewOpaqueIssuer(t testing.TB) *OpaqueIssuer {
	t.Helper()
	i := &OpaqueIssuer{tokens: map[string]Claims{}}
	server := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

// URL is the issuer of the tokens.
func (i *OpaqueIssuer) URL() string { return i.url }

// Config is that of an introspector for the issuer's tokens.
func (i *OpaqueIssuer) Config() introspection.Config {
	return introspection.Config{
		Endpoint: i.url + "/introspect", Issuer: i.url, Audience: []string{Audience},
		Client: introspection.Client{ID: clientID, Secret: clientSecret},
	}
}

// Transport answers in memory, for tests inside testing/synctest, where a real
// connection would stop the clock: put it into [introspection.Config].
func (i *OpaqueIssuer) Transport() http.RoundTripper { return inMemory(i.serve) }

// Token returns a token that is active but for the given changes to what the
// endpoint says of it: for "alice", from now on for 15 minutes.
func (i *OpaqueIssuer) Token(changes Claims) string {
	now := time.Now()
	token := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens[token] = changed(Claims{
		"active": true, "token_type": "Bearer", "iss": i.url, "aud": Audience, "sub": "alice", "client_id": "test",
		"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(15 * time.Minute).Unix(),
	}, changes)
	return token
}

// Revoke makes a token inactive.
func (i *OpaqueIssuer) Revoke(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.tokens, token)
}

// Down makes the endpoint answer 503, or lets it answer again.
func (i *OpaqueIssuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Asked is how many questions there have been.
func (i *OpaqueIssuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func (i *OpaqueIssuer) serve(w http.ResponseWriter, r *http.Request) {
	status, body := i.answer(r)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body)
}

// answer is that of RFC 7662 section 2.2: of a token that is not active,
// whatever the reason, it says nothing else.
func (i *OpaqueIssuer) answer(r *http.Request) (status int, body []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	switch {
	case i.down:
		return http.StatusServiceUnavailable, nil
	case r.Method != http.MethodPost || r.URL.Path != "/introspect":
		return http.StatusNotFound, nil
	case !isClient(r):
		return http.StatusUnauthorized, marshal(Claims{"error": "invalid_client"})
	}
	claims, ok := i.tokens[r.PostFormValue("token")]
	if !ok {
		claims = Claims{"active": false}
	}
	return http.StatusOK, marshal(claims)
}

// isClient knows the service by HTTP Basic authentication.
func isClient(r *http.Request) bool {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	return id == clientID && secret == clientSecret
}
