package bulwark_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}

func TestEdgeConfig(t *testing.T) {
	tests := []struct {
		name string
		edge bulwark.Edge
		want string // field of the error; empty for accepted
	}{
		{"zero", bulwark.Edge{}, "edge.Hosts"},
		{"any", bulwark.Edge{InsecureAnyHost: true}, ""},
		{"name", bulwark.Edge{Hosts: []string{"api.example.com", "localhost:8080", "[::1]", "[::1]:8443", "127.0.0.1"}}, ""},
		{"scheme", bulwark.Edge{Hosts: []string{"https://api.example.com"}}, "edge.Hosts[0]"},
		{"wildcard", bulwark.Edge{Hosts: []string{"ok.example", "*.example.com"}}, ""},
		{"path", bulwark.Edge{Hosts: []string{"api.example.com/v1"}}, "edge.Hosts[0]"},
		{"dot", bulwark.Edge{Hosts: []string{"api.example.com."}}, "edge.Hosts[0]"},
		{"unicode", bulwark.Edge{Hosts: []string{"bücher.example"}}, "edge.Hosts[0]"},
		{"bare IPv6", bulwark.Edge{Hosts: []string{"::1"}}, "edge.Hosts[0]"},
		{"port", bulwark.Edge{Hosts: []string{"api.example.com:http"}}, "edge.Hosts[0]"},
		{"empty port", bulwark.Edge{Hosts: []string{"api.example.com:"}}, "edge.Hosts[0]"},
		{"empty host", bulwark.Edge{Hosts: []string{""}}, "edge.Hosts[0]"},
		{"base", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "https://api.example.com"}, ""},
		{"base port", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "https://api.example.com:8443"}, ""},
		{"base high port", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "https://api.example.com:99999"}, "edge.BaseURL"},
		{"base empty port", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "https://api.example.com:"}, "edge.BaseURL"},
		{"base port alone", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "https://:8443"}, "edge.BaseURL"},
		{"base slash", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "https://api.example.com/"}, "edge.BaseURL"},
		{"base scheme", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "ftp://api.example.com"}, "edge.BaseURL"},
		{"base relative", bulwark.Edge{Hosts: []string{"a"}, BaseURL: "api.example.com"}, "edge.BaseURL"},
		{"proxies alone", bulwark.Edge{Hosts: []string{"a"}, TrustedProxies: proxies}, "edge.ForwardedHeader"},
		{"header alone", bulwark.Edge{Hosts: []string{"a"}, ForwardedHeader: "Forwarded"}, "edge.ForwardedHeader"},
		{"other header", bulwark.Edge{Hosts: []string{"a"}, TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-Host"}, "edge.ForwardedHeader"},
		{"trust all", bulwark.Edge{Hosts: []string{"a"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, ForwardedHeader: "Forwarded"}, "edge.TrustedProxies[0]"},
		{"mapped", bulwark.Edge{Hosts: []string{"a"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}, ForwardedHeader: "Forwarded"}, "edge.TrustedProxies[0]"},
		{"no prefix", bulwark.Edge{Hosts: []string{"a"}, TrustedProxies: []netip.Prefix{{}}, ForwardedHeader: "Forwarded"}, "edge.TrustedProxies[0]"},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			layer, err := test.edge.Build()
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var config *bulwark.ConfigError
			if layer != nil || !errors.As(err, &config) || config.Field != test.want || config.Reason == "" {
				t.Errorf("layer %v, error %v, want one for %s", layer, err, test.want)
			}
		})
	}
}

// ask sends r through an Edge and returns what the handler inside saw.
func ask(t *testing.T, edge bulwark.Edge, r *http.Request) (w *httptest.ResponseRecorder, seen *bulwark.Scope, events []bulwark.Event) {
	t.Helper()
	var rec bulwarktest.Recorder
	stack := bulwark.Must(bulwark.Chain(&rec, edge))
	w = httptest.NewRecorder()
	stack.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, seen = bulwark.Enter(r)
	})).ServeHTTP(w, r)
	return w, seen, rec.Take()
}

