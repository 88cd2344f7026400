package jwt_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
)

// many are verifiers of so many issuers, the one that is meant the last.
func many(t *testing.T, n int, limit int64) []*jwt.Verifier {
	all := make([]*jwt.Verifier, n)
	for i := range all {
		c := configFor(jwt.StaticKeys(signers(t)["EdDSA"].Public()))
		c.MaxTokenBytes = limit
		if i < n-1 {
			c.Issuer = fmt.Sprint("https://issuer-", i, ".example")
		}
		all[i] = mustNew(t, c)
	}
	return all
}

// padded is a token of the issuer with a payload of so many bytes, and an escape
// in an early name.
func padded(issuer string, size int) string {
	payload := `{"\u0061":"` + strings.Repeat(`\n`, size/2) + `","iss":"` + strings.ReplaceAll(issuer, "/", `\/`) + `"}`
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".AAAA"
}

// Nothing of a token that is too long is looked at, however it is written, and
// a long one is looked into once for all verifiers.
func TestCaseAuth11DetectIsBounded(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, limit := range []int64{0, 1 << 10, 64 << 10} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			all := many(t, 10, limit)
			most := int(limit)
			if most == 0 {
				most = 8 << 10
			}
			for name, test := range map[string]struct {
				token string
				want  auth.Presence
			}{
				"escaped":           {padded(issuerURL, most/2), auth.Explicit},
				"escaped-too-long":  {padded(issuerURL, most), auth.None},
				"much-too-long":     {padded(issuerURL, 1<<20), auth.None},
				"dots":              {strings.Repeat(".", 1<<20), auth.None},
				"no-dots":           {strings.Repeat("A", 1<<20), auth.None},
				"one-byte-too-long": {"e30." + strings.Repeat("A", most-4-5+1) + ".AAAA", auth.None},
			} {
				r, _ := bulwark.Enter(bearer(test.token))
				if got := all[len(all)-1].Detect(r); got != test.want {
					t.Errorf("%s: presence %v, want %v", name, got, test.want)
				}
				allocs := testing.AllocsPerRun(20, func() {
					for i, v := range all {
						if got := v.Detect(r); i < len(all)-1 && got != auth.None {
							t.Fatalf("%s: presence %v", name, got)
						}
					}
				})
				if allocs != 0 {
					t.Errorf("%s: %.0f allocations", name, allocs)
				}
			}
		})
	}
}

// What was found out about a token is of no use for another one, in the same
// request or in one within it.
func TestCaseAuth11EachTokenIsLookedAt(t *testing.T) {
	mine := many(t, 1, 0)[0]
	own, foreign := padded(issuerURL, 4000), padded("https://other.example", 4000)
	r, _ := bulwark.Enter(bearer(own))
	for range 2 {
		r.Header.Set("Authorization", "Bearer "+own)
		if got := mine.Detect(r); got != auth.Explicit {
			t.Errorf("own token: %v", got)
		}
		r.Header.Set("Authorization", "Bearer "+foreign)
		if got := mine.Detect(r); got != auth.None {
			t.Errorf("foreign token: %v", got)
		}
	}
	within := r.Clone(r.Context())
	within.Header.Set("Authorization", "Bearer "+own)
	if got := mine.Detect(within); got != auth.Explicit {
		t.Errorf("own token within: %v", got)
	}
}

// Long tokens are routed, accepted and refused as short ones are.
func TestCaseAuth11LongTokens(t *testing.T) {
	first, second, stranger := authtest.NewIssuer(t), authtest.NewIssuer(t), authtest.NewIssuer(t)
	short := authtest.NewIssuer(t)
	bounded := short.Config()
	bounded.MaxTokenBytes = 1 << 10
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{mustNew(t, first.Config()), mustNew(t, second.Config()), mustNew(t, bounded)}})
	if err != nil {
		t.Fatal(err)
	}
	var recorder bulwarktest.Recorder
	subject := ""
	handler := recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := bulwark.PrincipalFrom(r.Context())
		subject = p.Issuer
	})))
	for name, test := range map[string]struct {
		token, issuer, reason string
	}{
		"first":    {first.Token(authtest.Claims{"a": strings.Repeat("é\n", 700)}), first.URL(), ""},
		"second":   {second.Token(authtest.Claims{"a": strings.Repeat("é\n", 700)}), second.URL(), ""},
		"stranger": {stranger.Token(authtest.Claims{"a": strings.Repeat("é\n", 700)}), "", "issuer"},
		"too-long": {first.Token(authtest.Claims{"a": strings.Repeat("é\n", 7000)}), "", "malformed"},
		// The iss is one of ours: the length is what is wrong.
		"too-long-for-its-verifier": {short.Token(authtest.Claims{"a": strings.Repeat("é\n", 700)}), "", "malformed"},
	} {
		recorder.Take()
		subject = ""
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, bearer(test.token))
		if subject != test.issuer {
			t.Errorf("%s: the caller is of %q, want %q", name, subject, test.issuer)
		}
		if events := recorder.Events(); test.reason != "" && (w.Code != 401 || len(events) != 1 || events[0].Reason != test.reason) {
			t.Errorf("%s: %d, %+v, want %s", name, w.Code, events, test.reason)
		}
	}
}

// A token that is far too long costs next to nothing, with or without a server
// in front.
func TestNitAuthMaxBytesComesFirst(t *testing.T) {
	s := newService(t, configFor(jwt.StaticKeys(signers(t)["EdDSA"].Public())))
	for _, token := range []string{padded(issuerURL, 22<<20), strings.Repeat(".", 22<<20), strings.Repeat("A", 22<<20)} {
		w := s.send(token)
		if events := s.recorder.Events(); w.Code != http.StatusUnauthorized || s.ran || len(events) != 1 || events[0].Reason != "malformed" {
			t.Errorf("%d, %+v", w.Code, events)
		}
		if race.Enabled {
			continue
		}
		if n := testing.AllocsPerRun(1, func() { s.handler.ServeHTTP(httptest.NewRecorder(), bearer(token)) }); n > 200 {
			t.Errorf("%.0f allocations", n)
		}
	}
}
