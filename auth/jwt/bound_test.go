package jwt_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

const (
	baseURL   = "https://api.example.com"
	documents = baseURL + "/documents"
	metadata  = `, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`

	offersDPoP   = `DPoP realm="api", algs="ES256 ES384 ES512 EdDSA PS256 PS384 PS512 RS256 RS384 RS512"` + metadata
	offersBearer = `Bearer realm="api"` + metadata
)

// replays is a store in memory that counts the uses. What answer returns counts,
// where it is set, in place of what the store says.
type replays struct {
	auth.MemoryReplays
	uses   atomic.Int64
	answer func(ctx context.Context) (bool, error)
	id     string
	until  time.Time
}

func (m *replays) Use(ctx context.Context, id string, until time.Time) (bool, error) {
	if m.uses.Add(1) == 1 {
		m.id, m.until = id, until
	}
	if m.answer != nil {
		return m.answer(ctx)
	}
	return m.MemoryReplays.Use(ctx, id, until)
}

// settings are all that a bound is made of.
type settings struct {
	edge bulwark.Edge
	jwt  jwt.Config
	dpop jwt.DPoPConfig
	auth auth.Config
	// outside wraps the edge, and inside the handler.
	outside, inside func(http.Handler) http.Handler
	without         bool // DPoP
}

// bound is a service whose tokens are bound to its prover's key, with what it has seen.
type bound struct {
	*testing.T
	issuer   *authtest.Issuer
	prover   *authtest.Prover
	replays  *replays
	verifier *jwt.Verifier
	handler  http.Handler
	recorder bulwarktest.Recorder
	ran      atomic.Int64
	caller   atomic.Pointer[bulwark.Principal] // of the last request that came through
}

func newBound(t *testing.T, changes ...func(*settings)) *bound {
	t.Helper()
	return newBoundOf(t, authtest.NewIssuer(t), changes...)
}

// newBoundOf needs no network, so that it may stand in a bubble.
func newBoundOf(t *testing.T, issuer *authtest.Issuer, changes ...func(*settings)) *bound {
	t.Helper()
	s := &bound{T: t, issuer: issuer, prover: authtest.NewProver(t), replays: &replays{}}
	c := settings{
		edge: bulwark.Edge{InsecureAnyHost: true, BaseURL: baseURL},
		jwt:  issuer.Config(),
		dpop: jwt.DPoPConfig{Replays: s.replays},
		auth: auth.Config{Realm: "api", ResourceMetadata: baseURL + "/.well-known/oauth-protected-resource"},
	}
	c.jwt.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
	for _, change := range changes {
		change(&c)
	}
	if !c.without {
		var err error
		if c.jwt.DPoP, err = jwt.NewDPoP(c.dpop); err != nil {
			t.Fatal(err)
		}
	}
	s.verifier = mustNew(t, c.jwt)
	c.auth.Authenticators = append([]auth.Authenticator{s.verifier}, c.auth.Authenticators...)
	layer, err := auth.New(c.auth)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ran.Add(1)
		caller, _ := bulwark.PrincipalFrom(r.Context())
		s.caller.Store(caller)
		w.WriteHeader(http.StatusNoContent)
	})
	if c.inside != nil {
		s.handler = c.inside(s.handler)
	}
	s.handler = layer.Wrap(s.handler)
	if c.edge.BaseURL != "" {
		edge, err := c.edge.Build()
		if err != nil {
			t.Fatal(err)
		}
		s.handler = edge.Wrap(s.handler)
	}
	if c.outside != nil {
		s.handler = c.outside(s.handler)
	}
	s.handler = s.recorder.Wrap(s.handler)
	return s
}

// token is a good one, bound to the prover's key, but for the changes.
func (s *bound) token(changes authtest.Claims) string {
	all := s.prover.Bound()
	for name, value := range changes {
		all[name] = value
	}
	return s.issuer.Token(all)
}

