package dpop_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
)

// The htu is the URI that the client used, in any of its spellings.
func TestURIs(t *testing.T) {
	const plain = "https://api.example.com"
	for _, test := range []struct {
		name, base, target, htu string
		good                    bool
	}{
		{"same", plain, "/documents", plain + "/documents", true},
		{"query-in-the-request", plain, "/documents?a=1&b=%zz", plain + "/documents", true},
		{"query-in-both", plain, "/documents?a=1", plain + "/documents?b=2", true},
		{"query-and-fragment-in-the-htu", plain, "/documents", plain + "/documents?a=1#top", true},
		{"empty-query", plain, "/documents?", plain + "/documents?", true},
		{"default-port-in-the-htu", plain, "/documents", plain + ":443/documents", true},
		{"default-port-in-the-base", plain + ":443", "/documents", plain + "/documents", true},
		{"default-port-of-http", "http://localhost:80", "/documents", "http://localhost/documents", true},
		{"other-port-in-both", plain + ":8443", "/documents", plain + ":8443/documents", true},
		{"other-port-in-the-htu", plain, "/documents", plain + ":8443/documents", false},
		{"other-port-in-the-base", plain + ":8443", "/documents", plain + "/documents", false},
		{"port-of-the-other-scheme", plain, "/documents", plain + ":80/documents", false},
		{"port-of-https-at-http", "http://localhost", "/documents", "http://localhost:443/documents", false},
		{"scheme-downgraded", plain, "/documents", "http://api.example.com/documents", false},
		{"scheme-downgraded-to-the-port", plain, "/documents", "http://api.example.com:443/documents", false},
		{"upper-case", plain, "/documents", "HTTPS://API.Example.COM/documents", true},
		{"base-in-upper-case", "HTTPS://API.Example.COM", "/documents", plain + "/documents", true},
		{"path-in-upper-case", plain, "/documents", plain + "/Documents", false},
		{"kelvin-sign", "https://k.example.com", "/documents", "https://\u212a.example.com/documents", false},
		{"host-with-a-dot-behind", plain, "/documents", "https://api.example.com./documents", false},
		{"host-longer", plain, "/documents", plain + ".attacker.example/documents", false},
		{"host-as-user", plain, "/documents", "https://api.example.com@attacker.example/documents", false},
		{"host-behind-user", plain, "/documents", "https://attacker.example@api.example.com/documents", false},
		{"host-behind-backslash", plain, "/documents", `https://attacker.example\@api.example.com/documents`, false},
		{"host-missing", plain, "/documents", "https:///documents", false},
		{"no-scheme", plain, "/documents", "//api.example.com/documents", false},
		{"opaque", plain, "/documents", "https:api.example.com/documents", false},
		{"path-only", plain, "/documents", "/documents", false},
		{"empty", plain, "/documents", "", false},
		{"ipv6", "https://[2001:db8::1]", "/documents", "https://[2001:DB8::1]:443/documents", true},
		{"empty-path", plain, "/", plain, true},
		{"empty-path-and-query", plain, "/?a=1", plain + "?a=1", true},
		{"root", plain, "/", plain + "/", true},
		{"slash-behind", plain, "/documents", plain + "/documents/", false},
		{"slash-missing", plain, "/documents/", plain + "/documents", false},
		{"two-slashes", plain, "//documents", plain + "//documents", true},
		{"two-slashes-for-one", plain, "/documents", plain + "//documents", false},
		{"space-in-front", plain, "/documents", " " + plain + "/documents", false},
		{"line-break-behind", plain, "/documents", plain + "/documents\n", false},
		{"tilde-encoded-in-the-htu", plain, "/~alice", plain + "/%7Ealice", true},
		{"tilde-encoded-in-the-request", plain, "/%7ealice", plain + "/~alice", true},
		{"letter-encoded", plain, "/%64ocuments", plain + "/documents", true},
		{"hex-in-lower-case", plain, "/a%2fb", plain + "/a%2Fb", true},
		{"slash-encoded-is-another", plain, "/a%2fb", plain + "/a/b", false},
		{"slash-encoded-in-the-htu", plain, "/a/b", plain + "/a%2fb", false},
		{"question-mark-encoded", plain, "/a%3Fb", plain + "/a%3fb", true},
		{"question-mark-encoded-is-another", plain, "/a%3Fb", plain + "/a?b", false},
		{"space-encoded", plain, "/a%20b", plain + "/a%20b", true},
		{"space-in-the-htu", plain, "/a%20b", plain + "/a b", true},
		{"plus-is-no-space", plain, "/a+b", plain + "/a%20b", false},
		{"umlaut-in-the-htu", plain, "/d%C3%B6rte", plain + "/dörte", true},
		{"umlaut-encoded-lower-case", plain, "/d%c3%b6rte", plain + "/d%C3%B6rte", true},
		{"percent-encoded", plain, "/a%25b", plain + "/a%25b", true},
		{"percent-encoded-twice", plain, "/a%2525b", plain + "/a%25b", false},
		{"encoded-letter-of-a-percent", plain, "/a%2565b", plain + "/a%65b", false},
		{"broken-encoding", plain, "/a", plain + "/%zz", false},
		{"nul-encoded", plain, "/a%00", plain + "/a", false},
		{"dot-segments-alike", plain, "/a/../b", plain + "/a/%2E%2e/b", true},
		{"dot-segments-resolved", plain, "/b", plain + "/a/../b", false},
		{"dot-segments-in-the-request", plain, "/a/../b", plain + "/b", false},
		{"semicolon-encoded", plain, "/a%3Bb", plain + "/a;b", false},
		{"quote-in-both", plain, `/a"b`, plain + `/a"b`, true},
		{"quote-in-the-request", plain, `/a"b`, plain + "/a%22b", true},
		{"quote-in-the-htu", plain, "/a%22b", plain + `/a"b`, true},
		{"bar-in-the-request", plain, "/a|b", plain + "/a%7cb", true},
		{"brackets", plain, "/a[1]", plain + "/a%5b1%5D", true},
		{"slash-encoded-beside-a-quote", plain, `/a/b%22c`, plain + `/a%2fb"c`, false},
		{"slash-encoded-beside-a-quote-in-the-request", plain, `/a%2fb"c`, plain + `/a/b%22c`, false},
		{"slash-encoded-beside-an-umlaut", plain, "/d/%C3%B6rte", plain + "/d%2förte", false},
		{"slash-encoded-beside-a-quote-in-both", plain, `/a%2fb"c`, plain + `/a%2Fb%22c`, true},
		{"fragment-in-the-request", plain, "/documents%23top", plain + "/documents#top", false},
		{"absolute-form", plain, "https://api.example.com/documents?a=1", plain + "/documents", true},
		{"absolute-form-of-another-host", plain, "https://attacker.example/documents", plain + "/documents", true},
		{"absolute-form-claimed-as-such", plain, "https://attacker.example/documents", "https://attacker.example/documents", false},
		{"absolute-form-without-path", plain, "https://api.example.com", plain, true},
		{"absolute-form-with-a-quote", plain, `https://api.example.com/a%2fb"c`, plain + "/a%2Fb%22c", true},
		{"absolute-form-with-a-quote-and-another-slash", plain, `https://api.example.com/a%2fb"c`, plain + "/a/b%22c", false},
		{"absolute-form-encoded", plain, "https://api.example.com/a%2fb", plain + "/a%2Fb", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := boundtest.New(t, func(c *boundtest.Settings) { c.Edge.BaseURL = test.base })
			token := s.Token(nil)
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + test.target + " HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			r.RemoteAddr = "192.0.2.1:1234"
			s.Prover.Sign(r, test.htu, token)
			if test.good {
				s.Accepts(t, r)
				return
			}
			s.Refuses(t, r, boundtest.BadProof("proof", boundtest.InvalidProof))
		})
	}
}

