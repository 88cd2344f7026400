package audit_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// advice is in each reason: it says what to write, and not only what is wrong.
var advice = regexp.MustCompile(`(; |, or )(write|put|remove|set)\b|\bmust be\b`)

func TestConfigErrors(t *testing.T) {
	var nobody *log
	_, err := audit.New(audit.Config{
		Logger:           slog.Default(),
		Sinks:            []slog.Handler{newLog(), nil, nobody, newLog(), newLog(), newLog(), newLog(), newLog(), newLog()},
		AccessQuery:      []string{"limit", "access_token", "", "a b", "code"},
		AccessHeaders:    []string{"User-Agent", "Authorization", "X-Api-Key", "Set-Cookie", strings.Repeat("a", 65), "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"},
		Observers:        []bulwark.Recorder{nil, nil, nil, nil, nil, nil, nil, nil, nil},
		MaxOneByOne:      -1,
		MaxPrefixes:      1,
		MaxSecurityQueue: 1 << 17,
		MaxAccessQueue:   -5,
	})
	got := map[string]string{}
	for _, line := range strings.Split(err.Error(), "\n") {
		field, rest, _ := strings.Cut(line, ": ")
		got[field] += rest
		if !advice.MatchString(rest) {
			t.Errorf("%s does not say what to write: %s", field, rest)
		}
	}
	for _, field := range []string{"Logger", "Sinks", "Sinks[1]", "Sinks[2]", "AccessQuery", "AccessQuery[1]", "AccessQuery[2]", "AccessQuery[3]", "AccessQuery[4]",
		"AccessHeaders", "AccessHeaders[1]", "AccessHeaders[2]", "AccessHeaders[3]", "AccessHeaders[4]", "Observers", "Observers[0]", "Observers[8]",
		"MaxOneByOne", "MaxPrefixes", "MaxSecurityQueue", "MaxAccessQueue"} {
		if got["audit."+field] == "" {
			t.Errorf("%s is not reported in\n%v", field, err)
		}
		delete(got, "audit."+field)
	}
	for field := range got {
		if !strings.HasPrefix(field, "audit.Observers[") {
			t.Errorf("%s is reported: %s", field, got[field])
		}
	}
	var config *bulwark.ConfigError
	if !errors.As(err, &config) {
		t.Errorf("%T is not a ConfigError", err)
	}
	layer, err := audit.Config{MaxOneByOne: -1}.Build()
	if layer != nil || err == nil {
		t.Errorf("Build returned %v, %v", layer, err)
	}
	if _, err := bulwark.Chain(audit.Config{Logger: slog.New(newLog())}, audit.Config{}); err == nil {
		t.Error("two audit layers in a chain are accepted")
	}
}

// A key twice in a record is read by some as the first and by others as the
// last.
func TestAccessHeadersOnce(t *testing.T) {
	_, err := audit.New(audit.Config{AccessLog: true, AccessHeaders: []string{"User-Agent", "Accept", "user-agent", "USER-AGENT"}})
	if err == nil {
		t.Fatal("a header twice is accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "audit.AccessHeaders[2]: ") || !strings.Contains(lines[1], "audit.AccessHeaders[3]: ") {
		t.Errorf("%q", lines)
	}
}

// Names of headers and parameters that carry credentials. The token of a
// WebSocket is in Sec-WebSocket-Protocol (auth.TokenFrom).
func TestCredentialsAreNotShown(t *testing.T) {
	for _, name := range []string{"Sec-WebSocket-Protocol", "Ocp-Apim-Subscription-Key", "X-Access-Key", "X-Functions-Key", "X-Private-Key", "X-Bearer"} {
		_, err := audit.New(audit.Config{AccessLog: true, AccessHeaders: []string{name}})
		var wrong *bulwark.ConfigError
		if !errors.As(err, &wrong) || wrong.Field != "audit.AccessHeaders[0]" || !strings.Contains(wrong.Reason, "never logged; remove it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"ticket", "SAMLResponse", "SAMLart", "subscription-key", "device_code", "user_code", "access_key", "AWSAccessKeyId", "hmac", "mac"} {
		_, err := audit.New(audit.Config{AccessLog: true, AccessQuery: []string{name}})
		var wrong *bulwark.ConfigError
		if !errors.As(err, &wrong) || wrong.Field != "audit.AccessQuery[0]" || !strings.Contains(wrong.Reason, "never logged; remove it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"Sec-WebSocket-Version", "Idempotency-Key", "Accept-Language", "Keep-Alive"} {
		if _, err := audit.New(audit.Config{AccessLog: true, AccessHeaders: []string{name}}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"country_code", "sort_key", "machine", "format", "page"} {
		if _, err := audit.New(audit.Config{AccessLog: true, AccessQuery: []string{name}}); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigIsCopied(t *testing.T) {
	out := newLog()
	c := audit.Config{Sinks: []slog.Handler{out}, AccessLog: true, AccessQuery: []string{"limit"}, AccessHeaders: []string{"X-A"}}
	m := build(t, c)
	c.Sinks[0], c.AccessQuery[0], c.AccessHeaders[0] = nil, "secret", "Cookie"
	r := request("GET", "/?limit=1&secret=2")
	r.Header.Set("Cookie", "hidden")
	m.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	drain(t, m)
	if got := out.records(t); len(got) != 1 || got[0]["query"] != "limit=1&[redacted]" || strings.Contains(out.String(), "hidden") {
		t.Errorf("%s", out)
	}
}
