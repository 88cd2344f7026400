package cors_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/cors"
)

const preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

func TestPreflightAllowed(t *testing.T) {
	for _, test := range []struct {
		name   string
		config cors.Config
		header http.Header
		want   string
	}{
		{"method", guide, preflight("https://app.example.com", "PUT"),
			"Allow-Credentials: true\nAllow-Methods: PUT\nAllow-Origin: https://app.example.com\nMax-Age: 86400"},
		{"method_and_headers", guide, preflight("https://app.example.com", "DELETE", "authorization,content-type"),
			"Allow-Credentials: true\nAllow-Headers: authorization,content-type\nAllow-Methods: DELETE\nAllow-Origin: https://app.example.com\nMax-Age: 86400"},
		{"headers_in_two_lines", guide, preflight("https://app.example.com", "DELETE", "authorization", "content-type"),
			"Allow-Credentials: true\nAllow-Headers: authorization|content-type\nAllow-Methods: DELETE\nAllow-Origin: https://app.example.com\nMax-Age: 86400"},
		{"subdomain", guide, preflight("https://a.b.apps.example.com:8443", "GET"),
			"Allow-Credentials: true\nAllow-Methods: GET\nAllow-Origin: https://a.b.apps.example.com:8443\nMax-Age: 86400"},
		{"head_comes_with_get", guide, preflight("http://localhost:3000", "HEAD"),
			"Allow-Credentials: true\nAllow-Methods: HEAD\nAllow-Origin: http://localhost:3000\nMax-Age: 86400"},
		{"everybody", cors.Config{Origins: []string{"*"}}, preflight("https://evil.example", "POST"),
			"Allow-Methods: POST\nAllow-Origin: *"},
		{"no_caching", cors.Config{Origins: []string{"https://a.example"}, MaxAge: -time.Second}, preflight("https://a.example", "GET"),
			"Allow-Methods: GET\nAllow-Origin: https://a.example\nMax-Age: 0"},
		{"options_listed", cors.Config{Origins: []string{"https://a.example"}, Methods: []string{"OPTIONS"}}, preflight("https://a.example", "OPTIONS"),
			"Allow-Methods: OPTIONS\nAllow-Origin: https://a.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := (&exchange{method: "OPTIONS", header: test.header}).through(t, test.config)
			headers, vary := x.access()
			if x.ran || x.w.Code != http.StatusNoContent || headers != test.want || vary != preflightVary || len(x.events) != 0 {
				t.Errorf("status %d, next ran %t, vary %q, events %v, headers\n%s\nwant 204, false, none and\n%s",
					x.w.Code, x.ran, vary, x.events, headers, test.want)
			}
		})
	}
}

