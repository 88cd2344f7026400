package recipes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/authz"
)

// devices are the sessions of browsers and apps. A session ends after half an
// hour without a request, and after twelve hours at the latest.
func devices(signer *jwt.Signer, storeKey []byte, accounts Accounts) (*session.Sessions, error) {
	return session.New(session.Config{
		Signer:        signer,
		Audience:      "https://api.example.com",
		Store:         &session.MemoryStore{},
		StoreKeys:     [][]byte{storeKey},
		Lookup:        accounts.Lookup,
		Idle:          30 * time.Minute,
		Lifetime:      12 * time.Hour,
		AccessCookie:  "__Host-shop-access", // another application of this host has other names
		RefreshCookie: "__Host-shop-refresh",
	})
}

// tokenHandler logs in a client that is not a browser, such as an app.
func tokenHandler(accounts Accounts, sessions *session.Sessions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, err := accounts.Check(r.Context(), r.PostFormValue("email"), r.PostFormValue("password"))
		if err == nil && account == nil {
			err = &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.failed", Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}}
		}
		var tokens session.Tokens
		if err == nil {
			tokens, err = sessions.IssueTokens(r, account) // sets no cookie
		}
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(tokens)
	})
}

// otpHandler records that the caller has proven a one-time password. check is
// yours.
func otpHandler(check func(subject, code string) bool, sessions *session.Sessions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok := bulwark.PrincipalFrom(r.Context())
		if !ok || !check(caller.Subject, r.PostFormValue("code")) {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "otp.failed", Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}})
			return
		}
		if err := sessions.AddFactor(w, r, "otp"); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// transferRoute lets a caller pass who has proven a one-time password within
// the last five minutes.
func transferRoute(mux *authz.Mux, transfer http.Handler) {
	mux.Handle("POST /transfer", authz.Authenticated().Factor("otp", 5*time.Minute), transfer)
}

// An IDToken has the claims of an ID token that your client library has
// verified.
type IDToken struct {
	Issuer, Subject, SessionID string    // iss, sub and sid
	AuthTime                   time.Time // auth_time, or iat if there is no auth_time
}

// callback logs in the account that belongs to the ID token.
func callback(w http.ResponseWriter, r *http.Request, sessions *session.Sessions, account bulwark.Principal, id IDToken) {
	account.AuthTime = id.AuthTime
	_, err := sessions.Issue(w, r, &account, session.Provider{Issuer: id.Issuer, Subject: id.Subject, SessionID: id.SessionID})
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// backChannel is the handler for the logout tokens of a provider. keys are
// those of jwt.Discover, with the issuer of the provider.
func backChannel(sessions *session.Sessions, provider, clientID string, keys jwt.KeySource) (http.Handler, error) {
	logoutTokens, err := jwt.New(jwt.Config{Issuer: provider, Audience: []string{clientID}, Keys: keys})
	if err != nil {
		return nil, err
	}
	return sessions.BackChannelHandler(session.BackChannel{Provider: logoutTokens, Replays: &dpop.MemoryReplays{}})
}

// A Device is a session on the page where people see their sessions.
type Device struct {
	ID, UserAgent, Address string
	LastUsed               time.Time
	Current                bool
}

// myDevices lists the sessions of the caller, the last used first.
func myDevices(r *http.Request, sessions *session.Sessions) ([]Device, error) {
	caller, ok := bulwark.PrincipalFrom(r.Context())
	if !ok {
		return nil, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "devices.login"}
	}
	all, err := sessions.List(r.Context(), session.Filter{Subject: caller.Subject})
	var mine []Device
	for _, s := range all {
		mine = append(mine, Device{s.ID, s.UserAgent, s.ClientIP.String(), s.UsedAt, s.ID == caller.SessionID})
	}
	slices.SortFunc(mine, func(a, b Device) int { return b.LastUsed.Compare(a.LastUsed) })
	return mine, err
}

// endMyDevice ends a session of the caller.
func endMyDevice(r *http.Request, sessions *session.Sessions, id string) error {
	caller, ok := bulwark.PrincipalFrom(r.Context())
	if !ok {
		return &bulwark.Problem{Status: http.StatusUnauthorized, Code: "devices.login"}
	}
	return sessions.Revoke(r.Context(), caller.Subject, id)
}

// everyone calls visit for each session in use, for a page of an administrator.
func everyone(ctx context.Context, sessions *session.Sessions, visit func(session.Session)) error {
	const perPage = 1000
	for page := (session.Filter{Limit: perPage}); ; {
		all, err := sessions.List(ctx, page)
		if err != nil {
			return err
		}
		for _, s := range all {
			page.After = s.ID
			visit(s)
		}
		if len(all) < perPage {
			return nil
		}
	}
}

// sessionsAnswer is the answer to a login or a refresh of an app.
const sessionsAnswer = `
{"access_token":"eyJ…","token_type":"Bearer","expires_in":900,"refresh_token":"AYq…"}
`

// sessionsRefresh is what an app sends to refresh.
const sessionsRefresh = `
POST /refresh HTTP/1.1
Content-Type: application/json

{"refresh_token":"AYq…"}
`

// sessionsAccounts has one account.
type sessionsAccounts struct{}

