package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

const (
	tenantPattern = "https://login.example.com/*"
	tenantAcme    = "https://login.example.com/acme"
	tenantBeta    = "https://login.example.com/beta"
)

// landlord is a table of tenants, with a signer for each. Its find counts the
// calls.
type landlord struct {
	t testing.TB

	mu      sync.Mutex
	rows    map[string]jwt.Config
	signers map[string]*jwt.Signer
	keys    map[string]*ecdsa.PrivateKey
	asked   map[string]int
	calls   int
	under   int // way
	most    int // of them
	// instead answers in place of the table, if it returns true.
	instead func(ctx context.Context, issuer string) (jwt.Config, error, bool)
}

func newLandlord(t testing.TB, issuers ...string) *landlord {
	l := &landlord{t: t, rows: map[string]jwt.Config{}, signers: map[string]*jwt.Signer{}, keys: map[string]*ecdsa.PrivateKey{}, asked: map[string]int{}}
	for _, issuer := range issuers {
		l.add(issuer)
	}
	return l
}

// signer signs for the issuer with a key of its own.
func (l *landlord) signer(issuer string) (*jwt.Signer, *ecdsa.PrivateKey) {
	key := newEC(l.t, elliptic.P256())
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer})
	if err != nil {
		l.t.Fatal(err)
	}
	return signer, key
}

func (l *landlord) add(issuer string) {
	signer, key := l.signer(issuer)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.signers[issuer], l.keys[issuer] = signer, key
	l.rows[issuer] = jwt.Config{Issuer: issuer, Audience: []string{"us"}, Keys: signer.Keys()}
}

func (l *landlord) change(issuer string, change func(*jwt.Config)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.rows[issuer]
	change(&c)
	l.rows[issuer] = c
}

func (l *landlord) remove(issuer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.rows, issuer)
}

func (l *landlord) answers(f func(ctx context.Context, issuer string) (jwt.Config, error, bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instead = f
}

func (l *landlord) find(ctx context.Context, issuer string) (jwt.Config, error) {
	l.mu.Lock()
	l.asked[issuer]++
	l.calls++
	l.under++
	l.most = max(l.most, l.under)
	instead := l.instead
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.under--
	}()
	if instead != nil {
		if c, err, ok := instead(ctx, issuer); ok {
			return c, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.rows[issuer]
	if !ok {
		return jwt.Config{}, auth.ErrNotFound
	}
	return c, nil
}

// seen returns the number of calls for an issuer, and of all calls.
func (l *landlord) seen(issuer string) (of, all int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[issuer], l.calls
}

// token is a good token of a subject, for an hour.
func (l *landlord) token(issuer, subject string) string {
	l.mu.Lock()
	signer := l.signers[issuer]
	l.mu.Unlock()
	return signedBy(l.t, signer, subject, "us")
}

func signedBy(t testing.TB, signer *jwt.Signer, subject, audience string) string {
	now := time.Now()
	token, err := signer.Sign("at+jwt", map[string]any{"aud": audience, "sub": subject, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// madeUp is a token of an issuer that anybody could make.
func inventedFor(t testing.TB, issuer string) string {
	return tokenOf(`{"alg":"ES256","typ":"at+jwt","kid":"k"}`, map[string]any{
		"iss": issuer, "sub": "alice", "aud": "us", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}, func([]byte) []byte { return make([]byte, 64) })
}

// house is a service for the tenants.
func (l *landlord) house(t *testing.T, changes ...func(*jwt.IssuersConfig)) (*service, *jwt.Issuers) {
	t.Helper()
	c := jwt.IssuersConfig{Find: l.find, Patterns: []string{tenantPattern}}
	for _, change := range changes {
		change(&c)
	}
	issuers, err := jwt.NewIssuers(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { issuers.Shutdown(context.Background()) })
	return newServiceOf(t, issuers), issuers
}

func newServiceOf(t *testing.T, all ...auth.Authenticator) *service {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: all, Realm: "api"})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{T: t}
	s.handler = s.recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ran = true
		s.caller, _ = bulwark.PrincipalFrom(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})))
	return s
}

