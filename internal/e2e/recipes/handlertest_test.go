package recipes

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/validate"
)

// A Letter is an object with an owner.
type Letter struct {
	Owner string `json:"owner"`
	Body  string `json:"body"`
}

func lettersOf(policy *authz.Policy) authz.Resource[*Letter] {
	return authz.Resource[*Letter]{
		Name:   "letter",
		Policy: policy, // for Check
		Owner:  func(m *Letter) (issuer, subject string) { return "test", m.Owner },
	}
}

func letterPolicy() (*authz.Policy, error) {
	return authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"letter": {"read"}},
		Roles:     authz.Roles{"user": {Grants: []string{"letter:read:own"}}},
	})
}

// getLetter is a handler of authz.HandleObject.
func getLetter(w http.ResponseWriter, r *http.Request, letter authz.Granted[*Letter]) {
	json.NewEncoder(w).Encode(letter.Value())
}

func TestGetLetter(t *testing.T) {
	letters := lettersOf(bulwark.Must(letterPolicy()))
	letter := &Letter{Owner: "alice", Body: "hello"}
	as := func(subject string) *http.Request {
		return authtest.As(httptest.NewRequest("GET", "/letters/1", nil),
			&bulwark.Principal{Issuer: "test", Subject: subject, Roles: []string{"user"}})
	}

	r := as("alice")
	granted, err := letters.Check(r, "read", letter)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	getLetter(w, r, granted)
	if !strings.Contains(w.Body.String(), "hello") {
		t.Errorf("alice gets %s", w.Body)
	}

	var problem *bulwark.Problem
	if _, err := letters.Check(as("bob"), "read", letter); !errors.As(err, &problem) || problem.Status != http.StatusNotFound {
		t.Errorf("bob gets %v", err)
	}
}

// programConfig is the Config of an issuer that writes the type JWT.
func programConfig() jwt.Config {
	return jwt.Config{
		Issuer:            "https://login.example.com/realms/acme",
		Audience:          []string{"documents-api"},
		Keys:              jwt.Discover("https://login.example.com/realms/acme", jwt.RemoteConfig{}),
		InsecurePlainType: true,
		Require:           map[string]any{"typ": "Bearer"},
		RolesClaims:       []string{"realm_access.roles"},
	}
}

// atTestIssuer is the Config of the program, for tokens of the issuer of a test.
func atTestIssuer(config jwt.Config, issuer *authtest.Issuer) jwt.Config {
	own := issuer.Config()
	config.Issuer, config.Audience, config.Keys, config.Algorithms = own.Issuer, own.Audience, own.Keys, own.Algorithms
	config.Require = nil // the attacks lack these claims: each would be refused for the reason "claim"
	return config
}

func TestNoForgedTokenPassesMyConfig(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	tokens := bulwark.Must(jwt.New(atTestIssuer(programConfig(), issuer)))
	for _, attack := range issuer.Attacks() {
		switch attack.Name {
		case "typ-jwt", "typ-missing": // good tokens for InsecurePlainType
			continue
		case "roles-object": // a bad claim "roles", which RolesClaims does not name
			continue
		}
		t.Run(attack.Name, func(t *testing.T) {
			if _, err := tokens.Verify(t.Context(), attack.Token); err == nil {
				t.Error("the token is accepted")
			}
		})
	}
}

func TestRequire(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	config := atTestIssuer(programConfig(), issuer)
	config.Require = programConfig().Require
	tokens := bulwark.Must(jwt.New(config))
	for typ, good := range map[string]bool{"Bearer": true, "ID": false, "Refresh": false} {
		_, err := tokens.Verify(t.Context(), issuer.TokenOfType("JWT", authtest.Claims{"typ": typ}))
		if (err == nil) != good {
			t.Errorf("typ %s: %v", typ, err)
		}
	}
}

// TestWhatThePageSaysOfAttacks holds the table of the page: which attacks each
// field accepts or refuses for another reason.
func TestWhatThePageSaysOfAttacks(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	run := func(change func(*jwt.Config)) (accepted []string, reasons map[string]int) {
		config := issuer.Config()
		change(&config)
		events := &bulwarktest.Recorder{}
		service := events.Wrap(bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{bulwark.Must(jwt.New(config))}})).
			Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		reasons = map[string]int{}
		for _, attack := range issuer.Attacks() {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+attack.Token)
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)
			if w.Code == http.StatusOK {
				accepted = append(accepted, attack.Name)
			}
			for _, e := range events.Take() {
				if e.Reason != attack.Reason {
					reasons[e.Reason]++
				}
			}
		}
		slices.Sort(accepted)
		return accepted, reasons
	}
	for name, test := range map[string]struct {
		change   func(*jwt.Config)
		accepted []string
		others   []string // reasons in place of the attack's own
	}{
		"as-it-is":          {func(*jwt.Config) {}, nil, nil},
		"InsecurePlainType": {func(c *jwt.Config) { c.InsecurePlainType = true }, []string{"typ-jwt", "typ-missing"}, nil},
		"RolesClaims":       {func(c *jwt.Config) { c.RolesClaims = []string{"groups"} }, []string{"roles-object"}, nil},
		"Require":           {func(c *jwt.Config) { c.Require = map[string]any{"typ": "Bearer"} }, nil, []string{"claim"}},
	} {
		accepted, reasons := run(test.change)
		if got := slices.Sorted(maps.Keys(reasons)); !slices.Equal(accepted, test.accepted) || !slices.Equal(got, test.others) {
			t.Errorf("%s: accepted %q, other reasons %v; want %q and %q", name, accepted, reasons, test.accepted, test.others)
		}
	}
}