func TestHosts(t *testing.T) {
	edge := bulwark.Edge{Hosts: []string{"api.example.com", "localhost:8080", "[::1]"}}
	for host, ok := range map[string]bool{
		"api.example.com":            true,
		"API.Example.COM":            true,
		"api.example.com:8443":       true,
		"localhost:8080":             true,
		"[::1]":                      true,
		"[::1]:9":                    true,
		"localhost":                  false,
		"localhost:81":               false,
		"evil.example":               false,
		"api.example.com.":           false,
		"api.example.com.evil.com":   false,
		"api.example.com:evil":       false,
		"x@api.example.com":          false,
		"api.example.com:80@evil":    false,
		"evil.example/api.example.c": false,
		"::1":                        false,
		"":                           false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w, seen, events := ask(t, edge, r)
		if ok {
			if seen == nil || w.Code != 200 || len(events) != 0 {
				t.Errorf("%q refused: %d", host, w.Code)
			}
			continue
		}
		if seen != nil {
			t.Errorf("%q reached the handler", host)
		}
		checkProblem(t, w, 421, "edge.misdirected")
		if strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%q is echoed", host)
		}
		if len(events) != 1 || events[0].Name != bulwark.InputValidationFail || events[0].Reason != "edge.misdirected" || events[0].Status != 421 {
			t.Errorf("%q: events %+v", host, events)
		}
	}
}

func TestForwarding(t *testing.T) {
	const inside, outside = "10.0.0.1:5000", "203.0.113.5:5000"
	xff, forwarded := "X-Forwarded-For", "Forwarded"
	tests := []struct {
		name, header, peer string
		lines              []string
		want               string // empty: refused
	}{
		{"untrusted peer", xff, outside, []string{"198.51.100.7"}, "203.0.113.5"},
		{"untrusted peer with garbage", xff, outside, []string{"<script>"}, "203.0.113.5"},
		{"one hop", xff, inside, []string{"198.51.100.7"}, "198.51.100.7"},
		{"forged first entry", xff, inside, []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7"},
		{"forged first line", xff, inside, []string{"1.1.1.1", "198.51.100.7"}, "198.51.100.7"},
		{"garbage left of the client is not read", xff, inside, []string{"unknown, 198.51.100.7, 10.1.1.1"}, "198.51.100.7"},
		{"two hops", xff, inside, []string{"198.51.100.7, 10.9.9.9"}, "198.51.100.7"},
		{"hop over lines", xff, inside, []string{"198.51.100.7", "10.9.9.9"}, "198.51.100.7"},
		{"all trusted", xff, inside, []string{"10.2.2.2, 10.3.3.3"}, "10.2.2.2"},
		{"no header", xff, inside, nil, "10.0.0.1"},
		{"empty header", xff, inside, []string{""}, "10.0.0.1"},
		{"empty elements", xff, inside, []string{" , 198.51.100.7 ,, "}, "198.51.100.7"},
		{"with port", xff, inside, []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"IPv6", xff, inside, []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 with port", xff, inside, []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"mapped", xff, inside, []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"mapped proxy", xff, "[::ffff:10.0.0.1]:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"IPv6 proxy", xff, "[2001:db8:ffff::1]:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"zone", xff, inside, []string{"fe80::1%eth0"}, "fe80::1"},
		{"garbage", xff, inside, []string{"unknown"}, ""},
		{"name", xff, inside, []string{"evil.example"}, ""},
		{"octal", xff, inside, []string{"198.051.100.7"}, ""},
		{"quote", xff, inside, []string{`"198.51.100.7`}, ""},
		{"the other header is not read", xff, inside, nil, "10.0.0.1"},

		{"plain", forwarded, inside, []string{"for=198.51.100.7"}, "198.51.100.7"},
		{"case and others", forwarded, inside, []string{"proto=https;For=198.51.100.7;by=10.0.0.1"}, "198.51.100.7"},
		{"quoted v6", forwarded, inside, []string{`for="[2001:db8::7]:4711"`}, "2001:db8::7"},
		{"quoted comma", forwarded, inside, []string{`for=1.1.1.1;x="a,b", for=198.51.100.7`}, "198.51.100.7"},
		{"forwarded forged", forwarded, inside, []string{"for=1.1.1.1", "for=198.51.100.7, for=10.4.4.4"}, "198.51.100.7"},
		{"obfuscated", forwarded, inside, []string{"for=_hidden"}, ""},
		{"unknown", forwarded, inside, []string{"for=unknown"}, ""},
		{"no for", forwarded, inside, []string{"proto=https"}, ""},
		{"two for", forwarded, inside, []string{"for=1.1.1.1;for=198.51.100.7"}, ""},
		{"comma behind a quoted quote", forwarded, inside, []string{`for=203.0.113.9;host="a\", for=6.6.6.6; b=\"c"`}, ""},
		{"for inside a quoted string", forwarded, inside, []string{`host="a;for=6.6.6.6;x"`}, ""},
		{"for beside a quoted string", forwarded, inside, []string{`for=203.0.113.9;host="a;for=6.6.6.6"`}, "203.0.113.9"},
		{"unbalanced", forwarded, inside, []string{`for="198.51.100.7`}, ""},
		{"no address at all", xff, "@", nil, ""},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = test.peer
			r.Header[test.header] = test.lines
			for _, other := range []string{xff, forwarded, "X-Real-Ip", "True-Client-Ip"} {
				if other != test.header {
					r.Header.Set(other, "for=192.0.2.66")
				}
			}
			w, seen, events := ask(t, bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: test.header}, r)
			if test.want == "" {
				code := "edge.forwarded"
				if test.peer == "@" {
					code = "edge.client_address"
				}
				checkProblem(t, w, 400, code)
				if seen != nil || len(events) != 1 || events[0].Reason != code || events[0].Name != bulwark.InputValidationFail {
					t.Errorf("seen %v, events %+v", seen, events)
				}
				return
			}
			if seen == nil {
				t.Fatalf("refused: %d %s", w.Code, w.Body)
			}
			if client := bulwark.ClientIP(new(http.Request).WithContext(seen)); client.String() != test.want {
				t.Errorf("client %v, want %s", client, test.want)
			}
		})
	}
}

