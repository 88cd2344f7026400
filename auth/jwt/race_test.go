package jwt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	random "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// fleet is a service with verifiers for several issuers, whose caches are far
// too small, and clients that use it all at once.
type fleet struct {
	t       *testing.T
	issuers []*authtest.Issuer
	store   *auth.MemoryRevocations
	handler http.Handler

	mu      sync.Mutex
	rotated []time.Time // when the issuer's latest key was published
}

// carried is a token with what must come of it.
type carried struct {
	token   string
	issuer  int
	claims  authtest.Claims
	prover  *authtest.Prover // nil for an unbound one
	young   time.Time        // until when its key need not be known
	revoked bool
}

func newFleet(t *testing.T, issuers []*authtest.Issuer) *fleet {
	f := &fleet{t: t, issuers: issuers, store: &auth.MemoryRevocations{}, rotated: make([]time.Time, len(issuers))}
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	var all []auth.Authenticator
	for _, issuer := range issuers {
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
		config.MaxCached = 8
		config.DPoP, config.InsecureUnbound, config.Revocations = proofs, true, f.store
		all = append(all, mustNew(t, config))
	}
	layer, err := auth.New(auth.Config{Authenticators: all})
	if err != nil {
		t.Fatal(err)
	}
	edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: boundtest.BaseURL}.Build()
	if err != nil {
		t.Fatal(err)
	}
	f.handler = edge.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintf(w, "%s %s", caller.Issuer, caller.Subject)
	})))
	return f
}

// mint makes a token of a client's own session, bound to its key or not.
func (f *fleet) mint(client string, prover *authtest.Prover) *carried {
	i := random.IntN(len(f.issuers))
	claims := authtest.Claims{"sub": client, "sid": rand.Text(), "jti": rand.Text()}
	c := &carried{issuer: i, claims: claims}
	if random.IntN(2) == 0 {
		c.prover = prover
		claims["cnf"] = prover.Bound()["cnf"]
	}
	f.mu.Lock()
	defer f.mu.Unlock() // the key that signs is the one that was published then
	c.token, c.young = f.issuers[i].Token(claims), f.rotated[i].Add(61*time.Second)
	return c
}

// ask sends the token, under a proof where it is bound, and returns why it is
// refused, or nothing.
func (f *fleet) ask(c *carried, proof string) string {
	r := boundtest.Asks("Bearer", c.token)
	if c.prover != nil {
		r = boundtest.Asks("DPoP", c.token, proof)
	}
	var recorder bulwarktest.Recorder
	w := httptest.NewRecorder()
	recorder.Wrap(f.handler).ServeHTTP(w, r)
	events := recorder.Events()
	switch {
	case w.Code == http.StatusOK && len(events) == 0:
		if want := f.issuers[c.issuer].URL() + " " + c.claims["sub"].(string); w.Body.String() != want {
			f.t.Errorf("the caller is %q and not %q", w.Body, want)
		}
		return ""
	case len(events) != 1:
		f.t.Errorf("%d with the events %+v", w.Code, events)
		return "?"
	}
	return events[0].Reason
}

// proof is a new one for the token, or nothing where it needs none.
func (c *carried) proof() string {
	if c.prover == nil {
		return ""
	}
	return c.prover.Proof(http.MethodGet, boundtest.Documents, c.token, nil)
}

// check sends the token and holds what comes of it against what must.
func (f *fleet) check(c *carried) {
	f.t.Helper()
	proof := c.proof()
	got := f.ask(c, proof)
	switch {
	case c.revoked:
		if got != "revoked" && !(got == "unknown_key" && time.Now().Before(c.young)) {
			f.t.Errorf("a revoked token: %q", got)
		}
	case got == "unknown_key" && time.Now().Before(c.young):
	case got != "":
		f.t.Errorf("a good token is refused: %q", got)
	case c.prover != nil:
		if got := f.ask(c, proof); got != "replay" {
			f.t.Errorf("a proof that has been used: %q", got)
		}
	}
}

// revoke names the token, or its session. It holds from when Revoke returns.
func (f *fleet) revoke(c *carried) {
	r := auth.Revocation{Issuer: f.issuers[c.issuer].URL(), Expires: time.Now().Add(time.Hour)}
	if random.IntN(2) == 0 {
		r.TokenID = c.claims["jti"].(string)
	} else {
		r.SessionID = c.claims["sid"].(string)
	}
	if err := f.store.Revoke(f.t.Context(), r); err != nil {
		f.t.Error(err)
	}
	c.revoked = true
}

// leave ends all tokens of a client.
func (f *fleet) leave(client string, all []*carried) {
	for _, issuer := range f.issuers {
		r := auth.Revocation{Issuer: issuer.URL(), Subject: client, IssuedUntil: time.Now(), Expires: time.Now().Add(time.Hour)}
		if err := f.store.Revoke(f.t.Context(), r); err != nil {
			f.t.Error(err)
		}
	}
	for _, c := range all {
		c.revoked = true
	}
}

// work is what one client does until the end.
func (f *fleet) work(client string, end time.Time) {
	prover := authtest.NewProver(f.t)
	var all []*carried
	for time.Now().Before(end) {
		switch choice := random.IntN(20); {
		case choice == 0 && len(all) > 0:
			f.leave(client, all)
			for _, c := range all {
				f.check(c)
			}
			time.Sleep(2 * time.Second) // tokens tell whole seconds
		case choice < 3 && len(all) > 0:
			c := all[random.IntN(len(all))]
			f.revoke(c)
			f.check(c)
		case choice < 8 || len(all) == 0:
			if len(all) == 6 {
				all = all[1:]
			}
			all = append(all, f.mint(client, prover))
			f.check(all[len(all)-1])
		default:
			f.check(all[random.IntN(len(all))])
		}
		time.Sleep(time.Duration(random.IntN(4)) * time.Second) // whole ones, so that many wake at once
	}
	for _, c := range all {
		f.check(c)
	}
}

// rotate publishes a new key of one issuer after the other, beside those
// before.
func (f *fleet) rotate(end time.Time) {
	for i := 0; time.Now().Before(end); i = (i + 1) % len(f.issuers) {
		time.Sleep(17 * time.Second)
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			f.t.Error(err)
			return
		}
		f.mu.Lock()
		f.issuers[i].Publish(key)
		f.rotated[i] = time.Now()
		f.mu.Unlock()
	}
}

// Whatever happens at one time: a token that has been revoked is refused from
// then on, a good one never is, and no proof is good twice.
func TestEverythingAtOnce(t *testing.T) {
	issuers := []*authtest.Issuer{authtest.NewIssuer(t), authtest.NewIssuer(t), authtest.NewIssuer(t)}
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, issuers)
		end := time.Now().Add(4 * time.Minute)
		var wg sync.WaitGroup
		wg.Go(func() { f.rotate(end) })
		for n := range 16 {
			wg.Go(func() { f.work(fmt.Sprint("client-", n), end) })
		}
		wg.Wait()
	})
}
