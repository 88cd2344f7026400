package bulwark_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/netip"
	"net/textproto"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// came is a request from a peer with header fields.
func came(peer string, fields ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = peer
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// onUnixSocket is r as a listener on a Unix socket hands it on.
func onUnixSocket(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/run/api.sock", Net: "unix"}))
}

func TestCaseRoot10UnixSockets(t *testing.T) {
	trusting := bulwark.Edge{InsecureAnyHost: true, TrustUnixSocket: true, ForwardedHeader: "X-Forwarded-For"}
	for _, peer := range []string{"@", "", "/run/nginx.sock", "203.0.113.66:1"} { // the last is a name that the peer chose
		for _, test := range []struct {
			name   string
			edge   bulwark.Edge
			r      *http.Request
			want   string // empty: refused
			secure bool
		}{
			{"trusted", trusting, onUnixSocket(came(peer, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "X-Request-Id", "abc")), "203.0.113.9", true},
			{"forged", trusting, onUnixSocket(came(peer, "X-Forwarded-For", "6.6.6.6, 203.0.113.9")), "203.0.113.9", false},
			{"no_header", trusting, onUnixSocket(came(peer)), "", false},
			{"not_trusted", bulwark.Edge{InsecureAnyHost: true}, onUnixSocket(came(peer, "X-Forwarded-For", "203.0.113.9")), "", false},
			{"networks_alone", bulwark.Edge{InsecureAnyHost: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, ForwardedHeader: "X-Forwarded-For"},
				onUnixSocket(came(peer, "X-Forwarded-For", "198.51.100.1")), "", false},
			{"single", bulwark.Edge{InsecureAnyHost: true, TrustUnixSocket: true, ForwardedHeader: "X-Real-IP"}, onUnixSocket(came(peer, "X-Real-IP", "203.0.113.9")), "203.0.113.9", false},
			{"element", bulwark.Edge{InsecureAnyHost: true, TrustUnixSocket: true, ForwardedHeader: "Forwarded"}, onUnixSocket(came(peer, "Forwarded", "for=203.0.113.9;proto=https")), "203.0.113.9", true},
		} {
			t.Run(test.name, func(t *testing.T) {
				if test.want == "" {
					isRefused(t, test.edge, test.r, 400, "edge.client_address")
					return
				}
				seen := passes(t, test.edge, test.r)
				if client := bulwark.ClientIP(new(http.Request).WithContext(seen)); client.String() != test.want || seen.Secure() != test.secure {
					t.Errorf("client %v, secure %v", client, seen.Secure())
				}
			})
		}
	}
	// A TCP peer is not trusted for what it calls itself.
	seen := passes(t, trusting, came("203.0.113.66:1", "X-Forwarded-For", "203.0.113.9"))
	if client := bulwark.ClientIP(new(http.Request).WithContext(seen)); client.String() != "203.0.113.66" {
		t.Errorf("a TCP peer chose %v", client)
	}
	isRefused(t, trusting, came("@", "X-Forwarded-For", "203.0.113.9"), 400, "edge.client_address")
	for field, edge := range map[string]bulwark.Edge{"edge.ForwardedHeader": {InsecureAnyHost: true, TrustUnixSocket: true}} {
		var config *bulwark.ConfigError
		if _, err := bulwark.NewEdge(edge); !errors.As(err, &config) || config.Field != field {
			t.Errorf("%v", err)
		}
	}
}

func TestCaseRoot10OverASocket(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	layer := bulwark.Must(bulwark.NewEdge(bulwark.Edge{InsecureAnyHost: true, TrustUnixSocket: true, ForwardedHeader: "X-Forwarded-For"}))
	server := httptest.NewUnstartedServer(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, bulwark.ClientIP(r)) })))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", listener.Addr().String())
	}}}
	for header, want := range map[string]string{"203.0.113.9": "203.0.113.9", "": "edge.client_address", "evil": "edge.forwarded"} {
		r, _ := http.NewRequest("GET", "http://a/", nil)
		if header != "" {
			r.Header.Set("X-Forwarded-For", header)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if !strings.Contains(string(body), want) {
			t.Errorf("%q: %s", header, body)
		}
	}
}

