package introspection_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// The subject may have another name, as in package jwt.
func TestSubjectClaim(t *testing.T) {
	for _, test := range []struct {
		name, claim, client, members string
		subject                      string // or else
		says                         string
	}{
		{"in-place-of-sub", "uid", "", `"uid":"u1"`, "u1", ""},
		{"by-pointer", "/user/my.id", "", `"user":{"my.id":"u1"}`, "u1", ""},
		{"missing", "uid", "", `"x":1`, "", "SubjectClaim"},
		{"number", "uid", "", `"uid":7`, "", "SubjectClaim"},
		{"missing-with-client", "uid", "client_id", `"client_id":"svc"`, "client:svc", ""},
		{"through-a-list", "ids.0", "client_id", `"ids":["u1"],"client_id":"svc"`, "", "SubjectClaim"},
		{"number-with-client", "uid", "client_id", `"uid":7,"client_id":"svc"`, "", "SubjectClaim"},
		{"reserved", "uid", "client_id", `"uid":"client:svc"`, "", "ClientClaim"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{answer: says(strings.TrimSuffix(good, "}") + "," + test.members + "}")})
			c.SubjectClaim, c.ClientClaim = test.claim, test.client
			s := newService(t, c)
			if test.says == "" {
				if p := s.accepts("opaque"); p.Subject != test.subject {
					t.Errorf("the caller is %q", p.Subject)
				}
				return
			}
			s.refuses("opaque", "malformed")
			if text := cause(s.last()); !strings.Contains(text, "introspection.Config."+test.says) {
				t.Errorf("the log says %q", text)
			}
		})
	}
	for claim, insecure := range map[string]bool{"username": false, "email": false, "client_id": true} {
		c := config(&server{})
		c.SubjectClaim, c.InsecureSubjectClaim = claim, insecure
		_, err := introspection.New(c)
		if got := faulttest.Sorted(err); !slices.Equal(got, []string{"introspection(https://issuer.example).SubjectClaim"}) {
			t.Errorf("%s: errors for %q", claim, got)
		}
	}
	c := config(&server{answer: says(strings.TrimSuffix(good, "}") + `,"username":"al"}`)})
	c.SubjectClaim, c.InsecureSubjectClaim = "username", true
	if p := newService(t, c).accepts("opaque"); p.Subject != "al" {
		t.Errorf("the caller is %q", p.Subject)
	}
}

// How and when each factor was given, and what is not an access token.
func TestFactorsAndEvents(t *testing.T) {
	s := newService(t, config(&server{answer: says(strings.TrimSuffix(good, "}") + `,"amr":["pwd","otp"],"auth_time":1600000000}`)}))
	if p := s.accepts("opaque"); len(p.Factors) != 2 || p.Factors["otp"].Unix() != 1600000000 || p.Factors["pwd"].Unix() != 1600000000 {
		t.Errorf("factors %v", p.Factors)
	}
	s = newService(t, config(&server{answer: says(strings.TrimSuffix(good, "}") + `,"amr":["pwd"],"iat":1600000000}`)}))
	if p := s.accepts("opaque"); len(p.Factors) != 1 || !p.Factors["pwd"].IsZero() {
		t.Errorf("factors %v", p.Factors)
	}
	for members, reason := range map[string]string{
		`"amr":7`: "malformed", `"amr":[7]`: "malformed", `"events":{}`: "type", `"events":"x"`: "type", `"events":{"http://schemas.openid.net/event/backchannel-logout":{}}`: "type",
	} {
		newService(t, config(&server{answer: says(strings.TrimSuffix(good, "}") + "," + members + "}")})).refuses("opaque", reason)
	}
	newService(t, config(&server{answer: says(strings.TrimSuffix(good, "}") + `,"events":null,"amr":null}`)})).accepts("opaque")
}

// Map has the last word about the caller, once for each answer.
func TestMap(t *testing.T) {
	calls := 0
	c := config(&server{answer: says(strings.TrimSuffix(good, "}") + `,"org":{"tid":"t1"},"groups":["app-admin"]}`)})
	c.Map = func(p *bulwark.Principal, claims auth.Claims) (err error) {
		calls++
		if p.Claims == nil || p.Issuer != issuerURL || p.Method != "introspection" {
			t.Errorf("Map got %+v", p)
		}
		if p.Tier, err = claims.Text("org.tid"); err != nil {
			return err
		}
		p.Roles, err = claims.Texts("groups")
		return err
	}
	s := newService(t, c)
	for range 2 {
		if p := s.accepts("opaque"); p.Tier != "t1" || !slices.Equal(p.Roles, []string{"app-admin"}) || cap(p.Roles) != 1 {
			t.Errorf("%+v", p)
		}
	}
	if calls != 1 {
		t.Errorf("Map was called %d times", calls)
	}
}

// Revocations see the caller that Map has made.
func TestMapAndRevocations(t *testing.T) {
	store := &auth.MemoryRevocations{}
	c := config(&server{answer: says(good)})
	c.Revocations = store
	c.Map = func(p *bulwark.Principal, _ auth.Claims) error { p.TokenID = "t1"; return nil }
	s := newService(t, c)
	s.accepts("opaque")
	if err := store.Revoke(t.Context(), auth.Revocation{Issuer: issuerURL, TokenID: "t1"}); err != nil {
		t.Fatal(err)
	}
	s.refuses("opaque", "revoked")
	c.Map = func(p *bulwark.Principal, _ auth.Claims) error { p.TokenID = ""; return nil }
	newService(t, c).refuses("opaque", "malformed") // the answer has no id either
	c.Client.Transport = &server{answer: says(strings.TrimSuffix(good, "}") + `,"jti":"x"}`)}
	s = newService(t, c)
	if w := s.send("opaque"); w.Code != 500 || s.ran {
		t.Errorf("%d, ran %t: a caller whom no revocation can name", w.Code, s.ran)
	}
}

