package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

const (
	idp      = "https://login.example.net"
	clientID = "s6BhdRkqt3"
)

// channel is a service that an identity provider can log people out of.
type channel struct {
	*service
	idp     *jwt.Signer
	replays *flakyReplays
	jti     int
}

// flakyReplays can be made to fail.
type flakyReplays struct {
	dpop.Replays
	err   error
	panic bool
}

func (f *flakyReplays) Use(ctx context.Context, client, id string, until time.Time) (bool, error) {
	switch {
	case f.panic:
		panic("hunter2")
	case f.err != nil:
		return false, f.err
	}
	return f.Replays.Use(ctx, client, id, until)
}

func idpVerifier(t testing.TB, signer *jwt.Signer) *jwt.Verifier {
	t.Helper()
	return bulwark.Must(jwt.New(jwt.Config{Issuer: signer.Issuer(), Audience: []string{clientID}, Keys: signer.Keys()}))
}

func newChannel(t testing.TB, change func(*session.Config)) *channel {
	t.Helper()
	c := &channel{service: start(t, change), replays: &flakyReplays{Replays: &dpop.MemoryReplays{}},
		idp: bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: idp}))}
	logout, err := c.BackChannelHandler(session.BackChannel{Provider: idpVerifier(t, c.idp), Replays: c.replays})
	if err != nil {
		t.Fatal(err)
	}
	inner := c.handler
	mux := http.NewServeMux()
	mux.Handle("/", inner)
	mux.Handle("/backchannel", logout)
	c.handler = c.events.Wrap(mux)
	return c
}

// enter logs somebody in who comes from a provider.
func (c *channel) enter(subject string, p session.Provider, at time.Time) (tokens, error) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
	var issued session.Tokens
	var err error
	c.events.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if issued, err = c.Issue(w, r, &bulwark.Principal{Subject: subject, AuthTime: at}, p); err != nil {
			bulwark.Deny(w, r, err)
		}
	})).ServeHTTP(w, r)
	if err != nil {
		return tokens{}, err
	}
	c.events.Take()
	a := reply{Response: w.Result()}
	tok := tokens{bearer: issued.AccessToken}
	for _, cookie := range a.Cookies() {
		if cookie.Name == access {
			tok.access = cookie.Value
		} else {
			tok.refresh = cookie.Value
		}
	}
	return tok, nil
}

