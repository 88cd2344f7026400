// Package boundtest is a service for tests. It stands behind auth, and verifies
// tokens that are bound to the key of a client. The tests of packages jwt and
// dpop share it. An assertion that does not hold fails the given test.
package boundtest

import (
	"context"
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

const (
	// BaseURL is the BaseURL of the service. Documents is the URL of its
	// requests.
	BaseURL   = "https://api.example.com"
	Documents = BaseURL + "/documents"
	// Metadata is how each challenge of the service ends.
	Metadata = `, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`

	// OffersDPoP and OffersBearer are the challenges of the service.
	OffersDPoP   = `DPoP realm="api", algs="ES256 ES384 ES512 Ed25519 EdDSA PS256 PS384 PS512 RS256 RS384 RS512"` + Metadata
	OffersBearer = `Bearer realm="api"` + Metadata
)

// Replays is a store in memory that counts the uses. If Answer is set, its
// result replaces the result of the store.
type Replays struct {
	dpop.MemoryReplays
	Uses   atomic.Int64
	Answer func(ctx context.Context) (bool, error)
	Client string // of the first use, as are ID and Until
	ID     string
	Until  time.Time
}

// Use implements [dpop.Replays].
func (m *Replays) Use(ctx context.Context, client, id string, until time.Time) (bool, error) {
	if m.Uses.Add(1) == 1 {
		m.Client, m.ID, m.Until = client, id, until
	}
	if m.Answer != nil {
		return m.Answer(ctx)
	}
	return m.MemoryReplays.Use(ctx, client, id, until)
}

// Settings are all that a Service is made of.
type Settings struct {
	Edge bulwark.Edge
	JWT  jwt.Config
	DPoP dpop.Config
	Auth auth.Config
	// Outside wraps the edge, and Inside the handler.
	Outside, Inside func(http.Handler) http.Handler
	Without         bool // DPoP
}

// A Service issues tokens that are bound to the key of its prover, and records
// what it has seen.
type Service struct {
	Issuer   *authtest.Issuer
	Prover   *authtest.Prover
	Replays  *Replays
	Verifier *jwt.Verifier
	Handler  http.Handler
	Recorder bulwarktest.Recorder
	Ran      atomic.Int64
	Caller   atomic.Pointer[bulwark.Principal] // of the last request that came through
}

// New returns a Service with a new issuer.
func New(t *testing.T, changes ...func(*Settings)) *Service {
	t.Helper()
	return Of(t, authtest.NewIssuer(t), changes...)
}

// Of returns a Service with the given issuer. It needs no network, so it works
// in a bubble of testing/synctest.
func Of(t *testing.T, issuer *authtest.Issuer, changes ...func(*Settings)) *Service {
	t.Helper()
	s := &Service{Issuer: issuer, Prover: authtest.NewProver(t), Replays: &Replays{}}
	c := Settings{
		Edge: bulwark.Edge{InsecureAnyHost: true, BaseURL: BaseURL},
		JWT:  issuer.Config(),
		DPoP: dpop.Config{Replays: s.Replays},
		Auth: auth.Config{Realm: "api", ResourceMetadata: BaseURL + "/.well-known/oauth-protected-resource"},
	}
	c.JWT.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
	for _, change := range changes {
		change(&c)
	}
	if !c.Without {
		var err error
		if c.JWT.DPoP, err = dpop.New(c.DPoP); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.Verifier, err = jwt.New(c.JWT); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Verifier.Shutdown(context.Background()) })
	c.Auth.Authenticators = append([]auth.Authenticator{s.Verifier}, c.Auth.Authenticators...)
	layer, err := auth.New(c.Auth)
	if err != nil {
		t.Fatal(err)
	}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Ran.Add(1)
		caller, _ := bulwark.PrincipalFrom(r.Context())
		s.Caller.Store(caller)
		w.WriteHeader(http.StatusNoContent)
	})
	if c.Inside != nil {
		s.Handler = c.Inside(s.Handler)
	}
	s.Handler = layer.Wrap(s.Handler)
	if c.Edge.BaseURL != "" {
		edge, err := c.Edge.Build()
		if err != nil {
			t.Fatal(err)
		}
		s.Handler = edge.Wrap(s.Handler)
	}
	if c.Outside != nil {
		s.Handler = c.Outside(s.Handler)
	}
	s.Handler = s.Recorder.Wrap(s.Handler)
	return s
}

// Token is a valid token, bound to the key of the prover, with the changes.
func (s *Service) Token(changes authtest.Claims) string {
	all := s.Prover.Bound()
	for name, value := range changes {
		all[name] = value
	}
	return s.Issuer.Token(all)
}

// Proof is a valid proof for the request that Asks makes, with the changes.
func (s *Service) Proof(token string, changes authtest.Claims) string {
	return s.Prover.Proof(http.MethodGet, Documents, token, changes)
}

// Asks is a request with the token under the scheme, and with the proofs.
func Asks(scheme, token string, proofs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/documents?page=2", nil)
	r.Header.Set("Authorization", scheme+" "+token)
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	return r
}

