package jwt_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

const (
	entraHost   = "https://login.microsoftonline.com"
	entraIssuer = entraHost + "/{tenantid}/v2.0"
	tenantA     = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	tenantB     = "82229342-1101-4ab6-817b-70c0747630f3"
	consumers   = "9188040d-6c67-4c5b-b112-36a304b66dad"
	entraAPI    = "6e74172b-be56-4843-9ff4-e66a39bb12e3"
)

func issuerOf(tenant string) string { return strings.Replace(entraIssuer, "{tenantid}", tenant, 1) }

func entraTemplate(transport http.RoundTripper) jwt.Config {
	return jwt.Config{
		Issuer: entraIssuer, Audience: []string{entraAPI}, InsecurePlainType: true, TokenIDClaim: "uti",
		Keys: jwt.Discover(entraIssuer, jwt.RemoteConfig{Transport: transport}),
	}
}

// entraKey is a key of Entra ID with what its key set says about it.
type entraKey struct {
	kid    string
	key    *rsa.PrivateKey
	issuer any // nil is missing
}

// entraID answers as Microsoft Entra ID does for all tenants.
type entraID struct {
	issuer string // in the metadata
	keys   []entraKey
	asked  []string
}

func newEntraID(testing.TB) *entraID {
	return &entraID{issuer: entraIssuer, keys: slices.Clone(entraKeys())}
}

var entraKeys = sync.OnceValue(func() []entraKey {
	key := func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	}
	return []entraKey{
		{"all", key(), entraIssuer}, {"consumers", key(), issuerOf(consumers)}, {"only-b", key(), issuerOf(tenantB)},
		{"nobody", key(), nil}, {"another-cloud", key(), "https://login.partner.microsoftonline.cn/{tenantid}/v2.0"}, {"number", key(), 7},
	}
})

func (e *entraID) RoundTrip(r *http.Request) (*http.Response, error) {
	e.asked = append(e.asked, r.URL.String())
	w := httptest.NewRecorder()
	switch r.URL.String() {
	case entraHost + "/common/v2.0/.well-known/openid-configuration":
		json.NewEncoder(w).Encode(map[string]any{"issuer": e.issuer, "jwks_uri": entraHost + "/common/discovery/v2.0/keys"})
	case entraHost + "/common/discovery/v2.0/keys":
		var all []map[string]any
		for _, k := range e.keys {
			one := map[string]any{"kty": "RSA", "use": "sig", "kid": k.kid, "x5t": k.kid, "x5c": []string{"MIIDBTCC"},
				"n": base64.RawURLEncoding.EncodeToString(k.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.key.E)).Bytes())}
			if k.issuer != nil {
				one["issuer"] = k.issuer
			}
			all = append(all, one)
		}
		json.NewEncoder(w).Encode(map[string]any{"keys": all})
	default:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "{}")
	}
	return w.Result(), nil
}

// token is signed by the key with the kid. The claims stand beside those of
// every token of Entra ID.
func (e *entraID) token(kid, issuer string, claims map[string]any) string {
	all := map[string]any{"iss": issuer, "aud": entraAPI, "sub": "AAAAAAAAAAAAAAAAAAAAAIkz", "oid": "690222be", "uti": "fqiBqXLPj0", "ver": "2.0",
		"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range claims {
		all[name] = value
	}
	i := slices.IndexFunc(e.keys, func(k entraKey) bool { return k.kid == kid })
	return tokenOf(`{"typ":"JWT","alg":"RS256","kid":"`+kid+`"}`, all, func(input []byte) []byte {
		digest := sha256.Sum256(input)
		signature, err := e.keys[i].key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			panic(err)
		}
		return signature
	})
}

func tid(tenant any) map[string]any { return map[string]any{"tid": tenant} }

func newIssuers(t testing.TB, c jwt.IssuersConfig) *jwt.Issuers {
	t.Helper()
	issuers, err := jwt.NewIssuers(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { issuers.Shutdown(t.Context()) })
	return issuers
}