func (c *channel) mustEnter(t testing.TB, subject string, p session.Provider) tokens {
	t.Helper()
	tok, err := c.enter(subject, p, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// logoutToken is a good token with changes; nil takes a claim out.
func (c *channel) logoutToken(t testing.TB, changes map[string]any) string {
	t.Helper()
	c.jti++
	now := time.Now().Unix()
	all := map[string]any{"aud": clientID, "iat": now, "exp": now + 120, "jti": fmt.Sprint("jti-", c.jti),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	token, err := c.idp.Sign("logout+jwt", all)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const asForm = "application/x-www-form-urlencoded"

func (c *channel) tell(token string) reply {
	return c.send("/backchannel", asForm, url.Values{"logout_token": {token}}.Encode())
}

// done asserts the answer of section 2.8.
func (a reply) done(t testing.TB, events string) {
	t.Helper()
	if a.StatusCode != 200 || a.body != "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, body %q, Cache-Control %q", a.StatusCode, a.body, a.Header.Get("Cache-Control"))
	}
	a.noCookies(t)
	a.reported(t, events)
}

func times(n int, event string) string { return strings.TrimSpace(strings.Repeat(event+" ", n)) }

const endedByIdp = "authn_token_revoked/backchannel"

func TestBackChannelLogout(t *testing.T) {
	for name, test := range map[string]struct {
		claims map[string]any
		ends   []string
	}{
		"sid":           {map[string]any{"sid": "x"}, []string{"carol-x", "carol-x-again", "dave-x"}},
		"other-sid":     {map[string]any{"sid": "y"}, []string{"carol-y"}},
		"sub":           {map[string]any{"sub": "carol"}, []string{"carol-x", "carol-x-again", "carol-y", "carol-none"}},
		"both":          {map[string]any{"sub": "carol", "sid": "x"}, []string{"carol-x", "carol-x-again", "dave-x", "carol-none"}},
		"unknown-sid":   {map[string]any{"sid": "unknown"}, nil},
		"unknown-sub":   {map[string]any{"sub": "Carol"}, nil},
		"sub-like-sid":  {map[string]any{"sub": "x"}, nil},
		"sid-like-sub":  {map[string]any{"sid": "carol"}, nil},
		"our-subject":   {map[string]any{"sub": "alice"}, nil},
		"empty-sub-sid": {map[string]any{"sub": "", "sid": "y"}, []string{"carol-y"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChannel(t, nil)
				all := map[string]tokens{}
				for login, p := range map[string]session.Provider{
					"carol-x":         {Issuer: idp, Subject: "carol", SessionID: "x"},
					"carol-x-again":   {Issuer: idp, Subject: "carol", SessionID: "x"}, // on another device
					"carol-y":         {Issuer: idp, Subject: "carol", SessionID: "y"},
					"carol-none":      {Issuer: idp, Subject: "carol"},
					"dave-x":          {Issuer: idp, Subject: "dave", SessionID: "x"},
					"elsewhere":       {Issuer: "https://other.example", Subject: "carol", SessionID: "x"},
					"without":         {},
					"elsewhere-slash": {Issuer: idp + "/", Subject: "carol", SessionID: "y"},
				} {
					all[login] = c.mustEnter(t, "alice", p)
				}
				a := c.tell(c.logoutToken(t, test.claims))
				a.done(t, times(len(test.ends), endedByIdp))
				for _, e := range a.events {
					if e.Issuer != issuer || e.UserID != "alice" || e.Attrs[0].Key != "session" {
						t.Errorf("event %+v", e)
					}
				}
				for login, tok := range all {
					if slices.Contains(test.ends, login) {
						c.dead(t, tok, "revoked")
						continue
					}
					if a := c.withCookie(tok.access); a.StatusCode != 200 {
						t.Errorf("%s has ended: %s", login, a.names())
					}
				}
			})
		})
	}
}

// A login that was ended before it arrived is refused.
func TestALogoutBeforeTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChannel(t, nil)
		before := time.Now()
		time.Sleep(minute)
		x := session.Provider{Issuer: idp, Subject: "carol", SessionID: "x"}
		erin := session.Provider{Issuer: idp, Subject: "erin"}
		own := c.login(t, "alice")
		c.tell(c.logoutToken(t, map[string]any{"sid": "x", "sub": "carol"})).done(t, "")
		c.tell(c.logoutToken(t, map[string]any{"sub": "erin"})).done(t, "")
		refused := func(p session.Provider, at time.Time) {
			t.Helper()
			_, err := c.enter("alice", p, at)
			a := reply{events: c.events.Take()}
			problem, ok := err.(*bulwark.Problem)
			if !ok || problem.Status != 401 || problem.Code != "session.logged_out" {
				t.Errorf("%+v at %v: %v", p, at, err)
			}
			a.reported(t, "authn_login_fail/session.logged_out")
			a.explained(t, tokens{}, "session.BackChannel.MarkLifetime")
			r := httptest.NewRequest("POST", "/", nil)
			if _, err := c.IssueTokens(r, &bulwark.Principal{Subject: "alice", AuthTime: at}, p); err == nil || !strings.Contains(err.Error(), "logged_out") {
				t.Errorf("IssueTokens: %v", err)
			}
		}
		refused(x, before)
		refused(x, time.Now().Add(time.Hour)) // a sid is one login, at whatever time
		refused(erin, before)
		refused(erin, time.Now())
		// A later login, another login, and another provider.
		time.Sleep(time.Second)
		for _, p := range []session.Provider{erin, {Issuer: idp, Subject: "carol", SessionID: "y"}, {Issuer: idp, Subject: "carol"},
			{Issuer: "https://other.example", Subject: "carol", SessionID: "x"}, {Issuer: idp, Subject: "x"}} {
			if _, err := c.enter("alice", p, time.Now()); err != nil {
				t.Errorf("%+v: %v", p, err)
			}
		}
		c.alive(t, own)
		c.events.Take()
		time.Sleep(59*minute - 2*time.Second)
		refused(x, before)
		time.Sleep(minute + 2*time.Second)
		if _, err := c.enter("alice", x, before); err != nil {
			t.Errorf("after MarkLifetime: %v", err)
		}
	})
}

