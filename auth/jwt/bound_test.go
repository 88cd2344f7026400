package jwt_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
)

func unbound(c *boundtest.Settings) { c.JWT.InsecureUnbound = true }

func optional(c *boundtest.Settings) { c.Auth.Optional = true }

// One token, cold and remembered, with a proof for each request.
func TestBoundTokens(t *testing.T) {
	s := boundtest.New(t)
	token := s.Token(nil)
	for n := range 3 {
		s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
		if used := s.Replays.Uses.Load(); used != int64(n+1) {
			t.Errorf("%d uses of proofs, want %d", used, n+1)
		}
	}
	if s.Issuer.Fetches() != 1 {
		t.Errorf("the keys were fetched %d times", s.Issuer.Fetches())
	}
	if id, err := base64.RawURLEncoding.DecodeString(s.Replays.ID); err != nil || len(id) != 32 {
		t.Errorf("the store was given %q, which is no digest", s.Replays.ID)
	}
}

// A token that is remembered is worth nothing without a proof of its own.
func TestRememberedTokensAreProvenAnew(t *testing.T) {
	s := boundtest.New(t, unbound)
	token, other := s.Token(nil), s.Token(nil)
	s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
	both := []string{boundtest.WithError(boundtest.OffersDPoP, "invalid_dpop_proof"), boundtest.OffersBearer}
	s.Refuses(t, boundtest.Asks("DPoP", token), boundtest.BadProof("proof", both...))
	s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(other, nil)), boundtest.BadProof("proof", both...))
	s.Refuses(t, boundtest.Asks("DPoP", token, authtest.NewProver(t).Proof(http.MethodGet, boundtest.Documents, token, nil)),
		boundtest.Unauthorized("binding", boundtest.WithError(boundtest.OffersDPoP, "invalid_token"), boundtest.OffersBearer))
	s.Refuses(t, boundtest.Asks("Bearer", token), boundtest.Unauthorized("binding", boundtest.OffersDPoP, boundtest.WithError(boundtest.OffersBearer, "invalid_token")))
	s.Refuses(t, boundtest.Asks("Bearer", token, s.Proof(token, nil)), boundtest.Unauthorized("binding", boundtest.OffersDPoP, boundtest.WithError(boundtest.OffersBearer, "invalid_token")))
	s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
}

