package recipes

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	golangjwt "github.com/golang-jwt/jwt/v5"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// tokenConfig accepts the tokens as both libraries make them.
func tokenConfig(publicKey []byte) jwt.Config {
	return jwt.Config{
		Issuer:            "https://login.example.com",         // iss
		Audience:          []string{"https://api.example.com"}, // aud
		Keys:              jwt.StaticKeys(publicKey),           // PEM
		Algorithms:        []string{"RS256"},
		InsecurePlainType: true,             // because the typ is "JWT"
		RolesClaims:       []string{"role"}, // becomes Principal.Roles
		MaxLifetime:       time.Hour,        // between iat and exp
	}
}

// accessTokenConfig accepts access tokens and no other tokens of the issuer.
func accessTokenConfig(publicKey []byte) jwt.Config {
	return jwt.Config{
		Issuer:      "https://login.example.com",
		Audience:    []string{"https://api.example.com"},
		Keys:        jwt.StaticKeys(publicKey),
		Algorithms:  []string{"RS256"},
		RolesClaims: []string{"role"},
		MaxLifetime: time.Hour,
	}
}

// secretConfig accepts tokens that are signed with a shared secret.
func secretConfig(secret []byte) jwt.Config {
	return jwt.Config{
		Issuer:            "https://login.example.com",
		Audience:          []string{"https://api.example.com"},
		Keys:              jwt.SecretKeys(secret), // at least 32 random bytes
		Algorithms:        []string{"HS256"},
		InsecurePlainType: true,
		RolesClaims:       []string{"role"},
	}
}

// newKeyConfig accepts the tokens that the login service makes after the move.
func newKeyConfig(publicKey []byte) jwt.Config {
	return jwt.Config{
		Issuer:      "https://login.example.com/rs256", // a new iss
		Audience:    []string{"https://api.example.com"},
		Keys:        jwt.StaticKeys(publicKey),
		Algorithms:  []string{"RS256"},
		RolesClaims: []string{"role"},
	}
}

// movingConfig accepts the old tokens and the new tokens.
func movingConfig(secret, publicKey []byte) (auth.Config, error) {
	before, err := jwt.New(secretConfig(secret)) // remove it when the last old token has expired
	if err != nil {
		return auth.Config{}, err
	}
	after, err := jwt.New(newKeyConfig(publicKey))
	if err != nil {
		return auth.Config{}, err
	}
	return auth.Config{Authenticators: []auth.Authenticator{after, before}}, nil
}

// whoAmI shows the caller and the issuer.
func whoAmI(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	fmt.Fprintln(w, caller.Subject, strings.Join(caller.Roles, " "), "of", caller.Issuer)
}

// TestFromHS256ToRS256 sends tokens of before and after the move to a service
// that accepts both, and to the service of the day when the old verifier is gone.
func TestFromHS256ToRS256(t *testing.T) {
	secret, key := make([]byte, 32), newIssuerKey(t)
	rand.Read(secret)
	serviceOf := func(config auth.Config) tokenService {
		events := &bulwarktest.Recorder{}
		return tokenService{events.Wrap(bulwark.Must(auth.New(config)).Wrap(http.HandlerFunc(whoAmI))), events}
	}
	both := serviceOf(bulwark.Must(movingConfig(secret, key.publicPEM)))
	moved := serviceOf(auth.Config{Authenticators: []auth.Authenticator{bulwark.Must(jwt.New(newKeyConfig(key.publicPEM)))}})
	same := newKeyConfig(key.publicPEM)
	same.Issuer = "https://login.example.com"
	atOnce := serviceOf(auth.Config{Authenticators: []auth.Authenticator{bulwark.Must(jwt.New(same))}})

	hs256, rs256 := golangjwt.SigningMethodHS256, golangjwt.SigningMethodRS256
	access, renamed := map[string]any{"typ": "at+jwt"}, map[string]any{"iss": "https://login.example.com/rs256"}
	before, after := aToken(hs256, secret, nil, nil), aToken(rs256, key.PrivateKey, access, renamed)
	for name, test := range map[string]struct {
		service             tokenService
		token, want, reason string
	}{
		"before":                    {both, before, "200 alice editor of https://login.example.com", ""},
		"after":                     {both, after, "200 alice editor of https://login.example.com/rs256", ""},
		"moved-after":               {moved, after, "200 alice editor of https://login.example.com/rs256", ""},
		"moved-before":              {moved, before, "401", "issuer"},
		"new-key-under-the-old-iss": {both, aToken(rs256, key.PrivateKey, access, nil), "401", "algorithm"},
		"at-once":                   {atOnce, aToken(rs256, key.PrivateKey, access, nil), "200 alice editor of https://login.example.com", ""},
		"at-once-before":            {atOnce, before, "401", "algorithm"},
		"secret-under-the-new-iss":  {both, aToken(hs256, secret, access, renamed), "401", "algorithm"},
		"public-key-as-secret":      {both, aToken(hs256, key.publicPEM, access, renamed), "401", "algorithm"},
	} {
		got, e := test.service.ask(t, test.token)
		reason := ""
		if e != nil {
			reason = e.Reason
		}
		if got != test.want || reason != test.reason {
			t.Errorf("%s: %s, reason %q, want %s, reason %q", name, got, reason, test.want, test.reason)
		}
	}

	// Two verifiers of one iss are a mistake. Both algorithms in one Config are another.
	_, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{
		bulwark.Must(jwt.New(secretConfig(secret))), bulwark.Must(jwt.New(same))}})
	if err == nil || !strings.Contains(err.Error(), "has the same issuer") {
		t.Errorf("two verifiers of one iss: %v", err)
	}
	mixed := newKeyConfig(key.publicPEM)
	mixed.Algorithms = []string{"RS256", "HS256"}
	if _, err := jwt.New(mixed); err == nil {
		t.Error("RS256 and HS256 in one Config are accepted")
	}
}

