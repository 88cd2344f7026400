package audit_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// A secret in a URL is shown by no header, whatever the header is and however
// the URL is written.
func TestCaseAudit5URLsInHeaders(t *testing.T) {
	names := []string{"Referer", "Origin", "Location", "Content-Location", "Link", "Refresh", "Destination", "User-Agent", "X-Original-Url", "X-Forwarded-Uri", "X-Return-To", "Sec-Ch-Ua-Mobile"}
	for _, test := range []struct {
		name   string // of the header
		value  string
		want   string
		secret bool
	}{
		{"Referer", "https://h/cb?access_token=SECRET&page=2", "https://h/cb?page=2&[redacted]", true},
		{"Referer", "https://h/cb?page=2", "https://h/cb?page=2", false},
		{"Referer", "https://h/cb", "https://h/cb", false},
		{"Referer", "https://h/cb?", "https://h/cb", false},
		{"Referer", "https://h/cb?SECRET", "https://h/cb?[redacted]", true},
		{"Referer", "https://h/cb#access_token=SECRET", "https://h/cb#[redacted]", true},
		{"Referer", "https://h/cb?page=2#SECRET", "https://h/cb?page=2#[redacted]", true},
		{"Referer", "https://h/cb#a?token=SECRET", "https://h/cb#[redacted]", true},
		{"Referer", "https://user:SECRET@h/cb", "https://[redacted]@h/cb", true},
		{"Referer", "https://user:SEC@RET@h/cb", "https://[redacted]@h/cb", true},
		{"Referer", "https://SECRET@h", "https://[redacted]@h", true},
		{"Referer", `https:\\user:SECRET@h\cb`, `https:\\\\[redacted]@h\\cb`, true},
		{"Referer", "https:/user:SECRET@h/cb", "https:/[redacted]@h/cb", true},
		{"Referer", "//user:SECRET@h/cb", "//[redacted]@h/cb", true},
		{"Referer", "user:SECRET@h/cb", "[redacted]@h/cb", true},
		{"Referer", "https://h/@somebody", "https://h/@somebody", false},
		{"Referer", "/cb?access_token=SECRET", "/cb?[redacted]", true},
		{"Referer", "cb?SECRET", "cb?[redacted]", true},
		{"Referer", "?access_token=SECRET", "?[redacted]", true},
		{"Referer", "https://h/cb?next=https%3A%2F%2Fh%3Fcode%3DSECRET", "https://h/cb?next=https://h?[redacted]", true},
		{"Referer", "https://h/cb?next=https%253A%252F%252Fh%253Fcode%253DSECRET", "https://h/cb?next=https://h?[redacted]", true},
		{"Referer", "https://h/?page=1;token=SECRET", "https://h/?[redacted]", true},
		{"Referer", "https%3A%2F%2Fh%2Fcb%3Faccess_token%3DSECRET", "https://h/cb?[redacted]", true},
		{"Referer", "https://user:" + strings.Repeat("SECRET", 1000) + "@h/", "https://[redacted]@", true},
		{"Referer", "https://h/cb%3Faccess_token=SECRET?page=2", "https://h/cb?[redacted]?page=2", true},
		{"Referer", "https://h/cb%3Faccess_token=SECRET?x=1", "https://h/cb?[redacted]?[redacted]", true},
		{"Referer", "https://h/cb%253Faccess_token%253DSECRET#x", "https://h/cb?[redacted]#[redacted]", true},
		{"Referer", "https://h/cb;jsessionid=SECRET?page=2", "https://h/cb;[redacted]?page=2", true},
		{"Referer", "https://h/a;v=1;token=SECRET/b;c/d", "https://h/a;[redacted]/b;c/d", true},
		{"Referer", "https://h/cb%3Bjsessionid=SECRET", "https://h/cb;[redacted]", true},
		{"Referer", "https://h/cb&token=SECRET", "https://h/cb&[redacted]", true},
		{"Referer", "https://a/b,https://u:SECRET@c/d", "https://a/b,https://[redacted]@c/d", true},
		{"Referer", "mongodb://u:SECRET@h:1,v:w@i:2/db,//SECRET@h", "mongodb://[redacted]@i:2/db,//[redacted]@h", true},
		{"Referer", "https://u:a/SECRET@h/cb", "https://[redacted]@h/cb", true},
		{"Referer", "https://u:SECRET?SECRET@h/cb", "https://[redacted]?[redacted]", true},
		{"Referer", "https://[::1]:8443/@somebody", "https://[::1]:8443/@somebody", false},
		{"Referer", "https://u SECRET@h/cb", "https://[redacted]@h/cb", true},
		{"Referer", `https://h/cb?page="2"&token=SECRET`, "https://h/cb?page=_2_&[redacted]", true},
		{"Referer", "https://h/cb#page SECRET", "https://h/cb#[redacted]", true},
		{"Origin", "https://h/path?token=SECRET", "https://h/path?[redacted]", true},
		{"Location", "/a?page=1&code=SECRET", "/a?page=1&[redacted]", true},
		{"Content-Location", "?code=SECRET", "?[redacted]", true},
		{"Link", `<https://h/?page=2&token=SECRET>; rel="next", <https://u:SECRET@h/#SECRET>; rel="prev"`,
			`<https://h/?page=2&[redacted]>; rel="next", <https://[redacted]@h/#[redacted]>; rel="prev"`, true},
		{"Refresh", "0; url=https://h/?token=SECRET", "0; url=https://h/?[redacted]", true},
		{"Destination", "https://h/dav?token=SECRET", "https://h/dav?[redacted]", true},
		{"X-Original-Url", "/cb?access_token=SECRET", "/cb?[redacted]", true},
		{"X-Forwarded-Uri", "cb?SECRET", "cb?[redacted]", true},
		{"X-Return-To", "https%3A%2F%2Fh%2F%3Fcode%3DSECRET", "https://h/?[redacted]", true},
		{"X-Return-To", "home?code=SECRET", "home?[redacted]", true},
		{"User-Agent", "bot/1.0 (+https://h/bot?key=SECRET)", "bot/1.0 (+https://h/bot?[redacted]", true},
		{"User-Agent", "Mozilla/5.0 (X11; C#/1.0; what?) 100%", "Mozilla/5.0 (X11; C#/1.0; what?) 100%", false},
		{"Sec-Ch-Ua-Mobile", "?1", "?1", false},
	} {
		t.Run(test.name+"_"+test.value[:min(len(test.value), 50)], func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true, AccessQuery: []string{"page", "next"}, AccessHeaders: names})
			r := request("GET", "/")
			r.Header.Set(test.name, test.value)
			m.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
			drain(t, m)
			headers, _ := out.records(t)[0]["headers"].(map[string]any)
			if got := headers[strings.ToLower(test.name)]; got != test.want {
				t.Errorf("shown as %v, want %s", got, test.want)
			}
			if strings.Contains(out.String(), "SECRET") {
				t.Errorf("the secret is shown: %s", out)
			}
		})
	}
}