// takes fails unless the token passes as the subject of the issuer.
func (s *service) takes(token, issuer, subject string) {
	s.Helper()
	if p := s.accepts(token); p.Issuer != issuer || p.Subject != subject || p.Method != "jwt" {
		s.Fatalf("%+v, want %s of %s", p, subject, issuer)
	}
}

// turnsAway fails unless the token is refused in all of these ways. It returns
// what the event says.
func (s *service) turnsAway(token string, status int, code, reason string) string {
	s.Helper()
	w := s.send(token)
	events := s.recorder.Events()
	event := map[int]bulwark.EventName{401: bulwark.AuthnTokenInvalid, 503: bulwark.SysUnavailable, 500: bulwark.SysUnavailable}[status]
	if w.Code != status || s.ran || !strings.Contains(w.Body.String(), `"code":"`+code+`"`) ||
		len(events) != 1 || events[0].Name != event || events[0].Reason != reason || events[0].Status != status {
		s.Fatalf("%d %s, events %+v, want %d %s with the reason %s", w.Code, w.Body, events, status, code, reason)
	}
	challenges, retry := w.Header()["Www-Authenticate"], w.Header().Get("Retry-After")
	switch status {
	case 401:
		if want := []string{`Bearer realm="api", error="invalid_token"`}; !slices.Equal(challenges, want) || retry != "" {
			s.Errorf("challenges %q, Retry-After %q", challenges, retry)
		}
	case 503:
		if seconds, err := strconv.Atoi(retry); err != nil || seconds < 1 || seconds > 60 || challenges != nil {
			s.Errorf("challenges %q, Retry-After %q", challenges, retry)
		}
	}
	if text := w.Body.String(); strings.Contains(text, "login.example.com") {
		s.Errorf("the answer says %s", text)
	}
	return cause(events[0])
}

const (
	invalid     = "auth.invalid_token"
	unavailable = "auth.unavailable"
	unfit       = "jwt.unconfigured"
)

// The keys, the audience and the callers of each tenant are its own.
func TestTenantsAreApart(t *testing.T) {
	l := newLandlord(t, tenantAcme, tenantBeta)
	l.change(tenantBeta, func(c *jwt.Config) { c.Audience = []string{"beta-only"} })
	s, issuers := l.house(t)
	s.takes(l.token(tenantAcme, "alice"), tenantAcme, "alice")
	s.takes(signedBy(t, l.signers[tenantBeta], "alice", "beta-only"), tenantBeta, "alice")
	s.turnsAway(l.token(tenantBeta, "alice"), 401, invalid, "audience")

	// A token that names one tenant, with the key of the other.
	mallory, err := jwt.NewSigner(jwt.SignerConfig{Key: l.keys[tenantBeta], Issuer: tenantAcme})
	if err != nil {
		t.Fatal(err)
	}
	s.turnsAway(signedBy(t, mallory, "alice", "us"), 401, invalid, "unknown_key")
	s.turnsAway(inventedFor(t, tenantAcme), 401, invalid, "unknown_key")

	if p, err := issuers.Verify(t.Context(), l.token(tenantAcme, "bob")); err != nil || p.Subject != "bob" || p.Issuer != tenantAcme {
		t.Errorf("%+v, %v", p, err)
	}
	for name, test := range map[string]struct{ token, reason string }{
		"of-nobody":      {inventedFor(t, "https://other.example.com/acme"), "issuer"},
		"without-issuer": {"e30.e30.AAAA", "malformed"},
		"too-long":       {strings.Repeat("a", 9<<10), "malformed"},
		"not-found":      {inventedFor(t, "https://login.example.com/nobody"), "issuer"},
	} {
		if _, err := issuers.Verify(t.Context(), test.token); reason(err) != test.reason {
			t.Errorf("%s: %v, want %s", name, err, test.reason)
		}
	}
	if _, all := l.seen(""); all != 3 {
		t.Errorf("Find was called %d times, want once for each of three names", all)
	}
}

