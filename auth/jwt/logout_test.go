package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

const (
	logoutIssuer = "https://login.example.com"
	clientID     = "s6BhdRkqt3"
)

// A provider signs logout tokens, sensible or not.
type provider struct{ key *ecdsa.PrivateKey }

func newProvider(t testing.TB) provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return provider{key}
}

func (p provider) config() jwt.Config {
	return jwt.Config{Issuer: logoutIssuer, Audience: []string{clientID}, Keys: jwt.StaticKeys(p.key.Public())}
}

// raw signs a header and a payload as they are.
func (p provider) raw(header, payload string) string {
	encoded := base64.RawURLEncoding
	input := encoded.EncodeToString([]byte(header)) + "." + encoded.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	if err != nil {
		panic(err)
	}
	fixed := make([]byte, 64)
	r.FillBytes(fixed[:32])
	s.FillBytes(fixed[32:])
	return input + "." + encoded.EncodeToString(fixed)
}

const logoutHeader = `{"alg":"ES256","typ":"logout+jwt"}`

var logoutEvents = map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}

// token is a good logout token with changes. A nil value takes a claim out.
func (p provider) token(t testing.TB, changes map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	all := map[string]any{"iss": logoutIssuer, "aud": clientID, "iat": now, "exp": now + 120, "jti": "bWJq", "sub": "248289761001",
		"sid": "08a5019c", "events": logoutEvents}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return p.raw(logoutHeader, string(payload))
}

// nullClaim stands for a claim that is null.
var nullClaim = json.RawMessage("null")

func TestVerifyLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		v := mustNew(t, p.config())
		now := time.Now().Truncate(time.Second)
		for name, test := range map[string]struct {
			changes map[string]any
			want    jwt.LogoutToken
		}{
			"both":    {nil, jwt.LogoutToken{Subject: "248289761001", SessionID: "08a5019c"}},
			"sub":     {map[string]any{"sid": nil}, jwt.LogoutToken{Subject: "248289761001"}},
			"sid":     {map[string]any{"sub": nil}, jwt.LogoutToken{SessionID: "08a5019c"}},
			"unknown": {map[string]any{"trace": "x", "aud": []string{"other", clientID}}, jwt.LogoutToken{Subject: "248289761001", SessionID: "08a5019c"}},
			"more-events": {map[string]any{"events": map[string]any{"https://other.example/event": 1, "http://schemas.openid.net/event/backchannel-logout": map[string]any{"x": 1}}},
				jwt.LogoutToken{Subject: "248289761001", SessionID: "08a5019c"}},
		} {
			want := test.want
			want.Issuer, want.TokenID, want.IssuedAt, want.ExpiresAt = logoutIssuer, "bWJq", now, now.Add(3*time.Minute)
			if got, err := v.VerifyLogout(t.Context(), p.token(t, test.changes)); err != nil || got != want {
				t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
			}
		}
	})
}