// What stands outside may change the URL: the proof is of what the client asked
// for, and never of what a router has left of it.
func TestRewrittenRequests(t *testing.T) {
	inner := func(prefix string) func(*boundtest.Settings) {
		return func(c *boundtest.Settings) {
			c.Outside = func(h http.Handler) http.Handler { return http.StripPrefix(prefix, h) }
		}
	}
	for _, target := range []string{"/v1/documents", "https://api.example.com/v1/documents", "http://elsewhere.example/v1/documents?x=1"} {
		t.Run(strings.NewReplacer("/", "-", ":", "-", "?", "-").Replace(target), func(t *testing.T) {
			s := boundtest.New(t, inner("/v1"))
			token := s.Token(nil)
			to := func(htu string) *http.Request {
				r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: api.example.com\r\n\r\n")))
				if err != nil {
					t.Fatal(err)
				}
				r.RemoteAddr = "192.0.2.1:1234"
				s.Prover.Sign(r, htu, token)
				return r
			}
			s.Accepts(t, to(boundtest.BaseURL+"/v1/documents"))
			s.Refuses(t, to(boundtest.Documents), boundtest.BadProof("proof", boundtest.InvalidProof))
		})
	}
}

// Whatever two URIs are the same: they differ in nothing that a server would
// tell apart.
func FuzzSameURI(f *testing.F) {
	for _, path := range []string{"/", "/documents", "/a%2fb", "/%7ealice", "/a b", `/a%2fb"c`, "/d%C3%B6rte", "/dörte", "/a/../b", "//a", "/a;b", "/%zz", "/[", "/a%00", ""} {
		for _, claim := range []string{boundtest.BaseURL + path, "HTTPS://API.example.com:443" + path, boundtest.BaseURL + path + "?a#b", "http://api.example.com" + path, "https://u@api.example.com" + path, "//api.example.com" + path} {
			f.Add(claim, path)
		}
	}
	f.Fuzz(func(t *testing.T, claim, path string) {
		if !dpop.SameURI(claim, boundtest.BaseURL, path) {
			return
		}
		u, err := url.Parse(claim)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" {
			t.Fatalf("%q is taken for one of ours: %v", claim, err)
		}
		if port := u.Port(); strings.ToLower(u.Hostname()) != "api.example.com" || port != "" && port != "443" {
			t.Errorf("%q is of another host", claim)
		}
		decoded, err := url.PathUnescape(path)
		if err != nil {
			t.Fatalf("%q is the same as the path %q, which says nothing", claim, path)
		}
		if decoded == "" {
			decoded = "/"
		}
		if theirs := u.Path; theirs != decoded && !(theirs == "" && decoded == "/") {
			t.Errorf("%q is of the path %q and not %q", claim, theirs, decoded)
		}
		// An encoded slash is none, and neither is an encoded question mark.
		for _, special := range []string{"%2f", "%3f", "%23", "%3b"} {
			text := u.RawPath
			if text == "" {
				text = u.EscapedPath()
			}
			if strings.Count(strings.ToLower(text), special) != strings.Count(strings.ToLower(path), special) {
				t.Errorf("%q and %q differ in %s", claim, path, special)
			}
		}
	})
}

