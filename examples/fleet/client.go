package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A client asks the fleet as any client would: through the proxy, or one
// process directly.
type client struct {
	url  string
	http *http.Client
}

func newClient(url string) *client {
	return &client{url, &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
}

// A reply is an answer, read to its end.
type reply struct {
	status  int
	header  http.Header
	body    map[string]any
	cookies map[string]string
}

// do sends a request, with a JSON body unless body is nil. An error
// means that there was no whole answer.
func (c *client) do(ctx context.Context, method, path string, body any, header ...[2]string) (reply, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, content)
	if err != nil {
		return reply{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, field := range header {
		r.Header.Set(field[0], field[1])
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return reply{}, err
	}
	got := reply{status: answer.StatusCode, header: answer.Header, cookies: map[string]string{}}
	if strings.Contains(answer.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(text, &got.body); err != nil {
			return reply{}, err
		}
	}
	for _, cookie := range answer.Cookies() {
		got.cookies[cookie.Name] = cookie.Value
	}
	return got, nil
}

// A login is the session of a person, as the client keeps it.
type login struct{ access, refresh string }

const (
	accessCookie  = "__Host-access"
	refreshCookie = "__Host-refresh"
)

// login logs a seeded account in.
func (c *client) login(ctx context.Context, name, password string) (login, error) {
	got, err := c.do(ctx, "POST", "/api/auth/login", map[string]string{"email": name + "@example.com", "password": password})
	if err != nil {
		return login{}, err
	}
	if got.status != http.StatusOK {
		return login{}, fmt.Errorf("login of %s: %w", name, got.unexpected())
	}
	return login{got.cookies[accessCookie], got.cookies[refreshCookie]}, nil
}

// cookie is the header with the access token, as a browser sends it.
func (l login) cookie() [2]string { return [2]string{"Cookie", accessCookie + "=" + l.access} }

// renew uses the refresh token.
func (c *client) renew(ctx context.Context, l login) (reply, error) {
	return c.do(ctx, "POST", "/api/auth/refresh", nil, [2]string{"Cookie", refreshCookie + "=" + l.refresh})
}

// logout ends the session.
func (c *client) logout(ctx context.Context, l login) error {
	got, err := c.do(ctx, "POST", "/api/auth/logout", nil, [2]string{"Cookie", l.cookie()[1] + "; " + refreshCookie + "=" + l.refresh})
	if err == nil && got.status != http.StatusNoContent {
		err = got.unexpected()
	}
	return err
}

// apiKey is the header with an API key.
func apiKey(key string) [2]string { return [2]string{"Authorization", "ApiKey " + key} }

// unexpected describes an answer without its body, which may hold a credential.
func (r reply) unexpected() error { return fmt.Errorf("the answer is %d %v", r.status, r.body["code"]) }

// unavailable reports an answer that says that the client shall try again.
func (r reply) unavailable() bool {
	return (r.status == http.StatusServiceUnavailable || r.status == http.StatusBadGateway) && r.header.Get("Retry-After") != ""
}
