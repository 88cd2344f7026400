package recipes

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"
	"github.com/labstack/echo/v4"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/headers/transport"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func behindProxy(logger *slog.Logger) (*bulwark.Stack, error) {
	return bulwark.Chain(
		audit.Config{Logger: logger, AccessLog: true},
		bulwark.Edge{
			Hosts:   []string{"api.example.com"},
			BaseURL: "https://api.example.com",
			// The networks that the proxies connect from, and nobody else.
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
			// For a proxy that connects to a Unix socket of the service.
			TrustUnixSocket: true,
			ForwardedHeader: "X-Forwarded-For",
		},
		headers.Config{},               // HSTS if the client came over TLS
		transport.HTTPSOnly{API: true}, // 403 if it did not
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
	)
}

// nginxLocation is what nginx needs. The tests replace the address.
const nginxLocation = `
location / {
    proxy_pass http://127.0.0.1:8080;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Request-Id $request_id;
    client_max_body_size 32m;
}
`

const proxyNoHost = `
HTTP/1.1 421 Misdirected Request
Content-Type: application/problem+json

{"type":"about:blank","title":"Misdirected Request","status":421,"code":"edge.misdirected",
"detail":"…","instance":"…"}
`

const proxyNoHostLog = `
{"level":"WARN","event":"input_validation_fail","reason":"edge.misdirected","status":421}
`

const proxyNoProto = `
HTTP/1.1 403 Forbidden
Content-Type: application/problem+json

{"type":"about:blank","title":"Forbidden","status":403,"code":"transport.https_required",
"detail":"…","instance":"…"}
`

// proxyAnswer is what a client gets that comes over TLS.
const proxyAnswer = `
HTTP/1.1 200 OK
Strict-Transport-Security: max-age=31536000; includeSubDomains

you are 192.0.2.7
`

// proxyService is the service behind the proxy, and its log.
func proxyService(t *testing.T) (http.Handler, *wireLog, *bulwark.Stack) {
	t.Helper()
	log := new(wireLog)
	stack, err := behindProxy(log.logger())
	if err != nil {
		t.Fatal(err)
	}
	return stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "you are", bulwark.ClientIP(r))
	})), log, stack
}

// A reverse proxy of the standard library adds the address of its own client,
// here 192.0.2.7, behind what the client has written.
func TestProxyOfTheStandardLibrary(t *testing.T) {
	service, log, stack := proxyService(t)
	backend := wireServer(t, service)
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		host      string // that the proxy sends on
		proto     string
		want      string
		forwarded string // by the client
	}{
		{"plain", "api.example.com", "https", proxyAnswer, ""},
		{"the_client_writes_an_address", "api.example.com", "https", proxyAnswer, "203.0.113.9"},
		{"the_client_writes_two", "api.example.com", "https", proxyAnswer, "203.0.113.9, 127.0.0.1"},
		{"no_host", target.Host, "https", proxyNoHost, ""},
		{"no_proto", "api.example.com", "", proxyNoProto, ""},
		{"http", "api.example.com", "http", proxyNoProto, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Host = test.host
				r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
				r.SetXForwarded()
				r.Out.Header.Del("X-Forwarded-Proto")
				if test.proto != "" {
					r.Out.Header.Set("X-Forwarded-Proto", test.proto)
				}
			}}
			front := wireServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.RemoteAddr = "192.0.2.7:50000"
				proxy.ServeHTTP(w, r)
			}))
			var fields []string
			if test.forwarded != "" {
				fields = []string{"X-Forwarded-For", test.forwarded}
			}
			wireAnswer(t, wireAsk(t, front.Client(), "GET", front.URL, "", fields...), test.want)
		})
	}
	// A client that is not a proxy may write what it wants.
	stranger := httptestPeer(service, "198.51.100.4:50000")
	direct := wireServer(t, stranger)
	resp := wireAsk(t, direct.Client(), "GET", direct.URL, "", "Host", "api.example.com",
		"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https")
	wireAnswer(t, resp, proxyNoProto)
	wireClose(t, stack)
	log.shows(t, `{"event":"input_validation_fail","reason":"transport.https_required","ip":"198.51.100.4"}`)
	log.shows(t, `{"type":"access","ip":"192.0.2.7","status":200}`)
	log.shows(t, proxyNoHostLog)
	if strings.Contains(log.String(), "203.0.113.9") {
		t.Errorf("an address that the client wrote is in the log:\n%s", log)
	}
}