// The rule is that of the query for URLs in a parameter that is shown, too.
func TestCaseAudit5URLsInTheQuery(t *testing.T) {
	for query, want := range map[string]string{
		"next=/a":                              "next=/a",
		"next=/a?code=SECRET":                  "next=/a?[redacted]",
		"next=https%3A%2F%2Fu%3ASECRET%40h%2F": "next=https://[redacted]@h/",
		"next=https%3A%2F%2Fh%2F%23token%3DSECRET&page=1": "next=https://h/#[redacted]&page=1",
		"next=%2Fa%3Fnext%3D%252Fb%253Fcode%253DSECRET":   "next=/a?next=/b?[redacted]",
		"next=" + nested("https://h/?code=SECRET", 3):     "next=https://h/?[redacted]",
		"next=" + nested("https://h/?code=SECRET", 9):     "next=[redacted]",
		"next=a%26token%3Db":                              "next=a%26token%3Db",
		"next=100%25":                                     "next=100%25",
		"next=" + url.QueryEscape("where is it? here"):    "next=where+is+it%3F+here",
	} {
		out := newLog()
		m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true, AccessQuery: []string{"page", "next"}})
		r := request("GET", "/")
		r.URL.RawQuery = query
		m.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		drain(t, m)
		if got := out.records(t)[0]["query"]; got != want || strings.Contains(out.String(), "SECRET") {
			t.Errorf("%s is shown as %v, want %s", query, got, want)
		}
	}
}