// A refused login ends nothing and sets no cookie.
func TestALoginThatWasLoggedOutChangesNothing(t *testing.T) {
	c := newChannel(t, func(c *session.Config) { c.MaxSessions = 1 })
	tok := c.login(t, "alice")
	c.tell(c.logoutToken(t, map[string]any{"sid": "x"})).done(t, "")
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", refresh+"="+tok.refresh)
	if _, err := c.Issue(w, r, &bulwark.Principal{Subject: "alice", AuthTime: time.Now()}, session.Provider{Issuer: idp, SessionID: "x"}); err == nil {
		t.Error("it was accepted")
	}
	if len(w.Header()) > 0 {
		t.Errorf("header %v", w.Header())
	}
	c.alive(t, tok)
}

func TestLogoutTokensAreUsedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChannel(t, nil)
		p := session.Provider{Issuer: idp, Subject: "carol"}
		token := c.logoutToken(t, map[string]any{"sub": "carol"})
		c.tell(token).done(t, "")
		time.Sleep(time.Second)
		tok := c.mustEnter(t, "alice", p) // a later login
		for range 17 {
			a := c.tell(token)
			a.refused(t, 400, "session.logout_token", "authn_token_invalid/replay")
			a.explained(t, tokens{access: token}, "session.BackChannel.Replays")
			c.alive(t, tok)
			time.Sleep(10 * time.Second) // until nobody needs to remember it
		}
		time.Sleep(minute)
		c.tell(token).refused(t, 400, "session.logout_token", "authn_token_invalid/expired")
		c.login(t, "alice")
		// Many at once, and one of them counts.
		token = c.logoutToken(t, map[string]any{"sub": "carol"})
		answers := make(chan int, 20)
		for range cap(answers) {
			go func() { answers <- c.tell(token).StatusCode }()
		}
		good := 0
		for range cap(answers) {
			if <-answers == 200 {
				good++
			}
		}
		if good != 1 {
			t.Errorf("%d of the same token were accepted", good)
		}
	})
}