// httptestPeer is h for clients that come from addr.
func httptestPeer(h http.Handler, addr string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = addr
		h.ServeHTTP(w, r)
	})
}

// What has to be taken out gives the address to the client.
func TestProxyWithRealIP(t *testing.T) {
	service, _, stack := proxyService(t)
	defer wireClose(t, stack)
	//lint:ignore SA1019 the page warns of it
	front := wireServer(t, middleware.RealIP(service))
	resp := wireAsk(t, front.Client(), "GET", front.URL, "", "Host", "api.example.com",
		"X-Real-IP", "127.0.0.1", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https")
	if got := wireRead(t, resp); got != "you are 203.0.113.9\n" {
		t.Errorf("RealIP outside the stack: %q; the page warns of it for nothing", got)
	}
}

// What the page says about each router: whose address it takes by default, and
// with the setting of the page. Echo takes that of the proxy since v4.16.3.
func TestProxyAndTheAddressOfTheRouter(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	byGin := func(take func(*gin.Engine)) http.Handler {
		engine := gin.New()
		take(engine)
		engine.GET("/", func(c *gin.Context) { fmt.Fprint(c.Writer, c.ClientIP(), " ", bulwark.ClientIP(c.Request)) })
		return engine
	}
	byEcho := func(take func(*echo.Echo)) http.Handler {
		e := echo.New()
		take(e)
		e.GET("/", func(c echo.Context) error {
			_, err := fmt.Fprint(c.Response(), c.RealIP(), " ", bulwark.ClientIP(c.Request()))
			return err
		})
		return e
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprint(w, cmp.Or(host, r.RemoteAddr), " ", bulwark.ClientIP(r))
	})
	const forged, peer, client = "203.0.113.9", "127.0.0.1", "192.0.2.7"
	for name, test := range map[string]struct {
		router http.Handler
		want   string // the router's word, and that of bulwark
	}{
		"gin":               {byGin(func(*gin.Engine) {}), forged + " " + client},
		"gin_without_trust": {byGin(func(e *gin.Engine) { e.SetTrustedProxies(nil) }), peer + " " + client},
		"echo":              {byEcho(func(*echo.Echo) {}), peer + " " + client},
		"echo_direct":       {byEcho(func(e *echo.Echo) { e.IPExtractor = echo.ExtractIPDirect() }), peer + " " + client},
		"gorilla":           {handlers.ProxyHeaders(bare), forged + " " + client},
		"without":           {bare, peer + " " + client},
	} {
		t.Run(name, func(t *testing.T) {
			stack, err := behindProxy(new(wireLog).logger())
			if err != nil {
				t.Fatal(err)
			}
			defer wireClose(t, stack)
			server := wireServer(t, stack.Wrap(test.router))
			resp := wireAsk(t, server.Client(), "GET", server.URL, "", "Host", "api.example.com",
				"X-Forwarded-Proto", "https", "X-Forwarded-For", forged+", "+client)
			if got := wireRead(t, resp); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestProxyWithoutItsHeader(t *testing.T) {
	_, err := bulwark.NewEdge(bulwark.Edge{
		Hosts:          []string{"api.example.com"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	})
	if err == nil || !strings.Contains(err.Error(), "edge.ForwardedHeader") {
		t.Errorf("%v does not name ForwardedHeader", err)
	}
}

// nginx itself

// startNginx starts an nginx whose only location is this, and returns the
// addresses where it serves http and https.
func startNginx(t *testing.T, location string) (plain, secure string, client *http.Client) {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		if _, sbin := os.Stat("/usr/sbin/nginx"); sbin != nil {
			if os.Getenv("BULWARK_NGINX") == "required" {
				t.Fatal("nginx is missing: apt-get install nginx-light")
			}
			t.Skip("nginx is missing: apt-get install nginx-light")
		}
		binary = "/usr/sbin/nginx"
	}
	folder := t.TempDir()
	pool := nginxCertificate(t, folder)
	first, second := listening(t), listening(t)
	plain, secure = first.Addr().String(), second.Addr().String()
	config := filepath.Join(folder, "nginx.conf")
	user := ""
	if os.Getuid() == 0 { // else nginx would read and write as somebody who cannot
		user = "user root;"
	}
	text := fmt.Sprintf(`daemon off;
worker_processes 1;
%[5]s
pid %[1]s/pid;
error_log stderr warn;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    server {
        listen %[2]s;
        listen %[3]s ssl;
        server_name api.example.com;
        ssl_certificate %[1]s/certificate.pem;
        ssl_certificate_key %[1]s/key.pem;
        %[4]s
    }
}
`, folder, plain, secure, location, user)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	nginx := exec.Command(binary, "-p", folder, "-c", config, "-e", "stderr")
	nginx.Stderr = &said
	// nginx takes over the two sockets, as it does when its binary is replaced.
	// Nobody else can have the ports between two calls.
	nginx.Env = append(os.Environ(), "NGINX=3;4;")
	for _, ln := range []*net.TCPListener{first, second} {
		file, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		nginx.ExtraFiles = append(nginx.ExtraFiles, file)
	}
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second.Close()
	ended := make(chan error, 1)
	go func() { ended <- nginx.Wait() }()
	t.Cleanup(func() {
		nginx.Process.Signal(syscall.SIGTERM) // ends the worker as well
		<-ended
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("nginx:\n%s", &said)
		}
	})
	trust := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "api.example.com"}}
	t.Cleanup(trust.CloseIdleConnections)
	return "http://" + plain, "https://" + secure, &http.Client{Transport: trust}
}

// listening is a listener on a port of the loopback interface.
func listening(t *testing.T) *net.TCPListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.(*net.TCPListener)
}

