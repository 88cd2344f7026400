package introspection_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// broken is a store that nobody can ask.
type broken struct{ auth.MemoryRevocations }

func (*broken) Revoked(context.Context, *bulwark.Principal) (bool, error) {
	return false, errors.New("no route to host")
}

// What this service has revoked is refused at once, although the answer about
// it is remembered and the server still calls it active.
func TestRevocations(t *testing.T) {
	answer := changed(map[string]string{"jti": `"t1"`, "sid": `"s1"`, "iat": `1`})
	for name, revocation := range map[string]auth.Revocation{
		"token":   {TokenID: "t1"},
		"session": {SessionID: "s1"},
		"subject": {Subject: "alice", IssuedUntil: time.Now()},
	} {
		t.Run(name, func(t *testing.T) {
			store := &auth.MemoryRevocations{}
			s := &server{answer: says(answer)}
			c := config(s)
			c.Revocations = store
			service := newService(t, c)
			service.accepts("opaque")
			revocation.Issuer = "https://other.example"
			if err := store.Revoke(t.Context(), revocation); err != nil {
				t.Fatal(err)
			}
			service.accepts("opaque")
			revocation.Issuer = issuerURL
			if err := store.Revoke(t.Context(), revocation); err != nil {
				t.Fatal(err)
			}
			service.refuses("opaque", "revoked")
			if n := s.asked.Load(); n != 1 {
				t.Errorf("%d questions, want 1", n)
			}
		})
	}
}

func TestWhatCannotBeRevokedIsRefused(t *testing.T) {
	for name, answer := range map[string]string{
		"none": good, "empty": changed(map[string]string{"jti": `""`, "sid": `""`}), "null": changed(map[string]string{"jti": `null`, "sid": `null`, "iat": `null`}),
	} {
		t.Run(name, func(t *testing.T) {
			c := config(&server{answer: says(answer)})
			newService(t, c).accepts("opaque")
			c.Revocations = &auth.MemoryRevocations{}
			newService(t, c).refuses("opaque", "malformed")
		})
	}
}

func TestRevocationsThatCannotBeAsked(t *testing.T) {
	c := config(&server{answer: says(changed(map[string]string{"jti": `"t1"`, "iat": `1`}))})
	c.Revocations = &broken{}
	service := newService(t, c)
	for range 2 {
		if w := service.send("opaque"); w.Code != 503 || w.Header().Get("Retry-After") == "" || service.last().Reason != "store_unavailable" {
			t.Errorf("%d, %v", w.Code, service.last())
		}
	}
}
