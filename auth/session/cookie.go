package session

import (
	"net/http"
	"strings"
	"time"
)

// The prefix makes browsers refuse the cookies unless they are Secure, of this
// host alone and for all of it (RFC 6265bis section 4.1.3.2), so that neither a
// subdomain nor plain HTTP can plant one.
const (
	accessCookie  = "__Host-access"
	refreshCookie = "__Host-refresh"
	// maxCookie is what browsers store of name and value together (RFC 6265
	// section 6.1); a longer cookie is dropped in silence.
	maxCookie = 4096
)

// cookieValues returns the values of all cookies of r with the name, at most
// limit. Unlike http.Request.CookiesNamed it does not leave out those that it
// does not like, which would make two cookies look like one.
func cookieValues(r *http.Request, name string, values []string, limit int) []string {
	for _, line := range r.Header["Cookie"] {
		for line != "" && len(values) < limit {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			found, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if strings.TrimRight(found, " \t") == name {
				values = append(values, strings.Trim(value, " \t"))
			}
		}
	}
	return values
}

// oneCookie returns the value of the cookie and how many there are, none, one
// or more. The same name twice is a bad cookie: somebody has planted one of
// them, and nobody can tell which.
func oneCookie(r *http.Request, name string) (value string, count int) {
	var room [2]string
	values := cookieValues(r, name, room[:0], len(room))
	if len(values) > 0 {
		value = values[0]
	}
	return value, len(values)
}

// setCookie adds a cookie that lasts for the time, or expires it where that is
// zero.
func (s *Sessions) setCookie(w http.ResponseWriter, name, value string, lasts time.Duration) {
	c := http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(lasts / time.Second),
		HttpOnly: true, Secure: true, SameSite: s.sameSite,
	}
	if c.MaxAge <= 0 {
		c.MaxAge = -1 // written as Max-Age=0
	}
	w.Header().Add("Set-Cookie", c.String())
}
