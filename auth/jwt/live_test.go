package jwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// The tests of this file use real connections, and so the real clock.

// idp is an issuer on a live server, over TLS. It serves its metadata and the
// keys that it publishes, which need not be the one that it signs with, until
// it is told to do something else.
type idp struct {
	*httptest.Server
	listener  *deafListener
	fetches   atomic.Int64 // of keys
	finds     atomic.Int64 // of metadata
	published atomic.Pointer[jwt.Signer]
	signing   atomic.Pointer[jwt.Signer]
	instead   atomic.Pointer[http.HandlerFunc] // answers while it is there
	foreign   atomic.Pointer[tls.Config]       // the like for handshakes
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startIDP(t, listener)
}

func startIDP(t *testing.T, listener net.Listener) *idp {
	t.Helper()
	i := &idp{listener: &deafListener{Listener: listener}}
	i.Server = &httptest.Server{Listener: i.listener, Config: &http.Server{Handler: http.HandlerFunc(i.serve), ErrorLog: quiet},
		TLS: &tls.Config{Certificates: []tls.Certificate{certificate()},
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return i.foreign.Load(), nil }}}
	i.StartTLS()
	t.Cleanup(func() {
		i.CloseClientConnections()
		i.Close()
	})
	i.rotate(t)
	return i
}

// certificate is what the clients of an idp trust. One of RSA, as a test server
// has it, makes handshakes slow under the race detector.
var certificate = sync.OnceValue(func() tls.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"example.com"}, IsCA: true, BasicConstraintsValid: true}
	return certify(template, nil)
})

// certify makes a certificate by another, or by itself where that is nil.
func certify(template *x509.Certificate, by *tls.Certificate) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	parent, signer := template, crypto.PrivateKey(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (i *idp) serve(w http.ResponseWriter, r *http.Request) {
	metadata := r.URL.Path != "/jwks.json"
	if metadata {
		i.finds.Add(1)
	} else {
		i.fetches.Add(1)
	}
	switch instead := i.instead.Load(); {
	case instead != nil:
		(*instead)(w, r)
	case metadata:
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/jwks.json")
	default:
		i.published.Load().JWKSHandler().ServeHTTP(w, r)
	}
}

// become makes the server answer with a handler, or as it should if that is
// nil.
func (i *idp) become(f http.HandlerFunc) {
	if f == nil {
		i.instead.Store(nil)
		return
	}
	i.instead.Store(&f)
}

// rotate publishes and signs with a new key alone.
func (i *idp) rotate(t *testing.T) {
	t.Helper()
	signer := i.signer(t, newKey(t))
	i.published.Store(signer)
	i.signing.Store(signer)
}

// signer signs with one key and publishes others beside it.
func (i *idp) signer(t *testing.T, key *ecdsa.PrivateKey, beside ...*ecdsa.PrivateKey) *jwt.Signer {
	t.Helper()
	c := jwt.SignerConfig{Key: key, Issuer: i.URL}
	for _, other := range beside {
		c.Retired = append(c.Retired, other.Public())
	}
	signer, err := jwt.NewSigner(c)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// token is a good one that has never been seen.
func (i *idp) token() string { return tokenBy(i.signing.Load()) }

func tokenBy(signer *jwt.Signer) string {
	token, err := signer.Sign("at+jwt", map[string]any{"sub": "alice", "aud": authtest.Audience, "jti": rand.Text(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()})
	if err != nil {
		panic(err)
	}
	return token
}

// forged is a token of the issuer by a key that nobody has published.
func (i *idp) forged(t *testing.T) string { return tokenBy(i.signer(t, newKey(t))) }

// sources are the ways to have the keys of an idp over the network.
var sources = map[string]func(i *idp, timeout time.Duration) jwt.KeySource{
	"remote": func(i *idp, timeout time.Duration) jwt.KeySource {
		return jwt.RemoteKeys(i.URL+"/jwks.json", jwt.RemoteConfig{Transport: i.Client().Transport, Timeout: timeout})
	},
	"discover": func(i *idp, timeout time.Duration) jwt.KeySource {
		return jwt.Discover(i.URL, jwt.RemoteConfig{Transport: i.Client().Transport, Timeout: timeout})
	},
}

// patience is more than a fetch from a server that is well takes anywhere.
const patience = 5 * time.Second

// quiet takes what a test server has to say about clients that go.
var quiet = log.New(io.Discard, "", 0)

// deafListener can accept connections and leave them alone, or close them.
type deafListener struct {
	net.Listener
	deaf atomic.Bool
	gone atomic.Bool
	mu   sync.Mutex
	left []net.Conn
}

func (l *deafListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err == nil && l.gone.Load() {
			conn.Close()
			continue
		}
		if err != nil || !l.deaf.Load() {
			return conn, err
		}
		l.mu.Lock()
		l.left = append(l.left, conn)
		l.mu.Unlock()
	}
}

func (l *deafListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.left {
		conn.Close()
	}
	return l.Listener.Close()
}

// site is a service on a live server, with keys of an idp.
type site struct {
	*testing.T
	*idp
	keys     jwt.KeySource
	url      string
	client   *http.Client
	recorder bulwarktest.Recorder
	ran      atomic.Int64
}

func newSite(t *testing.T, i *idp, keys jwt.KeySource) *site {
	t.Helper()
	verifier := mustNew(t, jwt.Config{Issuer: i.URL, Audience: []string{authtest.Audience}, Keys: keys, MaxCached: -1})
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{verifier}, Realm: "api"})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, idp: i, keys: keys}
	server := httptest.NewServer(s.recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ran.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))))
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 10 * time.Second}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// answer is what a client of a site has got.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *site) send(token string) (answer, error) {
	r, err := http.NewRequest(http.MethodGet, s.url, nil)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := s.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// must sends a token and returns the answer and its one event, if there is one.