func TestSchemes(t *testing.T) {
	const onlyBearer = boundtest.OffersBearer
	badBearer := boundtest.WithError(boundtest.OffersBearer, "invalid_token")
	ambiguous := func(challenges ...string) boundtest.Refusal {
		return boundtest.Refusal{Status: 400, Code: "auth.ambiguous_credentials", Detail: "The request carries more than one credential; send one.", Challenges: challenges, Event: bulwark.AuthnTokenInvalid, Reason: "ambiguous"}
	}
	malformed := func(challenges ...string) boundtest.Refusal {
		return boundtest.Refusal{Status: 400, Code: "auth.invalid_request", Detail: "The Authorization header is not a scheme followed by credentials.", Challenges: challenges, Event: bulwark.AuthnTokenInvalid, Reason: "authorization_header"}
	}
	unknown := func(challenges ...string) boundtest.Refusal {
		return boundtest.Refusal{Status: 401, Code: "auth.unsupported_scheme", Detail: "The service does not accept this authentication scheme. Use one of the schemes in WWW-Authenticate.", Challenges: challenges, Event: bulwark.AuthnTokenInvalid, Reason: "scheme"}
	}
	free := authtest.Claims{"cnf": nil}
	both := func(c *boundtest.Settings) { unbound(c); c.JWT.MutualTLS = true }
	onlyMutualTLS := func(c *boundtest.Settings) { c.Without, c.JWT.MutualTLS = true, true }
	none := func(c *boundtest.Settings) { c.Without = true }
	foreign := authtest.Claims{"iss": "https://other.example"}
	for _, test := range []struct {
		name   string
		change func(*boundtest.Settings)
		claims authtest.Claims
		send   func(s *boundtest.Service, token string) *http.Request
		want   boundtest.Refusal // the zero value passes
	}{
		{"dpop", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}, boundtest.Refusal{}},
		{"dpop-lower-case", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("dpop", token, s.Proof(token, nil))
		}, boundtest.Refusal{}},
		{"dpop-upper-case", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPOP", token, s.Proof(token, nil))
		}, boundtest.Refusal{}},
		{"dpop-two-spaces", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP ", token, s.Proof(token, nil))
		}, boundtest.Refusal{}},
		{"dpop-beside-others", both, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}, boundtest.Refusal{}},
		{"bound-as-bearer", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("Bearer", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("binding", boundtest.InvalidToken)},
		{"bound-as-bearer-without-proof", nil, nil, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("bearer", token) }, boundtest.Unauthorized("binding", boundtest.InvalidToken)},
		{"bound-as-bearer-where-unbound-may-pass", unbound, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("Bearer", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("binding", boundtest.OffersDPoP, badBearer)},
		{"unbound-as-dpop", nil, free, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("binding", boundtest.InvalidToken)},
		{"unbound-as-dpop-where-unbound-may-pass", unbound, free, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("binding", boundtest.InvalidToken, boundtest.OffersBearer)},
		{"unbound-as-bearer", nil, free, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("Bearer", token) }, boundtest.Unauthorized("binding", boundtest.InvalidToken)},
		{"unbound-as-bearer-with-proof", nil, free, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("Bearer", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("binding", boundtest.InvalidToken)},
		{"unbound-where-it-may-pass", unbound, free, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("Bearer", token) }, boundtest.Refusal{}},
		{"unbound-where-it-may-pass-lower-case", unbound, free, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("bearer", token) }, boundtest.Refusal{}},
		{"unbound-where-it-may-pass-with-a-proof-of-nothing", unbound, free, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("Bearer", token, "x") }, boundtest.Refusal{}},
		{"no-proof", nil, nil, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("DPoP", token) }, boundtest.BadProof("proof", boundtest.InvalidProof)},
		{"two-proofs", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil), s.Proof(token, nil))
		}, boundtest.BadProof("proof", boundtest.InvalidProof)},
		{"one-proof-twice", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			proof := s.Proof(token, nil)
			return boundtest.Asks("DPoP", token, proof, proof)
		}, boundtest.BadProof("proof", boundtest.InvalidProof)},
		{"proof-and-empty-line", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil), "")
		}, boundtest.BadProof("proof", boundtest.InvalidProof)},
		{"proof-with-scheme", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, "DPoP "+s.Proof(token, nil))
		}, boundtest.BadProof("proof", boundtest.InvalidProof)},
		{"token-as-proof", nil, nil, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("DPoP", token, token) }, boundtest.BadProof("proof", boundtest.InvalidProof)},
		{"proof-as-token", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			proof := s.Proof(token, authtest.Claims{"iss": s.Issuer.URL()})
			return boundtest.Asks("DPoP", proof, s.Proof(proof, nil))
		}, boundtest.Unauthorized("type", boundtest.InvalidToken)},
		{"dpop-to-one-without", none, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}, unknown(onlyBearer)},
		{"bound-to-one-without", none, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("Bearer", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("binding", badBearer)},
		{"bound-to-one-with-mutual-tls", onlyMutualTLS, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("Bearer", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("binding", badBearer)},
		{"unknown-issuer-as-dpop", nil, foreign, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("issuer", boundtest.InvalidToken)},
		{"unknown-issuer-as-dpop-beside-bearer", unbound, foreign, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}, boundtest.Unauthorized("issuer", boundtest.InvalidToken, boundtest.OffersBearer)},
		{"unknown-issuer-as-bearer", unbound, foreign, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("Bearer", token) }, boundtest.Unauthorized("issuer", boundtest.OffersDPoP, badBearer)},
		{"unknown-issuer-as-bearer-where-none-is-offered", nil, foreign, func(s *boundtest.Service, token string) *http.Request { return boundtest.Asks("Bearer", token) }, boundtest.Unauthorized("issuer", boundtest.OffersDPoP)},
		{"garbage-as-dpop", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", "garbage", s.Proof(token, nil))
		}, boundtest.Unauthorized("malformed", boundtest.InvalidToken)},
		{"two-tokens-in-one-line", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("DPoP", token+", Bearer "+token, s.Proof(token, nil))
		}, boundtest.Unauthorized("malformed", boundtest.InvalidToken)},
		{"basic", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			return boundtest.Asks("Basic", "dXNlcjpwYXNz", s.Proof(token, nil))
		}, unknown(boundtest.OffersDPoP)},
		{"scheme-alone", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			r := boundtest.Asks("DPoP", token, s.Proof(token, nil))
			r.Header.Set("Authorization", "DPoP")
			return r
		}, malformed(boundtest.WithError(boundtest.OffersDPoP, "invalid_request"))},
		{"dpop-beside-bearer", unbound, nil, func(s *boundtest.Service, token string) *http.Request {
			r := boundtest.Asks("DPoP", token, s.Proof(token, nil))
			r.Header.Add("Authorization", "Bearer "+s.Issuer.Token(nil))
			return r
		}, ambiguous(boundtest.WithError(boundtest.OffersDPoP, "invalid_request"), boundtest.WithError(boundtest.OffersBearer, "invalid_request"))},
		{"bearer-beside-dpop", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			r := boundtest.Asks("Bearer", s.Issuer.Token(nil), s.Proof(token, nil))
			r.Header.Add("Authorization", "DPoP "+token)
			return r
		}, ambiguous(boundtest.WithError(boundtest.OffersDPoP, "invalid_request"))},
		{"dpop-twice", nil, nil, func(s *boundtest.Service, token string) *http.Request {
			r := boundtest.Asks("DPoP", token, s.Proof(token, nil))
			r.Header.Add("Authorization", "DPoP "+token)
			return r
		}, ambiguous(boundtest.WithError(boundtest.OffersDPoP, "invalid_request"))},
	} {
		for _, mode := range []string{"", "-optional"} {
			t.Run(test.name+mode, func(t *testing.T) {
				changes := []func(*boundtest.Settings){}
				if test.change != nil {
					changes = append(changes, test.change)
				}
				if mode != "" {
					changes = append(changes, optional)
				}
				s := boundtest.New(t, changes...)
				token := s.Token(test.claims)
				if test.want.Status == 0 {
					s.Accepts(t, test.send(s, token))
					return
				}
				s.Refuses(t, test.send(s, token), test.want)
				if n := s.Replays.Uses.Load(); n != 0 {
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
			s := boundtest.New(t, func(c *boundtest.Settings) { c.Auth.Optional = mode == "optional" })
			r := boundtest.Asks("DPoP", "", s.Proof(s.Token(nil), nil))
			r.Header.Del("Authorization")
			if mode == "required" {
				s.Refuses(t, r, boundtest.Refusal{Status: 401, Code: "auth.credentials_required", Detail: "This resource needs credentials.", Challenges: []string{boundtest.OffersDPoP}, Event: bulwark.AuthzFail, Reason: "auth.credentials_required"})
				return
			}
			if w := s.Send(r); w.Code != http.StatusNoContent || s.Caller.Load() != nil {
				t.Errorf("%d, caller %+v", w.Code, s.Caller.Load())
			}
		})
	}
}

// What a layer further in wants more of the caller is said in the challenge of
// the scheme that the caller has used.
func TestLaterRefusalsNameTheScheme(t *testing.T) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	forbidden := func(challenge string) boundtest.Refusal {
		return boundtest.Refusal{Status: 403, Code: "authz.insufficient_scope", Detail: "The credential lacks a scope that this needs.", Challenges: []string{challenge}, Event: bulwark.AuthzFail, Reason: "authz.insufficient_scope"}
	}
	stepUp := func(challenge string) boundtest.Refusal {
		return boundtest.Refusal{Status: 401, Code: "authz.insufficient_user_authentication", Detail: "This needs a stronger or more recent login.", Challenges: []string{challenge}, Event: bulwark.AuthzFail, Reason: "authz.insufficient_user_authentication"}
	}
	for name, test := range map[string]struct {
		rule         authz.Rule
		want         func(string) boundtest.Refusal
		code, params string
	}{
		"scope":   {authz.Authenticated().Scopes("documents.write"), forbidden, "insufficient_scope", `, scope="documents.write"`},
		"step-up": {authz.Authenticated().StepUp("urn:mfa", time.Minute), stepUp, "insufficient_user_authentication", `, acr_values="urn:mfa", max_age="60"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := boundtest.New(t, unbound, func(c *boundtest.Settings) {
				c.Inside = func(h http.Handler) http.Handler {
					mux := authz.NewMux(policy)
					mux.Handle("GET /documents", test.rule, h)
					return mux
				}
			})
			token, free := s.Token(nil), s.Issuer.Token(nil)
			named := func(r *http.Request, offered string) {
				t.Helper()
				want := test.want(boundtest.WithError(offered, test.code) + test.params)
				w := s.Send(r)
				if got := w.Header()["Www-Authenticate"]; s.Ran.Load() != 0 || w.Code != want.Status || !slices.Equal(got, want.Challenges) {
					t.Errorf("%d %s, challenges %q, want %q", w.Code, w.Body, got, want.Challenges)
				}
				if events := s.Recorder.Events(); len(events) != 1 || events[0].Reason != want.Reason || events[0].UserID != "alice" {
					t.Errorf("events %+v", events)
				}
			}
			named(boundtest.Asks("DPoP", token, s.Proof(token, nil)), boundtest.OffersDPoP)
			named(boundtest.Asks("dpop", token, s.Proof(token, nil)), boundtest.OffersDPoP)
			named(boundtest.Asks("Bearer", free), boundtest.OffersBearer)
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
		{"dpop-zero", func(c *jwt.Config) { c.DPoP = &dpop.Verifier{} }, []string{"jwt.DPoP"}},
		{"unbound-alone", func(c *jwt.Config) { c.InsecureUnbound = true }, []string{"jwt.InsecureUnbound"}},
		{"unbound-beside-mutual-tls", func(c *jwt.Config) { c.InsecureUnbound, c.MutualTLS = true, true }, nil},
		{"revocations-nil-inside", func(c *jwt.Config) { c.Revocations = (*auth.MemoryRevocations)(nil) }, []string{"jwt.Revocations"}},
		{"outage-alone", func(c *jwt.Config) { c.InsecureOnOutage = time.Minute }, []string{"jwt.InsecureOnOutage"}},
		{"outage-negative", func(c *jwt.Config) { c.Revocations, c.InsecureOnOutage = &auth.MemoryRevocations{}, -1 }, []string{"jwt.InsecureOnOutage"}},
		{"outage-long", func(c *jwt.Config) { c.Revocations, c.InsecureOnOutage = &auth.MemoryRevocations{}, time.Hour+1 }, []string{"jwt.InsecureOnOutage"}},
		{"outage-of-an-hour", func(c *jwt.Config) { c.Revocations, c.InsecureOnOutage = &auth.MemoryRevocations{}, time.Hour }, nil},
		{"all-at-once", func(c *jwt.Config) {
			c.DPoP, c.InsecureOnOutage, c.Issuer = &dpop.Verifier{}, time.Minute, ""
		}, []string{"jwt.DPoP", "jwt.InsecureOnOutage", "jwt.Issuer"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := good
			test.change(&config)
			if _, err := jwt.New(config); !slices.Equal(fieldsOf(err), test.want) {
				t.Errorf("errors for %q: %v", fieldsOf(err), err)
			}
		})
	}
}

// A verifier that no New has made offers what needs no configuration.
func TestChallengesOfZeroVerifiers(t *testing.T) {
	for name, verifier := range map[string]*jwt.Verifier{"nil": nil, "zero": {}} {
		if got := verifier.Challenges(); len(got) != 1 || got[0].String() != "Bearer" {
			t.Errorf("%s: %v", name, got)
		}
		if p, err := verifier.Authenticate(boundtest.Asks("DPoP", "a.b.c", "a.b.c")); p != nil || err == nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// What stands beside a binding that is proven says something about it, and is
// ignored unless it is a binding of its own.
func TestCaseAuth15MembersBesideABinding(t *testing.T) {
	s := boundtest.New(t, func(c *boundtest.Settings) { c.JWT.MutualTLS = true })
	certificate := selfSigned(t)
	bindings := map[string]authtest.Claims{
		"dpop":        {"jkt": s.Prover.Thumbprint()},
		"certificate": {"x5t#S256": thumbprintOf(certificate)},
		"both":        {"jkt": s.Prover.Thumbprint(), "x5t#S256": thumbprintOf(certificate)},
	}
	send := func(binding string, members authtest.Claims, proven bool) *http.Request {
		token := s.Issuer.Token(authtest.Claims{"cnf": members})
		r := boundtest.Asks("Bearer", token)
		if binding != "certificate" && proven {
			r = boundtest.Asks("DPoP", token, s.Proof(token, nil))
		}
		if binding != "dpop" && proven {
			r = over(r, certificate)
		}
		return r
	}
	for binding, members := range bindings {
		beside := func(name string, value any) authtest.Claims {
			all := authtest.Claims{name: value}
			for name, value := range members {
				all[name] = value
			}
			return all
		}
		for name, value := range map[string]any{
			"kc-jkt-type": "x", "x5t": "abc", "type": 7, "x": nil, "nested": map[string]any{"jwk": 1}, "list": []string{"kid"}, "jkt ": "x", "": "x",
		} {
			t.Run(binding+"/"+name, func(t *testing.T) {
				s.Accepts(t, send(binding, beside(name, value), true))
				if w := s.Send(send(binding, beside(name, value), false)); w.Code != http.StatusUnauthorized || s.Recorder.Events()[0].Reason != "binding" {
					t.Errorf("not proven: %d, %+v", w.Code, s.Recorder.Events())
				}
			})
		}
		for _, name := range []string{"jwk", "jwe", "jku", "kid"} {
			t.Run(binding+"/"+name, func(t *testing.T) {
				for _, value := range []any{"x", map[string]any{}, json.RawMessage("null")} {
					if w := s.Send(send(binding, beside(name, value), true)); w.Code != http.StatusUnauthorized || s.Recorder.Events()[0].Reason != "binding" || s.Ran.Load() != 0 {
						t.Errorf("%v: %d, %+v", value, w.Code, s.Recorder.Events())
					}
				}
			})
		}
	}
	for name, members := range map[string]authtest.Claims{"alone": {"kc-jkt-type": "x"}, "empty": {}, "other-case": {"JKT": s.Prover.Thumbprint()}} {
		t.Run(name, func(t *testing.T) {
			for _, change := range []func(*boundtest.Settings){unbound, onlyMutualTLS, func(c *boundtest.Settings) { c.Without = true }} {
				other := boundtest.Of(t, s.Issuer, change)
				if w := other.Send(boundtest.Asks("Bearer", s.Issuer.Token(authtest.Claims{"cnf": members}))); w.Code != http.StatusUnauthorized || other.Recorder.Events()[0].Reason != "binding" {
					t.Errorf("%d, %+v", w.Code, other.Recorder.Events())
				}
			}
		})
	}
}

// A token whose own claims say that it is not a bearer token, and which has no
// binding, would be good for anybody (RFC 9449 section 7.2). Keycloak writes
// the type into the claim typ.
func TestTypeSaysBoundAndBindingIsMissing(t *testing.T) {
	issuer, prover := authtest.NewIssuer(t), authtest.NewProver(t)
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*jwt.Config){
		"without-dpop": func(*jwt.Config) {},
		"unbound-may":  func(c *jwt.Config) { c.DPoP, c.InsecureUnbound = proofs, true },
		"plain-type":   func(c *jwt.Config) { c.InsecurePlainType = true },
	} {
		c := issuer.Config()
		change(&c)
		v := mustNew(t, c)
		for _, claim := range []string{"typ", "token_type"} {
			for _, typ := range []string{"DPoP", "dpop"} {
				_, err := v.Verify(t.Context(), issuer.Token(authtest.Claims{claim: typ}))
				if reason(err) != "binding" || !strings.Contains(err.Error(), "no cnf") {
					t.Errorf("%s, %s %s: %v", name, claim, typ, err)
				}
			}
			for _, typ := range []any{"Bearer", "at+jwt", "", 7, nil, json.RawMessage("null")} {
				if _, err := v.Verify(t.Context(), issuer.Token(authtest.Claims{claim: typ})); err != nil {
					t.Errorf("%s, %s %v: %v", name, claim, typ, err)
				}
			}
		}
	}
	c := issuer.Config()
	c.DPoP = proofs
	claims := prover.Bound()
	claims["typ"] = "DPoP"
	if _, err := mustNew(t, c).Verify(t.Context(), issuer.Token(claims)); reason(err) != "binding" || !strings.Contains(err.Error(), "no request") {
		t.Errorf("%v, want nothing but a missing proof", err)
	}
}