func newTokenService(config jwt.Config) (http.Handler, error) {
	tokens, err := jwt.New(config)
	if err != nil {
		return nil, err
	}
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens}})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintln(w, caller.Subject, strings.Join(caller.Roles, " "))
	})
	return layer.Wrap(mux), nil
}

type issuerKey struct {
	*rsa.PrivateKey
	privatePEM, publicPEM []byte
}

func newIssuerKey(t *testing.T) issuerKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return issuerKey{
		key,
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
	}
}

// A tokenService is the service of the page, and what it reports.
type tokenService struct {
	http.Handler
	events *bulwarktest.Recorder
}

func (k issuerKey) service(t *testing.T, config func([]byte) jwt.Config) tokenService {
	t.Helper()
	return tokenServiceOf(t, config(k.publicPEM))
}

func tokenServiceOf(t *testing.T, config jwt.Config) tokenService {
	t.Helper()
	h, err := newTokenService(config)
	if err != nil {
		t.Fatal(err)
	}
	events := &bulwarktest.Recorder{}
	return tokenService{events.Wrap(h), events}
}

func (s tokenService) send(token string) *http.Response {
	r := httptest.NewRequest("GET", "/me", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// ask returns the status, what the handler says, and the one event.
func (s tokenService) ask(t *testing.T, token string) (string, *bulwark.Event) {
	t.Helper()
	res := s.send(token)
	said := fmt.Sprint(res.StatusCode)
	if res.StatusCode == http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		said += " " + strings.TrimSpace(string(body))
	}
	events := s.events.Take()
	if len(events) == 0 {
		return said, nil
	}
	if len(events) > 1 {
		t.Errorf("%d events of one request", len(events))
	}
	return said, &events[0]
}

// shown is an answer as the pages show it: the status line, the named fields,
// and the body without what differs between two answers.
func shown(t *testing.T, res *http.Response, fields ...string) string {
	t.Helper()
	text := fmt.Sprintf("HTTP/1.1 %d %s\n", res.StatusCode, http.StatusText(res.StatusCode))
	for _, name := range fields {
		for _, line := range res.Header.Values(name) {
			text += name + ": " + line + "\n"
		}
	}
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	delete(body, "instance")
	pretty, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return text + "\n" + string(pretty) + "\n"
}

// refusedToken is what the client gets for every bad token.
const refusedToken = `HTTP/1.1 401 Unauthorized
Content-Type: application/problem+json
WWW-Authenticate: Bearer error="invalid_token"

{
  "code": "auth.invalid_token",
  "detail": "The credentials are not valid.",
  "status": 401,
  "title": "Unauthorized",
  "type": "about:blank"
}
`

func TestTokensOfGolangJWT(t *testing.T) {
	key := newIssuerKey(t)
	token, err := issueToken(key.PrivateKey, "alice", "editor")
	if err != nil {
		t.Fatal(err)
	}
	typed, err := issueAccessToken(key.PrivateKey, "alice", "editor")
	if err != nil {
		t.Fatal(err)
	}
	plain, strict := key.service(t, tokenConfig), key.service(t, accessTokenConfig)
	for name, test := range map[string]struct {
		service     tokenService
		token, want string
		reason      string
	}{
		"plain":             {plain, token, "200 alice editor", ""},
		"typed-under-plain": {plain, typed, "200 alice editor", ""},
		"typed":             {strict, typed, "200 alice editor", ""},
		"plain-under-typed": {strict, token, "401", "type"},
	} {
		got, e := test.service.ask(t, test.token)
		reason := ""
		if e != nil {
			reason = e.Reason
		}
		if got != test.want || reason != test.reason {
			t.Errorf("%s: %s, reason %q, want %s, reason %q", name, got, reason, test.want, test.reason)
		}
	}
	if got := shown(t, strict.send(token), "Content-Type", "WWW-Authenticate"); got != refusedToken {
		t.Errorf("the answer to a bad token:\n%s", got)
	}
}

// reasonRow finds the rows of the table of reasons in the page.
var reasonRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// TestTheReasonsOfRefusedTokens makes tokens for each row of the page's table.
func TestTheReasonsOfRefusedTokens(t *testing.T) {
	key, other := newIssuerKey(t), newIssuerKey(t)
	acme := func(keys jwt.KeySource) tokenService {
		config := tokenConfig(key.publicPEM)
		config.Keys, config.Require = keys, map[string]any{"tenant": "acme", "sub": "alice"}
		return tokenServiceOf(t, config)
	}
	revocations := &auth.MemoryRevocations{}
	if err := revocations.Revoke(t.Context(), auth.Revocation{Issuer: "https://login.example.com", TokenID: "stolen"}); err != nil {
		t.Fatal(err)
	}
	revocable := tokenConfig(key.publicPEM)
	revocable.Revocations, revocable.MaxLifetime = revocations, 0
	revoking := tokenServiceOf(t, revocable)
	s, ofSet := acme(jwt.StaticKeys(key.publicPEM)), acme(jwt.StaticKeys(key.jwks("2026")))
	strict := key.service(t, accessTokenConfig)

	now, rs256 := time.Now(), golangjwt.SigningMethodRS256
	with := func(claims map[string]any) string {
		all := map[string]any{"tenant": "acme"}
		maps.Copy(all, claims)
		return aToken(rs256, key.PrivateKey, nil, all)
	}
	made := func(method golangjwt.SigningMethod, signer any, header map[string]any) string {
		return aToken(method, signer, header, map[string]any{"tenant": "acme"})
	}
	for name, good := range map[string]struct {
		service tokenService
		token   string
	}{"pem": {s, with(nil)}, "set": {ofSet, made(rs256, key.PrivateKey, map[string]any{"kid": "2026"})}} {
		if got, e := good.service.ask(t, good.token); got != "200 alice editor" || e != nil {
			t.Fatalf("a good token, %s: %s, %+v", name, got, e)
		}
	}
	seen := map[string]bool{}
	for _, test := range []struct {
		name    string
		service tokenService
		token   string
		reason  string
	}{
		{"other-issuer", s, with(map[string]any{"iss": "https://other.example.com"}), "issuer"},
		{"issuer-with-a-slash", s, with(map[string]any{"iss": "https://login.example.com/"}), "issuer"},
		{"no-issuer", s, with(map[string]any{"iss": nil}), "malformed"},
		{"other-audience", s, with(map[string]any{"aud": "https://other.example.com"}), "audience"},
		{"no-audience", s, with(map[string]any{"aud": nil}), "audience"},
		{"type", strict, with(nil), "type"},
		{"no-type", strict, made(rs256, key.PrivateKey, map[string]any{"typ": nil}), "type"},
		{"algorithm", s, made(golangjwt.SigningMethodRS384, key.PrivateKey, nil), "algorithm"},
		{"public-key-as-secret", s, made(golangjwt.SigningMethodHS256, key.publicPEM, nil), "algorithm"},
		{"unsigned", s, made(theMethodNone, theKeyNone, nil), "malformed"},
		{"claim", s, with(map[string]any{"tenant": "other"}), "claim"},
		{"subject", s, with(map[string]any{"sub": "bob"}), "claim"},
		{"no-claim", s, with(map[string]any{"tenant": nil}), "claim"},
		{"expired", s, with(map[string]any{"iat": now.Add(-time.Hour).Unix(), "exp": now.Add(-2 * time.Minute).Unix()}), "expired"},
		{"not-yet", s, with(map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}), "not_yet_valid"},
		{"issued-ahead", s, with(map[string]any{"iat": now.Add(2 * time.Minute).Unix()}), "not_yet_valid"},
		{"lifetime", s, with(map[string]any{"exp": now.Add(24 * time.Hour).Unix()}), "lifetime"},
		{"no-iat", s, with(map[string]any{"iat": nil}), "lifetime"},
		{"no-exp", s, with(map[string]any{"exp": nil}), "malformed"},
		{"no-sub", strict, aToken(rs256, key.PrivateKey, map[string]any{"typ": "at+jwt"}, map[string]any{"sub": nil}), "malformed"},
		{"exp-as-text", s, with(map[string]any{"exp": "tomorrow"}), "malformed"},
		{"bound-to-a-key", s, with(map[string]any{"cnf": map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), "binding"},
		{"revoked", revoking, with(map[string]any{"jti": "stolen"}), "revoked"},
		{"not-revocable", revoking, aToken(rs256, key.PrivateKey, nil, map[string]any{"iat": nil}), "malformed"},
		{"signature", s, made(rs256, other.PrivateKey, nil), "signature"},
		{"kid", ofSet, made(rs256, key.PrivateKey, map[string]any{"kid": "2025"}), "unknown_key"},
	} {
		got, e := test.service.ask(t, test.token)
		if e == nil || got != "401" || e.Name != bulwark.AuthnTokenInvalid || e.Reason != test.reason {
			t.Errorf("%s: %s, %+v, want the reason %s", test.name, got, e, test.reason)
		}
		seen[test.reason] = true
	}

	page, err := os.ReadFile("../../../docs/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## What goes wrong, by reason\n\n| `reason` |")
	table, _, _ = strings.Cut(table, "\n## ")
	var told []string
	for _, row := range reasonRow.FindAllStringSubmatch(table, -1) {
		told = append(told, row[1])
	}
	slices.Sort(told)
	if want := slices.Sorted(maps.Keys(seen)); !slices.Equal(told, want) {
		t.Errorf("the page explains the reasons %q, the tokens here have %q", told, want)
	}
}

// jwks is the JWK Set that an issuer serves, with the key under a name.
func (k issuerKey) jwks(kid string) string {
	n := base64.RawURLEncoding.EncodeToString(k.N.Bytes())
	return fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":%q,"alg":"RS256","use":"sig","e":"AQAB","n":%q}]}`, kid, n)
}

func TestTokensWithASecret(t *testing.T) {
	secret := make([]byte, 32)
	rand.Read(secret)
	s := tokenServiceOf(t, secretConfig(secret))
	if got, e := s.ask(t, aToken(golangjwt.SigningMethodHS256, secret, nil, nil)); got != "200 alice editor" || e != nil {
		t.Errorf("a token with a secret: %s, %+v", got, e)
	}
	hs256 := golangjwt.SigningMethodHS256
	for name, test := range map[string]struct{ token, reason string }{
		"key":            {aToken(golangjwt.SigningMethodRS256, newIssuerKey(t).PrivateKey, nil, nil), "algorithm"},
		"guess":          {aToken(hs256, []byte("a guess"), nil, nil), "signature"},
		"other-audience": {aToken(hs256, secret, nil, map[string]any{"aud": "https://other.example.com"}), "audience"},
	} {
		if got, e := s.ask(t, test.token); got != "401" || e == nil || e.Reason != test.reason {
			t.Errorf("%s: %s, %+v, want the reason %s", name, got, e, test.reason)
		}
	}
}

// Keys that cannot be fetched are not the fault of the token.
func TestTokensWithoutKeys(t *testing.T) {
	key := newIssuerKey(t)
	config := tokenConfig(key.publicPEM)
	config.Keys = jwt.RemoteKeys("https://login.example.com/jwks.json", jwt.RemoteConfig{Transport: unreachable{}})
	got, e := tokenServiceOf(t, config).ask(t, aToken(golangjwt.SigningMethodRS256, key.PrivateKey, nil, nil))
	if got != "503" || e == nil || e.Reason != "keys_unavailable" || !strings.Contains(fmt.Sprint(e.Attrs), errUnreachable.Error()) {
		t.Errorf("%s, %+v, want 503 keys_unavailable with its cause", got, e)
	}
}

// unreachable is the transport to an issuer that is down.
type unreachable struct{}

var errUnreachable = errors.New("the issuer is down")

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) { return nil, errUnreachable }

