package jwt_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
)

func unbound(c *settings) { c.jwt.InsecureUnbound = true }

func optional(c *settings) { c.auth.Optional = true }

// One token, cold and remembered, with a proof for each request.
func TestBoundTokens(t *testing.T) {
	s := newBound(t)
	token := s.token(nil)
	for n := range 3 {
		s.accepts(t, asks("DPoP", token, s.proof(token, nil)))
		if used := s.replays.uses.Load(); used != int64(n+1) {
			t.Errorf("%d uses of proofs, want %d", used, n+1)
		}
	}
	if s.issuer.Fetches() != 1 {
		t.Errorf("the keys were fetched %d times", s.issuer.Fetches())
	}
	if id, err := base64.RawURLEncoding.DecodeString(s.replays.id); err != nil || len(id) != 32 {
		t.Errorf("the store was given %q, which is no digest", s.replays.id)
	}
}

// A token that is remembered is worth nothing without a proof of its own.
func TestRememberedTokensAreProvenAnew(t *testing.T) {
	s := newBound(t, unbound)
	token, other := s.token(nil), s.token(nil)
	s.accepts(t, asks("DPoP", token, s.proof(token, nil)))
	both := []string{withError(offersDPoP, "invalid_dpop_proof"), offersBearer}
	s.refuses(t, asks("DPoP", token), badProof("proof", both...))
	s.refuses(t, asks("DPoP", token, s.proof(other, nil)), badProof("proof", both...))
	s.refuses(t, asks("DPoP", token, authtest.NewProver(t).Proof(http.MethodGet, documents, token, nil)),
		unauthorized("binding", withError(offersDPoP, "invalid_token"), offersBearer))
	s.refuses(t, asks("Bearer", token), unauthorized("binding", offersDPoP, withError(offersBearer, "invalid_token")))
	s.refuses(t, asks("Bearer", token, s.proof(token, nil)), unauthorized("binding", offersDPoP, withError(offersBearer, "invalid_token")))
	s.accepts(t, asks("DPoP", token, s.proof(token, nil)))
}

