package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A logout revokes the token of the request. A logout everywhere revokes all
// tokens of the caller.
func ExampleRevoke() {
	revocations := &auth.MemoryRevocations{} // several processes need a store that they share
	mux := http.NewServeMux()
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if caller, ok := bulwark.PrincipalFrom(r.Context()); ok {
			if err := auth.Revoke(r.Context(), revocations, auth.RevocationOf(caller)); err != nil {
				bulwark.Deny(w, r, err)
				return
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /logout/everywhere", func(w http.ResponseWriter, r *http.Request) {
		if caller, ok := bulwark.PrincipalFrom(r.Context()); ok {
			err := auth.Revoke(r.Context(), revocations, auth.Revocation{
				Issuer:      caller.Issuer,
				Subject:     caller.Subject,
				IssuedUntil: time.Now(),
				Expires:     time.Now().Add(time.Hour + 5*time.Minute), // tokens last an hour here
			})
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})

	// The principals that an authentication layer makes of two tokens.
	issued := time.Now().Add(-time.Minute)
	token := func(id string) *bulwark.Principal {
		return &bulwark.Principal{Issuer: "https://issuer.example", Subject: "alice", TokenID: id, IssuedAt: issued, ExpiresAt: issued.Add(time.Hour)}
	}
	phone, laptop := token("phone"), token("laptop")
	var events bulwarktest.Recorder // audit.Config{} in a real service
	send := func(path string, caller *bulwark.Principal) {
		r := httptest.NewRequest(http.MethodPost, path, nil)
		w := httptest.NewRecorder()
		events.Wrap(mux).ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), caller)))
		onPhone, _ := revocations.Revoked(r.Context(), phone)
		onLaptop, _ := revocations.Revoked(r.Context(), laptop)
		fmt.Println(w.Code, "phone revoked:", onPhone, "laptop revoked:", onLaptop)
	}
	send("/logout", phone)
	send("/logout/everywhere", laptop)
	for _, e := range events.Events() {
		fmt.Println(e.Name, e.Reason, e.UserID)
	}

	// Output:
	// 204 phone revoked: true laptop revoked: false
	// 204 phone revoked: true laptop revoked: true
	// authn_token_revoked token alice
	// authn_token_revoked subject alice
}
