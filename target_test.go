package bulwark_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
)

func TestCaseRoot23Targets(t *testing.T) {
	edge := bulwark.Edge{Hosts: []string{"api.example.com", "evil.example"}}
	parsed := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for _, test := range []struct {
		name, method string
		version      int
		url          *url.URL
		ok           bool
	}{
		{"path", "GET", 1, parsed("/x"), true},
		{"path_2", "GET", 2, parsed("/x"), true},
		{"two_slashes", "GET", 2, &url.URL{Path: "//evil.example/x"}, true},
		{"absolute", "GET", 1, parsed("http://api.example.com/x"), true},
		{"absolute_case", "GET", 1, parsed("https://API.example.com/x"), true},
		{"absolute_without_path", "GET", 1, parsed("http://api.example.com"), true},
		{"absolute_2", "GET", 2, parsed("http://api.example.com/x"), false},
		{"absolute_3", "GET", 3, parsed("https://api.example.com/x"), false},
		{"other_host", "GET", 1, parsed("http://evil.example/x"), false},
		{"other_host_2", "GET", 2, parsed("http://evil.example/x"), false},
		{"other_port", "GET", 1, parsed("http://api.example.com:81/x"), false},
		{"authority_without_scheme", "GET", 2, parsed("//evil.example/x"), false},
		{"user", "GET", 1, parsed("http://evil@api.example.com/x"), false},
		{"scheme", "GET", 1, parsed("ftp://api.example.com/x"), false},
		{"scheme_without_host", "GET", 1, parsed("http:/x"), false},
		{"opaque", "GET", 1, parsed("mailto:evil"), false},
		{"opaque_http", "GET", 2, parsed("http:evil.example/x"), false},
		{"relative", "GET", 1, &url.URL{Path: "x"}, false},
		{"empty", "GET", 1, &url.URL{}, false},
		{"none", "GET", 1, nil, false},
		{"asterisk", "OPTIONS", 1, &url.URL{Path: "*"}, true},
		{"asterisk_2", "OPTIONS", 2, &url.URL{Path: "*"}, true},
		{"asterisk_of_another_method", "GET", 1, &url.URL{Path: "*"}, false},
		{"asterisk_and_host", "OPTIONS", 1, &url.URL{Path: "*", Host: "api.example.com"}, false},
		{"connect", "CONNECT", 1, &url.URL{Host: "api.example.com"}, true},
		{"connect_2", "CONNECT", 2, &url.URL{Host: "api.example.com"}, true},
		{"connect_elsewhere", "CONNECT", 1, &url.URL{Host: "evil.example:443"}, false},
		{"websocket_2", "CONNECT", 2, parsed("/chat"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Method, r.URL, r.Host, r.ProtoMajor, r.RequestURI = test.method, test.url, "api.example.com", test.version, ""
			if test.ok {
				passes(t, edge, r)
				return
			}
			isRefused(t, edge, r, 400, "edge.request_target")
		})
	}
}

// What a router outside has left of a path is a path.
func TestCaseRoot23UnderAPrefix(t *testing.T) {
	layer := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"api.example.com"}}))
	var seen string
	inner := layer.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.Path }))
	for prefix, want := range map[string]string{"/static": "/a.css", "/static/": "a.css", "/static/a.css": ""} {
		for _, version := range []int{1, 2} {
			seen = "none"
			r := httptest.NewRequest("GET", "/static/a.css", nil)
			r.Host, r.ProtoMajor = "api.example.com", version
			w := httptest.NewRecorder()
			http.StripPrefix(prefix, inner).ServeHTTP(w, r)
			if w.Code != 200 || seen != want {
				t.Errorf("%s: %d, path %q, want %q", prefix, w.Code, seen, want)
			}
		}
	}
}

// What a real server makes of such targets is refused too.
func TestCaseRoot23OverTheNetwork(t *testing.T) {
	layer := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"api.example.com", "evil.example"}}))
	server := httptest.NewServer(layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer server.Close()
	for target, want := range map[string]string{
		"/x": "200", "http://api.example.com/x": "200", "ftp://api.example.com/x": "400", "mailto:evil": "400", "x:/y": "400",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n", target)
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if !strings.Contains(line, want) {
			t.Errorf("%s: %q, want %s", target, line, want)
		}
		io.Copy(io.Discard, conn)
		conn.Close()
	}
}