// One Config is for the tokens of many tenants of Entra ID, and of no other.
func TestTemplate(t *testing.T) {
	e := newEntraID(t)
	s := newServiceOf(t, newIssuers(t, jwt.IssuersConfig{Template: entraTemplate(e), Tenants: []string{tenantA, tenantB}}))
	every := newServiceOf(t, newIssuers(t, jwt.IssuersConfig{Template: entraTemplate(e), InsecureAnyTenant: true}))
	stranger := "11111111-2222-3333-4444-555555555555"
	for _, test := range []struct {
		name, token, listed, any string // the reasons; "" passes
	}{
		{"tenant", e.token("all", issuerOf(tenantA), tid(tenantA)), "", ""},
		{"other-tenant", e.token("all", issuerOf(tenantB), tid(tenantB)), "", ""},
		{"key-of-the-tenant", e.token("only-b", issuerOf(tenantB), tid(tenantB)), "", ""},
		{"unlisted-tenant", e.token("all", issuerOf(stranger), tid(stranger)), "issuer", ""},
		{"consumers", e.token("consumers", issuerOf(consumers), tid(consumers)), "issuer", ""},
		{"tid-of-another", e.token("all", issuerOf(tenantA), tid(tenantB)), "issuer", "issuer"},
		{"tid-missing", e.token("all", issuerOf(tenantA), nil), "issuer", "issuer"},
		{"tid-null", e.token("all", issuerOf(tenantA), tid(nil)), "issuer", "issuer"},
		{"tid-in-a-list", e.token("all", issuerOf(tenantA), tid([]string{tenantA})), "issuer", "issuer"},
		{"tid-in-upper-case", e.token("all", issuerOf(tenantA), tid(strings.ToUpper(tenantA))), "issuer", "issuer"},
		{"tid-empty", e.token("all", issuerOf(tenantA), tid("")), "issuer", "issuer"},
		{"iss-in-upper-case", e.token("all", issuerOf(strings.ToUpper(tenantA)), tid(strings.ToUpper(tenantA))), "issuer", "issuer"},
		{"iss-common", e.token("all", issuerOf("common"), tid("common")), "issuer", "issuer"},
		{"iss-template", e.token("all", entraIssuer, tid("{tenantid}")), "issuer", "issuer"},
		{"iss-empty-tenant", e.token("all", issuerOf(""), tid("")), "issuer", "issuer"},
		{"iss-two-tenants", e.token("all", issuerOf(tenantA+"/"+tenantB), tid(tenantA)), "issuer", "issuer"},
		{"iss-slash", e.token("all", issuerOf(tenantA)+"/", tid(tenantA)), "issuer", "issuer"},
		{"iss-version-1", e.token("all", "https://sts.windows.net/"+tenantA+"/", tid(tenantA)), "issuer", "issuer"},
		{"iss-another-cloud", e.token("all", "https://login.partner.microsoftonline.cn/"+tenantA+"/v2.0", tid(tenantA)), "issuer", "issuer"},
		{"key-of-another-tenant", e.token("only-b", issuerOf(tenantA), tid(tenantA)), "unknown_key", "unknown_key"},
		{"key-of-consumers", e.token("consumers", issuerOf(tenantA), tid(tenantA)), "unknown_key", "unknown_key"},
		{"key-of-nobody", e.token("nobody", issuerOf(tenantA), tid(tenantA)), "unknown_key", "unknown_key"},
		{"key-of-another-cloud", e.token("another-cloud", issuerOf(tenantA), tid(tenantA)), "unknown_key", "unknown_key"},
		{"key-of-a-number", e.token("number", issuerOf(tenantA), tid(tenantA)), "unknown_key", "unknown_key"},
		{"audience", e.token("all", issuerOf(tenantA), map[string]any{"tid": tenantA, "aud": "another"}), "audience", "audience"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for s, want := range map[*service]string{s: test.listed, every: test.any} {
				s.T = t
				if want != "" {
					s.turnsAway(test.token, 401, invalid, want)
					continue
				}
				if p := s.accepts(test.token); p.Subject != "AAAAAAAAAAAAAAAAAAAAAIkz" || p.TokenID != "fqiBqXLPj0" || strings.Contains(p.Issuer, "{") {
					t.Errorf("%+v", p)
				}
			}
		})
	}
	s.T = t
	one, two := s.accepts(e.token("all", issuerOf(tenantA), tid(tenantA))), s.accepts(e.token("all", issuerOf(tenantB), tid(tenantB)))
	if one.Issuer != issuerOf(tenantA) || two.Issuer != issuerOf(tenantB) || one.Subject != two.Subject || one.Key() == two.Key() {
		t.Errorf("the same sub of two tenants is %+v and %+v", one, two)
	}
	for _, asked := range e.asked {
		if !strings.HasPrefix(asked, entraHost+"/common/") {
			t.Errorf("asked %s", asked)
		}
	}
	if len(e.asked) != 4 {
		t.Errorf("asked %q, want metadata and keys of two services", e.asked)
	}
}

