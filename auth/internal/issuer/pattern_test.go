package issuer_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/internal/race"
)

func patternOf(t *testing.T, text string) issuer.Pattern {
	t.Helper()
	p, reason := issuer.NewPattern(text)
	if reason != "" {
		t.Fatalf("%q: %s", text, reason)
	}
	if p.String() != text {
		t.Errorf("%q is now %q", text, p)
	}
	return p
}

func TestPatternMatches(t *testing.T) {
	const segment, label = "https://login.example.com/realms/*", "https://*.example.com/"
	for _, test := range []struct {
		name, pattern, issuer string
		want                  bool
	}{
		{"segment", segment, "https://login.example.com/realms/acme", true},
		{"segment-of-many-kinds", segment, "https://login.example.com/realms/a.B-c_d~9", true},
		{"segment-of-three-dots", segment, "https://login.example.com/realms/...", true},
		{"segment-empty", segment, "https://login.example.com/realms/", false},
		{"segment-missing", segment, "https://login.example.com/realms", false},
		{"two-segments", segment, "https://login.example.com/realms/acme/more", false},
		{"slash-at-the-end", segment, "https://login.example.com/realms/acme/", false},
		{"text-before", segment, "xhttps://login.example.com/realms/acme", false},
		{"text-before-as-a-url", segment, "https://evil.example/https://login.example.com/realms/acme", false},
		{"dot", segment, "https://login.example.com/realms/.", false},
		{"dot-dot", segment, "https://login.example.com/realms/..", false},
		{"dot-dot-further-in", segment, "https://login.example.com/realms/../realms/acme", false},
		{"query", segment, "https://login.example.com/realms/acme?x=1", false},
		{"fragment", segment, "https://login.example.com/realms/acme#x", false},
		{"percent-encoded", segment, "https://login.example.com/realms/%61cme", false},
		{"percent-encoded-slash", segment, "https://login.example.com/realms/a%2fb", false},
		{"backslash", segment, `https://login.example.com/realms/a\b`, false},
		{"space", segment, "https://login.example.com/realms/a b", false},
		{"line-break", segment, "https://login.example.com/realms/acme\n", false},
		{"nul", segment, "https://login.example.com/realms/a\x00", false},
		{"unicode", segment, "https://login.example.com/realms/ácme", false},
		{"fullwidth-slash", segment, "https://login.example.com/realms/a／b", false},
		{"invalid-utf-8", segment, "https://login.example.com/realms/\xff", false},
		{"upper-case-host", segment, "https://LOGIN.example.com/realms/acme", false},
		{"upper-case-scheme", segment, "HTTPS://login.example.com/realms/acme", false},
		{"upper-case-segment-is-another", segment, "https://login.example.com/realms/ACME", true}, // Find decides
		{"userinfo", segment, "https://evil@login.example.com/realms/acme", false},
		{"userinfo-of-the-host", segment, "https://login.example.com@evil.example/realms/acme", false},
		{"port", segment, "https://login.example.com:443/realms/acme", false},
		{"http", segment, "http://login.example.com/realms/acme", false},
		{"star", segment, "https://login.example.com/realms/*", false},
		{"longest", segment, "https://login.example.com/realms/" + strings.Repeat("a", 512-33), true},
		{"too-long", segment, "https://login.example.com/realms/" + strings.Repeat("a", 512-32), false},
		{"empty", segment, "", false},

		{"label", label, "https://acme.example.com/", true},
		{"label-with-digits", label, "https://acme-2.example.com/", true},
		{"label-missing", label, "https://.example.com/", false},
		{"label-not-there", label, "https://example.com/", false},
		{"two-labels", label, "https://a.b.example.com/", false},
		{"label-upper-case", label, "https://Acme.example.com/", false},
		{"label-with-hyphen-first", label, "https://-acme.example.com/", false},
		{"label-with-hyphen-last", label, "https://acme-.example.com/", false},
		{"label-with-underscore", label, "https://a_b.example.com/", false},
		{"label-of-63", label, "https://" + strings.Repeat("a", 63) + ".example.com/", true},
		{"label-of-64", label, "https://" + strings.Repeat("a", 64) + ".example.com/", false},
		{"label-with-user", label, "https://evil.example@acme.example.com/", false},
		{"label-ends-the-host", label, "https://evil.example/.example.com/", false},
		{"label-with-port", label, "https://evil:1.example.com/", false},
		{"label-punycode", label, "https://xn--bcher-kva.example.com/", true},
		{"label-unicode", label, "https://bücher.example.com/", false},
		{"label-without-slash", label, "https://acme.example.com", false},
		{"label-with-path", label, "https://acme.example.com/x", false},

		{"exact", "https://accounts.example.com", "https://accounts.example.com", true},
		{"exact-other", "https://accounts.example.com", "https://accounts.example.com/", false},
		{"both", "https://*.example.com/t/*/v2.0", "https://eu.example.com/t/acme/v2.0", true},
		{"both-without-end", "https://*.example.com/t/*/v2.0", "https://eu.example.com/t/acme/v2", false},
		{"two-stars", "https://login.example.com/*/*", "https://login.example.com/a/b", true},
		{"two-stars-one-segment", "https://login.example.com/*/*", "https://login.example.com/a", false},
		{"loopback", "http://127.0.0.1:8080/*", "http://127.0.0.1:8080/acme", true},
		{"slash-wanted", "https://login.example.com/*/", "https://login.example.com/acme/", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := patternOf(t, test.pattern).Match(test.issuer); got != test.want {
				t.Errorf("%s and %q: %t", test.pattern, test.issuer, got)
			}
		})
	}
	if (issuer.Pattern{}).Match("") {
		t.Error("a pattern without a text stands for something")
	}
}

func TestPatternRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "absolute https URL",
		"*":                                  "absolute https URL",
		"https://*":                          "two labels",
		"https://*/realm":                    "two labels",
		"https://*.com":                      "two labels",
		"https://example.*":                  "two labels",
		"https://login.*.com":                "two labels",
		"https://a*.example.com":             "whole label",
		"https://**.example.com":             "whole label",
		"https://login.example.com/a*":       "whole segment",
		"https://login.example.com/**":       "whole segment",
		"https://login.example.com/*.json":   "whole segment",
		"https://login.example.com//*":       "empty segment",
		"https://login.example.com/../*":     "empty segment",
		"https://login.example.com/./*":      "empty segment",
		"https://Login.example.com/*":        "lower case",
		"HTTPS://login.example.com/*":        "lower case",
		"http://login.example.com/*":         "must be https",
		"https://user@login.example.com/*":   "plain URL",
		"https://login.example.com/*?x":      "plain URL",
		"https://login.example.com/*#x":      "plain URL",
		"https://login.example.com/%2a/*":    "plain URL",
		"https://login.example.com/{tenant}": "plain URL",
		"https://login.example.com/ *":       "plain URL",
		"https://login.example.com/é/*":      "plain URL",
		"https://login.example.com/" + strings.Repeat("a", 500): "512 bytes",
	} {
		if _, reason := issuer.NewPattern(text); !strings.Contains(reason, want) || reason == "" {
			t.Errorf("%q: %q, want %q in it", text, reason, want)
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"accounts.example", "accounts.example", true},
		{"accounts.example", "https://accounts.example", false},
		{"https://login.example.com/*", "https://login.example.com/acme", true},
		{"https://login.example.com/*", "https://login.example.com/acme/", false},
		{"https://login.example.com/*", "https://login.example.com/..", false},
		{"https://login.example.com/*", "http://login.example.com/acme", false},
		{"https://login.example.com/*", "https://other.example.com/acme", false},
		{"https://login.example.com/*", "https://*.example.com/acme", true},
		{"https://login.example.com/*/a", "https://login.example.com/b/*", true},
		{"https://login.example.com/*/a", "https://login.example.com/*/b", false},
		{"https://*.example.com/*", "https://*.example.com/*", true},
		{"https://*.example.com", "https://a.b.example.com", false},
		{"https://*.example.com", "https://A.example.com", false},
		{"https://login.example.com/*", "", false},
	} {
		if got := issuer.Overlap(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: %t", test.a, test.b, got)
		}
		if got := issuer.Overlap(test.b, test.a); got != test.want {
			t.Errorf("%q and %q: %t", test.b, test.a, got)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := patternOf(t, "https://*.example.com/t/*/v2.0")
	if n := testing.AllocsPerRun(100, func() {
		if !p.Match("https://eu.example.com/t/acme/v2.0") || p.Match("https://eu.example.com/t/acme/v1.0") {
			t.Fatal("not as above")
		}
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}

// Whatever a pattern matches has only harmless bytes in place of its stars, and
// cannot be longer than the bound.
func FuzzPattern(f *testing.F) {
	f.Add("https://*.example.com/t/*/v2.0", "https://eu.example.com/t/acme/v2.0")
	f.Add("https://login.example.com/*", "https://login.example.com/..")
	f.Add("http://127.0.0.1:1/*", "http://127.0.0.1:1/@")
	f.Fuzz(func(t *testing.T, text, iss string) {
		p, reason := issuer.NewPattern(text)
		if reason != "" {
			return
		}
		if issuer.Overlap(text, iss) && !strings.Contains(iss, "*") && len(iss) <= issuer.MostBytes != p.Match(iss) {
			t.Errorf("%q and %q: they overlap, and there is no match", text, iss)
		}
		if p.Match(iss) && (len(iss) > issuer.MostBytes || strings.ContainsAny(iss, "@?#%\\ \n") || strings.Count(iss, "/") != strings.Count(text, "/")) {
			t.Errorf("%q matches %q", text, iss)
		}
	})
}