func TestLogoutRequestsThatAreRefused(t *testing.T) {
	c := newChannel(t, nil)
	tok := c.mustEnter(t, "alice", session.Provider{Issuer: idp, Subject: "carol", SessionID: "x"})
	token := c.logoutToken(t, map[string]any{"sid": "x"})
	form := "logout_token=" + token
	for name, test := range map[string]struct {
		contentType, body, reason string
	}{
		"nothing":       {asForm, "", "malformed"},
		"no-token":      {asForm, "token=" + token, "malformed"},
		"empty":         {asForm, "logout_token=", "malformed"},
		"twice":         {asForm, form + "&" + form, "malformed"},
		"not-a-form":    {asForm, form + "&a=%zz", "malformed"},
		"semicolon":     {asForm, form + ";a=b", "malformed"},
		"json":          {asJSON, `{"logout_token":"` + token + `"}`, "malformed"},
		"no-type":       {"", form, "malformed"},
		"multipart":     {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=logout_token\r\n\r\n" + token + "\r\n--x--", "malformed"},
		"nonsense":      {asForm, "logout_token=hunter2", "malformed"},
		"nonce":         {asForm, "logout_token=" + c.logoutToken(t, map[string]any{"sid": "x", "nonce": "n"}), "malformed"},
		"no-events":     {asForm, "logout_token=" + c.logoutToken(t, map[string]any{"sid": "x", "events": nil}), "malformed"},
		"wrong-events":  {asForm, "logout_token=" + c.logoutToken(t, map[string]any{"sid": "x", "events": map[string]any{"logout": map[string]any{}}}), "malformed"},
		"old":           {asForm, "logout_token=" + c.logoutToken(t, map[string]any{"sid": "x", "iat": time.Now().Unix() - 600, "exp": time.Now().Unix() + 600}), "expired"},
		"another-aud":   {asForm, "logout_token=" + c.logoutToken(t, map[string]any{"sid": "x", "aud": "other"}), "audience"},
		"access-token":  {asForm, "logout_token=" + tok.bearer, "type"},
		"of-nobody":     {asForm, "logout_token=" + c.logoutToken(t, nil), "malformed"},
		"id-token-typ":  {asForm, "logout_token=" + bulwark.Must(c.idp.Sign("JWT", map[string]any{"exp": time.Now().Unix() + 60, "sid": "x", "aud": clientID})), "type"},
		"other-signing": {asForm, "logout_token=" + newChannel(t, nil).logoutToken(t, map[string]any{"sid": "x"}), "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.send("/backchannel", test.contentType, test.body)
			reason := test.reason
			if name == "other-signing" { // a kid that nobody has
				reason = "unknown_key"
			}
			a.refused(t, 400, "session.logout_token", "authn_token_invalid/"+reason)
			a.explained(t, tokens{access: token})
			if strings.Contains(a.body, "hunter2") || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("answer %s, %v", a.body, a.Header)
			}
		})
	}
	c.send("/backchannel", asForm, form+"&pad="+strings.Repeat("x", 16<<10)).refused(t, 413, "body.too_large", "input_validation_fail/body.too_large")
	for _, method := range []string{"GET", "PUT", "DELETE", "HEAD"} {
		a := c.do(method, "/backchannel?"+form)
		if a.StatusCode != 405 || a.Header.Get("Allow") != "POST" {
			t.Errorf("%s: %d", method, a.StatusCode)
		}
	}
	// The query is no form, and neither is a cookie.
	c.send("/backchannel?"+form, asForm, "").refused(t, 400, "session.logout_token", "authn_token_invalid/malformed")
	c.alive(t, tok)
	// Other members mean nothing (section 2.5).
	c.send("/backchannel", asForm, "state=x&"+form+"&more=1").done(t, endedByIdp)
	c.dead(t, tok, "revoked")
}