// An iss that matches no pattern never reaches Find, however it is spelled.
func TestFindIsAskedForMatchesOnly(t *testing.T) {
	l := newLandlord(t, tenantAcme)
	s, _ := l.house(t)
	for name, issuer := range map[string]string{
		"userinfo":          "https://acme@login.example.com/acme",
		"userinfo-host":     "https://login.example.com@evil.example/acme",
		"query":             tenantAcme + "?tenant=beta",
		"fragment":          tenantAcme + "#beta",
		"upper-case-host":   "https://LOGIN.example.com/acme",
		"upper-case-scheme": "HTTPS://login.example.com/acme",
		"percent-encoded":   "https://login.example.com/%61cme",
		"encoded-slash":     "https://login.example.com/acme%2f..%2fbeta",
		"dot-dot":           "https://login.example.com/..",
		"dot-dot-inside":    "https://login.example.com/beta/../acme",
		"trailing-slash":    tenantAcme + "/",
		"two-segments":      tenantAcme + "/beta",
		"unicode":           "https://login.example.com/аcme", // a Cyrillic letter
		"port":              "https://login.example.com:443/acme",
		"http":              "http://login.example.com/acme",
		"space":             tenantAcme + " ",
		"line-break":        tenantAcme + "\n",
		"nul":               tenantAcme + "\x00",
		"too-long":          "https://login.example.com/" + strings.Repeat("a", 600),
		"another-host":      "https://evil.example/https://login.example.com/acme",
	} {
		t.Run(name, func(t *testing.T) {
			s.T = t
			if said := s.turnsAway(inventedFor(t, issuer), 401, invalid, "issuer"); !strings.Contains(said, tenantPattern) || strings.Contains(said, "evil") {
				t.Errorf("the log says %q", said)
			}
		})
	}
	if _, all := l.seen(""); all != 0 {
		t.Errorf("Find was called %d times", all)
	}
}

// A removed tenant's tokens end within a minute, and those of a new tenant work
// within 5 seconds.
func TestTenantsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme, tenantBeta)
		s, _ := l.house(t)
		token, other := l.token(tenantAcme, "alice"), l.token(tenantBeta, "bob")
		s.takes(token, tenantAcme, "alice")
		l.remove(tenantAcme)
		time.Sleep(time.Minute - time.Nanosecond)
		s.takes(token, tenantAcme, "alice")
		if of, _ := l.seen(tenantAcme); of != 1 {
			t.Errorf("Find was called %d times within a minute", of)
		}
		time.Sleep(time.Nanosecond)
		if said := s.turnsAway(token, 401, invalid, "issuer"); !strings.Contains(said, "Find does not know the issuer") {
			t.Errorf("the log says %q", said)
		}
		s.takes(other, tenantBeta, "bob")
		for range 100 {
			s.turnsAway(token, 401, invalid, "issuer")
		}
		if of, _ := l.seen(tenantAcme); of != 2 {
			t.Errorf("Find was called %d times, and the second answer holds for 5 seconds", of)
		}
		l.add(tenantAcme)
		token = l.token(tenantAcme, "alice") // with another key
		time.Sleep(5 * time.Second)
		s.takes(token, tenantAcme, "alice")
	})
}

// A minute counts from the call of Find, and not from its answer.
func TestTheMinuteOfASlowFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme)
		l.answers(func(ctx context.Context, issuer string) (jwt.Config, error, bool) {
			l.mu.Lock()
			c := l.rows[issuer]
			l.mu.Unlock()
			time.Sleep(1500 * time.Millisecond)
			return c, nil, true
		})
		s, _ := l.house(t)
		token := l.token(tenantAcme, "alice")
		begun := time.Now()
		s.takes(token, tenantAcme, "alice")
		l.remove(tenantAcme)
		l.answers(nil)
		time.Sleep(time.Until(begun.Add(time.Minute)))
		s.turnsAway(token, 401, invalid, "issuer")
	})
}

