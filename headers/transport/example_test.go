package transport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// loadCertificate stands for tls.LoadX509KeyPair in the examples.
func loadCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"app.example.com"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// ask sends one request to the address of a listener.
func ask(ln net.Listener, cert tls.Certificate) {
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	roots.AddCert(leaf)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "app.example.com"}}}
	res, err := client.Get("https://" + ln.Addr().String() + "/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(string(body), "over", tls.VersionName(res.TLS.Version))
}

// A program serves with TLS until it is told to stop, and then stops cleanly.
func Example() {
	// In a program: signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	cert, err := loadCertificate() // tls.LoadX509KeyPair("cert.pem", "key.pem")
	if err != nil {
		fmt.Println(err)
		return
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") // ":8443"
	if err != nil {
		fmt.Println(err)
		return
	}
	stack := bulwark.Must(bulwark.Chain( /* audit.Config{}, bulwark.Edge{…}, headers.Config{}, … */ ))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })

	server := transport.Server(stack.Wrap(mux))
	server.TLSConfig = transport.TLS()
	server.TLSConfig.Certificates = []tls.Certificate{cert}

	go func() { // a client, and then a signal
		ask(ln, cert)
		stop()
	}()
	err = transport.Serve(ctx, ln, server, stack)
	fmt.Println("stopped:", err)
	// Output:
	// hello over TLS 1.3
	// stopped: <nil>
}

// A program behind a proxy that ends TLS serves plain http.
func ExampleServe() {
	// In a program: signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
		stop() // the signal
	})
	stack := bulwark.Must(bulwark.Chain())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { // a client
		res, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			stop()
			return
		}
		io.Copy(io.Discard, res.Body)
	}()
	err = transport.Serve(ctx, ln, transport.Server(stack.Wrap(hello)), stack)
	fmt.Println("stopped:", err)
	// Output:
	// stopped: <nil>
}

// The handler of plain http sends people to https.
func ExampleRedirectHandler() {
	redirect, err := transport.RedirectHandler("app.example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	redirect.ServeHTTP(w, httptest.NewRequest("GET", "http://app.example.com/documents?limit=5", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output:
	// 308 https://app.example.com/documents?limit=5
}

// An API refuses plain http.
func ExampleHTTPSOnly() {
	stack, err := bulwark.Chain(transport.HTTPSOnly{API: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "[]") }))
	for _, url := range []string{"https://api.example.com/documents", "http://api.example.com/documents"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 403
}

// A route for uploads takes larger bodies than the other routes.
func ExampleMaxBodyBytes() {
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	upload := bulwark.Must(bulwark.Chain(transport.MaxBodyBytes(32 << 20)))
	mux := http.NewServeMux()
	mux.Handle("PUT /documents/{id}", read)
	mux.Handle("PUT /files/{id}", upload.Wrap(read))
	server := transport.Server(mux)

	for _, path := range []string{"/documents/1", "/files/1"} {
		w := httptest.NewRecorder()
		server.Handler.ServeHTTP(w, httptest.NewRequest("PUT", path, strings.NewReader(strings.Repeat("x", 2<<20))))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /documents/1 413
	// /files/1 200
}

// Every mistake is an error when the program starts.
func Example_incorrect() {
	_, err := bulwark.Chain(
		transport.HTTPSOnly{},
		transport.MaxBodyBytes(0),
	)
	fmt.Println(err)

	server := transport.Server(nil)
	server.TLSConfig = transport.TLS() // without a certificate
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = transport.Serve(context.Background(), ln, server)
	if config := (*bulwark.ConfigError)(nil); errors.As(err, &config) {
		fmt.Println(config)
	}
	// Output:
	// transport.HTTPSOnly.Hosts: needs the hosts under which the service answers, such as app.example.com; for an API set API instead
	// transport.MaxBodyBytes: 0: must be at least 1; it is a number of bytes, such as 1 << 20
	// transport.Serve.server.TLSConfig: has no certificate; set Certificates or GetCertificate
}
