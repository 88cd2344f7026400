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

// An OpaqueIssuer is an authorization server with opaque tokens. Its
// introspection endpoint (RFC 7662) answers questions about them. It is safe
// for concurrent use.
type OpaqueIssuer struct {
	url string

	mu     sync.Mutex
	tokens map[string]Claims
	down   bool
	asked  int
}

// The credentials of the service that asks. Both have another meaning if they
// are not encoded (RFC 6749 section 2.3.1).
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

// URL returns the issuer of the tokens.
func (i *OpaqueIssuer) URL() string { return i.url }

// Config returns the Config of an introspector for the tokens of the issuer.
// Its Audience is [Audience].
func (i *OpaqueIssuer) Config() introspection.Config {
	return introspection.Config{
		Endpoint: i.url + "/introspect", Issuer: i.url, Audience: []string{Audience},
		Client: introspection.Client{ID: clientID, Secret: clientSecret},
	}
}

// Transport returns a transport that answers in memory. Put it into
// [introspection.Client] for tests in testing/synctest: a real connection would
// stop the clock there.
func (i *OpaqueIssuer) Transport() http.RoundTripper { return inMemory(i.serve) }

// Token returns a token for "alice" that is active for 15 minutes. The changes
// replace members of the answer about this token, or leave them out.
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

// Down makes the endpoint answer 503 if down is true. If down is false, the
// endpoint answers again.
func (i *OpaqueIssuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Asked returns the number of questions.
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

// answer is that of RFC 7662 section 2.2: about a token that is not active it
// says nothing else, and no reason.
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