// A Map that refuses or breaks a rule. A mistake of ours is a 500, and is not
// an outage of the endpoint: other tokens still work.
func TestMapFails(t *testing.T) {
	shared := &bulwark.Problem{Status: http.StatusForbidden, Code: "tenants.closed", Detail: "The tenant is closed.", Log: bulwark.ProblemLog{Event: bulwark.AuthzFail, Reason: "tenant"}}
	for _, test := range []struct {
		name   string
		m      func(*bulwark.Principal, auth.Claims) error
		status int
		code   string
		reason string
		says   string
	}{
		{"error", func(*bulwark.Principal, auth.Claims) error { return errors.New("not one of ours") }, 401, "auth.invalid_token", "claim", "introspection.Config.Map has refused the token: not one of ours"},
		{"problem", func(*bulwark.Principal, auth.Claims) error { return shared }, 403, "tenants.closed", "tenant", ""},
		{"other-type", func(_ *bulwark.Principal, c auth.Claims) error { _, err := c.Text("exp"); return err }, 401, "auth.invalid_token", "claim", "the claim \"exp\", which Map reads"},
		{"issuer", func(p *bulwark.Principal, _ auth.Claims) error { p.Issuer = "x"; return nil }, 500, "internal.error", "internal.error", "introspection.Config.Map has changed the Issuer"},
		{"method", func(p *bulwark.Principal, _ auth.Claims) error { p.Method = "x"; return nil }, 500, "internal.error", "internal.error", "introspection.Config.Map has changed the Method"},
		{"longer", func(p *bulwark.Principal, _ auth.Claims) error { p.ExpiresAt = p.ExpiresAt.Add(1); return nil }, 500, "internal.error", "internal.error", "introspection.Config.Map has made ExpiresAt later"},
		{"nobody", func(p *bulwark.Principal, _ auth.Claims) error { p.Subject = ""; return nil }, 500, "internal.error", "internal.error", "introspection.Config.Map has left the Subject empty"},
		{"panic", func(*bulwark.Principal, auth.Claims) error { panic("alice") }, 500, "internal.error", "internal.error", "introspection.Config.Map panicked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := &server{answer: says(good)}
			c := config(server)
			c.Map = test.m
			s := newService(t, c)
			for range 7 { // more than it takes to call the endpoint down
				w := s.send("opaque")
				events := s.recorder.Events()
				if w.Code != test.status || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) || strings.Contains(w.Body.String(), "Map") || s.ran ||
					len(events) != 1 || events[0].Reason != test.reason || !strings.HasPrefix(cause(events[0]), test.says) || strings.Contains(cause(events[0]), "alice") {
					t.Errorf("%d %s, events %+v", w.Code, w.Body, events)
				}
			}
			if n := server.asked.Load(); n != 1 {
				t.Errorf("%d questions, want 1: the refusal is remembered", n)
			}
		})
	}
	if shared.Challenges != nil || len(shared.Log.Attrs) != 0 {
		t.Errorf("the Problem of Map was changed: %+v", shared)
	}
}

// Review asks what requests ask, and no more.
func TestReview(t *testing.T) {
	c := config(&server{answer: says(strings.TrimSuffix(good, "}") + `,"jti":"t1","sid":"s1"}`)})
	s := newService(t, c)
	if name, again := s.introspector.Review(s.accepts("opaque")); name != "" || again != nil {
		t.Errorf("without Revocations there is nothing to ask: %q", name)
	}
	store := &auth.MemoryRevocations{}
	c.Revocations = store
	s = newService(t, c)
	name, again := s.introspector.Review(s.accepts("opaque"))
	if !strings.HasPrefix(name, "token ") || again(t.Context()) != nil {
		t.Errorf("%q", name)
	}
	if err := store.Revoke(t.Context(), auth.Revocation{Issuer: issuerURL, SessionID: "s1", Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := again(t.Context()); reason(err) != "revoked" {
		t.Error(err)
	}
	for _, unmade := range []*introspection.Introspector{nil, {}} {
		if name, again := unmade.Review(&bulwark.Principal{Subject: "x"}); name != "" || again != nil {
			t.Errorf("%q", name)
		}
	}
}

// A JWT without a signature is not asked about, whoever its issuer is. An opaque
// token may end with a dot.
func TestUnsignedTokensAreNotAskedAbout(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	server := &server{answer: says(good)}
	s := newService(t, config(server))
	for _, issuer := range []string{issuerURL, "https://other.example"} {
		s.refuses(encode([]byte(`{"alg":"none"}`))+"."+encode([]byte(`{"iss":"`+issuer+`"}`))+".", "malformed")
		if text := cause(s.last()); !strings.Contains(text, "without a signature") {
			t.Errorf("the log says %q", text)
		}
	}
	if n := server.asked.Load(); n != 0 {
		t.Errorf("%d questions", n)
	}
	s.accepts("opaque.token.")
	s.accepts("opaque.")
}