// proof is a good one for the request that asks makes.
func (s *bound) proof(token string, changes authtest.Claims) string {
	return s.prover.Proof(http.MethodGet, documents, token, changes)
}

// asks is a request with the token under the scheme and as many proofs as given.
func asks(scheme, token string, proofs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/documents?page=2", nil)
	r.Header.Set("Authorization", scheme+" "+token)
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	return r
}

func (s *bound) send(r *http.Request) *httptest.ResponseRecorder {
	s.recorder.Take()
	s.ran.Store(0)
	s.caller.Store(nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// accepts fails unless the request comes through, as alice.
func (s *bound) accepts(t *testing.T, r *http.Request) {
	t.Helper()
	w := s.send(r)
	caller := s.caller.Load()
	if w.Code != http.StatusNoContent || s.ran.Load() != 1 || caller == nil || caller.Subject != "alice" || len(s.recorder.Events()) != 0 {
		t.Fatalf("a good request got %d %s, caller %+v, events %+v", w.Code, w.Body, caller, s.recorder.Events())
	}
}

// refusal is all that can be seen of one.
type refusal struct {
	status       int
	code, detail string
	challenges   []string
	event        bulwark.EventName
	reason       string
	retryAfter   string
	nonce        bool // there is a DPoP-Nonce
}

func unauthorized(reason string, challenges ...string) refusal {
	return refusal{401, "auth.invalid_token", "The credentials are not valid.", challenges, bulwark.AuthnTokenInvalid, reason, "", false}
}

func badProof(reason string, challenges ...string) refusal {
	return refusal{401, "auth.invalid_dpop_proof", "The DPoP proof is not valid for this request.", challenges, bulwark.AuthnTokenInvalid, reason, "", false}
}

func wantsNonce(challenges ...string) refusal {
	return refusal{401, "auth.use_dpop_nonce", "Make the DPoP proof with the nonce in the DPoP-Nonce header field.", challenges, bulwark.AuthnTokenInvalid, "nonce", "", true}
}

func outage(reason string) refusal {
	return refusal{503, "auth.unavailable", "The credentials cannot be checked at the moment.", nil, bulwark.SysUnavailable, reason, "5", false}
}

func withError(challenge, code string) string { return challenge + `, error="` + code + `"` }

// The two refusals of a service that takes tokens with a DPoP key and no others.
var (
	invalidProof = withError(offersDPoP, "invalid_dpop_proof")
	invalidToken = withError(offersDPoP, "invalid_token")
)

// refuses fails unless the request is refused in every respect as wanted.
func (s *bound) refuses(t *testing.T, r *http.Request, want refusal) *httptest.ResponseRecorder {
	t.Helper()
	w := s.send(r)
	if s.ran.Load() != 0 {
		t.Fatal("the handler ran")
	}
	body := `{"type":"about:blank","title":"` + http.StatusText(want.status) + `","status":` + strconv.Itoa(want.status)
	if want.detail != "" {
		body += `,"detail":"` + want.detail + `"`
	}
	body += `,"code":"` + want.code + "\"}\n"
	if got := instance.ReplaceAllString(w.Body.String(), ""); w.Code != want.status || got != body {
		t.Errorf("%d %s, want %s", w.Code, got, body)
	}
	if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, want.challenges) {
		t.Errorf("challenges %q,\nwant %q", got, want.challenges)
	}
	if got := w.Header().Get("Retry-After"); got != want.retryAfter {
		t.Errorf("Retry-After %q, want %q", got, want.retryAfter)
	}
	if got := w.Header()["Dpop-Nonce"]; (len(got) == 1 && got[0] != "") != want.nonce || len(got) > 1 {
		t.Errorf("DPoP-Nonce %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	events := s.recorder.Events()
	if len(events) != 1 || events[0].Name != want.event || events[0].Reason != want.reason || events[0].Status != want.status || events[0].UserID != "" {
		t.Errorf("events %+v, want one %s with the reason %s", events, want.event, want.reason)
	}
	return w
}
