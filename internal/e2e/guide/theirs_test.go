package guide

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const allowedOrigins = "https://app.example.com,https://admin.example.com"

// signing is the key pair of the tokens, as Node.js and Go read it.
var signing = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func publicPEM() string {
	der, err := x509.MarshalPKIXPublicKey(&signing().PublicKey)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// node is the running theirs.js, and stop ends it.
var node = sync.OnceValues(func() (string, error) {
	if _, err := os.Stat("node_modules/express"); err != nil {
		return "", errors.New("the packages of the guide are missing: run npm ci in internal/e2e/guide")
	}
	cmd := exec.Command("node", "theirs.js")
	cmd.Env = append(os.Environ(), "PUBLIC_KEY="+publicPEM(), "ALLOWED_ORIGINS="+allowedOrigins)
	cmd.Stderr = io.Discard // express prints what its handlers throw
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait() }
	port, err := bufio.NewReader(out).ReadString('\n')
	return "http://127.0.0.1:" + strings.TrimSpace(port), err
})

var stop = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

// theirs returns the base URL of the guide's service.
func theirs(t *testing.T) string {
	t.Helper()
	url, err := node()
	if err != nil {
		if os.Getenv("BULWARK_BROWSER") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return url
}

// An answer is what the client sees.
type answer struct {
	status int
	header http.Header
	body   string
}

// A call is one request, for both services alike.
type call struct {
	method, path, body string
	header             map[string]string
}

// of sends the call to a service.
func (c call) of(t *testing.T, base string) answer {
	t.Helper()
	r, err := http.NewRequest(c.method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// serve lets a handler of ours answer over a real connection.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}