// Metadata that is not the template brings no keys.
func TestTemplateOfAnotherMetadata(t *testing.T) {
	for name, issuer := range map[string]string{
		"another-cloud": "https://login.partner.microsoftonline.cn/{tenantid}/v2.0",
		"one-tenant":    issuerOf(tenantA),
		"common":        issuerOf("common"),
		"version-1":     "https://sts.windows.net/{tenantid}/",
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntraID(t)
			e.issuer = issuer
			s := newServiceOf(t, newIssuers(t, jwt.IssuersConfig{Template: entraTemplate(e), Tenants: []string{tenantA}}))
			if said := s.turnsAway(e.token("all", issuerOf(tenantA), tid(tenantA)), 503, unavailable, "keys_unavailable"); !strings.Contains(said, "metadata is of another issuer") {
				t.Errorf("the log says %q", said)
			}
		})
	}
}

// Single tenants may share the keys of the template: then their tokens are
// checked in the same way.
func TestKeysOfATemplateForSingleTenants(t *testing.T) {
	e := newEntraID(t)
	keys := jwt.Discover(entraIssuer, jwt.RemoteConfig{Transport: e})
	var all []auth.Authenticator
	for _, tenant := range []string{tenantA, tenantB} {
		c := entraTemplate(e)
		c.Issuer, c.Keys = issuerOf(tenant), keys
		all = append(all, mustNew(t, c))
	}
	s := newServiceOf(t, all...)
	s.takes(e.token("all", issuerOf(tenantA), tid(tenantA)), issuerOf(tenantA), "AAAAAAAAAAAAAAAAAAAAAIkz")
	s.takes(e.token("only-b", issuerOf(tenantB), tid(tenantB)), issuerOf(tenantB), "AAAAAAAAAAAAAAAAAAAAAIkz")
	s.turnsAway(e.token("all", issuerOf(tenantA), tid(tenantB)), 401, invalid, "issuer")
	s.turnsAway(e.token("only-b", issuerOf(tenantA), tid(tenantA)), 401, invalid, "unknown_key")
	if len(e.asked) != 2 {
		t.Errorf("asked %q", e.asked)
	}
	for name, issuer := range map[string]string{
		"not-a-guid": issuerOf("contoso.onmicrosoft.com"), "another": "https://login.example.com/" + tenantA + "/v2.0", "upper-case": issuerOf(strings.ToUpper(tenantA)),
	} {
		c := entraTemplate(e)
		c.Issuer = issuer
		if _, err := jwt.New(c); err == nil || !slices.Equal(fieldsOf(err), []string{"jwt(" + issuer + ").Keys"}) && !slices.Equal(fieldsOf(err), []string{"jwt.Keys"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	listed := []string{tenantA}
	for name, test := range map[string]struct {
		change func(*jwt.IssuersConfig)
		want   string
	}{
		"good":           {func(*jwt.IssuersConfig) {}, ""},
		"any":            {func(c *jwt.IssuersConfig) { c.Tenants, c.InsecureAnyTenant = nil, true }, ""},
		"no-tenants":     {func(c *jwt.IssuersConfig) { c.Tenants = nil }, "Tenants: 0: must have between 1 and 1000"},
		"many-tenants":   {func(c *jwt.IssuersConfig) { c.Tenants = slices.Repeat(listed, 1001) }, "Tenants: 1001: must have"},
		"both":           {func(c *jwt.IssuersConfig) { c.InsecureAnyTenant = true }, "InsecureAnyTenant: must be left out beside Tenants"},
		"name":           {func(c *jwt.IssuersConfig) { c.Tenants = []string{"contoso.onmicrosoft.com"} }, "Tenants[0]: must be the id of a tenant"},
		"upper-case":     {func(c *jwt.IssuersConfig) { c.Tenants = []string{strings.ToUpper(tenantA)} }, "Tenants[0]: must be"},
		"braces":         {func(c *jwt.IssuersConfig) { c.Tenants = []string{"{" + tenantA + "}"} }, "Tenants[0]: must be"},
		"nobody":         {func(c *jwt.IssuersConfig) { c.Tenants = []string{"00000000-0000-0000-0000-000000000000"} }, "Tenants[0]: must be"},
		"no-place":       {func(c *jwt.IssuersConfig) { c.Template.Issuer = issuerOf(tenantA) }, "Template.Issuer: "},
		"half-a-segment": {func(c *jwt.IssuersConfig) { c.Template.Issuer = entraHost + "/x{tenantid}/v2.0" }, "as a whole segment"},
		"in-the-host":    {func(c *jwt.IssuersConfig) { c.Template.Issuer = "https://{tenantid}.example.com/v2.0" }, "as a whole segment"},
		"whole-host":     {func(c *jwt.IssuersConfig) { c.Template.Issuer = "https://{tenantid}/v2.0" }, "as a whole segment"},
		"twice":          {func(c *jwt.IssuersConfig) { c.Template.Issuer = entraHost + "/{tenantid}/{tenantid}" }, "once"},
		"other-keys":     {func(c *jwt.IssuersConfig) { c.Template.Keys = jwt.Discover(issuerOf(tenantA), jwt.RemoteConfig{}) }, "Template.Keys: must be Discover"},
		"remote-keys": {func(c *jwt.IssuersConfig) {
			c.Template.Keys = jwt.RemoteKeys(entraHost+"/common/discovery/v2.0/keys", jwt.RemoteConfig{})
		}, "Template.Keys: must be Discover"},
		"no-keys":     {func(c *jwt.IssuersConfig) { c.Template.Keys = nil }, "jwt(issuers).Template.Keys: is nil"},
		"no-audience": {func(c *jwt.IssuersConfig) { c.Template.Audience = nil }, "jwt(issuers).Template.Audience: is empty"},
		"patterns":    {func(c *jwt.IssuersConfig) { c.Patterns = []string{tenantPattern} }, "Patterns: must be left out"},
	} {
		t.Run(name, func(t *testing.T) {
			c := jwt.IssuersConfig{Template: entraTemplate(nil), Tenants: listed}
			test.change(&c)
			_, err := jwt.NewIssuers(c)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
		})
	}
	if _, err := jwt.New(entraTemplate(nil)); err == nil || !strings.Contains(err.Error(), "IssuersConfig.Template") {
		t.Errorf("New takes a template: %v", err)
	}
	for _, text := range []string{entraHost + "/{tenant}/v2.0", entraHost + "/x{tenantid}/v2.0", "https://{tenantid}/v2.0"} {
		c := jwt.Config{Issuer: issuerOf(tenantA), Audience: []string{"a"}, Keys: jwt.Discover(text, jwt.RemoteConfig{})}
		if _, err := jwt.New(c); err == nil || !strings.Contains(err.Error(), "{tenantid}") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A template and a verifier of one of its tenants cannot stand side by side.
func TestTemplateBesideATenant(t *testing.T) {
	template := newIssuers(t, jwt.IssuersConfig{Template: entraTemplate(nil), Tenants: []string{tenantA}})
	all := newIssuers(t, jwt.IssuersConfig{Template: entraTemplate(nil), InsecureAnyTenant: true})
	single := func(tenant string) *jwt.Verifier {
		c := entraTemplate(nil)
		c.Issuer = issuerOf(tenant)
		return mustNew(t, c)
	}
	for _, test := range []struct {
		name  string
		both  []auth.Authenticator
		fault bool
	}{
		{"listed", []auth.Authenticator{template, single(tenantA)}, true},
		{"not-listed", []auth.Authenticator{template, single(tenantB)}, false},
		{"any", []auth.Authenticator{single(tenantB), all}, true},
		{"two-templates", []auth.Authenticator{template, all}, true},
		{"other-tenants", []auth.Authenticator{template, newIssuers(t, jwt.IssuersConfig{Template: entraTemplate(nil), Tenants: []string{tenantB}})}, false},
	} {
		if _, err := auth.New(auth.Config{Authenticators: test.both}); (err != nil) != test.fault {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