func TestSchemes(t *testing.T) {
	const onlyBearer = offersBearer
	badBearer := withError(offersBearer, "invalid_token")
	ambiguous := func(challenges ...string) refusal {
		return refusal{400, "auth.ambiguous_credentials", "The request carries more than one credential; send one.", challenges, bulwark.AuthnTokenInvalid, "ambiguous", "", false}
	}
	malformed := func(challenges ...string) refusal {
		return refusal{400, "auth.invalid_request", "The Authorization header is not a scheme followed by credentials.", challenges, bulwark.AuthnTokenInvalid, "authorization_header", "", false}
	}
	unknown := func(challenges ...string) refusal {
		return refusal{401, "auth.unsupported_scheme", "The authentication scheme is none of those in WWW-Authenticate.", challenges, bulwark.AuthnTokenInvalid, "scheme", "", false}
	}
	free := authtest.Claims{"cnf": nil}
	both := func(c *settings) { unbound(c); c.jwt.MutualTLS = true }
	onlyMutualTLS := func(c *settings) { c.without, c.jwt.MutualTLS = true, true }
	none := func(c *settings) { c.without = true }
	foreign := authtest.Claims{"iss": "https://other.example"}
	for _, test := range []struct {
		name   string
		change func(*settings)
		claims authtest.Claims
		send   func(s *bound, token string) *http.Request
		want   refusal // the zero value passes
	}{
		{"dpop", nil, nil, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil)) }, refusal{}},
		{"dpop-lower-case", nil, nil, func(s *bound, token string) *http.Request { return asks("dpop", token, s.proof(token, nil)) }, refusal{}},
		{"dpop-upper-case", nil, nil, func(s *bound, token string) *http.Request { return asks("DPOP", token, s.proof(token, nil)) }, refusal{}},
		{"dpop-two-spaces", nil, nil, func(s *bound, token string) *http.Request { return asks("DPoP ", token, s.proof(token, nil)) }, refusal{}},
		{"dpop-beside-others", both, nil, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil)) }, refusal{}},
		{"bound-as-bearer", nil, nil, func(s *bound, token string) *http.Request { return asks("Bearer", token, s.proof(token, nil)) }, unauthorized("binding", invalidToken)},
		{"bound-as-bearer-without-proof", nil, nil, func(s *bound, token string) *http.Request { return asks("bearer", token) }, unauthorized("binding", invalidToken)},
		{"bound-as-bearer-where-unbound-may-pass", unbound, nil, func(s *bound, token string) *http.Request { return asks("Bearer", token, s.proof(token, nil)) }, unauthorized("binding", offersDPoP, badBearer)},
		{"unbound-as-dpop", nil, free, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil)) }, unauthorized("binding", invalidToken)},
		{"unbound-as-dpop-where-unbound-may-pass", unbound, free, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil)) }, unauthorized("binding", invalidToken, offersBearer)},
		{"unbound-as-bearer", nil, free, func(s *bound, token string) *http.Request { return asks("Bearer", token) }, unauthorized("binding", invalidToken)},
		{"unbound-as-bearer-with-proof", nil, free, func(s *bound, token string) *http.Request { return asks("Bearer", token, s.proof(token, nil)) }, unauthorized("binding", invalidToken)},
		{"unbound-where-it-may-pass", unbound, free, func(s *bound, token string) *http.Request { return asks("Bearer", token) }, refusal{}},
		{"unbound-where-it-may-pass-lower-case", unbound, free, func(s *bound, token string) *http.Request { return asks("bearer", token) }, refusal{}},
		{"unbound-where-it-may-pass-with-a-proof-of-nothing", unbound, free, func(s *bound, token string) *http.Request { return asks("Bearer", token, "x") }, refusal{}},
		{"no-proof", nil, nil, func(s *bound, token string) *http.Request { return asks("DPoP", token) }, badProof("proof", invalidProof)},
		{"two-proofs", nil, nil, func(s *bound, token string) *http.Request {
			return asks("DPoP", token, s.proof(token, nil), s.proof(token, nil))
		}, badProof("proof", invalidProof)},
		{"one-proof-twice", nil, nil, func(s *bound, token string) *http.Request {
			proof := s.proof(token, nil)
			return asks("DPoP", token, proof, proof)
		}, badProof("proof", invalidProof)},
		{"proof-and-empty-line", nil, nil, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil), "") }, badProof("proof", invalidProof)},
		{"proof-with-scheme", nil, nil, func(s *bound, token string) *http.Request { return asks("DPoP", token, "DPoP "+s.proof(token, nil)) }, badProof("proof", invalidProof)},
		{"token-as-proof", nil, nil, func(s *bound, token string) *http.Request { return asks("DPoP", token, token) }, badProof("proof", invalidProof)},
		{"proof-as-token", nil, nil, func(s *bound, token string) *http.Request {
			proof := s.proof(token, authtest.Claims{"iss": s.issuer.URL()})
			return asks("DPoP", proof, s.proof(proof, nil))
		}, unauthorized("type", invalidToken)},
		{"dpop-to-one-without", none, nil, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil)) }, unknown(onlyBearer)},
		{"bound-to-one-without", none, nil, func(s *bound, token string) *http.Request { return asks("Bearer", token, s.proof(token, nil)) }, unauthorized("binding", badBearer)},
		{"bound-to-one-with-mutual-tls", onlyMutualTLS, nil, func(s *bound, token string) *http.Request { return asks("Bearer", token, s.proof(token, nil)) }, unauthorized("binding", badBearer)},
		{"unknown-issuer-as-dpop", nil, foreign, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil)) }, unauthorized("issuer", invalidToken)},
		{"unknown-issuer-as-dpop-beside-bearer", unbound, foreign, func(s *bound, token string) *http.Request { return asks("DPoP", token, s.proof(token, nil)) }, unauthorized("issuer", invalidToken, offersBearer)},
		{"unknown-issuer-as-bearer", unbound, foreign, func(s *bound, token string) *http.Request { return asks("Bearer", token) }, unauthorized("issuer", offersDPoP, badBearer)},
		{"unknown-issuer-as-bearer-where-none-is-offered", nil, foreign, func(s *bound, token string) *http.Request { return asks("Bearer", token) }, unauthorized("issuer", offersDPoP)},
		{"garbage-as-dpop", nil, nil, func(s *bound, token string) *http.Request { return asks("DPoP", "garbage", s.proof(token, nil)) }, unauthorized("malformed", invalidToken)},
		{"two-tokens-in-one-line", nil, nil, func(s *bound, token string) *http.Request {
			return asks("DPoP", token+", Bearer "+token, s.proof(token, nil))
		}, unauthorized("malformed", invalidToken)},
		{"basic", nil, nil, func(s *bound, token string) *http.Request { return asks("Basic", "dXNlcjpwYXNz", s.proof(token, nil)) }, unknown(offersDPoP)},
		{"scheme-alone", nil, nil, func(s *bound, token string) *http.Request {
			r := asks("DPoP", token, s.proof(token, nil))
			r.Header.Set("Authorization", "DPoP")
			return r
		}, malformed(withError(offersDPoP, "invalid_request"))},
		{"dpop-beside-bearer", unbound, nil, func(s *bound, token string) *http.Request {
			r := asks("DPoP", token, s.proof(token, nil))
			r.Header.Add("Authorization", "Bearer "+s.issuer.Token(nil))
			return r
		}, ambiguous(withError(offersDPoP, "invalid_request"), withError(offersBearer, "invalid_request"))},
		{"bearer-beside-dpop", nil, nil, func(s *bound, token string) *http.Request {
			r := asks("Bearer", s.issuer.Token(nil), s.proof(token, nil))
			r.Header.Add("Authorization", "DPoP "+token)
			return r
		}, ambiguous(withError(offersDPoP, "invalid_request"))},
		{"dpop-twice", nil, nil, func(s *bound, token string) *http.Request {
			r := asks("DPoP", token, s.proof(token, nil))
			r.Header.Add("Authorization", "DPoP "+token)
			return r
		}, ambiguous(withError(offersDPoP, "invalid_request"))},
	} {
		for _, mode := range []string{"", "-optional"} {
			t.Run(test.name+mode, func(t *testing.T) {
				changes := []func(*settings){}
				if test.change != nil {
					changes = append(changes, test.change)
				}
				if mode != "" {
					changes = append(changes, optional)
				}
				s := newBound(t, changes...)
				token := s.token(test.claims)
				if test.want.status == 0 {
					s.accepts(t, test.send(s, token))
					return
				}
				s.refuses(t, test.send(s, token), test.want)
				if n := s.replays.uses.Load(); n != 0 {
					t.Errorf("the store was asked %d times", n)
				}
			})
		}
	}
}