// TestWhatNewSaysOfKeys holds the fields that the page names for mistakes.
func TestWhatNewSaysOfKeys(t *testing.T) {
	key := newIssuerKey(t)
	typed := accessTokenConfig(key.publicPEM)
	typed.Types = []string{"JWT"}
	for name, test := range map[string]struct {
		config jwt.Config
		field  string
		says   string
	}{
		"short-secret":  {secretConfig([]byte("change-me")), ".Keys[0]", "32 bytes"},
		"public-secret": {secretConfig(key.publicPEM), ".Keys[0]", "StaticKeys"},
		"private-key":   {tokenConfig(key.privatePEM), ".Keys[0]", "give the public key"},
		"one-line-pem":  {tokenConfig([]byte(strings.ReplaceAll(string(key.publicPEM), "\n", `\n`))), ".Keys[0]", "line breaks"},
		"plain-type":    {typed, ".Types[0]", "InsecurePlainType"},
	} {
		_, err := jwt.New(test.config)
		var wrong *bulwark.ConfigError
		if !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Field, "jwt("+test.config.Issuer+").") || !strings.HasSuffix(wrong.Field, test.field) || !strings.Contains(wrong.Reason, test.says) {
			t.Errorf("%s: %v, want %s to say %q", name, err, test.field, test.says)
		}
	}
}