func TestSecureAndRequestID(t *testing.T) {
	edge := bulwark.Edge{InsecureAnyHost: true, BaseURL: "https://API.example.com", TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For"}
	tests := []struct {
		name, peer string
		header     http.Header
		tls        bool
		secure     bool
		id         string // empty: a new one
	}{
		{"plain", "203.0.113.5:1", nil, false, false, ""},
		{"own TLS", "203.0.113.5:1", nil, true, true, ""},
		{"a client's word", "203.0.113.5:1", http.Header{"X-Forwarded-Proto": {"https"}, "X-Request-Id": {"abc"}}, false, false, ""},
		{"a proxy's word", "10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"https"}, "X-Request-Id": {"abc-1.2_3~"}}, false, true, "abc-1.2_3~"},
		{"a plain hop", "10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"https, http"}}, false, false, ""},
		{"a WebSocket over TLS", "10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"wss"}}, false, true, ""},
		{"a WebSocket and a plain hop", "10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"wss, ws"}}, false, false, ""},
		{"a plain WebSocket", "10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"ws"}}, false, false, ""},
		{"two secure hops", "10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"https, HTTPS"}}, false, true, ""},
		{"an id that breaks lines", "10.0.0.1:1", http.Header{"X-Request-Id": {"a\r\nb"}}, false, false, ""},
		{"a long id", "10.0.0.1:1", http.Header{"X-Request-Id": {strings.Repeat("a", 65)}}, false, false, ""},
		{"two ids", "10.0.0.1:1", http.Header{"X-Request-Id": {"a", "b"}}, false, false, ""},
		{"an empty id", "10.0.0.1:1", http.Header{"X-Request-Id": {""}}, false, false, ""},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Header = test.peer, test.header.Clone()
			if test.tls {
				r.TLS = new(tls.ConnectionState)
			}
			w, seen, _ := ask(t, edge, r)
			if seen.Secure() != test.secure {
				t.Errorf("secure %v", seen.Secure())
			}
			if seen.BaseURL() != "https://api.example.com" {
				t.Errorf("base %q", seen.BaseURL())
			}
			id := w.Header().Get("X-Request-Id")
			if id != bulwark.RequestID(seen) || test.id != "" && id != test.id || test.id == "" && len(id) != 36 {
				t.Errorf("id %q in the answer, %q in the scope, want %q", id, bulwark.RequestID(seen), test.id)
			}
		})
	}
}

// A sub-request has come the way of the request around it, whatever its header
// says.
func TestSubRequestsKeepTheEdge(t *testing.T) {
	var rec bulwarktest.Recorder
	edge := bulwark.Must(bulwark.Edge{Hosts: []string{"a"}, TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For",
		Responder: func(w http.ResponseWriter, _ *http.Request, p *bulwark.Problem) { w.WriteHeader(p.Status) }}.Build())
	inner := edge.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "test.no"})
	}))
	outer := edge.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, client := bulwark.RequestID(r.Context()), bulwark.ClientIP(r)
		var group sync.WaitGroup
		for range 4 { // run with -race
			group.Go(func() {
				for _, remote := range []string{r.RemoteAddr, ""} {
					sub := httptest.NewRequestWithContext(r.Context(), "GET", "http://a/item", nil)
					sub.RemoteAddr = remote
					sub.Header.Set("X-Forwarded-For", "6.6.6.6")
					sub.Header.Set("X-Request-Id", "forged")
					w := httptest.NewRecorder()
					if inner.ServeHTTP(w, sub); w.Code != 403 || w.Body.Len() != 0 {
						t.Errorf("sub-request: %d %s", w.Code, w.Body)
					}
				}
				evil := httptest.NewRequestWithContext(r.Context(), "GET", "http://evil/", nil)
				w := httptest.NewRecorder()
				if inner.ServeHTTP(w, evil); w.Code != 421 {
					t.Errorf("a sub-request for another host: %d", w.Code)
				}
			})
		}
		group.Wait()
		if bulwark.RequestID(r.Context()) != id || bulwark.ClientIP(r) != client || w.Header().Get("X-Request-Id") != id {
			t.Errorf("a sub-request changed the outer request: %s %v", bulwark.RequestID(r.Context()), bulwark.ClientIP(r))
		}
	}))
	r := httptest.NewRequest("GET", "http://a/batch", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	rec.Wrap(outer).ServeHTTP(httptest.NewRecorder(), r)
	for _, e := range rec.Take() {
		if e.ClientIP.String() != "203.0.113.9" {
			t.Errorf("event from %v", e.ClientIP)
		}
	}
}

