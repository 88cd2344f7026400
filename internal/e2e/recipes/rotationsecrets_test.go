package recipes

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// clientFromFile authenticates this service with the secret in a file. The file
// is read for each question, so a new secret needs no restart.
func clientFromFile(id, file string) introspection.Client {
	return introspection.Client{Authorize: func(r *http.Request) error {
		secret, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(strings.TrimSpace(string(secret))))
		return nil
	}}
}

// An authorizationServer introspects for the clients whose secrets it accepts.
// Every token is good.
type authorizationServer struct {
	secrets atomic.Pointer[[]string]
}

func (s *authorizationServer) accepts(secrets ...string) { s.secrets.Store(&secrets) }

func (s *authorizationServer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	id, secret, _ := r.BasicAuth()
	name, _ := url.QueryUnescape(id)
	text, _ := url.QueryUnescape(secret)
	if !slices.Contains(*s.secrets.Load(), name+" "+text) {
		w.WriteHeader(http.StatusUnauthorized)
		return w.Result(), nil
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"active":true,"token_type":"Bearer","iss":"https://login.example.com","aud":"https://api.example.com","sub":"alice","exp":%d}`, time.Now().Unix()+600)
	return w.Result(), nil
}

// Old and new secret are good together, so that no process has to change at the
// moment of another.
func TestRotateTheClientSecret(t *testing.T) {
	server := &authorizationServer{}
	service := func(client introspection.Client) func() (status int, reason string) {
		tokens := bulwark.Must(introspection.New(introspection.Config{
			Endpoint: "https://login.example.com/introspect", Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"},
			Client: client, Transport: server,
		}))
		var events bulwarktest.Recorder
		layer := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens}}))
		handler := events.Wrap(layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		return func() (int, string) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+rand.Text()) // a token that nobody remembers
			w := httptest.NewRecorder()
			events.Take()
			handler.ServeHTTP(w, r)
			reason := ""
			for _, e := range events.Take() {
				reason = e.Reason
			}
			return w.Code, reason
		}
	}
	file := filepath.Join(t.TempDir(), "secret")
	write := func(secret string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old 100%")
	clients := map[string]introspection.Client{
		"old":    {ID: "api", Secret: "old 100%"},
		"new":    {ID: "api", Secret: "new+secret"},
		"second": {ID: "api-2026", Secret: "second"},
	}
	fromFile := service(clientFromFile("api", file)) // the same process all the time
	expect := func(when string, status map[string]int) {
		t.Helper()
		for name, want := range status {
			process := fromFile
			if name != "file" {
				process = service(clients[name]) // which has just started
			}
			if got, reason := process(); got != want || want == 503 && reason != "introspection_unavailable" {
				t.Errorf("%s: the client with the %s secret is %d %s, want %d", when, name, got, reason, want)
			}
		}
	}
	server.accepts("api old 100%")
	expect("before", map[string]int{"old": 200, "file": 200, "new": 503})
	server.accepts("api old 100%", "api new+secret")
	expect("step 1", map[string]int{"old": 200, "file": 200, "new": 200})
	write("new+secret")
	expect("step 2", map[string]int{"old": 200, "file": 200, "new": 200})
	server.accepts("api new+secret")
	expect("step 3", map[string]int{"old": 503, "file": 200, "new": 200})

	// A server that has one secret for a client has room for a second client.
	server.accepts("api old 100%", "api-2026 second")
	expect("two clients", map[string]int{"old": 200, "second": 200})
	server.accepts("api-2026 second")
	expect("one client", map[string]int{"old": 503, "second": 200})
}

// The pseudonyms of all processes change with the key, and with nothing else.
func TestRotateTheAccountKey(t *testing.T) {
	with := func(key string) string {
		d := bulwark.Must(detect.New(detect.Config{AccountKey: audit.NewSecret(strings.Repeat(key, 32))}))
		return d.Account("alice@example.com").Value.String()
	}
	old, again, next := with("o"), with("o"), with("n") // again is another process
	if old != again || old == next || old == "" {
		t.Errorf("pseudonyms %q, %q and %q", old, again, next)
	}
}

// A client whose nonce is of the other key gets the nonce to use, and one retry
// brings it in. A nonce that was made with the old key is worth nothing.
func TestRotateTheNonceKey(t *testing.T) {
	issuer, prover := authtest.NewIssuer(t), authtest.NewProver(t)
	replays := &dpop.MemoryReplays{}
	service := func(key string) func(nonce string) *http.Response {
		config := issuer.Config()
		config.DPoP = bulwark.Must(dpop.New(dpop.Config{Replays: replays, NonceKey: []byte(strings.Repeat(key, 32))}))
		stack := bulwark.Must(bulwark.Chain(
			bulwark.Edge{Hosts: []string{"api.example.com"}, BaseURL: "https://api.example.com"},
			auth.Config{Authenticators: []auth.Authenticator{bulwark.Must(jwt.New(config))}},
		))
		handler := stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		token := issuer.Token(prover.Bound())
		return func(nonce string) *http.Response {
			r := httptest.NewRequest("GET", "https://api.example.com/", nil)
			r.Header.Set("Authorization", "DPoP "+token)
			r.Header.Set("DPoP", prover.Proof("GET", "https://api.example.com/", token, authtest.Claims{"nonce": nonce}))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w.Result()
		}
	}
	before, after := service("o"), service("n")
	nonce := before("").Header.Get("DPoP-Nonce")
	if got := before(nonce); got.StatusCode != 200 {
		t.Fatalf("before: %d", got.StatusCode)
	}
	refused := after(nonce)
	told := refused.Header.Get("DPoP-Nonce")
	if refused.StatusCode != 401 || told == "" || told == nonce || !strings.Contains(refused.Header.Get("WWW-Authenticate"), "use_dpop_nonce") {
		t.Fatalf("with a nonce of the old key: %d %v", refused.StatusCode, refused.Header)
	}
	if got := after(told); got.StatusCode != 200 {
		t.Errorf("one retry: %d", got.StatusCode)
	}
	// This is why all processes change together.
	if got := before(told); got.StatusCode != 401 {
		t.Errorf("at a process that still has the old key: %d", got.StatusCode)
	}
}

// A certificate is read from two files. It is safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// Load reads the files again. After an error the certificate stays as it was.
func (c *certificate) Load() error {
	read, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("load the certificate: %w", err)
	}
	if time.Now().After(read.Leaf.NotAfter) {
		return errors.New("load the certificate: it has expired")
	}
	c.current.Store(&read)
	return nil
}

// Get is for tls.Config.GetCertificate.
func (c *certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// serverWith serves with the certificate. It reads the files again each hour.
func serverWith(ctx context.Context, c *certificate, handler http.Handler) (*http.Server, error) {
	if err := c.Load(); err != nil {
		return nil, err
	}
	server := transport.Server(handler)
	server.TLSConfig = transport.TLS()
	server.TLSConfig.GetCertificate = c.Get
	go func() {
		again := time.NewTicker(time.Hour)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				if err := c.Load(); err != nil {
					slog.Default().ErrorContext(ctx, "certificate", "error", err.Error())
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return server, nil
}

// writeCertificate makes a certificate in the files of c, until the time.
func writeCertificate(t *testing.T, c *certificate, name string, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{c.certFile: {Type: "CERTIFICATE", Bytes: der}, c.keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Connections stay, new ones get the new certificate, and files that are wrong
// change nothing.
func TestRotateTheTLSCertificate(t *testing.T) {
	dir := t.TempDir()
	c := &certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem")}
	writeCertificate(t, c, "old.example.com", time.Now().Add(time.Hour))
	server, err := serverWith(t.Context(), c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "here") }))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeTLS(ln, "", "")
	defer server.Close()
	shown := "" // the certificate of the last connection
	client := func() *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true,
			VerifyConnection:   func(s tls.ConnectionState) error { shown = s.PeerCertificates[0].DNSNames[0]; return nil },
		}}}
	}
	get := func(c *http.Client) string {
		t.Helper()
		res, err := c.Get("https://" + ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "here" {
			t.Errorf("%q %v", body, err)
		}
		return shown
	}
	stays := client()
	if got := get(stays); got != "old.example.com" {
		t.Fatalf("at first: %s", got)
	}
	writeCertificate(t, c, "new.example.com", time.Now().Add(time.Hour))
	if err := c.Load(); err != nil {
		t.Fatal(err)
	}
	shown = "no handshake"
	if got := get(stays); got != "no handshake" {
		t.Errorf("the open connection was made again: %s", got)
	}
	if got := get(client()); got != "new.example.com" {
		t.Errorf("a new connection: %s", got)
	}

	good, err := os.ReadFile(c.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(){
		"half a file": func() { os.WriteFile(c.keyFile, good[:len(good)/2], 0o600) },
		"no file":     func() { os.Remove(c.certFile) },
		"another's key": func() {
			writeCertificate(t, c, "third.example.com", time.Now().Add(time.Hour))
			os.WriteFile(c.keyFile, good, 0o600)
		},
		"in the past":    func() { writeCertificate(t, c, "past.example.com", time.Now().Add(-time.Hour)) },
		"nothing in it":  func() { os.WriteFile(c.certFile, nil, 0o600) },
		"something else": func() { os.WriteFile(c.certFile, bytes.Repeat([]byte("x"), 1000), 0o600) },
	} {
		spoil()
		if err := c.Load(); err == nil || strings.Contains(err.Error(), "PRIVATE KEY-----") {
			t.Errorf("%s: %v", name, err)
		}
		if got := get(client()); got != "new.example.com" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