func TestPreflightRefused(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	for _, test := range []struct {
		name   string
		config cors.Config
		header http.Header
		code   string
	}{
		{"origin", guide, preflight("https://evil.example", "PUT"), "cors.origin"},
		{"origin_null", guide, preflight("null", "PUT"), "cors.origin"},
		{"origin_other_scheme", guide, preflight("http://app.example.com", "PUT"), "cors.origin"},
		{"origin_other_port", guide, preflight("https://app.example.com:444", "PUT"), "cors.origin"},
		{"origin_upper_case", guide, preflight("https://APP.example.com", "PUT"), "cors.origin"},
		{"origin_two_in_one", guide, preflight("https://app.example.com, https://evil.example", "PUT"), "cors.origin"},
		{"origin_list", guide, preflight("https://app.example.com https://evil.example", "PUT"), "cors.origin"},
		{"origin_prefix", guide, preflight("https://app.example.com.evil.example", "PUT"), "cors.origin"},
		{"origin_huge", guide, preflight("https://"+long, "PUT"), "cors.origin"},
		{"wildcard_itself", guide, preflight("https://apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_without_dot", guide, preflight("https://evilapps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_other_port", guide, preflight("https://a.apps.example.com", "PUT"), "cors.origin"},
		{"wildcard_other_scheme", guide, preflight("http://a.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_empty_label", guide, preflight("https://.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_inner_empty_label", guide, preflight("https://a..apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_path", guide, preflight("https://evil.example/.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_user", guide, preflight("https://evil@a.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_long_label", guide, preflight("https://"+long[:64]+".apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_no_scheme", guide, preflight("a.apps.example.com:8443", "PUT"), "cors.origin"},
		{"method", guide, preflight("https://app.example.com", "PATCH"), "cors.method"},
		{"method_lower_case", guide, preflight("https://app.example.com", "put"), "cors.method"},
		{"method_huge", guide, preflight("https://app.example.com", long), "cors.method"},
		{"method_options", guide, preflight("https://app.example.com", "OPTIONS"), "cors.method"},
		{"header", guide, preflight("https://app.example.com", "PUT", "x-evil"), "cors.header"},
		{"header_among_others", guide, preflight("https://app.example.com", "PUT", "authorization,content-type,x-evil"), "cors.header"},
		{"header_huge", guide, preflight("https://app.example.com", "PUT", long), "cors.header"},
		{"header_commas", guide, preflight("https://app.example.com", "PUT", strings.Repeat(",", 1<<20)), "cors.header"},
		{"no_headers_by_default", cors.Config{Origins: []string{"https://a.example"}}, preflight("https://a.example", "GET", "content-type"), "cors.header"},
		{"everybody_method", cors.Config{Origins: []string{"*"}}, preflight("https://a.example", "PUT"), "cors.method"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := (&exchange{method: "OPTIONS", header: test.header}).through(t, test.config)
			x.refused(t, http.StatusForbidden, test.code)
			if _, vary := x.access(); vary != preflightVary {
				t.Errorf("Vary is %q", vary)
			}
			for _, attr := range x.events[0].Attrs {
				if attr.Key == "origin" && len(attr.Value.String()) > 256 {
					t.Error("the event holds the whole origin")
				}
			}
		})
	}
}

// The event of a refusal names what was asked for. A client has written it:
// only a short token is named, and nothing of it reaches the answer.
func TestARefusalNamesWhatWasAskedFor(t *testing.T) {
	const app = "https://app.example.com"
	long := strings.Repeat("a", 64)
	for _, test := range []struct {
		name        string
		header      http.Header
		code        string
		key, wanted string // of the attribute; nothing is no attribute
	}{
		{"method", preflight(app, "PATCH"), "cors.method", "requestMethod", "PATCH"},
		{"method_lower_case", preflight(app, "put"), "cors.method", "requestMethod", "put"},
		{"method_longest", preflight(app, long), "cors.method", "requestMethod", long},
		{"method_too_long", preflight(app, long+"a"), "cors.method", "requestMethod", ""},
		{"method_no_token", preflight(app, "PUT level=INFO"), "cors.method", "requestMethod", ""},
		{"header", preflight(app, "PUT", "x-evil"), "cors.header", "requestHeader", "x-evil"},
		{"header_among_others", preflight(app, "PUT", "authorization,x-evil,x-more"), "cors.header", "requestHeader", "x-evil"},
		{"header_in_the_second_line", preflight(app, "PUT", "authorization", "x-evil"), "cors.header", "requestHeader", "x-evil"},
		{"header_longest", preflight(app, "PUT", long), "cors.header", "requestHeader", long},
		{"header_too_long", preflight(app, "PUT", long+"a"), "cors.header", "requestHeader", ""},
		{"header_no_token", preflight(app, "PUT", "x evil"), "cors.header", "requestHeader", ""},
		{"header_of_many", preflight(app, "PUT", strings.Repeat("authorization,", 1000)+"x-evil"), "cors.header", "requestHeader", ""},
		{"origin", preflight("https://evil.example", "PATCH", "x-evil"), "cors.origin", "requestMethod", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, c := range []cors.Config{guide, with(guide, func(c *cors.Config) { c.DryRun = true })} {
				x := (&exchange{method: "OPTIONS", header: test.header}).through(t, c)
				x.reported(t, test.code)
				got := map[string]string{}
				for _, attr := range x.events[0].Attrs {
					got[attr.Key] = attr.Value.String()
				}
				if got[test.key] != test.wanted || c.DryRun != (got["dry_run"] == "true") {
					t.Errorf("%v, want %s %q", got, test.key, test.wanted)
				}
				if test.wanted != "" && strings.Contains(x.w.Body.String(), test.wanted) {
					t.Errorf("the answer has it: %s", x.w.Body)
				}
			}
		})
	}
	// A request without a preflight, whose method is not listed.
	x := (&exchange{method: "PATCH", header: http.Header{"Origin": {app}}}).through(t, with(guide, func(c *cors.Config) { c.DenyRefused = true }))
	x.refused(t, http.StatusForbidden, "cors.method")
	if attr := x.events[0].Attrs[1]; attr.Key != "requestMethod" || attr.Value.String() != "PATCH" {
		t.Errorf("%v", x.events[0].Attrs)
	}
}

func TestDebug(t *testing.T) {
	debug := with(guide, func(c *cors.Config) { c.Debug = true })
	lists := "Allow-Credentials: true\nAllow-Headers: Content-Type, Authorization\nAllow-Methods: GET, HEAD, POST, PUT, DELETE\nAllow-Origin: https://app.example.com"
	t.Run("explained", func(t *testing.T) {
		for _, test := range []struct {
			name   string
			config cors.Config
			header http.Header
			want   string
			code   string
		}{
			{"method", debug, preflight("https://app.example.com", "PATCH"), lists, "cors.method"},
			{"header", debug, preflight("https://app.example.com", "GET", "x-evil"), lists, "cors.header"},
			{"everybody", cors.Config{Origins: []string{"*"}, Debug: true}, preflight("https://evil.example", "PUT"),
				"Allow-Methods: GET, HEAD, POST\nAllow-Origin: *", "cors.method"},
		} {
			t.Run(test.name, func(t *testing.T) {
				x := (&exchange{method: "OPTIONS", header: test.header}).through(t, test.config)
				headers, vary := x.access()
				if x.ran || x.w.Code != http.StatusNoContent || headers != test.want || vary != preflightVary {
					t.Errorf("status %d, next ran %t, vary %q, headers\n%s\nwant 204, false and\n%s", x.w.Code, x.ran, vary, headers, test.want)
				}
				x.reported(t, test.code)
			})
		}
	})
	t.Run("not_explained", func(t *testing.T) {
		x := (&exchange{method: "OPTIONS", header: preflight("https://evil.example", "PUT")}).through(t, debug)
		x.refused(t, http.StatusForbidden, "cors.origin")
		// A list that lacks POST does not keep a browser from it: to explain would be
		// to allow.
		reading := cors.Config{Origins: []string{"https://app.example.com"}, Methods: []string{"GET"}, Debug: true}
		x = (&exchange{method: "OPTIONS", header: preflight("https://app.example.com", "POST")}).through(t, reading)
		x.refused(t, http.StatusForbidden, "cors.method")
	})
}
