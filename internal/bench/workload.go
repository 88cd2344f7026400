package bench

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// The service that every subject implements.
const (
	issuer   = "https://issuer.example.com/"
	audience = "https://api.example.com"
	caller   = "6f1e6d0a-3c1b-4f6e-9f57-5b8a2d1c7e90"
	origin   = "https://app.example.com"
	host     = "api.example.com"
	docID    = "42"
	maxBody  = 64 << 10
)

// documentSchema is what a new document must look like. Unknown members are
// refused by bulwark unasked; the peers are told to.
const documentSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"additionalProperties": false,
	"required": ["title"],
	"properties": {
		"title":      {"type": "string", "minLength": 1, "maxLength": 200},
		"content":    {"type": "string", "maxLength": 60000, "default": ""},
		"visibility": {"type": "string", "enum": ["private", "shared"], "default": "private"}
	}
}`

// Two new documents of 1 KB. The second has markup, which any sanitizer must
// parse; the first is what people mostly write.
var (
	plainDocument  = newDocument("Minutes of the meeting", strings.Repeat("We talked about the budget of the coming year and found it good. ", 14)+"Nobody objected.")
	markupDocument = newDocument("Minutes of the meeting", strings.Repeat("<p>We talked about the <b>budget</b> of the coming year and found it good.</p>", 12))
)

func newDocument(title, content string) string {
	return `{"title":` + strconv.Quote(title) + `,"content":` + strconv.Quote(content) + `}`
}

// A Document is what the service keeps.
type Document struct {
	ID         string    `json:"id"`
	OwnerID    string    `json:"owner_id"`
	Title      string    `json:"title"`
	Content    string    `json:"content"`
	Visibility string    `json:"visibility"`
	CreatedAt  time.Time `json:"created_at"`

	ownerIssuer string
}

// draft is what a client may say of a document.
type draft struct {
	Title      string `json:"title"`
	Content    string `json:"content"`
	Visibility string `json:"visibility"`
}

var (
	errNoDocument = errors.New("no such document")
	madeAt        = time.Date(2026, 2, 11, 8, 30, 0, 0, time.UTC)
)

// A store holds documents. Its copies are the caller's own.
type store struct {
	mu        sync.RWMutex
	documents map[string]Document
}

func newStore() *store {
	return &store{documents: map[string]Document{
		docID: {ID: docID, OwnerID: caller, ownerIssuer: issuer, Title: "Minutes of the meeting",
			Content: "The budget of the coming year was found good.", Visibility: "private", CreatedAt: madeAt},
		"7": {ID: "7", OwnerID: "somebody else", ownerIssuer: issuer, Title: "Not yours", Visibility: "private", CreatedAt: madeAt},
	}}
}

func (s *store) get(id string) (*Document, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, ok := s.documents[id]
	if !ok {
		return nil, errNoDocument
	}
	return &d, nil
}

// create keeps d under always the same id, so that a million calls do not grow
// the store.
func (s *store) create(d *Document) *Document {
	d.ID, d.CreatedAt = "new", madeAt
	s.mu.Lock()
	defer s.mu.Unlock()
	s.documents[d.ID] = *d
	return d
}

// answer writes a JSON body, for every subject alike.
func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// The keys of the issuer, made once for all subjects.
var (
	signingKey = sync.OnceValue(func() *rsa.PrivateKey { return bulwark.Must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecdsaKey   = sync.OnceValue(func() *ecdsa.PrivateKey { return bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ed25519Key = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return bulwark.Must(key, err)
	})
)

// An Algorithm is one that the issuer signs tokens with (RFC 7518 section 3.1).
type Algorithm string

// The algorithms that the issuer has a key for.
const (
	RS256 Algorithm = "RS256"
	ES256 Algorithm = "ES256"
	EdDSA Algorithm = "EdDSA"
)

// Algorithms are all of them.
func Algorithms() []Algorithm { return []Algorithm{RS256, ES256, EdDSA} }

func (a Algorithm) key() crypto.Signer {
	switch a {
	case ES256:
		return ecdsaKey()
	case EdDSA:
		return ed25519Key()
	}
	return signingKey()
}

func (a Algorithm) public() crypto.PublicKey { return a.key().Public() }

func (a Algorithm) signer() *jwt.Signer {
	return bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: a.key(), Issuer: issuer, KeyID: "2026-02"}))
}

// newToken returns an access token of the issuer (RFC 9068), good for a day.
func (a Algorithm) newToken(claims map[string]any) string {
	all := tokenClaims()
	maps.Copy(all, claims)
	return bulwark.Must(a.signer().Sign("at+jwt", all))
}

// tokenClaims are those of an access token for the caller.
func tokenClaims() map[string]any {
	now := time.Now()
	return map[string]any{
		"aud": audience, "sub": caller, "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(),
		"jti": rand.Text(), "client_id": "app", "scope": "documents.read documents.write", "roles": []string{"user"},
	}
}

// Token returns a good token.
func (a Algorithm) Token() string { return a.newToken(nil) }

// Expired returns a token that was good until an hour ago.
func (a Algorithm) Expired() string {
	return a.newToken(map[string]any{"iat": time.Now().Add(-2 * time.Hour).Unix(), "exp": time.Now().Add(-time.Hour).Unix()})
}

// Foreign returns a good token for another service.
func (a Algorithm) Foreign() string {
	return a.newToken(map[string]any{"aud": "https://other.example.com"})
}

// Token is the token of all good requests.
var Token = sync.OnceValue(RS256.Token)

// Expired is that of RS256.
func Expired() string { return RS256.Expired() }

// Foreign is that of RS256.
func Foreign() string { return RS256.Foreign() }

// requestHeader is that of an API client that presents the token.
func requestHeader(token string) http.Header {
	return http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"bench/1"},
		"Authorization": {"Bearer " + token},
	}
}

// A Workload is one request to the service.
type Workload struct {
	Name   string
	Status int
	Method string
	Path   string
	Body   string
	Origin string // of the page that sends it, if one does
	Header http.Header
	// Scoped puts the request into a scope with a known caller, once for all
	// calls: what layers further out have done is not a layer's own cost.
	Scoped bool
}

// Workloads are those of the whole chain.
func Workloads() []Workload {
	return []Workload{
		{Name: "GET", Status: http.StatusOK, Method: "GET", Path: "/documents/" + docID},
		{Name: "GET from a page", Status: http.StatusOK, Method: "GET", Path: "/documents/" + docID, Origin: origin},
		{Name: "POST 1 KB", Status: http.StatusCreated, Method: "POST", Path: "/documents", Body: plainDocument},
		{Name: "POST 1 KB of HTML", Status: http.StatusCreated, Method: "POST", Path: "/documents", Body: markupDocument},
	}
}

// scoped returns r in a scope of its own, called by the owner of the documents.
func scoped(r *http.Request) *http.Request {
	r, scope := bulwark.Enter(r)
	r, _ = scope.Record(r, unheard{}, "", "")
	return asCaller(r)
}

// asCaller settles the caller of the good requests.
func asCaller(r *http.Request) *http.Request {
	r, _ = bulwark.Identify(r, &bulwark.Principal{Issuer: issuer, Subject: caller, Method: "jwt", Roles: []string{"user"}})
	return r
}

// unheard takes events and does nothing with them.
type unheard struct{}

// Record does nothing.
func (unheard) Record(context.Context, bulwark.Event) {}

// Driver returns a driver that sends the workload to h with a token.
func (w Workload) Driver(h http.Handler, token string) *Driver {
	header := requestHeader(token)
	maps.Copy(header, w.Header)
	if w.Body != "" {
		header["Content-Type"] = []string{"application/json"}
		header["Content-Length"] = []string{strconv.Itoa(len(w.Body))}
	}
	if w.Origin != "" {
		header["Origin"] = []string{w.Origin}
	}
	d := NewDriver(h, w.Method, "https://"+host+w.Path, header, w.Body)
	if w.Scoped {
		d.template = *scoped(&d.template)
	}
	return d
}