func (s *site) must(token string) (answer, bulwark.Event) {
	s.Helper()
	s.recorder.Take()
	a, err := s.send(token)
	if err != nil {
		s.Fatal(err)
	}
	events := s.recorder.Take()
	if len(events) > 1 {
		s.Fatalf("%d events for one request: %+v", len(events), events)
	}
	return a, append(events, bulwark.Event{})[0]
}

func (s *site) accepts(token string) {
	s.Helper()
	before := s.ran.Load()
	if a, e := s.must(token); a.status != http.StatusNoContent || s.ran.Load() != before+1 || e.Name != "" {
		s.Fatalf("a good token got %d %s, event %+v", a.status, a.body, e)
	}
}

// refuses fails unless the token gets 401 for the reason.
func (s *site) refuses(token, reason string) {
	s.Helper()
	before := s.ran.Load()
	a, e := s.must(token)
	if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != `Bearer realm="api", error="invalid_token"` ||
		!strings.Contains(a.body, `"code":"auth.invalid_token"`) || e.Name != bulwark.AuthnTokenInvalid || e.Reason != reason || s.ran.Load() != before {
		s.Fatalf("%d %v %s, event %+v; want 401 for %q", a.status, a.header, a.body, e, reason)
	}
}

// fails fails unless the token gets an honest 503, and returns its Retry-After.
func (s *site) fails(token string) time.Duration {
	s.Helper()
	before := s.ran.Load()
	a, e := s.must(token)
	if a.status != http.StatusServiceUnavailable || a.header["Www-Authenticate"] != nil || !strings.Contains(a.body, `"code":"auth.unavailable"`) ||
		e.Name != bulwark.SysUnavailable || e.Reason != "keys_unavailable" || s.ran.Load() != before {
		s.Fatalf("%d %v %s, event %+v; want 503", a.status, a.header, a.body, e)
	}
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 60 {
		s.Fatalf("Retry-After %q", a.header.Get("Retry-After"))
	}
	return time.Duration(seconds) * time.Second
}

// until waits for something that other goroutines bring about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatal("waited for nothing: ", what)
		}
	}
}

// load is clients that send good tokens all the time.
type load struct {
	sent    atomic.Int64
	stop    context.CancelFunc
	clients sync.WaitGroup
}

// underLoad starts clients that fail the test for each token that is refused.
func (s *site) underLoad(clients int, token func() string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel}
	for range clients {
		l.clients.Go(func() {
			for ctx.Err() == nil {
				a, err := s.send(token())
				if err != nil || a.status != http.StatusNoContent {
					s.Errorf("a good token under load: %v, %d %s, %v", err, a.status, a.body, s.recorder.Events())
					return
				}
				l.sent.Add(1)
			}
		})
	}
	s.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop()
	l.clients.Wait()
}

// more waits for so many requests more.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	goal := l.sent.Load() + n
	until(t, "more requests", func() bool { return l.sent.Load() >= goal || t.Failed() })
}

// An issuer that does it by the book publishes a key, waits, signs with it,
// waits and drops the old one: nobody waits, and no token makes a fetch.
func TestRotationUnderLoadByTheBook(t *testing.T) {
	t.Parallel()
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t)
			first, second := newKey(t), newKey(t)
			i.published.Store(i.signer(t, first))
			i.signing.Store(i.signer(t, first))
			s := newSite(t, i, source(i, patience))
			s.accepts(i.token())
			old := i.token()
			l := s.underLoad(8, i.token)
			l.more(t, 100)
			i.published.Store(i.signer(t, first, second))
			l.more(t, 100)
			if err := jwt.Refresh(s.keys); err != nil {
				t.Fatal(err)
			}
			i.signing.Store(i.signer(t, second))
			l.more(t, 200)
			i.published.Store(i.signer(t, second))
			l.more(t, 100)
			if err := jwt.Refresh(s.keys); err != nil {
				t.Fatal(err)
			}
			l.more(t, 200)
			l.end()
			if n := i.fetches.Load(); n != 3 {
				t.Errorf("%d fetches, want that of the first token and the two of the timer", n)
			}
			s.refuses(old, "unknown_key")
		})
	}
}

// gate holds back the answers of a handler until it is opened.
type gate struct {
	reached, open chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{make(chan struct{}), make(chan struct{})}
	t.Cleanup(g.pass) // or the server would never end
	return g
}