func (sessionsAccounts) Check(_ context.Context, email, password string) (*bulwark.Principal, error) {
	if email != "alice@example.com" || password != "correct horse" {
		return nil, nil
	}
	return &bulwark.Principal{Subject: "alice"}, nil
}

func (sessionsAccounts) Lookup(_ context.Context, subject string) (*bulwark.Principal, error) {
	return &bulwark.Principal{Subject: subject}, nil
}

func TestSessionsPage(t *testing.T) {
	newSigner := func(issuer string) *jwt.Signer {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer}))
	}
	provider := newSigner("https://login.example.net")
	storeKey := make([]byte, 32)
	rand.Read(storeKey)
	sessions := bulwark.Must(devices(newSigner("https://api.example.com"), storeKey, sessionsAccounts{}))
	mux := http.NewServeMux()
	mux.Handle("POST /token", tokenHandler(sessionsAccounts{}, sessions))
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	mux.Handle("POST /otp", otpHandler(func(_, code string) bool { return code == "123456" }, sessions))
	routes := authz.NewMux(bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"money": {"transfer"}},
		Roles:     authz.Roles{"customer": {Grants: []string{"money:transfer:own"}}},
	})))
	transferRoute(routes, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	mux.Handle("POST /transfer", routes)
	mux.Handle("POST /backchannel-logout", bulwark.Must(backChannel(sessions, "https://login.example.net", "our-client", provider.Keys())))
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		callback(w, r, sessions, bulwark.Principal{Subject: "alice"}, IDToken{"https://login.example.net", "2482", "x", time.Now()})
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		mine, err := myDevices(r, sessions)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		json.NewEncoder(w).Encode(mine)
	})
	mux.HandleFunc("DELETE /devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := endMyDevice(r, sessions, r.PathValue("id")); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	stack := bulwark.Must(bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true}))
	server := httptest.NewTLSServer(stack.Wrap(mux))
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	app, page := server.Client(), &http.Client{Transport: server.Client().Transport, Jar: jar}
	send := func(client *http.Client, method, path, contentType, body, bearer string, want int, into any) {
		t.Helper()
		r, _ := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		if client == page {
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("%s %s: %d, want %d", method, path, res.StatusCode, want)
		}
		if into != nil {
			if err := json.NewDecoder(res.Body).Decode(into); err != nil {
				t.Fatal(err)
			}
		}
	}
	const form, asJSON = "application/x-www-form-urlencoded", "application/json"
	var tokens, next session.Tokens
	login := url.Values{"email": {"alice@example.com"}, "password": {"correct horse"}}.Encode()
	send(app, "POST", "/token", form, "email=alice&password=x", "", 401, nil)
	send(page, "POST", "/token", form, login, "", 400, nil) // a browser
	send(app, "POST", "/token", form, login, "", 200, &tokens)
	_, body, _ := strings.Cut(sessionsRefresh, "\n\n")
	send(app, "POST", "/refresh", asJSON, strings.Replace(body, "AYq…", tokens.RefreshToken, 1), "", 200, &next)
	if shownTokens(tokens) != strings.TrimSpace(sessionsAnswer) || shownTokens(next) != strings.TrimSpace(sessionsAnswer) {
		t.Errorf("answers %s and %s", shownTokens(tokens), shownTokens(next))
	}
	send(app, "POST", "/transfer", form, "", next.AccessToken, 401, nil)
	send(app, "POST", "/otp", form, "code=1", next.AccessToken, 403, nil)
	send(app, "POST", "/otp", form, "code=123456", next.AccessToken, 204, nil)
	send(app, "POST", "/transfer", form, "", next.AccessToken, 204, nil)

	send(page, "GET", "/callback", "", "", "", 200, nil) // and the page behind it
	var mine []Device
	send(page, "GET", "/", "", "", "", 200, &mine)
	if len(mine) != 2 || !mine[0].Current && !mine[1].Current || mine[0].Address == "" {
		t.Errorf("devices %+v", mine)
	}
	seen := 0
	if err := everyone(t.Context(), sessions, func(session.Session) { seen++ }); err != nil || seen != 2 {
		t.Errorf("%d sessions, %v", seen, err)
	}
	now := time.Now().Unix()
	token := bulwark.Must(provider.Sign("logout+jwt", map[string]any{"aud": "our-client", "sid": "x", "jti": "1", "iat": now, "exp": now + 120,
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}))
	send(app, "POST", "/backchannel-logout", form, url.Values{"logout_token": {token}}.Encode(), "", 200, nil)
	send(page, "GET", "/", "", "", "", 401, nil)
	send(app, "GET", "/", "", "", next.AccessToken, 200, &mine)
	if len(mine) != 1 {
		t.Fatalf("devices %+v", mine)
	}
	send(app, "DELETE", "/devices/"+mine[0].ID, "", "", next.AccessToken, 200, nil)
	send(app, "GET", "/", "", "", next.AccessToken, 401, nil)
}

// shownTokens are tokens as the page shows them.
func shownTokens(tokens session.Tokens) string {
	tokens.AccessToken, tokens.RefreshToken = tokens.AccessToken[:3]+"…", "AYq…"
	text, _ := json.Marshal(tokens)
	return string(text)
}
