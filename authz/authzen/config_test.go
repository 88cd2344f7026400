package authzen_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/secrettest"
)

func TestNewRefuses(t *testing.T) {
	authorize := func(*http.Request) error { return nil }
	for _, test := range []struct {
		name   string
		change func(*authzen.Config)
		field  string
		reason string
	}{
		{"no-url", func(c *authzen.Config) { c.URL = "" }, "authzen.URL", "must be an absolute https URL"},
		{"relative", func(c *authzen.Config) { c.URL = "/access" }, "authzen.URL", "must be an absolute https URL"},
		{"only-a-port", func(c *authzen.Config) { c.URL = "https://:443" }, "authzen.URL", "must be an absolute https URL"},
		{"plain-http", func(c *authzen.Config) { c.URL = "http://pdp.example" }, "authzen.URL", "must be https"},
		{"looks-like-loopback", func(c *authzen.Config) { c.URL = "http://127.0.0.1.example" }, "authzen.URL", "must be https"},
		{"localhost-of-somebody", func(c *authzen.Config) { c.URL = "http://localhost.example" }, "authzen.URL", "must be https"},
		{"scheme", func(c *authzen.Config) { c.URL = "ftp://pdp.example"; c.InsecureHTTP = true }, "authzen.URL", "must be https"},
		{"user", func(c *authzen.Config) { c.URL = "https://u:" + secret + "@pdp.example" }, "authzen.URL", "must not have a user"},
		{"query", func(c *authzen.Config) { c.URL = "https://pdp.example?a=b" }, "authzen.URL", "neither query nor fragment"},
		{"fragment", func(c *authzen.Config) { c.URL = "https://pdp.example#a" }, "authzen.URL", "neither query nor fragment"},
		{"long", func(c *authzen.Config) { c.URL = "https://pdp.example/" + strings.Repeat("a", 2048) }, "authzen.URL", "longer than 2048"},
		{"evaluation-url", func(c *authzen.Config) { c.EvaluationURL = "http://pdp.example/e" }, "authzen.EvaluationURL", "must be https"},
		{"evaluations-url", func(c *authzen.Config) { c.EvaluationsURL = "http://pdp.example/e" }, "authzen.EvaluationsURL", "must be https"},
		{"two-credentials", func(c *authzen.Config) { c.Authorize = authorize }, "authzen.Secret", "beside Authorize"},
		{"line-end", func(c *authzen.Config) { c.Secret += "\n" }, "authzen.Secret", "line end"},
		{"timeout", func(c *authzen.Config) { c.Timeout = 6 * time.Second }, "authzen.Timeout", "1ms to 5s"},
		{"negative-timeout", func(c *authzen.Config) { c.Timeout = -1 }, "authzen.Timeout", "1ms to 5s"},
		{"answer-bytes", func(c *authzen.Config) { c.MaxAnswerBytes = 1 << 40 }, "authzen.MaxAnswerBytes", "1 to 1048576"},
		{"concurrent", func(c *authzen.Config) { c.MaxConcurrent = -1 }, "authzen.MaxConcurrent", "1 to 1024"},
		{"batch", func(c *authzen.Config) { c.MaxBatch = 1001 }, "authzen.MaxBatch", "1 to 1000"},
		{"failures", func(c *authzen.Config) { c.Breaker.Failures = -1 }, "authzen.Breaker.Failures", "1 to 1000"},
		{"pause", func(c *authzen.Config) { c.Breaker.Pause = time.Minute }, "authzen.Breaker.Pause", "1ms to 30s"},
		{"max-pause", func(c *authzen.Config) { c.Breaker.MaxPause = time.Hour }, "authzen.Breaker.MaxPause", "1ms to 5m"},
		{"nil-transport", func(c *authzen.Config) { c.Transport = (*http.Transport)(nil) }, "authzen.Transport", "nil pointer"},
		{"nil-recorder", func(c *authzen.Config) { c.Recorder = (*bulwarktest.Recorder)(nil) }, "authzen.Recorder", "nil pointer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := authzen.Config{URL: "https://pdp.example", Secret: secret}
			test.change(&c)
			made, err := authzen.New(c)
			var wrong *bulwark.ConfigError
			if made != nil || !errors.As(err, &wrong) {
				t.Fatalf("New: %v, %v", made, err)
			}
			if wrong.Field != test.field || !strings.Contains(wrong.Reason, test.reason) {
				t.Errorf("%s %s, want %s %s", wrong.Field, wrong.Reason, test.field, test.reason)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestNewReportsEverythingAtOnce(t *testing.T) {
	_, err := authzen.New(authzen.Config{URL: "http://pdp.example", Secret: "a b", Timeout: time.Hour, MaxBatch: -1})
	for _, field := range []string{"authzen.URL", "authzen.Secret", "authzen.Timeout", "authzen.MaxBatch"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
}

func TestNewAccepts(t *testing.T) {
	for _, c := range []authzen.Config{
		{URL: "https://pdp.example"},
		{URL: "https://pdp.example:8443/tenant/", Secret: secret},
		{URL: "http://127.0.0.1:8080"},
		{URL: "http://[::1]:8080"},
		{URL: "http://localhost"},
		{URL: "http://pdp.mesh", InsecureHTTP: true},
	} {
		if _, err := authzen.New(c); err != nil {
			t.Errorf("%s: %v", c.URL, err)
		}
	}
}

// The secret of a Config and of a Client is not in any log.
func TestSecretIsNotPrinted(t *testing.T) {
	c := authzen.Config{URL: "https://pdp.example", Secret: secret}
	made := client(t, c)
	for _, text := range []string{secrettest.Printed(t, c), secrettest.Printed(t, &c), secrettest.Logged(made)} {
		if strings.Contains(text, secret) {
			t.Errorf("the secret is in %s", text)
		}
		if !strings.Contains(text, "pdp.example") {
			t.Errorf("the decision point is not in %s", text)
		}
	}
	c.URL = "https://user:" + secret + "@pdp.example"
	c.Secret = ""
	if text := secrettest.Printed(t, c); strings.Contains(text, secret) {
		t.Errorf("the password is in %s", text)
	}
}

// A Client that New has not made allows nothing, and does not panic.
func TestZeroClient(t *testing.T) {
	for _, c := range []*authzen.Client{nil, {}} {
		d, err := c.Decide(context.Background(), query("1"))
		denied(t, d, err, "New")
		all, err := c.DecideAll(context.Background(), reads("1", "2"))
		var wrong *bulwark.ConfigError
		if len(all) > 0 || !errors.As(err, &wrong) {
			t.Errorf("DecideAll: %v, %v", all, err)
		}
		if err := c.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if text := secrettest.Logged(c); !strings.Contains(text, "authzen for") {
			t.Errorf("printed as %s", text)
		}
	}
}

var _ authz.BatchEngine = (*authzen.Client)(nil)