func TestCaseRoot11SchemeOfTheNamedHeader(t *testing.T) {
	const inside = "10.0.0.1:1"
	for _, test := range []struct {
		name, header string
		r            *http.Request
		secure       bool
	}{
		{"element", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=https"), true},
		{"element_websocket", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=wss"), true},
		{"element_plain_websocket", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=ws"), false},
		{"websocket", "X-Forwarded-For", came(inside, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "wss"), true},
		{"websocket_two_hops", "X-Forwarded-For", came(inside, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https, WSS"), true},
		{"plain_websocket", "X-Forwarded-For", came(inside, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "ws"), false},
		{"websocket_of_a_client", "X-Real-IP", came("203.0.113.9:1", "X-Real-IP", "203.0.113.9", "X-Forwarded-Proto", "wss"), false},
		{"element_quoted", "Forwarded", came(inside, "Forwarded", `for=203.0.113.9; Proto="HTTPS"`), true},
		{"element_first", "Forwarded", came(inside, "Forwarded", "proto=https;by=10.0.0.1;for=203.0.113.9"), true},
		{"element_plain", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=http"), false},
		{"element_silent", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9"), false},
		{"element_twice", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=https;proto=http"), false},
		{"another_header", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9", "X-Forwarded-Proto", "https"), false},
		{"another_header_alone", "Forwarded", came(inside, "X-Forwarded-Proto", "https"), false},
		{"forged_element", "Forwarded", came(inside, "Forwarded", "for=6.6.6.6;proto=https, for=203.0.113.9"), false},
		{"forged_line", "Forwarded", came(inside, "Forwarded", "for=6.6.6.6;proto=https", "Forwarded", "for=203.0.113.9;proto=http"), false},
		{"forged_plain", "Forwarded", came(inside, "Forwarded", "for=6.6.6.6;proto=http, for=203.0.113.9;proto=https"), true},
		{"two_hops", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=https, for=10.0.0.2;proto=https"), true},
		{"silent_hop", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=https, for=10.0.0.2"), true},
		{"plain_hop", "Forwarded", came(inside, "Forwarded", "for=203.0.113.9;proto=https, for=10.0.0.2;proto=http"), false},
		{"client's_word", "Forwarded", came("203.0.113.9:1", "Forwarded", "for=203.0.113.9;proto=https"), false},
		{"list", "X-Forwarded-For", came(inside, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https"), true},
		{"list_and_element", "X-Forwarded-For", came(inside, "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9;proto=https"), false},
		{"single", "X-Real-IP", came(inside, "X-Real-IP", "203.0.113.9", "X-Forwarded-Proto", "https"), true},
		{"single_of_a_client", "X-Real-IP", came("203.0.113.9:1", "X-Real-IP", "203.0.113.9", "X-Forwarded-Proto", "https"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := passes(t, bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: test.header}, test.r)
			if seen.Secure() != test.secure {
				t.Errorf("secure %v", seen.Secure())
			}
		})
	}
}

func TestCaseRoot12ObfuscatedPorts(t *testing.T) {
	for node, want := range map[string]string{
		`"203.0.113.9:_p4"`: "203.0.113.9", `"203.0.113.9:_a.b_c-D9"`: "203.0.113.9", `"[2001:db8::9]:_p4"`: "2001:db8::9",
		`"203.0.113.9:4711"`: "203.0.113.9", `203.0.113.9:_p4`: "203.0.113.9", `"[::ffff:203.0.113.9]:_x"`: "203.0.113.9",
		`"203.0.113.9:_"`: "", `"203.0.113.9:_p 4"`: "", `"203.0.113.9:p4"`: "", `"203.0.113.9:_p4:_p5"`: "", `"203.0.113.9:99999"`: "", `"203.0.113.9:"`: "",
		`"";for=203.0.113.9`: "", `203.0.113.9;for=""`: "", `_hidden`: "", `"_hidden:_p4"`: "", `"unknown:_p4"`: "", `":_p4"`: "", `"2001:db8::9:_p4"`: "", `"203.0.113.9:_ä"`: "",
	} {
		t.Run(strings.ReplaceAll(node, "/", "_"), func(t *testing.T) {
			edge := bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: "Forwarded"}
			r := came("10.0.0.1:1", "Forwarded", "for="+node)
			if want == "" {
				isRefused(t, edge, r, 400, "edge.forwarded")
				return
			}
			if client := bulwark.ClientIP(new(http.Request).WithContext(passes(t, edge, r))); client.String() != want {
				t.Errorf("client %v", client)
			}
		})
	}
	isRefused(t, bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For"},
		came("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9:_p4"), 400, "edge.forwarded")
}

func TestSingleAddressHeaders(t *testing.T) {
	const inside = "10.0.0.1:1"
	for _, header := range []string{"CF-Connecting-IP", "X-Real-IP", "True-Client-IP", "Fly-Client-IP", "x-azure-clientip", "Fastly-Client-IP"} {
		edge := bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: header}
		for _, test := range []struct {
			name string
			r    *http.Request
			want string
		}{
			{"one", came(inside, header, "203.0.113.9"), "203.0.113.9"},
			{"spaces", came(inside, header, " 203.0.113.9\t"), "203.0.113.9"},
			{"IPv6", came(inside, header, "2001:db8::9"), "2001:db8::9"},
			{"mapped", came(inside, header, "::ffff:203.0.113.9"), "203.0.113.9"},
			{"in_the_networks_of_proxies", came(inside, header, "10.9.9.9"), "10.9.9.9"},
			{"missing", came(inside), "10.0.0.1"},
			{"missing_beside_a_list", came(inside, "X-Forwarded-For", "6.6.6.6"), "10.0.0.1"},
			{"client's_word", came("203.0.113.5:1", header, "203.0.113.9"), "203.0.113.5"},
			{"two_lines", came(inside, header, "6.6.6.6", header, "203.0.113.9"), ""},
			{"two_addresses", came(inside, header, "6.6.6.6, 203.0.113.9"), ""},
			{"name", came(inside, header, "evil.example"), ""},
			{"empty", came(inside, header, ""), ""},
		} {
			t.Run(header+"_"+test.name, func(t *testing.T) {
				if test.want == "" {
					isRefused(t, edge, test.r, 400, "edge.forwarded")
					return
				}
				if client := bulwark.ClientIP(new(http.Request).WithContext(passes(t, edge, test.r))); client.String() != test.want {
					t.Errorf("client %v", client)
				}
			})
		}
	}
	for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-Forwarded-For", "X-Forwarded", "Host", "Via", "X-Request-Id", "Client-Cert", "X Real IP", "X-Real-IP:", "Größe"} {
		var config *bulwark.ConfigError
		if _, err := bulwark.NewEdge(bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: header}); !errors.As(err, &config) || config.Field != "edge.ForwardedHeader" {
			t.Errorf("%s: %v", header, err)
		}
	}
	// A list is read as a list, however its name is spelled.
	edge := bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: "x-forwarded-FOR"}
	if client := bulwark.ClientIP(new(http.Request).WithContext(passes(t, edge, came(inside, "X-Forwarded-For", "6.6.6.6, 203.0.113.9")))); client.String() != "203.0.113.9" {
		t.Errorf("client %v", client)
	}
}

func TestTranslatedClients(t *testing.T) {
	for text, want := range map[string]string{
		"64:ff9b::203.0.113.9": "203.0.113.9", "64:ff9b::cb00:7109": "203.0.113.9", "64:ff9b::8.8.8.8": "8.8.8.8",
		"64:ff9b::10.0.0.7": "64:ff9b::a00:7", "64:ff9b::127.0.0.1": "64:ff9b::7f00:1", "64:ff9b::169.254.169.254": "64:ff9b::a9fe:a9fe", "64:ff9b::": "64:ff9b::",
		"64:ff9b:1::203.0.113.9": "64:ff9b:1::cb00:7109", "64:ff9b:0:1::203.0.113.9": "64:ff9b:0:1::cb00:7109", "2001:db8::203.0.113.9": "2001:db8::cb00:7109",
	} {
		if got := bulwark.ClientIP(came("[" + text + "]:1")); got.String() != want {
			t.Errorf("peer %s is %v, want %s", text, got, want)
		}
		entered, _ := bulwark.Enter(came("[" + text + "]:1"))
		if got := bulwark.ClientIP(entered); got.String() != want {
			t.Errorf("entered, %s is %v, want %s", text, got, want)
		}
		for header, value := range map[string]string{"X-Forwarded-For": text, "Forwarded": `for="[` + text + `]"`, "X-Real-IP": text} {
			seen := passes(t, bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: header}, came("10.0.0.1:1", header, value))
			if got := bulwark.ClientIP(new(http.Request).WithContext(seen)); got.String() != want {
				t.Errorf("%s of %s is %v, want %s", header, text, got, want)
			}
		}
	}
	// Who comes through a NAT64 is not one of the proxies inside.
	seen := passes(t, bulwark.Edge{InsecureAnyHost: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, ForwardedHeader: "X-Real-IP"},
		came("[64:ff9b::203.0.113.9]:1", "X-Real-IP", "6.6.6.6"))
	if got := bulwark.ClientIP(new(http.Request).WithContext(seen)); got.String() != "203.0.113.9" {
		t.Errorf("client %v", got)
	}
}

func TestRequestIDOfTheApplication(t *testing.T) {
	for id, used := range map[string]bool{"trace-1.2_3~": true, strings.Repeat("a", 64): true, "": false, "a b": false, "a\r\nb": false, "ä": false, "a/b": false, strings.Repeat("a", 65): false} {
		for _, incoming := range []string{"", "proxy"} {
			edge := bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For", RequestID: func(*http.Request) string { return id }}
			r := came("10.0.0.1:1")
			if incoming != "" {
				r.Header.Set("X-Request-Id", incoming)
			}
			w, seen, _ := ask(t, edge, r)
			got := w.Header()["X-Request-Id"]
			if len(got) != 1 || got[0] != bulwark.RequestID(seen) {
				t.Fatalf("%q: %q in the answer, %q in the scope", id, got, bulwark.RequestID(seen))
			}
			switch {
			case used && got[0] != id, !used && incoming != "" && got[0] != incoming, !used && incoming == "" && len(got[0]) != 36:
				t.Errorf("%q became %q", id, got[0])
			}
		}
	}
}

// However a handler answers, there is one X-Request-Id, which is ours.
func TestCaseRoot13OneRequestID(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Request-Id"] = []string{"theirs", "theirs-2"}
		w.WriteHeader(201)
	}))
	defer upstream.Close()
	target, _ := url.Parse(upstream.URL)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	for name, h := range map[string]http.Handler{
		"proxy": proxy,
		"add":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("X-Request-ID", "theirs"); w.Write(nil) }),
		"set":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Request-ID", "theirs") }),
		"raw":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["X-Request-ID"] = []string{"theirs"} }),
		"del":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Del("X-Request-ID"); w.WriteHeader(204) }),
		"deny": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("X-Request-ID", "theirs")
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "a.b", Header: http.Header{"X-Request-Id": {"theirs"}}})
		}),
		"flush": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("X-Request-ID", "theirs")
			http.NewResponseController(w).Flush()
		}),
	} {
		for outside, layers := range map[string][]bulwark.Builder{"alone": nil, "audit": {audit.Config{Logger: slog.New(slog.DiscardHandler)}}} {
			t.Run(name+"_"+outside, func(t *testing.T) {
				own := ""
				stack := bulwark.Must(bulwark.Chain(append(layers, bulwark.Edge{InsecureAnyHost: true})...))
				defer stack.Shutdown(t.Context())
				server := httptest.NewServer(stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					own = bulwark.RequestID(r.Context())
					h.ServeHTTP(w, r)
				})))
				defer server.Close()
				answer, err := http.Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if got := answer.Header["X-Request-Id"]; len(got) != 1 || got[0] != own || len(own) != 36 {
					t.Errorf("%q, want only %q", got, own)
				}
			})
		}
	}
}

// The answers before the answer have the one id, too.
func TestCaseRoot13EarlyHints(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 2 {
			w.Header().Add("X-Request-Id", "theirs")
			w.WriteHeader(103)
		}
		w.WriteHeader(200)
	}))
	defer upstream.Close()
	target, _ := url.Parse(upstream.URL)
	layer := bulwark.Must(bulwark.NewEdge(bulwark.Edge{InsecureAnyHost: true}))
	server := httptest.NewServer(layer.Wrap(httputil.NewSingleHostReverseProxy(target)))
	defer server.Close()
	var early [][]string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		early = append(early, h["X-Request-Id"])
		return nil
	}})
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	last := answer.Header["X-Request-Id"]
	for _, got := range append(early, last) {
		if len(got) != 1 || got[0] != last[0] || len(got[0]) != 36 || len(early) != 2 {
			t.Errorf("%q, and %q in the end", early, last)
		}
	}
}