func TestBackChannelDuringOutages(t *testing.T) {
	carol := session.Provider{Issuer: idp, Subject: "carol", SessionID: "x"}
	for name, test := range map[string]struct {
		breaks func(*channel)
		code   string
		events string
		ends   bool // all the same
		want   string
	}{
		"replays":       {func(c *channel) { c.replays.err = errDown }, "auth.unavailable", "sys_unavailable/store_unavailable", false, "session.BackChannel.Replays"},
		"replays-full":  {func(c *channel) { c.replays.err = auth.ErrFull }, "auth.unavailable", "sys_unavailable/store_full", false, "session.BackChannel.Replays has no room"},
		"replays-panic": {func(c *channel) { c.replays.panic = true }, "auth.unavailable", "sys_unavailable/store_unavailable", false, "panicked"},
		"mark":          {func(c *channel) { c.store.breakDown("RevokeProvider") }, "session.unavailable", endedByIdp + " sys_unavailable/session.unavailable", true, "session.Config.Store"},
		"list":          {func(c *channel) { c.store.breakDown("List") }, "session.unavailable", "sys_unavailable/session.unavailable", false, "session.Config.Store"},
		"delete":        {func(c *channel) { c.store.breakDown("Delete") }, "session.unavailable", "sys_unavailable/session.unavailable", false, "session.Config.Store"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChannel(t, nil)
			tok := c.mustEnter(t, "alice", carol)
			test.breaks(c)
			a := c.tell(c.logoutToken(t, map[string]any{"sid": "x"}))
			a.refused(t, 503, test.code, test.events)
			a.explained(t, tok, test.want)
			c.store.breakDown()
			c.replays.err, c.replays.panic = nil, false
			if test.ends {
				c.dead(t, tok, "revoked")
				return
			}
			c.alive(t, tok)
			c.tell(c.logoutToken(t, map[string]any{"sid": "x"})).done(t, endedByIdp) // the next token
			c.dead(t, tok, "revoked")
		})
	}
	t.Run("marks-full", func(t *testing.T) {
		c := newChannel(t, func(c *session.Config) { c.Store = &flaky{Store: &session.MemoryStore{Max: 2}} })
		tok := c.mustEnter(t, "alice", carol)
		for _, sid := range []string{"a", "b"} {
			c.tell(c.logoutToken(t, map[string]any{"sid": sid})).done(t, "")
		}
		c.tell(c.logoutToken(t, map[string]any{"sid": "x"})).refused(t, 503, "session.store_full", endedByIdp+" sys_unavailable/session.store_full")
		c.dead(t, tok, "revoked") // what could be done was done
	})
	t.Run("keys", func(t *testing.T) {
		provider := authtest.NewIssuer(t)
		provider.Down(true)
		c := newChannel(t, nil)
		v := bulwark.Must(jwt.New(jwt.Config{Issuer: provider.URL(), Audience: []string{clientID}, Keys: provider.Keys()}))
		t.Cleanup(func() { v.Shutdown(context.Background()) })
		logout, err := c.BackChannelHandler(session.BackChannel{Provider: v, Replays: c.replays})
		if err != nil {
			t.Fatal(err)
		}
		c.handler = c.events.Wrap(logout)
		token := provider.TokenOfType("logout+jwt", authtest.Claims{"aud": clientID, "sid": "x", "jti": "1", "iat": time.Now().Unix(),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}})
		c.tell(token).refused(t, 503, "auth.unavailable", "sys_unavailable/keys_unavailable")
	})
}

func TestBackChannelConfig(t *testing.T) {
	c := newChannel(t, nil)
	good := session.BackChannel{Provider: idpVerifier(t, c.idp), Replays: &dpop.MemoryReplays{}}
	for name, test := range map[string]struct {
		change func(*session.BackChannel)
		want   []string
	}{
		"good":        {func(*session.BackChannel) {}, nil},
		"nothing":     {func(b *session.BackChannel) { *b = session.BackChannel{} }, []string{"session(backchannel).Provider", "session(backchannel).Replays"}},
		"unmade":      {func(b *session.BackChannel) { b.Provider = &jwt.Verifier{} }, []string{"session(backchannel).Provider"}},
		"nil-replays": {func(b *session.BackChannel) { b.Replays = (*dpop.MemoryReplays)(nil) }, []string{"session(backchannel).Replays"}},
		"mark-short":  {func(b *session.BackChannel) { b.MarkLifetime = minute }, []string{"session(backchannel).MarkLifetime"}},
		"mark-long":   {func(b *session.BackChannel) { b.MarkLifetime = 25 * time.Hour }, []string{"session(backchannel).MarkLifetime"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := good
			test.change(&b)
			handler, err := c.BackChannelHandler(b)
			if got := faulttest.Fields(err); !slices.Equal(got, test.want) || (handler == nil) != (test.want != nil) {
				t.Errorf("fields %q, want %q", got, test.want)
			}
		})
	}
}

