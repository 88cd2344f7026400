package auth_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// several is a fake that offers more than one scheme.
type several struct {
	fake
	offers []bulwark.Challenge
}

func (s *several) Challenges() []bulwark.Challenge { return s.offers }

// bounds claims tokens under the schemes that it offers, and answers with err.
func bounds(err error, offers ...bulwark.Challenge) *several {
	s := &several{offers: offers}
	s.principal, s.err = caller("bound"), err
	if err != nil {
		s.principal = nil
	}
	s.presence = func(r *http.Request) auth.Presence {
		for _, offered := range offers {
			if token, ok := auth.Credentials(r, offered.Scheme); ok && strings.HasPrefix(token, "ours") {
				return auth.Explicit
			}
		}
		return auth.None
	}
	return s
}

var (
	plainDPoP   = bulwark.Challenge{Scheme: "DPoP", Params: [][2]string{{"algs", "ES256"}}}
	plainBearer = bulwark.Challenge{Scheme: "Bearer"}
)

const (
	bareDPoP  = `DPoP realm="api", algs="ES256"` + meta
	otherDPoP = `DPoP realm="api", algs="RS256"` + meta
)

func problem(code string) *bulwark.Problem {
	return &bulwark.Problem{Status: 401, Code: code, Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "reason"}}
}

func configOf(all ...auth.Authenticator) auth.Config {
	return auth.Config{Authenticators: all, Realm: "api", ResourceMetadata: "https://api.example.com/.well-known/oauth-protected-resource"}
}

