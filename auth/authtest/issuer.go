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

// Audience is the aud of an issuer's tokens.
const Audience = "https://api.example.com"

// Claims are claims of a token, by name. A nil value leaves the claim out.
type Claims map[string]any

// Issuer is an authorization server on loopback that serves its metadata, for
// [jwt.Discover], and its keys as a JWK Set, and signs whatever it is asked to.
// It is safe for concurrent use.
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

// URL is the iss of the tokens.
func (i *Issuer) URL() string { return i.url }

// Keys are the issuer's keys as a verifier fetches them over HTTP.
func (i *Issuer) Keys() jwt.KeySource { return jwt.RemoteKeys(i.KeysURL(), jwt.RemoteConfig{}) }

// KeysURL is where the key set is served.
func (i *Issuer) KeysURL() string { return i.url + keysPath }

// Config is that of a verifier of the issuer's tokens.
func (i *Issuer) Config() jwt.Config {
	return jwt.Config{Issuer: i.url, Audience: []string{Audience}, Keys: i.Keys()}
}

// Transport answers requests for metadata and keys in memory, for tests inside
// testing/synctest, where a real connection would stop the clock: put it into
// [jwt.RemoteConfig].
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

// Rotate makes a new key, publishes it in place of all others and signs with it
// from now on.
func (i *Issuer) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system is out of randomness, and the test of sense
	}
	i.mu.Lock()
	i.keys = nil
	i.mu.Unlock()
	i.Publish(key)
}

// Publish adds a key of the caller's (RSA, ECDSA on P-256 or Ed25519), signs
// with it from now on, and returns its kid.
func (i *Issuer) Publish(key crypto.Signer) (kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	kid = "key-" + strconv.Itoa(i.made)
	i.keys = append(i.keys, issued{kid, key})
	return kid
}

// Down makes the server answer 503, or lets it answer again.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Fetches is how many requests for the key set there have been.
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

// Token returns an access token that is good but for the given changes to its
// claims: for "alice", from now on for 15 minutes.
func (i *Issuer) Token(changes Claims) string { return i.TokenOfType("at+jwt", changes) }

// TokenOfType is Token with another typ, none if it is empty.
func (i *Issuer) TokenOfType(typ string, changes Claims) string {
	k := i.current()
	header := map[string]any{"alg": algorithmOf(k.signer.Public()), "kid": k.kid, "typ": typ}
	if typ == "" {
		delete(header, "typ")
	}
	return mint(k.signer, header, i.claims(changes))
}