func TestProvidersThatCannotLogIn(t *testing.T) {
	c := newChannel(t, nil)
	now := time.Now()
	for name, test := range map[string]struct {
		at   time.Time
		from []session.Provider
		ok   bool
	}{
		"none":         {time.Time{}, nil, true},
		"zero":         {time.Time{}, []session.Provider{{}}, true},
		"good":         {now, []session.Provider{{Issuer: idp, Subject: "carol"}}, true},
		"sid-alone":    {now, []session.Provider{{Issuer: idp, SessionID: "x"}}, true},
		"no-time":      {time.Time{}, []session.Provider{{Issuer: idp, Subject: "carol"}}, false},
		"no-issuer":    {now, []session.Provider{{Subject: "carol", SessionID: "x"}}, false},
		"issuer-alone": {now, []session.Provider{{Issuer: idp}}, false},
		"two":          {now, []session.Provider{{Issuer: idp, Subject: "carol"}, {Issuer: idp, Subject: "dave"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &bulwark.Principal{Subject: "alice", AuthTime: test.at}
			_, err := c.Issue(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil), p, test.from...)
			_, inBody := c.IssueTokens(httptest.NewRequest("POST", "/", nil), p, test.from...)
			if (err == nil) != test.ok || (inBody == nil) != test.ok {
				t.Errorf("%v, %v", err, inBody)
			}
		})
	}
	live, err := c.List(t.Context(), session.Filter{Provider: session.Provider{Issuer: idp}})
	if err != nil || len(live) != 4 {
		t.Errorf("%d sessions of the provider, %v", len(live), err)
	}
	if text, _ := json.Marshal(live); !strings.Contains(string(text), "carol") {
		t.Error("List does not say where a login comes from")
	}
}

// A refresh at the same time does not save a session.
func TestBackChannelBesideRefreshes(t *testing.T) {
	c := newChannel(t, nil)
	for range 20 {
		tok := c.mustEnter(t, "alice", session.Provider{Issuer: idp, Subject: "carol"})
		done := make(chan reply)
		go func() { done <- c.service.refresh(tok.refresh) }()
		token := c.logoutToken(t, map[string]any{"sub": "carol", "iat": time.Now().Unix() - 100})
		c.tell(token)
		a := <-done
		for _, cookie := range a.Cookies() {
			if me := c.do("GET", "/me", "Cookie", access+"="+cookie.Value); cookie.Name == access && me.StatusCode != 204 {
				t.Fatal("the session outlived the logout")
			}
		}
	}
}

// heeding is a store that heeds contexts, as a database does.
type heeding struct{ session.Store }

func (h heeding) List(ctx context.Context, f session.Filter) ([]session.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return h.Store.List(ctx, f)
}

// hangsUp ends the request as soon as its token has been used.
type hangsUp struct {
	dpop.Replays
	cancel context.CancelFunc
}

func (h hangsUp) Use(ctx context.Context, client, id string, until time.Time) (bool, error) {
	defer h.cancel()
	if _, ok := ctx.Deadline(); !ok {
		return false, errDown // without a deadline it could wait for ever
	}
	return h.Replays.Use(ctx, client, id, until)
}

// A token that counts as used is carried out, though the provider is gone.
func TestAProviderThatHangsUp(t *testing.T) {
	c := newChannel(t, func(c *session.Config) { c.Store = &flaky{Store: heeding{&session.MemoryStore{}}} })
	tok := c.mustEnter(t, "alice", session.Provider{Issuer: idp, SessionID: "x"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	logout, err := c.BackChannelHandler(session.BackChannel{Provider: idpVerifier(t, c.idp), Replays: hangsUp{&dpop.MemoryReplays{}, cancel}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader("logout_token="+c.logoutToken(t, map[string]any{"sid": "x"})))
	r.Header.Set("Content-Type", asForm)
	w := httptest.NewRecorder()
	c.events.Wrap(logout).ServeHTTP(w, r)
	reply{Response: w.Result(), body: w.Body.String(), events: c.events.Take()}.done(t, endedByIdp)
	c.dead(t, tok, "revoked")
}