// The error stands in the challenge of the scheme that the credential came
// under, with what that challenge says anyway, and in no other.
func TestChallengesPerScheme(t *testing.T) {
	const asDPoP, asBearer = "Authorization: DPoP ours", "Authorization: Bearer ours"
	bad := func(challenge, code string) string { return challenge + `, error="` + code + `"` }
	shared := problem("auth.invalid_token")
	own := problem("auth.invalid_token")
	own.Challenges = []bulwark.Challenge{{Scheme: "Own"}}
	for _, test := range []struct {
		name       string
		config     auth.Config
		header     string
		status     int
		code       string
		challenges []string
		reason     string
	}{
		{"dpop", configOf(bounds(problem("auth.invalid_token"), plainDPoP, plainBearer)), asDPoP,
			401, "auth.invalid_token", []string{bad(bareDPoP, "invalid_token"), bareBearer}, "reason"},
		{"dpop-lower-case", configOf(bounds(problem("auth.invalid_token"), plainDPoP, plainBearer)), "Authorization: dpop ours",
			401, "auth.invalid_token", []string{bad(bareDPoP, "invalid_token"), bareBearer}, "reason"},
		{"bearer", configOf(bounds(problem("auth.invalid_token"), plainDPoP, plainBearer)), asBearer,
			401, "auth.invalid_token", []string{bareDPoP, bad(bareBearer, "invalid_token")}, "reason"},
		{"bearer-lower-case", configOf(bounds(problem("auth.invalid_token"), plainDPoP, plainBearer)), "Authorization: bearer ours",
			401, "auth.invalid_token", []string{bareDPoP, bad(bareBearer, "invalid_token")}, "reason"},
		{"proof", configOf(bounds(problem("auth.invalid_dpop_proof"), plainDPoP, plainBearer)), asDPoP,
			401, "auth.invalid_dpop_proof", []string{bad(bareDPoP, "invalid_dpop_proof"), bareBearer}, "reason"},
		{"nonce", configOf(bounds(problem("auth.use_dpop_nonce"), plainDPoP, plainBearer)), asDPoP,
			401, "auth.use_dpop_nonce", []string{bad(bareDPoP, "use_dpop_nonce"), bareBearer}, "reason"},
		{"other-code", configOf(bounds(problem("app.weird"), plainDPoP)), asDPoP,
			401, "app.weird", []string{bad(bareDPoP, "invalid_token")}, "reason"},
		{"wrapped", configOf(bounds(errors.Join(errors.New("while asking"), shared), plainDPoP, plainBearer)), asDPoP,
			401, "auth.invalid_token", []string{bad(bareDPoP, "invalid_token"), bareBearer}, "reason"},
		{"with-challenges-of-its-own", configOf(bounds(own, plainDPoP)), asDPoP,
			401, "auth.invalid_token", []string{"Own"}, "reason"},
		{"the-first-of-the-scheme-that-it-offers", configOf(bounds(nil, plainDPoP), bounds(problem("auth.invalid_token"), bulwark.Challenge{Scheme: "DPoP", Params: [][2]string{{"algs", "RS256"}}})), asDPoP,
			400, "auth.ambiguous_credentials", []string{bad(bareDPoP, "invalid_request"), bad(otherDPoP, "invalid_request")}, "ambiguous"},
		{"offered-twice", configOf(bounds(problem("auth.invalid_token"), plainDPoP, plainDPoP, plainBearer, plainBearer)), asBearer,
			401, "auth.invalid_token", []string{bareDPoP, bad(bareBearer, "invalid_token")}, "reason"},
		{"unclaimed-dpop", configOf(bounds(nil, plainDPoP, plainBearer), keys()), "Authorization: DPoP x",
			401, "auth.invalid_token", []string{bad(bareDPoP, "invalid_token"), bareBearer, bareKey}, "malformed"},
		{"unclaimed-dpop-lower-case", configOf(bounds(nil, plainDPoP, plainBearer)), "Authorization: dpop x",
			401, "auth.invalid_token", []string{bad(bareDPoP, "invalid_token"), bareBearer}, "malformed"},
		{"unclaimed-dpop-of-an-issuer", configOf(bounds(nil, plainDPoP, plainBearer)), "Authorization: DPoP " + fakeJWT,
			401, "auth.invalid_token", []string{bad(bareDPoP, "invalid_token"), bareBearer}, "issuer"},
		{"unclaimed-dpop-of-two-verifiers", configOf(bounds(nil, plainDPoP), bounds(nil, bulwark.Challenge{Scheme: "DPoP", Params: [][2]string{{"algs", "RS256"}}})), "Authorization: DPoP x",
			401, "auth.invalid_token", []string{bad(bareDPoP, "invalid_token"), bad(otherDPoP, "invalid_token")}, "malformed"},
		{"unclaimed-bearer", configOf(bounds(nil, plainDPoP, plainBearer)), "Authorization: Bearer x",
			401, "auth.invalid_token", []string{bareDPoP, bad(bareBearer, "invalid_token")}, "malformed"},
		{"unclaimed-bearer-where-none-is-offered", configOf(bounds(nil, plainDPoP)), "Authorization: Bearer x",
			401, "auth.invalid_token", []string{bareDPoP}, "malformed"},
		{"dpop-where-none-is-offered", configOf(tokens()), "Authorization: DPoP good",
			401, "auth.unsupported_scheme", []string{bareBearer}, "scheme"},
		{"scheme-that-is-not-one-of-tokens", configOf(bounds(nil, plainDPoP, bulwark.Challenge{Scheme: "Mutual"})), "Authorization: Mutual x",
			401, "auth.unsupported_scheme", []string{bareDPoP, `Mutual realm="api"`}, "scheme"},
		{"dpop-beside-a-key", configOf(bounds(nil, plainDPoP), keys()), "Authorization: DPoP ours\nX-Api-Key: 1",
			400, "auth.ambiguous_credentials", []string{bad(bareDPoP, "invalid_request"), bareKey}, "ambiguous"},
		{"garbage-under-dpop-beside-a-key", configOf(bounds(nil, plainDPoP), keys()), "Authorization: DPoP x\nX-Api-Key: 1",
			400, "auth.ambiguous_credentials", []string{bad(bareDPoP, "invalid_request"), bareKey}, "ambiguous"},
		{"not-credentials", configOf(bounds(nil, plainDPoP, plainBearer)), "Authorization: DPoP",
			400, "auth.invalid_request", []string{bad(bareDPoP, "invalid_request"), bad(bareBearer, "invalid_request")}, "authorization_header"},
		{"offers-no-scheme-of-tokens", configOf(bounds(nil, bulwark.Challenge{Scheme: "Only"})), "Authorization: Bearer x",
			401, "auth.invalid_token", []string{`Only realm="api"`}, "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 2 { // nothing of the first refusal is left for the second
				x := exchangeWith(t, test.config, request(strings.Split(test.header, "\n")...))
				x.refused(t, test.status, test.code, test.challenges, bulwark.AuthnTokenInvalid, test.reason)
			}
		})
	}
	if shared.Challenges != nil {
		t.Errorf("an error that requests share has got challenges: %v", shared.Challenges)
	}
}

