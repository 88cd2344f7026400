package session_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
)

// refreshed sends the refresh cookie that an answer has set, and returns the
// next answer.
func refreshed(sessions *session.Sessions, before *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/refresh", nil)
	for _, cookie := range before.Result().Cookies() {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	sessions.RefreshHandler().ServeHTTP(w, r)
	return w
}

// login logs alice in.
func login(sessions *session.Sessions) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if _, err := sessions.Issue(w, httptest.NewRequest("POST", "/login", nil), &bulwark.Principal{Subject: "alice"}); err != nil {
		panic(err)
	}
	return w
}

// A new store key makes new sessions. The sessions of the old key go on until
// it is removed.
func Example_storeKeys() {
	c := exampleConfig()
	old, young := c.StoreKeys[0], []byte("32 other random bytes, the second")
	before := login(bulwark.Must(session.New(c)))

	c.StoreKeys = [][]byte{young, old}
	sessions := bulwark.Must(session.New(c))
	after := refreshed(sessions, before)
	fmt.Println("the old session goes on:", after.Code)

	c.StoreKeys = [][]byte{young} // after one Lifetime
	fmt.Println("a session of a removed key:", refreshed(bulwark.Must(session.New(c)), after).Code)
	// Output:
	// the old session goes on: 200
	// a session of a removed key: 401
}

// Two tabs refresh at once, with the same cookie. Both get the same new cookie,
// and stay logged in.
func Example_tabs() {
	sessions := bulwark.Must(session.New(exampleConfig()))
	before := login(sessions)
	one, two := refreshed(sessions, before), refreshed(sessions, before)
	fmt.Println(one.Code, two.Code)

	same := false
	for _, a := range one.Result().Cookies() {
		for _, b := range two.Result().Cookies() {
			same = same || a.Name == "__Host-refresh" && b.Name == a.Name && a.Value == b.Value
		}
	}
	fmt.Println("the same refresh token:", same)
	// Output:
	// 200 200
	// the same refresh token: true
}

// A logout deletes the storage of the site by default. Other words of
// Clear-Site-Data are a choice: "cookies" also logs people out of other sites
// of the domain.
func ExampleConfig_clearSiteData() {
	for _, words := range [][]string{nil, {"storage", "cache"}, {}} {
		c := exampleConfig()
		c.ClearSiteData = words
		w := httptest.NewRecorder()
		bulwark.Must(session.New(c)).LogoutHandler().ServeHTTP(w, httptest.NewRequest("POST", "/logout", nil))
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Clear-Site-Data"))
	}
	// Output:
	// 204 "\"storage\""
	// 204 "\"storage\", \"cache\""
	// 204 ""
}