// While Find does not answer, a tenant is refused after its minute, with 503,
// and works again once Find answers. Other tenants do not notice.
func TestOutageOfFind(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(ctx context.Context) (jwt.Config, error)
		wait   time.Duration // for the answer
		want   string
	}{
		"error":   {func(context.Context) (jwt.Config, error) { return jwt.Config{}, errors.New("connection refused") }, 0, "ask jwt.IssuersConfig.Find: connection refused"},
		"hangs":   {func(ctx context.Context) (jwt.Config, error) { <-ctx.Done(); return jwt.Config{}, ctx.Err() }, 2 * time.Second, "jwt.IssuersConfig.Timeout is 2s"},
		"deaf":    {func(context.Context) (jwt.Config, error) { time.Sleep(20 * time.Second); return jwt.Config{}, nil }, 3 * time.Second, "does not keep to its deadline"},
		"panics":  {func(context.Context) (jwt.Config, error) { panic("secret") }, 0, "jwt.IssuersConfig.Find panicked"},
		"refuses": {func(context.Context) (jwt.Config, error) { return jwt.Config{}, auth.ErrFull }, 0, auth.ErrFull.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLandlord(t, tenantAcme, tenantBeta)
				s, _ := l.house(t)
				token, other := l.token(tenantAcme, "alice"), l.token(tenantBeta, "bob")
				s.takes(token, tenantAcme, "alice")
				l.answers(func(ctx context.Context, issuer string) (jwt.Config, error, bool) {
					if issuer != tenantAcme {
						return jwt.Config{}, nil, false
					}
					c, err := test.answer(ctx)
					return c, err, true
				})
				s.takes(token, tenantAcme, "alice") // within the minute
				time.Sleep(time.Minute)
				begun := time.Now()
				if said := s.turnsAway(token, 503, unavailable, "store_unavailable"); !strings.Contains(said, test.want) || strings.Contains(said, "secret") {
					t.Errorf("the log says %q, want %q in it", said, test.want)
				}
				if waited := time.Since(begun); waited != test.wait {
					t.Errorf("the answer came after %v, want %v", waited, test.wait)
				}
				begun = time.Now()
				s.takes(other, tenantBeta, "bob")
				for range 50 {
					s.turnsAway(token, 503, unavailable, "store_unavailable")
				}
				if waited := time.Since(begun); waited != 0 {
					t.Errorf("the others waited for %v", waited)
				}
				if of, _ := l.seen(tenantAcme); of != 2 {
					t.Errorf("Find was called %d times, and a failure holds for a second", of)
				}
				l.answers(nil)
				time.Sleep(30 * time.Second)
				s.takes(token, tenantAcme, "alice")
			})
		})
	}
}

// For a name that is not kept, an outage is not an answer that the name does
// not exist.
func TestOutageOfFindForANewTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme)
		l.answers(func(context.Context, string) (jwt.Config, error, bool) { return jwt.Config{}, errors.New("down"), true })
		s, _ := l.house(t)
		token := l.token(tenantAcme, "alice")
		for range 10 {
			s.turnsAway(token, 503, unavailable, "store_unavailable")
		}
		if _, all := l.seen(""); all != 1 {
			t.Errorf("Find was called %d times", all)
		}
		l.answers(nil)
		time.Sleep(time.Second)
		s.takes(token, tenantAcme, "alice")
	})
}

// What Find returns by mistake refuses the tokens of its tenant, as our own
// fault, and nobody else's.
func TestFindThatLies(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*jwt.Config)
		want   string
	}{
		"another-issuer":   {func(c *jwt.Config) { c.Issuer = tenantBeta }, "has returned a Config with another Issuer"},
		"another-spelling": {func(c *jwt.Config) { c.Issuer += "/" }, "has returned a Config with another Issuer"},
		"no-issuer":        {func(c *jwt.Config) { c.Issuer = "" }, "has returned a Config with another Issuer"},
		"empty":            {func(c *jwt.Config) { *c = jwt.Config{} }, "has returned a Config with another Issuer"},
		"no-audience":      {func(c *jwt.Config) { c.Audience = nil }, "Audience: is empty"},
		"no-keys":          {func(c *jwt.Config) { c.Keys = nil }, "Keys: is nil"},
		"keys-of-another":  {func(c *jwt.Config) { c.Keys = jwt.Discover(tenantBeta, jwt.RemoteConfig{}) }, "are of another issuer than Issuer"},
		"plain-http":       {func(c *jwt.Config) { c.Keys = jwt.RemoteKeys("http://keys.example.com", jwt.RemoteConfig{}) }, "must be https"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLandlord(t, tenantAcme, tenantBeta)
				s, _ := l.house(t)
				token, other := l.token(tenantAcme, "alice"), l.token(tenantBeta, "bob")
				good := l.rows[tenantAcme]
				l.change(tenantAcme, test.change)
				check := func() {
					if said := s.turnsAway(token, 500, unfit, unfit); !strings.Contains(said, test.want) {
						t.Errorf("the log says %q, want %q in it", said, test.want)
					}
					s.takes(other, tenantBeta, "bob")
				}
				check()
				l.change(tenantAcme, func(c *jwt.Config) { *c = good })
				time.Sleep(5 * time.Second)
				s.takes(token, tenantAcme, "alice")
				l.change(tenantAcme, test.change)
				time.Sleep(time.Minute)
				check()
				l.change(tenantAcme, func(c *jwt.Config) { *c = good })
				time.Sleep(5 * time.Second)
				s.takes(token, tenantAcme, "alice")
			})
		})
	}
}