// Send returns the answer. It first forgets what the Service has seen before.
func (s *Service) Send(r *http.Request) *httptest.ResponseRecorder {
	s.Recorder.Take()
	s.Ran.Store(0)
	s.Caller.Store(nil)
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	return w
}

// Accepts fails the test unless the request reaches the handler as alice.
func (s *Service) Accepts(t *testing.T, r *http.Request) {
	t.Helper()
	w := s.Send(r)
	caller := s.Caller.Load()
	if w.Code != http.StatusNoContent || s.Ran.Load() != 1 || caller == nil || caller.Subject != "alice" || len(s.Recorder.Events()) != 0 {
		t.Fatalf("a good request got %d %s, caller %+v, events %+v", w.Code, w.Body, caller, s.Recorder.Events())
	}
}

// A Refusal is everything that a test can see of a refusal.
type Refusal struct {
	Status       int
	Code, Detail string
	Challenges   []string
	Event        bulwark.EventName
	Reason       string
	RetryAfter   string
	Nonce        bool // there is a DPoP-Nonce
}

// Unauthorized refuses a bad token.
func Unauthorized(reason string, challenges ...string) Refusal {
	return Refusal{Status: 401, Code: "auth.invalid_token", Detail: "The credentials are not valid.",
		Challenges: challenges, Event: bulwark.AuthnTokenInvalid, Reason: reason}
}

// BadProof refuses a bad proof.
func BadProof(reason string, challenges ...string) Refusal {
	return Refusal{Status: 401, Code: "auth.invalid_dpop_proof", Detail: "The DPoP proof is not valid for this request.",
		Challenges: challenges, Event: bulwark.AuthnTokenInvalid, Reason: reason}
}

// WantsNonce refuses a proof without a valid nonce.
func WantsNonce(challenges ...string) Refusal {
	return Refusal{Status: 401, Code: "auth.use_dpop_nonce", Detail: "Make the DPoP proof with the nonce in the DPoP-Nonce header field.",
		Challenges: challenges, Event: bulwark.AuthnTokenInvalid, Reason: "nonce", Nonce: true}
}

// Outage refuses a request that cannot be checked.
func Outage(reason string) Refusal {
	return Refusal{Status: 503, Code: "auth.unavailable", Detail: "The credentials cannot be checked at the moment.",
		Event: bulwark.SysUnavailable, Reason: reason, RetryAfter: "5"}
}

// WithError is the challenge with an error.
func WithError(challenge, code string) string { return challenge + `, error="` + code + `"` }

var instance = regexp.MustCompile(`"instance":"urn:uuid:[0-9a-f-]{36}",`)

// InvalidProof and InvalidToken are the challenges of a service that accepts
// only tokens with a DPoP key.
var (
	InvalidProof = WithError(OffersDPoP, "invalid_dpop_proof")
	InvalidToken = WithError(OffersDPoP, "invalid_token")
)

// Refuses fails the test unless the request is refused exactly as wanted.
func (s *Service) Refuses(t *testing.T, r *http.Request, want Refusal) *httptest.ResponseRecorder {
	t.Helper()
	w := s.Send(r)
	if s.Ran.Load() != 0 {
		t.Fatal("the handler ran")
	}
	body := `{"type":"about:blank","title":"` + http.StatusText(want.Status) + `","status":` + strconv.Itoa(want.Status)
	if want.Detail != "" {
		body += `,"detail":"` + want.Detail + `"`
	}
	body += `,"code":"` + want.Code + "\"}\n"
	if got := instance.ReplaceAllString(w.Body.String(), ""); w.Code != want.Status || got != body {
		t.Errorf("%d %s, want %s", w.Code, got, body)
	}
	if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, want.Challenges) {
		t.Errorf("challenges %q,\nwant %q", got, want.Challenges)
	}
	if got := w.Header().Get("Retry-After"); got != want.RetryAfter {
		t.Errorf("Retry-After %q, want %q", got, want.RetryAfter)
	}
	if got := w.Header()["Dpop-Nonce"]; (len(got) == 1 && got[0] != "") != want.Nonce || len(got) > 1 {
		t.Errorf("DPoP-Nonce %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	events := s.Recorder.Events()
	if len(events) != 1 || events[0].Name != want.Event || events[0].Reason != want.Reason || events[0].Status != want.Status || events[0].UserID != "" {
		t.Errorf("events %+v, want one %s with the reason %s", events, want.Event, want.Reason)
	}
	return w
}

// Malleated is an ES256 token or proof with its other valid signature.
func Malleated(token string) string {
	end := strings.LastIndexByte(token, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(token[end:])
	if err != nil || len(signature) != 64 {
		panic("boundtest: the token is not signed with ES256")
	}
	s := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(signature[32:]))
	return token[:end] + base64.RawURLEncoding.EncodeToString(append(signature[:32:32], s.FillBytes(make([]byte, 32))...))
}