func TestAnIDReadOutsideTheEdgeStays(t *testing.T) {
	before := ""
	h := bulwark.Must(bulwark.Edge{Hosts: []string{"a"}}.Build()).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, s := bulwark.Enter(httptest.NewRequest("GET", "http://a/", nil))
	before = bulwark.RequestID(s)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Header().Get("X-Request-Id") != before || bulwark.RequestID(s) != before {
		t.Errorf("%s became %s", before, w.Header().Get("X-Request-Id"))
	}
}

func TestResponderReplacesTheBodyAndNothingElse(t *testing.T) {
	edge := bulwark.Edge{Hosts: []string{"a"}, Responder: func(w http.ResponseWriter, _ *http.Request, p *bulwark.Problem) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(p.Status)
		w.Write([]byte("refused: " + p.Code))
	}}
	var rec bulwarktest.Recorder
	h := bulwark.Must(bulwark.Chain(&rec, edge)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "test.who"})
	}))
	for host, code := range map[string]string{"a": "test.who", "b": "edge.misdirected"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Body.String() != "refused: "+code || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if host == "a" && w.Header().Get("Www-Authenticate") == "" {
			t.Error("a 401 without a challenge")
		}
		if events := rec.Take(); len(events) != 1 || events[0].Reason != code {
			t.Errorf("events %+v", events)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add("198.51.100.7, 10.0.0.1")
	f.Add(`for="[2001:db8::7]:4711";by=x, for=10.0.0.2`)
	f.Add(`"`)
	f.Add("::ffff:10.0.0.1%x,,:")
	f.Fuzz(func(t *testing.T, line string) {
		for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip"} {
			layer := bulwark.Must(bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: header}.Build())
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = "10.0.0.1:1"
			r.Header[header] = []string{line, line}
			var rec bulwarktest.Recorder
			rec.Wrap(layer.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				client := bulwark.ClientIP(r)
				if !client.IsValid() || client.Is4In6() || client.Zone() != "" {
					t.Errorf("%q gave %v", line, client)
				}
			}))).ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}

// Check decides as Wrap does, where there is no ResponseWriter.
func TestEdgeCheck(t *testing.T) {
	edge := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"a"}, TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For"}))
	r := httptest.NewRequest("GET", "http://a/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r, err := edge.Check(r)
	if err != nil || bulwark.ClientIP(r).String() != "203.0.113.9" || bulwark.RequestID(r.Context()) == "" {
		t.Errorf("%v, client %v", err, bulwark.ClientIP(r))
	}
	_, err = edge.Check(httptest.NewRequest("GET", "http://b/", nil))
	var p *bulwark.Problem
	if !errors.As(err, &p) || p.Status != 421 || p.Code != "edge.misdirected" {
		t.Errorf("%v", err)
	}
}

func TestUnmadeEdgeRefuses(t *testing.T) {
	var none *bulwark.EdgeLayer
	for name, edge := range map[string]*bulwark.EdgeLayer{"nil": none, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			rec.Wrap(edge.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") }))).
				ServeHTTP(w, httptest.NewRequest("GET", "http://a/", nil))
			checkProblem(t, w, 500, "edge.unconfigured")
			if events := rec.Take(); len(events) != 1 || events[0].Name != bulwark.SysUnavailable {
				t.Errorf("events %+v", events)
			}
		})
	}
}