// A proof is no credential of its own.
func TestAProofAloneIsNobody(t *testing.T) {
	for _, mode := range []string{"required", "optional"} {
		t.Run(mode, func(t *testing.T) {
			s := newBound(t, func(c *settings) { c.auth.Optional = mode == "optional" })
			r := asks("DPoP", "", s.proof(s.token(nil), nil))
			r.Header.Del("Authorization")
			if mode == "required" {
				s.refuses(t, r, refusal{401, "auth.credentials_required", "This resource needs credentials.", []string{offersDPoP}, bulwark.AuthzFail, "auth.credentials_required", "", false})
				return
			}
			if w := s.send(r); w.Code != http.StatusNoContent || s.caller.Load() != nil {
				t.Errorf("%d, caller %+v", w.Code, s.caller.Load())
			}
		})
	}
}

// What a layer further in wants more of the caller is said in the challenge of the
// scheme that the caller has used.
func TestLaterRefusalsNameTheScheme(t *testing.T) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	forbidden := func(challenge string) refusal {
		return refusal{403, "authz.insufficient_scope", "The credential lacks a scope that this needs.", []string{challenge}, bulwark.AuthzFail, "authz.insufficient_scope", "", false}
	}
	stepUp := func(challenge string) refusal {
		return refusal{401, "authz.insufficient_user_authentication", "This needs a stronger or more recent login.", []string{challenge}, bulwark.AuthzFail, "authz.insufficient_user_authentication", "", false}
	}
	for name, test := range map[string]struct {
		rule         authz.Rule
		want         func(string) refusal
		code, params string
	}{
		"scope":   {authz.Authenticated().Scopes("documents.write"), forbidden, "insufficient_scope", `, scope="documents.write"`},
		"step-up": {authz.Authenticated().StepUp("urn:mfa", time.Minute), stepUp, "insufficient_user_authentication", `, acr_values="urn:mfa", max_age="60"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBound(t, unbound, func(c *settings) {
				c.inside = func(h http.Handler) http.Handler {
					mux := authz.NewMux(policy)
					mux.Handle("GET /documents", test.rule, h)
					return mux
				}
			})
			token, free := s.token(nil), s.issuer.Token(nil)
			named := func(r *http.Request, offered string) {
				t.Helper()
				want := test.want(withError(offered, test.code) + test.params)
				w := s.send(r)
				if got := w.Header()["Www-Authenticate"]; s.ran.Load() != 0 || w.Code != want.status || !slices.Equal(got, want.challenges) {
					t.Errorf("%d %s, challenges %q, want %q", w.Code, w.Body, got, want.challenges)
				}
				if events := s.recorder.Events(); len(events) != 1 || events[0].Reason != want.reason || events[0].UserID != "alice" {
					t.Errorf("events %+v", events)
				}
			}
			named(asks("DPoP", token, s.proof(token, nil)), offersDPoP)
			named(asks("dpop", token, s.proof(token, nil)), offersDPoP)
			named(asks("Bearer", free), offersBearer)
		})
	}
}

func TestServiceWithoutBaseURL(t *testing.T) {
	unconfigured := refusal{500, "jwt.unconfigured", "", nil, bulwark.SysUnavailable, "jwt.unconfigured", "", false}
	for name, edge := range map[string]bulwark.Edge{"no-edge": {}, "no-base": {InsecureAnyHost: true}} {
		t.Run(name, func(t *testing.T) {
			s := newBound(t, unbound, func(c *settings) {
				c.edge = bulwark.Edge{}
				if edge.InsecureAnyHost {
					layer, err := edge.Build()
					if err != nil {
						t.Fatal(err)
					}
					c.outside = layer.Wrap
				}
			})
			token := s.token(nil)
			w := s.refuses(t, asks("DPoP", token, s.proof(token, nil)), unconfigured)
			if text := w.Body.String(); strings.Contains(text, "BaseURL") || strings.Contains(text, "Edge") {
				t.Errorf("the client learns %s", text)
			}
			if cause := s.recorder.Events()[0].Attrs[0].Value.String(); !strings.Contains(cause, "BaseURL") {
				t.Errorf("the log does not say what is missing: %q", cause)
			}
			free := s.issuer.Token(nil)
			s.accepts(t, asks("Bearer", free)) // which needs none
		})
	}
}

// Check is exported for other authenticators, which may forget the layers.
func TestCheckAlone(t *testing.T) {
	prover := authtest.NewProver(t)
	r := asks("DPoP", "opaque", prover.Proof(http.MethodGet, documents, "opaque", nil))
	var zero jwt.DPoP
	var none *jwt.DPoP
	d, err := jwt.NewDPoP(jwt.DPoPConfig{Replays: &auth.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*jwt.DPoP{"nil": none, "zero": &zero, "without-edge": d} {
		var fault *bulwark.ConfigError
		if err := d.Check(r, "opaque", prover.Thumbprint()); !errors.As(err, &fault) || fault.Field != "jwt(dpop)" {
			t.Errorf("%s: %v", name, err)
		}
	}
	edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: baseURL}.Build()
	if err != nil {
		t.Fatal(err)
	}
	var got []error
	edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, d.Check(r, "opaque", ""), d.Check(r, "other", prover.Thumbprint()), d.Check(r, "opaque", prover.Thumbprint()), d.Check(r, "opaque", prover.Thumbprint()))
	})).ServeHTTP(httptest.NewRecorder(), r)
	for i, want := range []string{"binding", "proof", "", "replay"} {
		if err := got[i]; want == "" && err != nil || want != "" && reason(err) != want {
			t.Errorf("%d: %v, want %q", i, err, want)
		}
	}
}

func TestReplayStoreTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(context.Context) (bool, error)
		reason string
	}{
		"full":              {func(context.Context) (bool, error) { return false, auth.ErrFull }, "store_full"},
		"full-wrapped":      {func(context.Context) (bool, error) { return false, fmt.Errorf("write: %w", auth.ErrFull) }, "store_full"},
		"error":             {func(context.Context) (bool, error) { return false, errors.New("no route to host") }, "store_unavailable"},
		"error-but-new":     {func(context.Context) (bool, error) { return true, errors.New("no route to host") }, "store_unavailable"},
		"full-but-new":      {func(context.Context) (bool, error) { return true, auth.ErrFull }, "store_full"},
		"hangs":             {func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() }, "store_unavailable"},
		"hangs-then-new":    {func(ctx context.Context) (bool, error) { <-ctx.Done(); return true, ctx.Err() }, "store_unavailable"},
		"panics":            {func(context.Context) (bool, error) { panic("secret-value") }, "store_unavailable"},
		"panics-with-error": {func(context.Context) (bool, error) { panic(errors.New("secret-value")) }, "store_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				s := newBoundOf(t, issuer)
				token := s.token(nil)
				proof := s.proof(token, nil)
				s.replays.answer = test.answer
				began := time.Now()
				s.refuses(t, asks("DPoP", token, proof), outage(test.reason))
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("it took %v", took)
				}
				if event := s.recorder.Events()[0]; strings.Contains(fmt.Sprint(event), "secret-value") {
					t.Errorf("the log holds what the store panicked with: %+v", event)
				}
				s.replays.answer = nil
				s.accepts(t, asks("DPoP", token, proof)) // nothing has been used up
			})
		})
	}
}

// A full store takes nobody in, and lets them in again when it has room.
func TestFullReplayStore(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := newBoundOf(t, issuer)
		s.replays.Max = 2
		token := s.token(nil)
		for range 2 {
			s.accepts(t, asks("DPoP", token, s.proof(token, nil)))
		}
		s.refuses(t, asks("DPoP", token, s.proof(token, nil)), outage("store_full"))
		time.Sleep(2*time.Minute + time.Second) // the window and what a fleet's clocks differ
		s.accepts(t, asks("DPoP", token, s.proof(token, nil)))
	})
}

// A used proof is remembered for longer than anybody would accept it.
func TestProofsAreRememberedLongEnough(t *testing.T) {
	for _, window := range []time.Duration{time.Second, 0, 5 * time.Minute} {
		t.Run(window.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				s := newBoundOf(t, issuer, func(c *settings) { c.dpop.Window = window })
				wide := window
				if wide == 0 {
					wide = time.Minute
				}
				token := s.token(nil)
				issued := time.Now().Add(wide) // as far ahead as may be
				proof := s.proof(token, authtest.Claims{"iat": issued.Unix()})
				s.accepts(t, asks("DPoP", token, proof))
				if want := time.Unix(issued.Unix(), 0).Add(wide + time.Minute); !s.replays.until.Equal(want) {
					t.Errorf("remembered until %v, want %v", s.replays.until, want)
				}
				for time.Since(issued) < wide {
					s.refuses(t, asks("DPoP", token, proof), badProof("replay", invalidProof))
					time.Sleep(wide/4 + time.Second)
				}
				s.refuses(t, asks("DPoP", token, proof), badProof("proof", invalidProof))
			})
		})
	}
}

var nonceKey = bytes.Repeat([]byte{7}, 32)

func withNonces(c *settings) { c.dpop.NonceKey = nonceKey }

func TestNonces(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := newBoundOf(t, issuer, withNonces)
		other := newBoundOf(t, issuer, func(c *settings) { c.dpop.NonceKey = bytes.Repeat([]byte{8}, 32) })
		same := newBoundOf(t, issuer, withNonces)
		token := s.token(nil)
		with := func(nonce any) *http.Request {
			return asks("DPoP", token, s.proof(token, authtest.Claims{"nonce": nonce}))
		}
		wanted := wantsNonce(withError(offersDPoP, "use_dpop_nonce"))
		nonceOf := func(s *bound) string {
			token := s.token(nil)
			return s.refuses(t, asks("DPoP", token, s.proof(token, nil)), wanted).Header().Get("Dpop-Nonce")
		}
		nonce := nonceOf(s)
		if again := nonceOf(s); again != nonce {
			t.Errorf("the nonce is %q, then %q", nonce, again)
		}
		if theirs := nonceOf(same); theirs != nonce {
			t.Errorf("another process with the key has %q and not %q", theirs, nonce)
		}
		for _, bad := range []any{"", "x", nonce[:len(nonce)-1], nonce[1:], nonce + "A", nonce + "=", strings.ToLower(nonce), nonce + "\n", nonceOf(other), strings.Repeat("A", len(nonce)), strings.Repeat("n", 600)} {
			if got := s.refuses(t, with(bad), wanted).Header().Get("Dpop-Nonce"); got != nonce {
				t.Errorf("for %q the nonce is %q", bad, got)
			}
		}
		for _, malformed := range []any{7, []string{nonce}, map[string]string{"nonce": nonce}, true} {
			s.refuses(t, with(malformed), badProof("proof", invalidProof))
		}
		if n := s.replays.uses.Load(); n != 0 {
			t.Errorf("the store was asked %d times about proofs without a nonce", n)
		}
		s.accepts(t, with(nonce))
		s.accepts(t, with(nonce)) // which is good for more than one proof
		// A nonce is one of five minutes, and good in the next five.
		time.Sleep(5 * time.Minute)
		token = s.token(nil)
		s.accepts(t, with(nonce))
		newer := nonceOf(s)
		if newer == nonce {
			t.Error("the nonce has not changed in five minutes")
		}
		s.accepts(t, with(newer))
		time.Sleep(5 * time.Minute)
		token = s.token(nil)
		s.refuses(t, with(nonce), wanted)
		s.accepts(t, with(newer))
		// Nobody makes a nonce of now out of an old one: the MAC is of the time.
		raw, err := base64.RawURLEncoding.DecodeString(nonceOf(s))
		if err != nil {
			t.Fatal(err)
		}
		old, err := base64.RawURLEncoding.DecodeString(nonce)
		if err != nil {
			t.Fatal(err)
		}
		s.refuses(t, with(base64.RawURLEncoding.EncodeToString(append(raw[:8:8], old[8:]...))), wanted)
	})
}

// Whoever is told to use a nonce may keep the jti, and whoever has no good proof
// is told none: it would be a way to ask for a signature of anything.
func TestNonceAndTheRest(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := newBoundOf(t, issuer, withNonces)
		token := s.token(nil)
		jti := rand.Text()
		wanted := wantsNonce(withError(offersDPoP, "use_dpop_nonce"))
		w := s.refuses(t, asks("DPoP", token, s.proof(token, authtest.Claims{"jti": jti})), wanted)
		nonce := w.Header().Get("Dpop-Nonce")
		s.accepts(t, asks("DPoP", token, s.proof(token, authtest.Claims{"jti": jti, "nonce": nonce})))
		s.refuses(t, asks("DPoP", token, s.proof(token, authtest.Claims{"jti": jti, "nonce": nonce})), badProof("replay", invalidProof))
		for _, attack := range s.prover.Attacks(http.MethodGet, documents, token) {
			if attack.Reason == "proof" {
				s.refuses(t, asks("DPoP", token, attack.Token), badProof("proof", invalidProof))
			}
		}
	})
}

func TestNonceLifetime(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := newBoundOf(t, issuer, withNonces, func(c *settings) { c.dpop.NonceLifetime = 30 * time.Second })
		time.Sleep(29 * time.Second) // into the stretch
		token := s.token(nil)
		wanted := wantsNonce(withError(offersDPoP, "use_dpop_nonce"))
		nonce := s.refuses(t, asks("DPoP", token, s.proof(token, nil)), wanted).Header().Get("Dpop-Nonce")
		good := 0
		for range 40 {
			if w := s.send(asks("DPoP", token, s.proof(token, authtest.Claims{"nonce": nonce}))); w.Code == http.StatusNoContent {
				good++
			} else if w.Code != http.StatusUnauthorized {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			time.Sleep(time.Second)
		}
		if good < 30 || good > 31 { // the rest of its stretch, and the next
			t.Errorf("a nonce was good for %d seconds", good)
		}
	})
}

func TestDPoPConfigErrors(t *testing.T) {
	store := &auth.MemoryReplays{}
	for _, test := range []struct {
		name   string
		config jwt.DPoPConfig
		want   []string
	}{
		{"good", jwt.DPoPConfig{Replays: store}, nil},
		{"good-at-its-limits", jwt.DPoPConfig{Replays: store, Window: 5 * time.Minute, NonceKey: nonceKey, NonceLifetime: time.Hour, MaxBytes: 64 << 10, Algorithms: []string{"EdDSA"}}, nil},
		{"good-at-its-least", jwt.DPoPConfig{Replays: store, Window: time.Second, NonceLifetime: 30 * time.Second, MaxBytes: 1}, nil},
		{"zero", jwt.DPoPConfig{}, []string{"Replays"}},
		{"replays-nil-inside", jwt.DPoPConfig{Replays: (*auth.MemoryReplays)(nil)}, []string{"Replays"}},
		{"window-short", jwt.DPoPConfig{Replays: store, Window: time.Second - 1}, []string{"Window"}},
		{"window-long", jwt.DPoPConfig{Replays: store, Window: 5*time.Minute + 1}, []string{"Window"}},
		{"window-negative", jwt.DPoPConfig{Replays: store, Window: -time.Second}, []string{"Window"}},
		{"nonce-key-short", jwt.DPoPConfig{Replays: store, NonceKey: nonceKey[:31]}, []string{"NonceKey"}},
		{"nonce-lifetime-short", jwt.DPoPConfig{Replays: store, NonceLifetime: 30*time.Second - 1}, []string{"NonceLifetime"}},
		{"nonce-lifetime-long", jwt.DPoPConfig{Replays: store, NonceLifetime: time.Hour + 1}, []string{"NonceLifetime"}},
		{"max-bytes-negative", jwt.DPoPConfig{Replays: store, MaxBytes: -1}, []string{"MaxBytes"}},
		{"max-bytes-large", jwt.DPoPConfig{Replays: store, MaxBytes: 64<<10 + 1}, []string{"MaxBytes"}},
		{"algorithms", jwt.DPoPConfig{Replays: store, Algorithms: []string{"ES256", "HS256", "none", "es256", ""}}, []string{"Algorithms[1]", "Algorithms[2]", "Algorithms[3]", "Algorithms[4]"}},
		{"all-at-once", jwt.DPoPConfig{Window: time.Hour, NonceKey: []byte("short"), NonceLifetime: 1, MaxBytes: -1, Algorithms: []string{"none"}},
			[]string{"Algorithms[0]", "MaxBytes", "NonceKey", "NonceLifetime", "Replays", "Window"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := jwt.NewDPoP(test.config)
			var want []string
			for _, field := range test.want {
				want = append(want, "jwt(dpop)."+field)
			}
			if got := fields(err); !slices.Equal(got, want) || (d == nil) != (len(want) > 0) {
				t.Errorf("errors for %q, want %q: %v", got, want, err)
			}
			if err != nil && strings.Contains(err.Error(), "short ") {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

func TestBindingConfigErrors(t *testing.T) {
	_, good := issuerAndConfig(t)
	for _, test := range []struct {
		name   string
		change func(*jwt.Config)
		want   []string
	}{
		{"dpop-zero", func(c *jwt.Config) { c.DPoP = &jwt.DPoP{} }, []string{"jwt.DPoP"}},
		{"unbound-alone", func(c *jwt.Config) { c.InsecureUnbound = true }, []string{"jwt.InsecureUnbound"}},
		{"unbound-beside-mutual-tls", func(c *jwt.Config) { c.InsecureUnbound, c.MutualTLS = true, true }, nil},
		{"revocations-nil-inside", func(c *jwt.Config) { c.Revocations = (*auth.MemoryRevocations)(nil) }, []string{"jwt.Revocations"}},
		{"outage-alone", func(c *jwt.Config) { c.InsecureOnOutage = true }, []string{"jwt.InsecureOnOutage"}},
		{"all-at-once", func(c *jwt.Config) {
			c.DPoP, c.InsecureOnOutage, c.Issuer = &jwt.DPoP{}, true, ""
		}, []string{"jwt.DPoP", "jwt.InsecureOnOutage", "jwt.Issuer"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := good
			test.change(&config)
			if _, err := jwt.New(config); !slices.Equal(fields(err), test.want) {
				t.Errorf("errors for %q: %v", fields(err), err)
			}
		})
	}
}

// A configuration that is changed afterwards changes nothing.
func TestDPoPConfigIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := bytes.Clone(nonceKey)
		algorithms := []string{"ES256"}
		d, err := jwt.NewDPoP(jwt.DPoPConfig{Replays: &auth.MemoryReplays{}, NonceKey: key, Algorithms: algorithms})
		if err != nil {
			t.Fatal(err)
		}
		before := nonceFrom(t, d)
		key[0]++
		algorithms[0] = "RS256"
		if after := nonceFrom(t, d); after != before {
			t.Error("the nonce follows the caller's key")
		}
	})
}

// nonceFrom is the nonce that d asks for.
func nonceFrom(t *testing.T, d *jwt.DPoP) string {
	t.Helper()
	prover := authtest.NewProver(t)
	edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: baseURL}.Build()
	if err != nil {
		t.Fatal(err)
	}
	nonce := ""
	edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err := d.Check(r, "opaque", prover.Thumbprint())
		var p *bulwark.Problem
		if errors.As(err, &p) && len(p.Header["Dpop-Nonce"]) == 1 {
			nonce = p.Header["Dpop-Nonce"][0]
			return
		}
		t.Errorf("it asks for no nonce: %v", err)
	})).ServeHTTP(httptest.NewRecorder(), asks("DPoP", "opaque", prover.Proof(http.MethodGet, documents, "opaque", nil)))
	return nonce
}

func TestDPoPDoesNotPrintItsKey(t *testing.T) {
	key := []byte("0123456789abcdefghijklmnopqrstuv")
	config := jwt.DPoPConfig{Replays: &auth.MemoryReplays{}, NonceKey: key, Window: 30 * time.Second}
	d, err := jwt.NewDPoP(config)
	if err != nil {
		t.Fatal(err)
	}
	_, verifying := issuerAndConfig(t)
	verifying.DPoP = d
	part := key[8:16]
	spellings := []string{
		string(part), fmt.Sprintf("%x", part), strings.Trim(fmt.Sprint(part), "[]"), fmt.Sprintf("%q", part)[1:9],
		strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte"), "{}"), base64.StdEncoding.EncodeToString(key)[8:24],
	}
	for _, value := range []any{config, &config, d, struct{ Config jwt.DPoPConfig }{config}, struct{ DPoP *jwt.DPoP }{d}, map[string]any{"dpop": d, "config": config}} {
		text := printed(t, value)
		for _, secret := range spellings {
			if strings.Contains(text, secret) {
				t.Errorf("%T prints the key: %s", value, text)
			}
		}
	}
	for _, value := range []any{verifying, mustNew(t, verifying)} {
		text := fmt.Sprintf("%v %+v %#v", value, value, value)
		for _, secret := range spellings {
			if strings.Contains(text, secret) {
				t.Errorf("%T prints the key: %s", value, text)
			}
		}
	}
	if text := fmt.Sprint(config); !strings.Contains(text, "30s") {
		t.Errorf("%q does not tell the window", text)
	}
}

// A verifier that no New has made offers what needs no configuration.
func TestChallengesOfZeroVerifiers(t *testing.T) {
	for name, verifier := range map[string]*jwt.Verifier{"nil": nil, "zero": {}} {
		if got := verifier.Challenges(); len(got) != 1 || got[0].String() != "Bearer" || verifier.Challenge().String() != "Bearer" {
			t.Errorf("%s: %v", name, got)
		}
		if p, err := verifier.Authenticate(asks("DPoP", "a.b.c", "a.b.c")); p != nil || err == nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}