// A million made-up names cost a bounded number of calls at once and bounded
// memory, and no tenant.
func TestMadeUpNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme)
		l.answers(func(ctx context.Context, issuer string) (jwt.Config, error, bool) {
			if issuer == tenantAcme {
				return jwt.Config{}, nil, false
			}
			select {
			case <-time.After(100 * time.Millisecond): // a slow table
				return jwt.Config{}, auth.ErrNotFound, true
			case <-ctx.Done():
				return jwt.Config{}, ctx.Err(), true
			}
		})
		s, issuers := l.house(t, func(c *jwt.IssuersConfig) { c.Max, c.MaxFinds = 1, 4 })
		token := l.token(tenantAcme, "alice")
		s.takes(token, tenantAcme, "alice")

		var all sync.WaitGroup
		var mu sync.Mutex
		answers := map[string]int{}
		for n := range 5000 {
			all.Go(func() {
				_, err := issuers.Verify(context.Background(), inventedFor(t, fmt.Sprintf("https://login.example.com/x%d", n)))
				mu.Lock()
				defer mu.Unlock()
				answers[reason(err)]++
			})
		}
		synctest.Wait() // all of them wait, or have their answer
		begun := time.Now()
		for range 100 {
			s.takes(token, tenantAcme, "alice")
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("a tenant waited for %v", waited)
		}
		all.Wait()
		// Four at once for 2 seconds are 80 names; those that wait longer, and
		// those that find 1024 waiting, are told that nobody knows.
		if answers["issuer"] < 80 || answers["issuer"] > 90 || answers["issuer"]+answers["store_unavailable"] != 5000 {
			t.Errorf("the answers are %v", answers)
		}
		if l.most > 4+1 {
			t.Errorf("%d calls of Find at once", l.most)
		}
		_, before := l.seen("")
		for range 1000 { // the same name again and again
			s.turnsAway(inventedFor(t, "https://login.example.com/nobody"), 401, invalid, "issuer")
		}
		if _, after := l.seen(""); after != before+1 {
			t.Errorf("%d calls for one name", after-before)
		}
		time.Sleep(time.Minute)
		s.takes(token, tenantAcme, "alice")
		if kept, unknown, asking := jwt.Book(issuers); kept != 1 || unknown > 4096 || asking != 0 {
			t.Errorf("%d tenants, %d refused names, %d calls", kept, unknown, asking)
		}
	})
}

// The memory of refused names is bounded, and its names leave it.
func TestRefusedNamesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t)
		_, issuers := l.house(t)
		for n := range 10_000 {
			if _, err := issuers.Verify(t.Context(), inventedFor(t, fmt.Sprintf("https://login.example.com/x%d", n))); reason(err) != "issuer" {
				t.Fatal(err)
			}
		}
		if kept, unknown, _ := jwt.Book(issuers); kept != 0 || unknown != 4096 {
			t.Errorf("%d tenants, %d refused names", kept, unknown)
		}
		time.Sleep(6 * time.Second)
		for n := range 1000 {
			issuers.Verify(t.Context(), inventedFor(t, fmt.Sprintf("https://login.example.com/y%d", n)))
		}
		if _, unknown, _ := jwt.Book(issuers); unknown > 1000 {
			t.Errorf("%d refused names", unknown)
		}
	})
}

