package introspection_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/introspection"
)

// question is what an endpoint has been asked.
type question struct {
	method, url string
	header      http.Header
	form        url.Values
}

// questionFrom returns the one question that an introspector asks.
func questionFrom(t *testing.T, change func(*introspection.Config)) question {
	t.Helper()
	var q question
	s := &server{}
	s.become(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength || r.GetBody == nil {
			t.Errorf("body %q, length %d, %v", body, r.ContentLength, err)
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Error(err)
		}
		q = question{r.Method, r.URL.String(), r.Header, form}
		return says(good)(r)
	})
	c := config(s)
	change(&c)
	if _, err := mustNew(t, c).Verify(t.Context(), "a+b/c=="); err != nil {
		t.Fatal(err)
	}
	return q
}

// RFC 7662 section 2.1.
func TestQuestion(t *testing.T) {
	q := questionFrom(t, func(c *introspection.Config) { c.Endpoint += "?tenant=1" })
	if q.method != http.MethodPost || q.url != endpoint+"?tenant=1" {
		t.Errorf("%s %s", q.method, q.url)
	}
	if want := (url.Values{"token": {"a+b/c=="}, "token_type_hint": {"access_token"}}); q.form.Encode() != want.Encode() {
		t.Errorf("form %v", q.form)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Accept-Encoding": "identity",
	} {
		if got := q.header[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestClientAuthentication(t *testing.T) {
	for _, test := range []struct {
		name          string
		change        func(*introspection.Config)
		authorization string
		form          string
	}{
		// RFC 6749 section 2.3.1: form-encoded, and only then base64 of RFC
		// 7617.
		{"basic", func(c *introspection.Config) { c.Client.ID, c.Client.Secret = "s6BhdRkqt3", "gX1fBat3bV" }, "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW", ""},
		{"basic-encoded", func(c *introspection.Config) { c.Client.ID, c.Client.Secret = "a:b c", "p%+&é" }, "Basic YSUzQWIrYzpwJTI1JTJCJTI2JUMzJUE5", ""},
		{"certificate", func(c *introspection.Config) { c.Client.Secret, c.Client.Certificate = "", true }, "", "client_id=documents"},
		{"bearer", func(c *introspection.Config) {
			c.Client.ID, c.Client.Secret = "", ""
			c.Client.Authorize = func(r *http.Request) error {
				r.Header.Set("Authorization", "Bearer own-token")
				return nil
			}
		}, "Bearer own-token", ""},
		{"assertion", func(c *introspection.Config) {
			c.Client.ID, c.Client.Secret = "", ""
			c.Client.Authorize = func(r *http.Request) error {
				r.PostForm = url.Values{"client_assertion": {"signed for " + r.URL.Host}}
				r.PostForm.Set("token", "another") // not its business
				r.URL.Host = "attacker.example"
				return nil
			}
		}, "", "client_assertion=signed+for+issuer.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := questionFrom(t, test.change)
			if got := q.header.Get("Authorization"); got != test.authorization {
				t.Errorf("Authorization %q", got)
			}
			if q.url != endpoint || q.form.Get("token") != "a+b/c==" {
				t.Errorf("asked %s about %q", q.url, q.form.Get("token"))
			}
			q.form.Del("token")
			q.form.Del("token_type_hint")
			if got := q.form.Encode(); got != test.form {
				t.Errorf("form %q", got)
			}
		})
	}
}

// Without credentials of our own nothing is asked.
func TestAuthorizeThatFails(t *testing.T) {
	for name, authorize := range map[string]func(*http.Request) error{
		"error": func(*http.Request) error { return errors.New("the vault is sealed") },
		"panic": func(*http.Request) error { panic("secret-value") },
		"hang": func(r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		},
		"deaf": func(*http.Request) error {
			time.Sleep(time.Hour)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{answer: says(good)}
				c := config(s)
				c.Client.ID, c.Client.Secret, c.Client.Authorize = "", "", authorize
				service := newService(t, c)
				began := time.Now()
				service.unavailable("opaque")
				if waited := time.Since(began); waited > 5*time.Second {
					t.Errorf("waited %v", waited)
				}
				if n := s.asked.Load(); n != 0 {
					t.Errorf("%d questions", n)
				}
				if text := cause(service.last()); strings.Contains(text, "secret-value") {
					t.Errorf("the event says %q", text)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// What a transport says of a failure may not tell the URL, whose query may be
// secret.
func TestFailuresDoNotTellTheURL(t *testing.T) {
	c := config(&server{answer: refuse})
	c.Endpoint += "?key=hunter2"
	_, err := mustNew(t, c).Verify(context.Background(), "opaque")
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "opaque") || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}