// teamOf is a handler that reads a claim of its own.
func teamOf(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	team, _ := caller.Claim("team")
	json.NewEncoder(w).Encode(team)
}

func TestTeam(t *testing.T) {
	alice := &bulwark.Principal{Issuer: "test", Subject: "alice", Claims: func(name string) (any, bool) {
		return "blue", name == "team"
	}}
	w := httptest.NewRecorder()
	teamOf(w, authtest.As(httptest.NewRequest("GET", "/team", nil), alice))
	if got := strings.TrimSpace(w.Body.String()); got != `"blue"` {
		t.Errorf("%s", got)
	}
}

func TestTeamOfAnOpaqueToken(t *testing.T) {
	issuer := authtest.NewOpaqueIssuer(t)
	tokens := bulwark.Must(introspection.New(issuer.Config()))
	service := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens}})).Wrap(http.HandlerFunc(teamOf))

	r := httptest.NewRequest("GET", "/team", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"team": "blue"}))
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	if got := strings.TrimSpace(w.Body.String()); got != `"blue"` {
		t.Errorf("%d %s", w.Code, got)
	}
}

func echoBoss(e echo.Context) error {
	caller, _ := bulwark.PrincipalFrom(e.Request().Context())
	if !caller.HasRole("boss") {
		return &bulwark.Problem{Status: http.StatusForbidden, Code: "letters.boss_only"}
	}
	return e.NoContent(http.StatusNoContent)
}

func TestEchoBoss(t *testing.T) {
	r := authtest.As(httptest.NewRequest("DELETE", "/letters", nil), &bulwark.Principal{Issuer: "test", Subject: "alice"})
	err := echoBoss(echo.New().NewContext(r, httptest.NewRecorder()))
	var problem *bulwark.Problem
	if !errors.As(err, &problem) || problem.Code != "letters.boss_only" {
		t.Errorf("%v", err)
	}
}

func ginBoss(g *gin.Context) {
	caller, _ := bulwark.PrincipalFrom(g.Request.Context())
	if !caller.HasRole("boss") {
		bulwark.Deny(g.Writer, g.Request, &bulwark.Problem{Status: http.StatusForbidden, Code: "letters.boss_only"})
		return
	}
	g.Status(http.StatusNoContent)
}

func TestGinBoss(t *testing.T) {
	w := httptest.NewRecorder()
	g, _ := gin.CreateTestContext(w)
	g.Request = authtest.As(httptest.NewRequest("DELETE", "/letters", nil), &bulwark.Principal{Issuer: "test", Subject: "alice"})
	ginBoss(g)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "letters.boss_only") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// patchLetter changes the members that the client names.
func patchLetter(letter *Letter) (http.Handler, error) {
	layer, err := validate.New(validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"properties": {"body": {"type": ["string", "null"], "maxLength": 1000}}
	}`)})
	if err != nil {
		return nil, err
	}
	return layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		patch, err := validate.BodyAs[map[string]json.RawMessage](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		if body, named := patch["body"]; named {
			letter.Body = "" // what null means (RFC 7396)
			json.Unmarshal(body, &letter.Body)
		}
		w.WriteHeader(http.StatusNoContent)
	})), nil
}

func TestPatchLetter(t *testing.T) {
	for _, test := range []struct{ patch, want string }{
		{`{"body": "new"}`, "new"},
		{`{"body": null}`, ""}, // null removes
		{`{}`, "old"},          // a missing member stays
	} {
		letter := &Letter{Owner: "alice", Body: "old"}
		r := httptest.NewRequest("PATCH", "/letters/1", strings.NewReader(test.patch))
		r.Header.Set("Content-Type", "application/merge-patch+json")
		w := httptest.NewRecorder()
		bulwark.Must(patchLetter(letter)).ServeHTTP(w, r)
		if w.Code != http.StatusNoContent || letter.Body != test.want {
			t.Errorf("%s: %d, the body is %q, want %q", test.patch, w.Code, letter.Body, test.want)
		}
	}
}
