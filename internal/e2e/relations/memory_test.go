package relations

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/authz"
)

// shares says which caller may do what to which document. Its keys are
// userID, engineID and the action, joined by spaces.
type shares map[string]bool

func (s shares) Decide(_ context.Context, q *authz.Query) (authz.Decision, error) {
	return authz.Decision{Allowed: s[userID(q.Principal)+" "+q.ID+" "+q.Action], Reason: "shares"}, nil
}

func TestAnEngineInMemory(t *testing.T) {
	bob := &bulwark.Principal{Issuer: "test", Subject: "bob", Roles: []string{"user"}}
	engine := shares{userID(bob) + " " + engineID("7") + " read": true}
	api, err := newAPI(map[string]*Document{
		"7": {ID: "7", OwnerIssuer: "test", OwnerSubject: "alice"},
		"8": {ID: "8", OwnerIssuer: "test", OwnerSubject: "alice"},
	}, engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	otherBob := &bulwark.Principal{Issuer: "other", Subject: "bob", Roles: []string{"user"}}
	for _, test := range []struct {
		method, target string
		caller         *bulwark.Principal
		want           int
		body           string // of an answer that is 200
	}{
		{"GET", "/documents/7", bob, 200, "document 7\n"},
		{"GET", "/documents/8", bob, 404, ""},
		{"DELETE", "/documents/7", bob, 403, ""},
		{"DELETE", "/documents/8", bob, 404, ""},
		{"GET", "/documents/7", otherBob, 404, ""},
		{"GET", "/documents", bob, 200, "{\"items\":[{\"id\":\"7\"}]}\n"},
		{"GET", "/documents", otherBob, 200, "{\"items\":[]}\n"},
	} {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, authtest.As(httptest.NewRequest(test.method, test.target, nil), test.caller))
		if w.Code != test.want {
			t.Errorf("%s %s as %s of %s: %d, want %d", test.method, test.target, test.caller.Subject, test.caller.Issuer, w.Code, test.want)
		}
		if test.want == 200 && w.Body.String() != test.body {
			t.Errorf("%s %s as %s of %s: %q, want %q", test.method, test.target, test.caller.Subject, test.caller.Issuer, w.Body, test.body)
		}
	}
}