// nested escapes text n times.
func nested(text string, n int) string {
	for range n {
		text = url.QueryEscape(text)
	}
	return text
}

// An error of an HTTP client has the URL in it that was asked for.
func TestCaseAudit5URLsInAttributes(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true, AccessQuery: []string{"page"}})
	m.Wrap(deny(bulwark.Problem{Status: 503, Code: "test.down",
		Err: &url.Error{Op: "Get", URL: "https://idp.example/keys?page=1&token=SECRET#SECRET", Err: errors.New("EOF")},
		Log: bulwark.ProblemLog{Attrs: []slog.Attr{slog.String("target", "https://user:SECRET@h/x"), slog.String("where", "/cb?code=SECRET")}},
	})).ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
	drain(t, m)
	got := of(out.records(t), "type", "security")
	if len(got) != 1 || got[0]["error"] != `Get "https://idp.example/keys": EOF` ||
		got[0]["target"] != "https://[redacted]@h/x" || got[0]["where"] != "/cb?[redacted]" {
		t.Errorf("%s", out)
	}
}

// The path of a request is a part of a URL: what is hidden of a path in a
// header is hidden of the path itself, in events, in counted records and in the
// access record.
func TestSecretsInPathsOfRecords(t *testing.T) {
	for path, want := range map[string]string{
		"/cb;jsessionid=SECRET/x":             "/cb;[redacted]/x",
		"/cb/https://user:SECRET@h/x":         "/cb/https://[redacted]@h/x",
		"/cb?access_token=SECRET&page=2":      "/cb?page=2&[redacted]",
		"/cb;a=SECRET/https://u:SECRET@h;b=1": "/cb;[redacted]/https://[redacted]@h;[redacted]",
		"/..;/admin":                          "/..;/admin",
		"/users/alice@example.com":            "/users/alice@example.com",
		"/what?":                              "/what?",
		"/a' OR 1=1; DROP TABLE users":        "/a' OR 1=1; DROP TABLE users",
	} {
		out := newLog()
		m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true, AccessQuery: []string{"page"}, MaxOneByOne: 1})
		r := request("GET", "/")
		r.URL.Path = path
		other := request("GET", "/other")
		for _, r := range []*http.Request{r, r, r, other} {
			m.Wrap(deny(bulwark.Problem{Status: 403, Code: "test.no"})).ServeHTTP(httptest.NewRecorder(), r)
		}
		drain(t, m)
		records := out.records(t)
		if n := len(of(of(records, "type", "security"), "path", want)); n != 1 {
			t.Errorf("%d events with the path %s in\n%s", n, want, out)
		}
		if n := len(of(of(records, "type", "access"), "path", want)); n != 3 {
			t.Errorf("%d access records with the path %s in\n%s", n, want, out)
		}
		sampled := false
		for _, record := range records {
			list, _ := record["paths"].([]any)
			for _, one := range list {
				sampled = sampled || one.(map[string]any)["value"] == want
			}
		}
		if !sampled || strings.Contains(out.String(), "SECRET") {
			t.Errorf("want %s in\n%s", want, out)
		}
	}
}

// FuzzShownURL: what stands in no allowed place is not shown.
func FuzzShownURL(f *testing.F) {
	for _, seed := range []string{"", "page=1&", "next=", "next=/a?", "next=%2Fa%3Fx%3D", "page=1;", "%zz&", "next=https://u:p@h/%23"} {
		f.Add(seed)
	}
	out := newLog()
	m := build(f, audit.Config{Logger: slog.New(out), AccessLog: true, AccessQuery: []string{"page", "next"}, AccessHeaders: []string{"Referer"}})
	h := m.Wrap(http.NotFoundHandler())
	f.Fuzz(func(t *testing.T, before string) {
		if strings.ContainsAny(before, "\"<> \t\r\n\\") || len(before) > 200 {
			t.Skip("a header or a query of the test cannot hold it as it is")
		}
		r := request("GET", "/")
		r.Header.Set("Referer", "https://h/?"+before+"&token=S3CRET")
		h.ServeHTTP(httptest.NewRecorder(), r)
		drain(t, m)
		if strings.Contains(out.String(), "S3CRET") {
			t.Fatalf("%q shows it: %s", before, out)
		}
	})
}