// What is refused further in is said in the challenge of the scheme that the
// request came under: it is the first of those that the layers inside see.
func TestOfferedToLayersInside(t *testing.T) {
	authenticators := func(order ...bulwark.Challenge) []auth.Authenticator {
		return []auth.Authenticator{keys(), cookies(nil), bounds(nil, order...)}
	}
	for _, test := range []struct {
		name   string
		order  []bulwark.Challenge
		header string
		want   []string
	}{
		{"dpop", []bulwark.Challenge{plainDPoP, plainBearer}, "Authorization: DPoP ours", []string{bareDPoP, bareKey, bareBearer}},
		{"dpop-lower-case", []bulwark.Challenge{plainDPoP, plainBearer}, "Authorization: dpop ours", []string{bareDPoP, bareKey, bareBearer}},
		{"bearer", []bulwark.Challenge{plainDPoP, plainBearer}, "Authorization: Bearer ours", []string{bareBearer, bareKey, bareDPoP}},
		{"bearer-preferred", []bulwark.Challenge{plainBearer, plainDPoP}, "Authorization: DPoP ours", []string{bareDPoP, bareKey, bareBearer}},
		{"key", []bulwark.Challenge{plainDPoP, plainBearer}, "X-Api-Key: 1", []string{bareKey, bareBearer, bareDPoP}},
		{"cookie", []bulwark.Challenge{plainDPoP, plainBearer}, "Cookie: session=1", []string{bareKey, bareBearer, bareDPoP}},
		{"nobody", []bulwark.Challenge{plainDPoP, plainBearer}, "Accept: */*", []string{bareKey, bareBearer, bareDPoP}},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := configOf(authenticators(test.order...)...)
			config.Optional = true
			x := exchangeWith(t, config, request(test.header))
			var got []string
			for _, c := range x.challenges {
				got = append(got, c.String())
			}
			if !x.ran || !slices.Equal(got, test.want) {
				t.Errorf("ran %t, offered %q, want %q", x.ran, got, test.want)
			}
		})
	}
}

// What one refusal says is not changed by the next.
func TestChallengesAreNotShared(t *testing.T) {
	var refused []*bulwark.Problem
	refusing := bounds(nil, plainDPoP, plainBearer)
	layer, err := auth.New(configOf(refusing))
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{"invalid_dpop_proof", "invalid_token", "use_dpop_nonce"}
	for _, scheme := range []string{"DPoP", "Bearer"} {
		for _, code := range codes {
			refusing.principal, refusing.err = nil, problem("auth."+code)
			var p *bulwark.Problem
			if _, err := layer.Authenticate(request("Authorization: " + scheme + " ours")); !errors.As(err, &p) {
				t.Fatal(err)
			}
			refused = append(refused, p)
		}
	}
	for i, p := range refused {
		want := []string{bareDPoP + `, error="` + codes[i%3] + `"`, bareBearer}
		if i >= 3 {
			want = []string{bareDPoP, bareBearer + `, error="` + codes[i%3] + `"`}
		}
		for n, c := range p.Challenges {
			if c.String() != want[n] {
				t.Errorf("%d: %s, want %s", i, c, want[n])
			}
		}
	}
}
