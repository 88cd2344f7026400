package session_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/internal/secrettest"
)

func TestTokensAreNotLogged(t *testing.T) {
	tokens := session.Tokens{AccessToken: "hunter2", TokenType: "Bearer", ExpiresIn: 900}
	for _, value := range []any{tokens, &tokens} {
		if text := secrettest.Logged(value); strings.Contains(text, "hunter2") || strings.Contains(text, "68756e746572") || !strings.Contains(text, "900") {
			t.Errorf("log %s", text)
		}
	}
	// The body of the answer stays what it is.
	if body, err := json.Marshal(tokens); err != nil || string(body) != `{"access_token":"hunter2","token_type":"Bearer","expires_in":900}` {
		t.Errorf("%s, %v", body, err)
	}
}

func TestStoreKeysAreNotPrinted(t *testing.T) {
	c := config(t)
	c.StoreKeys = [][]byte{[]byte("hunter2hunter2hunter2hunter2hunt")}
	sessions, err := session.New(c)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(encoded), secrettest.Logged(c), secrettest.Printed(t, &c), secrettest.Printed(t, struct{ C session.Config }{c}), secrettest.Printed(t, sessions)} {
		for _, spelling := range []string{"hunter2", "aHVudGVy", "104 117 110", "68756e74", "0x68, 0x75"} {
			if strings.Contains(text, spelling) {
				t.Errorf("the key is shown: %s", text)
			}
		}
	}
	if text := fmt.Sprint(c); !strings.Contains(text, issuer) {
		t.Errorf("%q does not tell the issuer", text)
	}
	if text := fmt.Sprint(session.Config{}); text == "" {
		t.Error("a zero Config prints nothing")
	}
}

func TestSignerMadeWithoutNew(t *testing.T) {
	for name, signer := range map[string]*jwt.Signer{"zero": {}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			c.Signer = signer
			sessions, err := session.New(c)
			if got := faulttest.Fields(err); sessions != nil || len(got) != 1 || got[0] != "session.Signer" {
				t.Errorf("errors for %q: %v", got, err)
			}
		})
	}
}

// The caller's slice and ours are two: a session's roles come from its own
// token.
func TestPrincipalsShareNoSpareRoom(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	r := httptest.NewRequest("GET", "/me", nil)
	r.Header.Set("Authorization", "Bearer "+tok.bearer)
	p, err := s.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	if cap(p.Roles) != len(p.Roles) || cap(p.Scopes) != len(p.Scopes) || len(p.Scopes) != 2 {
		t.Errorf("%d of %d roles, %d of %d scopes", len(p.Roles), cap(p.Roles), len(p.Scopes), cap(p.Scopes))
	}
}

// A time with a monotonic reading stands still while a machine is suspended.
func TestSessionsEndByTheClockOnTheWall(t *testing.T) {
	s := start(t, nil)
	s.login(t, "alice")
	live, err := s.List(t.Context(), session.Filter{Subject: "alice"})
	if err != nil || len(live) != 1 {
		t.Fatalf("%v, %v", live, err)
	}
	if text := live[0].ExpiresAt.String(); strings.Contains(text, " m=") {
		t.Errorf("the end %s has a monotonic reading", text)
	}
}
