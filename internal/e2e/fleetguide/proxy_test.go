package fleetguide

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// edge is for processes behind the proxies of 10.0.0.0/24.
func edge() bulwark.Edge {
	inside := netip.MustParsePrefix("10.0.0.0/24")
	return bulwark.Edge{
		Hosts:           []string{"api.example.com"},
		BaseURL:         "https://api.example.com",
		HealthPaths:     []string{"/health"},
		HealthHosts:     []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		TrustedProxies:  []netip.Prefix{inside},
		ForwardedHeader: "X-Forwarded-For",
	}
}

func TestClientsBehindTheProxy(t *testing.T) {
	common := alone()
	events := &bulwarktest.Recorder{}
	common.Edge, common.Observer = edge(), events
	p := run(t, common)
	for _, test := range []struct{ name, peer, forwarded, want string }{
		{"from the proxy", "10.0.0.5:999", "198.51.100.7", "198.51.100.7"},
		{"two proxies", "10.0.0.5:999", "198.51.100.7, 10.0.0.9", "198.51.100.7"},
		{"a client that names another one", "10.0.0.5:999", "203.0.113.1, 198.51.100.7", "198.51.100.7"},
		{"not from the proxy", "198.51.100.8:999", "203.0.113.1", "198.51.100.8"},
	} {
		events.Take()
		p.askFrom(test.peer, "/orders", "X-Forwarded-For", test.forwarded)
		found := events.Take()
		if len(found) != 1 || found[0].ClientIP.String() != test.want {
			t.Errorf("%s: %+v, want the client %s", test.name, found, test.want)
		}
	}
	// A balancer asks for the health by the address of the process.
	r := httptest.NewRequest("GET", "http://10.0.0.7:8080/health", nil)
	r.RemoteAddr, r.URL.Scheme, r.URL.Host = "10.0.0.5:999", "", ""
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		t.Errorf("health by address: %d", w.Code)
	}
}

// serve answers what it has begun when ctx ends, and closes Redis after that.
func serve(ctx context.Context, ln net.Listener, p *Process, clients ...rueidis.Client) error {
	err := transport.Serve(ctx, ln, transport.Server(p), p.stack)
	for _, client := range clients {
		client.Close()
	}
	return err
}

func TestServeEndsInOrder(t *testing.T) {
	server := redis(t, stateConf)
	c, err := connect(server.Addr(), server.Password())
	if err != nil {
		t.Fatal(err)
	}
	common := alone()
	common.Edge = bulwark.Edge{Hosts: []string{"127.0.0.1"}}
	if err := inRedis(t.Context(), c, [][]byte{random()}, &common); err != nil {
		t.Fatal(err)
	}
	p := run(t, common)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- serve(ctx, ln, p.Process, c) }()
	answer, err := http.Get("http://" + ln.Addr().String() + "/health")
	if err != nil || answer.StatusCode != http.StatusNoContent {
		t.Fatalf("%v %v", answer, err)
	}
	answer.Body.Close()
	stop()
	if err := <-served; err != nil {
		t.Errorf("the end: %v", err)
	}
	if err := c.Do(context.Background(), c.B().Ping().Build()).Error(); err == nil {
		t.Error("the client of Redis is open after the end")
	}
}
