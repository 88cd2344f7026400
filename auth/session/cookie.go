package session

import (
	"net/http"
	"strings"
	"time"
)

// With the prefix __Host-, browsers accept a cookie only if it is Secure,
// belongs to this host alone and has the path "/" (RFC 6265bis section
// 4.1.3.2). So an attacker cannot plant such a cookie from a subdomain or over
// plain HTTP.
const (
	hostPrefix           = "__Host-"
	defaultAccessCookie  = hostPrefix + "access"
	defaultRefreshCookie = hostPrefix + "refresh"
	maxCookieName        = 64
	// maxCookie bounds the name and the value together, in bytes (RFC 6265
	// section 6.1). Browsers drop a longer cookie without an error.
	maxCookie = 4096
)

// cookieValues returns the values of the cookies of r with the name, at most
// limit of them. http.Request.CookiesNamed leaves out malformed cookies, so
// that two cookies could look like one. cookieValues does not leave them out.
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

// oneCookie returns the value of the cookie, and how many cookies of the name r
// has: 0, 1 or 2. The value 2 stands for any larger number. The same name twice
// is a bad cookie, because somebody may have planted one of the two.
func oneCookie(r *http.Request, name string) (value string, count int) {
	var room [2]string
	values := cookieValues(r, name, room[:0], len(room))
	if len(values) > 0 {
		value = values[0]
	}
	return value, len(values)
}

// cookieNameFault says what is wrong with the name of a cookie.
func cookieNameFault(name string) string {
	switch {
	case !strings.HasPrefix(name, hostPrefix) || name == hostPrefix:
		return "must begin with __Host-, such as __Host-shop-access; empty chooses the default"
	case len(name) > maxCookieName:
		return "must have at most 64 bytes"
	case strings.ContainsFunc(name, func(c rune) bool {
		return !strings.ContainsRune("!#$%&'*+-.^_`|~", c) && !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z')
	}): // RFC 9110 section 5.6.2
		return "must be a token of RFC 9110: letters, digits and !#$%&'*+-.^_`|~"
	}
	return ""
}

// setCookie adds a cookie that lasts for the given time. Zero expires the
// cookie.
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