func TestLogoutTokensThatAreRefused(t *testing.T) {
	p, other := newProvider(t), newProvider(t)
	v := mustNew(t, p.config())
	now := time.Now().Unix()
	claims := func(changes map[string]any) string { return p.token(t, changes) }
	with := func(name string, value any) string { return claims(map[string]any{name: value}) }
	payload := func(token string) string {
		raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		return string(raw)
	}
	good := claims(nil)
	for name, test := range map[string]struct{ token, reason string }{
		"empty":              {"", "malformed"},
		"two-parts":          {good[:strings.LastIndexByte(good, '.')], "malformed"},
		"four-parts":         {good + ".x", "malformed"},
		"padded":             {good + "=", "malformed"},
		"line-break":         {good[:5] + "\n" + good[5:], "malformed"},
		"too-long":           {with("pad", strings.Repeat("x", 8192)), "malformed"},
		"other-key":          {other.token(t, nil), "signature"},
		"signature-changed":  {good[:len(good)-4] + "AAAA", "signature"},
		"typ-access":         {p.raw(`{"alg":"ES256","typ":"at+jwt"}`, payload(good)), "type"},
		"typ-jwt":            {p.raw(`{"alg":"ES256","typ":"JWT"}`, payload(good)), "type"},
		"no-typ":             {p.raw(`{"alg":"ES256"}`, payload(good)), "type"},
		"alg-none":           {p.raw(`{"alg":"none","typ":"logout+jwt"}`, payload(good)), "algorithm"},
		"alg-hs256":          {p.raw(`{"alg":"HS256","typ":"logout+jwt"}`, payload(good)), "algorithm"},
		"crit":               {p.raw(`{"alg":"ES256","typ":"logout+jwt","crit":["x"]}`, payload(good)), "malformed"},
		"no-iss":             {with("iss", nil), "malformed"},
		"other-iss":          {with("iss", "https://login.example.com/"), "issuer"},
		"no-aud":             {with("aud", nil), "audience"},
		"other-aud":          {with("aud", "another-client"), "audience"},
		"aud-number":         {with("aud", 7), "malformed"},
		"no-iat":             {with("iat", nil), "malformed"},
		"iat-null":           {with("iat", nullClaim), "malformed"},
		"iat-text":           {with("iat", "x"), "malformed"},
		"iat-old":            {claims(map[string]any{"iat": now - 181, "exp": now + 3600}), "expired"},
		"iat-ahead":          {with("iat", now+120), "not_yet_valid"},
		"no-exp":             {with("exp", nil), "malformed"},
		"exp-null":           {with("exp", nullClaim), "malformed"},
		"exp-passed":         {with("exp", now-61), "expired"},
		"nbf-ahead":          {with("nbf", now+120), "not_yet_valid"},
		"no-jti":             {with("jti", nil), "malformed"},
		"jti-empty":          {with("jti", ""), "malformed"},
		"jti-number":         {with("jti", 7), "malformed"},
		"nonce":              {with("nonce", "n-0S6_WzA2Mj"), "malformed"},
		"nonce-null":         {with("nonce", nullClaim), "malformed"},
		"nonce-empty":        {with("nonce", ""), "malformed"},
		"no-sub-no-sid":      {claims(map[string]any{"sub": nil, "sid": nil}), "malformed"},
		"both-empty":         {claims(map[string]any{"sub": "", "sid": ""}), "malformed"},
		"both-null":          {claims(map[string]any{"sub": nullClaim, "sid": nullClaim}), "malformed"},
		"sub-number":         {with("sub", 7), "malformed"},
		"sid-object":         {with("sid", map[string]any{}), "malformed"},
		"no-events":          {with("events", nil), "malformed"},
		"events-null":        {with("events", nullClaim), "malformed"},
		"events-list":        {with("events", []string{"http://schemas.openid.net/event/backchannel-logout"}), "malformed"},
		"events-text":        {with("events", "http://schemas.openid.net/event/backchannel-logout"), "malformed"},
		"events-empty":       {with("events", map[string]any{}), "malformed"},
		"events-other":       {with("events", map[string]any{"https://schemas.openid.net/event/backchannel-logout": map[string]any{}}), "malformed"},
		"event-null":         {with("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": nil}), "malformed"},
		"event-true":         {with("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": true}), "malformed"},
		"event-list":         {with("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": []int{}}), "malformed"},
		"bound":              {with("cnf", map[string]any{"jkt": strings.Repeat("A", 43)}), "binding"},
		"claim-twice":        {p.raw(logoutHeader, `{"jti":"b",`+payload(good)[1:]), "malformed"},
		"events-twice":       {p.raw(logoutHeader, `{"events":{},`+payload(good)[1:]), "malformed"},
		"event-twice-inside": {p.raw(logoutHeader, strings.Replace(payload(good), `"events":{`, `"events":{"http://schemas.openid.net/event/backchannel-logout":1,`, 1)), "malformed"},
		"list":               {p.raw(logoutHeader, `[]`), "malformed"},
		"rest":               {p.raw(logoutHeader, payload(good)+"x"), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.VerifyLogout(t.Context(), test.token)
			if got != (jwt.LogoutToken{}) || reason(err) != test.reason {
				t.Fatalf("%+v, %v, want the reason %q", got, err, test.reason)
			}
			if p := err.(*bulwark.Problem); p.Status != http.StatusUnauthorized || p.Err == nil || len(p.Log.Attrs) == 0 {
				t.Errorf("%+v", p)
			}
		})
	}
	if _, err := v.VerifyLogout(t.Context(), good); err != nil {
		t.Error(err)
	}
	// A logout token is no access token.
	if _, err := v.Verify(t.Context(), good); reason(err) != "type" {
		t.Errorf("as an access token: %v", err)
	}
	if _, err := (*jwt.Verifier)(nil).VerifyLogout(t.Context(), good); err == nil {
		t.Error("a nil Verifier accepts")
	}
}

