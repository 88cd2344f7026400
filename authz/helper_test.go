package authz_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/bulwark-go/bulwark"
)

const accounts = "https://accounts.example"

type document struct {
	ID      string `json:"id"`
	OwnerID string `json:"owner_id"`
	Tenant  string `json:"-"`
}

func as(subject string, roles ...string) *bulwark.Principal {
	return &bulwark.Principal{Issuer: accounts, Subject: subject, Roles: roles}
}

// ok is a handler that answers 200, with the route it believes to serve.
func ok() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Pattern)
	})
}

// request makes a request as a caller; nil is nobody.
func request(method, target string, p *bulwark.Principal) *http.Request {
	r := httptest.NewRequest(method, "http://example.com/", nil)
	u, err := url.ParseRequestURI(target)
	if err != nil {
		panic(err)
	}
	r.URL, r.RequestURI = u, target
	return r.WithContext(bulwark.WithPrincipal(r.Context(), p))
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, target string, p *bulwark.Principal) *httptest.ResponseRecorder {
	return serve(h, request("GET", target, p))
}
