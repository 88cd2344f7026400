package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Audience is the aud of the tokens that [Issuer] and [OpaqueIssuer] make.
const Audience = "https://api.example.com"

// Claims are the claims of a token, by name. A nil value leaves the claim out.
type Claims map[string]any

// An Issuer is an authorization server on loopback. It serves its metadata, for
// [jwt.Discover], and its keys as a JWK Set. It signs any claims. It is safe
// for concurrent use.
type Issuer struct {
	url string

	mu      sync.Mutex
	keys    []issued // the last one signs
	made    int
	down    bool
	fetches int
}

type issued struct {
	kid    string
	signer crypto.Signer
}

// NewIssuer starts an issuer that signs with ES256, and stops it when the test
// ends.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{}
	server := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(server.Close)
	i.url = server.URL
	i.Rotate()
	return i
}

// URL returns the iss of the tokens.
func (i *Issuer) URL() string { return i.url }

// Keys returns the keys of the issuer. A verifier fetches them over HTTP.
func (i *Issuer) Keys() jwt.KeySource { return jwt.RemoteKeys(i.KeysURL(), jwt.RemoteConfig{}) }

// KeysURL returns the URL of the key set.
func (i *Issuer) KeysURL() string { return i.url + keysPath }

// Config returns the Config of a verifier that accepts the tokens of the
// issuer. Its Audience is [Audience].
func (i *Issuer) Config() jwt.Config {
	return jwt.Config{Issuer: i.url, Audience: []string{Audience}, Keys: i.Keys()}
}

// Transport returns a transport that answers requests for metadata and keys in
// memory. Put it into [jwt.RemoteConfig] for tests in testing/synctest: a real
// connection would stop the clock there.
func (i *Issuer) Transport() http.RoundTripper { return inMemory(i.serve) }

const cacheControl = "public, max-age=300"

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	status, body := i.answer(r.URL.Path)
	w.Header().Set("Cache-Control", cacheControl)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

const keysPath = "/jwks.json"

func (i *Issuer) answer(path string) (status int, body []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch path {
	case keysPath:
		i.fetches++
		return i.unlessDown(map[string]any{"keys": i.published()})
	case "/.well-known/openid-configuration":
		return i.unlessDown(map[string]any{"issuer": i.url, "jwks_uri": i.url + keysPath})
	}
	return http.StatusNotFound, nil
}

// unlessDown answers with a document. The lock is held, here and below.
func (i *Issuer) unlessDown(document any) (status int, body []byte) {
	if i.down {
		return http.StatusServiceUnavailable, nil
	}
	return http.StatusOK, marshal(document)
}

func (i *Issuer) published() []map[string]string {
	set := make([]map[string]string, len(i.keys))
	for n, k := range i.keys {
		set[n] = publicJWK(k.signer.Public())
		set[n]["kid"], set[n]["use"], set[n]["alg"] = k.kid, "sig", algorithmOf(k.signer.Public())
	}
	return set
}

// Rotate makes a new key and publishes it in place of all others. The issuer
// then signs with this key.
func (i *Issuer) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system has no randomness
	}
	i.mu.Lock()
	i.keys = nil
	i.mu.Unlock()
	i.Publish(key)
}

// Publish adds the key (RSA, ECDSA on P-256 or Ed25519) and returns its kid.
// The issuer then signs with this key.
func (i *Issuer) Publish(key crypto.Signer) (kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	kid = "key-" + strconv.Itoa(i.made)
	i.keys = append(i.keys, issued{kid, key})
	return kid
}

// Down makes the server answer 503 if down is true. If down is false, the
// server answers again.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Fetches returns the number of requests for the key set.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// current is the key that signs.
func (i *Issuer) current() issued {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// claims are those of a good access token (RFC 9068 section 2.2), changed.
func (i *Issuer) claims(changes Claims) Claims {
	now := time.Now()
	all := Claims{
		"iss": i.url, "aud": Audience, "sub": "alice", "client_id": "test", "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(15 * time.Minute).Unix(),
	}
	return changed(all, changes)
}

// Token returns an access token for "alice" that is good for 15 minutes. The
// changes replace claims of this token, or leave them out.
func (i *Issuer) Token(changes Claims) string { return i.TokenOfType("at+jwt", changes) }

// TokenOfType is [Issuer.Token] with another typ. An empty typ is left out.
func (i *Issuer) TokenOfType(typ string, changes Claims) string {
	k := i.current()
	header := map[string]any{"alg": algorithmOf(k.signer.Public()), "kid": k.kid, "typ": typ}
	if typ == "" {
		delete(header, "typ")
	}
	return mint(k.signer, header, i.claims(changes))
}