// The times are compared with the Skew, to the second.
func TestLogoutTokensByTheClock(t *testing.T) {
	for name, test := range map[string]struct {
		skew        time.Duration
		lasts, live time.Duration // exp after iat, and how long it is accepted
	}{
		"by-iat":   {0, time.Hour, 3 * time.Minute},
		"by-exp":   {0, 30 * time.Second, 90 * time.Second},
		"no-skew":  {-1, time.Hour, 2 * time.Minute},
		"own-skew": {5 * time.Minute, time.Hour, 7 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				c := p.config()
				c.Skew = test.skew
				v := mustNew(t, c)
				began := time.Now()
				token := p.token(t, map[string]any{"exp": began.Add(test.lasts).Unix()})
				said, err := v.VerifyLogout(t.Context(), token)
				if err != nil || said.ExpiresAt.Sub(began) != test.live {
					t.Fatalf("%+v, %v", said, err)
				}
				time.Sleep(test.live - time.Nanosecond)
				if _, err := v.VerifyLogout(t.Context(), token); err != nil {
					t.Errorf("a moment before: %v", err)
				}
				time.Sleep(time.Nanosecond)
				if _, err := v.VerifyLogout(t.Context(), token); reason(err) != "expired" {
					t.Errorf("then: %v", err)
				}
			})
		})
	}
}

func TestPlainLogoutTokens(t *testing.T) {
	p := newProvider(t)
	c := p.config()
	c.InsecurePlainType = true
	v := mustNew(t, c)
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(p.token(t, nil), ".")[1])
	for header, want := range map[string]string{
		`{"alg":"ES256"}`: "", `{"alg":"ES256","typ":"JWT"}`: "", `{"alg":"ES256","typ":"application/logout+jwt"}`: "", `{"alg":"ES256","typ":"at+jwt"}`: "type",
	} {
		if _, err := v.VerifyLogout(t.Context(), p.raw(header, string(payload))); err == nil != (want == "") || err != nil && reason(err) != want {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// An outage of the keys is no bad token.
func TestLogoutWhileTheKeysAreAway(t *testing.T) {
	issuer, c := issuerAndConfig(t)
	issuer.Down(true)
	v := mustNew(t, c)
	p := newProvider(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := v.VerifyLogout(ctx, p.token(t, map[string]any{"iss": issuer.URL(), "aud": c.Audience[0]}))
	if problem, ok := err.(*bulwark.Problem); !ok || problem.Status != http.StatusServiceUnavailable || reason(err) != "keys_unavailable" {
		t.Errorf("%v", err)
	}
}

func FuzzVerifyLogout(f *testing.F) {
	p := newProvider(f)
	v := mustNew(f, p.config())
	good := p.token(f, nil)
	for _, seed := range []string{"", good, good + ".", good[:len(good)-1], p.token(f, map[string]any{"nonce": "x"}), p.token(f, map[string]any{"events": nil})} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		said, err := v.VerifyLogout(t.Context(), token)
		if err == nil && token != good {
			t.Fatalf("%q was accepted: %+v", token, said)
		}
		if problem, ok := err.(*bulwark.Problem); err != nil && (!ok || problem.Status != 401) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}