// If there is no room, the tenant without a good token for the longest time
// gives way. One that has sent a good token within the last minute does not.
func TestTenantsGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := func(n int) string { return fmt.Sprintf("https://login.example.com/t%d", n) }
		l := newLandlord(t)
		for n := range 6 {
			l.add(name(n))
		}
		s, issuers := l.house(t, func(c *jwt.IssuersConfig) { c.Max = 3 })
		for n := range 3 {
			s.takes(l.token(name(n), "alice"), name(n), "alice")
			time.Sleep(10 * time.Second)
		}
		if said := s.turnsAway(l.token(name(3), "alice"), 503, unavailable, "store_full"); !strings.Contains(said, "jwt.IssuersConfig.Max") {
			t.Errorf("the log says %q", said)
		}
		// A bad token keeps nobody in the book.
		time.Sleep(45 * time.Second) // the first has been quiet for 75 seconds, the second for 65
		s.turnsAway(inventedFor(t, name(0)), 401, invalid, "unknown_key")
		s.takes(l.token(name(3), "alice"), name(3), "alice") // in place of the first
		of, _ := l.seen(name(1))
		s.takes(l.token(name(1), "alice"), name(1), "alice")
		if now, _ := l.seen(name(1)); now != of+1 { // the minute of the second is over, and it is still there
			t.Errorf("the second was asked for %d times", now-of)
		}
		if kept, _, _ := jwt.Book(issuers); kept != 3 {
			t.Errorf("%d tenants", kept)
		}
		s.turnsAway(l.token(name(0), "alice"), 503, unavailable, "store_full")
		// Names that Find confirms, and that send no good token, push out each
		// other and nobody else.
		time.Sleep(20 * time.Second)
		s.takes(l.token(name(1), "alice"), name(1), "alice")
		s.takes(l.token(name(3), "alice"), name(3), "alice")
		for range 5 {
			for _, n := range []int{0, 4, 5} {
				s.turnsAway(inventedFor(t, name(n)), 401, invalid, "unknown_key")
				s.takes(l.token(name(1), "alice"), name(1), "alice")
				s.takes(l.token(name(3), "alice"), name(3), "alice")
			}
		}
		if kept, _, _ := jwt.Book(issuers); kept != 3 {
			t.Errorf("%d tenants", kept)
		}
	})
}

// Requests of one name share a call of Find.
func TestFindIsCalledOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme)
		l.answers(func(context.Context, string) (jwt.Config, error, bool) {
			time.Sleep(time.Second)
			return jwt.Config{}, nil, false
		})
		_, issuers := l.house(t)
		token := l.token(tenantAcme, "alice")
		gone, leave := context.WithCancel(context.Background())
		var all sync.WaitGroup
		all.Go(func() { // the first gives up, and the others do not notice
			if _, err := issuers.Verify(gone, token); reason(err) != "store_unavailable" {
				t.Error(err)
			}
		})
		synctest.Wait()
		for range 200 {
			all.Go(func() {
				if _, err := issuers.Verify(context.Background(), token); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		leave()
		all.Wait()
		if of, _ := l.seen(tenantAcme); of != 1 {
			t.Errorf("Find was called %d times", of)
		}
	})
}

// While a call of Find does not return, no other call is made for its name: the
// goroutines of a deaf Find do not become more and more.
func TestADeafFindIsNotCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme)
		s, _ := l.house(t)
		token := l.token(tenantAcme, "alice")
		s.takes(token, tenantAcme, "alice")
		l.answers(func(context.Context, string) (jwt.Config, error, bool) {
			time.Sleep(30 * time.Second)
			return jwt.Config{}, nil, false
		})
		time.Sleep(time.Minute)
		for range 20 {
			s.turnsAway(token, 503, unavailable, "store_unavailable")
			time.Sleep(time.Second)
		}
		if of, _ := l.seen(tenantAcme); of != 2 {
			t.Errorf("Find was called %d times, and the second call has not returned", of)
		}
		l.answers(nil)
		time.Sleep(30 * time.Second)
		s.takes(token, tenantAcme, "alice")
	})
}
