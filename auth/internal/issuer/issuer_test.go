package issuer_test

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
)

// token has the payload between a header and a signature that nobody reads.
func token(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

// An issuer stands in the path of an error if it can be read there, and holds
// no password.
func TestLabel(t *testing.T) {
	for text, want := range map[string]string{
		"https://issuer.example/realms/a":    "(https://issuer.example/realms/a)",
		"accounts.example":                   "(accounts.example)",
		strings.Repeat("a", 128):             "(" + strings.Repeat("a", 128) + ")",
		strings.Repeat("a", 129):             "",
		"":                                   "",
		"https://user:secret@issuer.example": "",
		"https://issuer.example/?key=secret": "",
		"https://issuer.example/#a":          "",
		"https://issuer.example/ a":          "",
		"https://issuer.example/\n":          "",
		"https://issuer.example/\u202e":      "",
		"https://issuer.example/(a)":         "",
		"https://issuer.example/a[0]":        "",
	} {
		if got := issuer.Label(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWhoseTokenItIs(t *testing.T) {
	const ours = "https://issuer.example"
	long := `,"pad":"` + strings.Repeat("x", 4096) + `"}`
	for name, test := range map[string]struct {
		token string
		limit int
		named string // empty is nobody
	}{
		"short":             {token(`{"iss":"https://issuer.example"}`), 8192, ours},
		"long":              {token(`{"iss":"https://issuer.example"` + long), 8192, ours},
		"short-of-another":  {token(`{"iss":"https://other.example"}`), 8192, "https://other.example"},
		"long-of-another":   {token(`{"iss":"https://other.example"` + long), 8192, "https://other.example"},
		"short-of-nobody":   {token(`{"sub":"alice"}`), 8192, ""},
		"long-of-nobody":    {token(`{"sub":"alice"` + long), 8192, ""},
		"no-token":          {"hunter2", 8192, ""},
		"longer-than-limit": {token(`{"iss":"https://issuer.example"` + long), 4096, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
			for range 2 { // the second time, a long token is remembered
				if got := issuer.IsFrom(r, test.token, ours, test.limit); got != (test.named == ours) {
					t.Errorf("is ours: %t", got)
				}
				if got, ok := issuer.Of(r, test.token, test.limit); got != test.named || ok != (test.named != "") {
					t.Errorf("named %q, %t, want %q", got, ok, test.named)
				}
			}
		})
	}
}

// What is remembered is for one token of one request.
func TestWhatIsRememberedIsForOneToken(t *testing.T) {
	long := `,"pad":"` + strings.Repeat("x", 4096) + `"}`
	one, two := token(`{"iss":"one"`+long), token(`{"iss":"two"`+long)
	r, _ := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	for _, test := range []struct {
		token, issuer string
		want          bool
	}{{one, "one", true}, {two, "one", false}, {two, "two", true}, {one, "two", false}, {one, "one", true}} {
		if got := issuer.IsFrom(r, test.token, test.issuer, 8192); got != test.want {
			t.Errorf("from %s: %t, want %t", test.issuer, got, test.want)
		}
	}
}