// RFC 3986 section 6.2.3: zeros in front of a port say nothing.
func TestNitAuthPortsWithZeros(t *testing.T) {
	for _, test := range []struct {
		claim, base string
		want        bool
	}{
		{"https://api.example.com:0443/x", "https://api.example.com", true},
		{"https://api.example.com:443/x", "https://api.example.com", true},
		{"https://api.example.com:/x", "https://api.example.com", true},
		{"https://api.example.com:000443/x", "https://api.example.com:443", true},
		{"https://api.example.com:08443/x", "https://api.example.com:8443", true},
		{"http://localhost:0080/x", "http://localhost", true},
		{"https://[::1]:0443/x", "https://[::1]", true},
		{"https://[::1]:08443/x", "https://[::1]:8443", true},
		{"https://api.example.com:4430/x", "https://api.example.com", false},
		{"https://api.example.com:0/x", "https://api.example.com", false},
		{"https://api.example.com:00/x", "https://api.example.com:0", true},
		{"https://api.example.com:080/x", "https://api.example.com", false},
		{"https://[::1]/x", "https://[::2]", false},
	} {
		if got := dpop.SameURI(test.claim, test.base, "/x"); got != test.want {
			t.Errorf("%s at %s: %t, want %t", test.claim, test.base, got, test.want)
		}
	}
}