// before answers by then once the gate is open. One request is expected.
func (g *gate) before(then http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		close(g.reached)
		select {
		case <-g.open:
			then.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// pass opens the gate.
func (g *gate) pass() {
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

// longest is a Timeout within which a test does what it wants to see happen
// during a fetch.
const longest = 30 * time.Second

// One that signs with a new key at once is looked up once: the tokens of that
// moment wait for it, those of the old key do not, and none is refused.
func TestCaseAuth14RotationUnderLoadAtOnce(t *testing.T) {
	t.Parallel()
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t)
			first, second := newKey(t), newKey(t)
			before, after := i.signer(t, first), i.signer(t, second, first)
			i.published.Store(before)
			i.signing.Store(before)
			s := newSite(t, i, source(i, longest))
			s.accepts(i.token())
			staying := s.underLoad(4, i.token)
			staying.more(t, 100)
			fetch := newGate(t)
			i.become(fetch.before(after.JWKSHandler()))
			i.published.Store(after)
			turning := s.underLoad(4, func() string { return tokenBy(after) })
			until(t, "the fetch", func() bool { return isClosed(fetch.reached) })
			staying.more(t, 100)
			if n := turning.sent.Load(); n != 0 {
				t.Errorf("%d tokens of a key that nobody has fetched yet were accepted", n)
			}
			fetch.pass()
			turning.more(t, 100)
			staying.more(t, 100)
			turning.end()
			staying.end()
			if n := i.fetches.Load(); n != 2 {
				t.Errorf("%d fetches, want 2", n)
			}
		})
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// No request waits for a refresh of keys that are there, however long that
// hangs.
func TestCaseAuth14NoRequestWaitsForARefresh(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	s := newSite(t, i, sources["remote"](i, longest))
	s.accepts(i.token())
	l := s.underLoad(8, i.token)
	l.more(t, 100)
	fetch := newGate(t)
	i.become(fetch.before(i.published.Load().JWKSHandler()))
	done := make(chan error, 1)
	go func() { done <- jwt.Refresh(s.keys) }()
	until(t, "the refresh", func() bool { return isClosed(fetch.reached) })
	l.more(t, 200) // more than one of each client: none of them waits
	fetch.pass()
	if err := <-done; err != nil {
		t.Error(err)
	}
	l.end()
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

// Anybody can make up a kid or a signature; neither may make us fetch.
func TestForgedTokensFetchOnceOrNever(t *testing.T) {
	t.Parallel()
	for name, source := range sources {
		for _, warm := range []bool{true, false} {
			for _, together := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/warm=%t/together=%t", name, warm, together), func(t *testing.T) {
					i := newIDP(t)
					s := newSite(t, i, source(i, patience))
					if warm {
						s.accepts(i.token())
					}
					fetches, finds := i.fetches.Load(), i.finds.Load()
					s.sendAll(together, "unknown_key", func() string { return i.forged(t) })
					if n := i.fetches.Load() - fetches; n != 1 {
						t.Errorf("%d fetches for 50 unknown kids, want 1", n)
					}
					if n := i.finds.Load() - finds; n > 1 || warm && n > 0 {
						t.Errorf("%d discoveries for 50 unknown kids", n)
					}
					fetches, finds = i.fetches.Load(), i.finds.Load()
					s.sendAll(together, "signature", func() string {
						good, other := i.token(), i.token()
						return good[:strings.LastIndexByte(good, '.')] + other[strings.LastIndexByte(other, '.'):]
					})
					if n := i.fetches.Load() + i.finds.Load() - fetches - finds; n != 0 {
						t.Errorf("%d requests for 50 bad signatures, want 0", n)
					}
					s.accepts(i.token())
				})
			}
		}
	}
}

// sendAll sends 50 tokens that are all refused for one reason.
func (s *site) sendAll(together bool, reason string, token func() string) {
	if !together {
		for range 50 {
			s.refuses(token(), reason)
		}
		return
	}
	s.recorder.Take()
	var wg sync.WaitGroup
	for range 50 {
		forged := token()
		wg.Go(func() {
			if a, err := s.send(forged); err != nil || a.status != http.StatusUnauthorized {
				s.Errorf("%v, %d %s", err, a.status, a.body)
			}
		})
	}
	wg.Wait()
	events := s.recorder.Take()
	for _, e := range events {
		if e.Name != bulwark.AuthnTokenInvalid || e.Reason != reason {
			s.Errorf("event %+v, want reason %q", e, reason)
		}
	}
	if len(events) != 50 {
		s.Errorf("%d events", len(events))
	}
}

// A server that is not there at all, and then is. Its port stays taken: somebody
// else might have got it meanwhile.
func TestCaseAuth14ServerComesUpLate(t *testing.T) {
	t.Parallel()
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t)
			i.listener.gone.Store(true)
			s := newSite(t, i, source(i, patience))
			wait := s.fails(i.token())
			s.fails(i.token()) // within the backoff
			i.listener.gone.Store(false)
			s.recovers(wait)
		})
	}
}