// nginxCertificate writes a certificate and its key into the folder.
func nginxCertificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"api.example.com"}, IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, block := range map[string]*pem.Block{
		"certificate.pem": {Type: "CERTIFICATE", Bytes: certificate},
		"key.pem":         {Type: "PRIVATE KEY", Bytes: private},
	} {
		encoded := pem.EncodeToMemory(block)
		if err := os.WriteFile(filepath.Join(folder, name), encoded, 0o600); err != nil {
			t.Fatal(err)
		}
		if block.Type == "CERTIFICATE" {
			pool.AppendCertsFromPEM(encoded)
		}
	}
	return pool
}

// serveOn serves h on ln until the test ends.
func serveOn(t *testing.T, ln net.Listener, h http.Handler) {
	t.Helper()
	server := transport.Server(h)
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
}

func TestProxyNginx(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "api.sock")
	for _, test := range []struct {
		name, network, address string
	}{
		{"tcp", "tcp", "127.0.0.1:0"},
		{"unix", "unix", socket},
	} {
		t.Run(test.name, func(t *testing.T) {
			service, log, stack := proxyService(t)
			ln, err := net.Listen(test.network, test.address)
			if err != nil {
				t.Fatal(err)
			}
			serveOn(t, ln, service)
			upstream := "http://" + ln.Addr().String()
			if test.network == "unix" {
				upstream = "http://unix:" + socket
			}
			location := strings.Replace(nginxLocation, "http://127.0.0.1:8080", upstream, 1)
			plain, secure, client := startNginx(t, location)

			// The client is on this machine. The address 127.0.0.2 is not
			// that of a trusted proxy.
			from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
			client.Transport.(*http.Transport).DialContext = from.DialContext
			want := strings.Replace(proxyAnswer, "192.0.2.7", "127.0.0.2", 1)
			for _, forwarded := range []string{"", "203.0.113.9", "203.0.113.9, 127.0.0.1", "not an address"} {
				resp := wireAsk(t, client, "GET", secure, "", "Host", "api.example.com", "X-Forwarded-For", forwarded,
					"X-Real-IP", "203.0.113.9", "Forwarded", "for=203.0.113.9", "X-Forwarded-Proto", "http")
				id := resp.Header.Get("X-Request-Id")
				wireAnswer(t, resp, want)
				if len(id) != 32 {
					t.Errorf("the request id is %q, want that of nginx", id)
				}
			}
			resp := wireAsk(t, client, "GET", plain, "", "Host", "api.example.com", "X-Forwarded-Proto", "https")
			wireAnswer(t, resp, proxyNoProto)

			// Without the line for Host, nginx asks for the name of the upstream.
			noHost := strings.Replace(location, "proxy_set_header Host $host;", "", 1)
			_, secure, client = startNginx(t, noHost)
			wireAnswer(t, wireAsk(t, client, "GET", secure, "", "Host", "api.example.com"), proxyNoHost)
			wireClose(t, stack)
			log.shows(t, `{"type":"access","ip":"127.0.0.2","status":200}`)
			log.shows(t, proxyNoHostLog)
			if strings.Contains(log.String(), "203.0.113.9") {
				t.Errorf("an address that the client wrote is in the log:\n%s", log)
			}
		})
	}
}
