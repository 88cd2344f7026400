package dpop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
)

func TestServiceWithoutBaseURL(t *testing.T) {
	unconfigured := boundtest.Refusal{Status: 500, Code: "dpop.unconfigured", Event: bulwark.SysUnavailable, Reason: "dpop.unconfigured"}
	for name, edge := range map[string]bulwark.Edge{"no-edge": {}, "no-base": {InsecureAnyHost: true}} {
		t.Run(name, func(t *testing.T) {
			s := boundtest.New(t, func(c *boundtest.Settings) {
				c.JWT.InsecureUnbound = true
				c.Edge = bulwark.Edge{}
				if edge.InsecureAnyHost {
					layer, err := edge.Build()
					if err != nil {
						t.Fatal(err)
					}
					c.Outside = layer.Wrap
				}
			})
			token := s.Token(nil)
			w := s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), unconfigured)
			if text := w.Body.String(); strings.Contains(text, "BaseURL") || strings.Contains(text, "Edge") {
				t.Errorf("the client learns %s", text)
			}
			if cause := cause(s.Recorder.Events()[0]); !strings.Contains(cause, "BaseURL") {
				t.Errorf("the log does not say what is missing: %q", cause)
			}
			free := s.Issuer.Token(nil)
			s.Accepts(t, boundtest.Asks("Bearer", free)) // which needs none
		})
	}
}

// Check is exported for other authenticators, which may forget the layers.
func TestCheckAlone(t *testing.T) {
	prover := authtest.NewProver(t)
	r := boundtest.Asks("DPoP", "opaque", prover.Proof(http.MethodGet, boundtest.Documents, "opaque", nil))
	var zero dpop.Verifier
	var none *dpop.Verifier
	d, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*dpop.Verifier{"nil": none, "zero": &zero, "without-edge": d} {
		var fault *bulwark.ConfigError
		if err := d.Check(r, "opaque", prover.Thumbprint()); !errors.As(err, &fault) || fault.Field != "dpop" {
			t.Errorf("%s: %v", name, err)
		}
	}
	edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: boundtest.BaseURL}.Build()
	if err != nil {
		t.Fatal(err)
	}
	var got []error
	edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, d.Check(r, "opaque", ""), d.Check(r, "other", prover.Thumbprint()), d.Check(r, "opaque", prover.Thumbprint()), d.Check(r, "opaque", prover.Thumbprint()))
	})).ServeHTTP(httptest.NewRecorder(), r)
	for i, want := range []string{"binding", "proof", "", "replay"} {
		if err := got[i]; want == "" && err != nil || want != "" && reason(err) != want {
			t.Errorf("%d: %v, want %q", i, err, want)
		}
	}
}

func TestReplayStoreTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(context.Context) (bool, error)
		reason string
	}{
		"full":              {func(context.Context) (bool, error) { return false, auth.ErrFull }, "store_full"},
		"full-wrapped":      {func(context.Context) (bool, error) { return false, fmt.Errorf("write: %w", auth.ErrFull) }, "store_full"},
		"error":             {func(context.Context) (bool, error) { return false, errors.New("no route to host") }, "store_unavailable"},
		"error-but-new":     {func(context.Context) (bool, error) { return true, errors.New("no route to host") }, "store_unavailable"},
		"full-but-new":      {func(context.Context) (bool, error) { return true, auth.ErrFull }, "store_full"},
		"hangs":             {func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() }, "store_unavailable"},
		"hangs-then-new":    {func(ctx context.Context) (bool, error) { <-ctx.Done(); return true, ctx.Err() }, "store_unavailable"},
		"panics":            {func(context.Context) (bool, error) { panic("secret-value") }, "store_unavailable"},
		"panics-with-error": {func(context.Context) (bool, error) { panic(errors.New("secret-value")) }, "store_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				s := boundtest.Of(t, issuer)
				token := s.Token(nil)
				proof := s.Proof(token, nil)
				s.Replays.Answer = test.answer
				began := time.Now()
				s.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.Outage(test.reason))
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("it took %v", took)
				}
				if event := s.Recorder.Events()[0]; strings.Contains(fmt.Sprint(event), "secret-value") {
					t.Errorf("the log holds what the store panicked with: %+v", event)
				}
				s.Replays.Answer = nil
				s.Accepts(t, boundtest.Asks("DPoP", token, proof)) // nothing has been used up
			})
		})
	}
}

// A client that fills its share of the store is refused, and no other is.
func TestCaseAuth20WhoFillsTheStoreIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s, other := boundtest.Of(t, issuer), authtest.NewProver(t)
		s.Replays.Max = 100
		token, others := s.Token(nil), issuer.Token(other.Bound())
		for range 50 {
			s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
		}
		for range 50 {
			s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), boundtest.Outage("store_full"))
		}
		for range 25 {
			s.Accepts(t, boundtest.Asks("DPoP", others, other.Proof(http.MethodGet, boundtest.Documents, others, nil)))
		}
		// Another token of the same key has no share of its own.
		token = s.Token(authtest.Claims{"jti": "another"})
		s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), boundtest.Outage("store_full"))
	})
}

// A full store takes nobody in, and lets them in again when it has room.
func TestFullReplayStore(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := boundtest.Of(t, issuer)
		s.Replays.Max = 4 // of which one client has half
		token := s.Token(nil)
		for range 2 {
			s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
		}
		s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), boundtest.Outage("store_full"))
		time.Sleep(2*time.Minute + time.Second) // the window and what a fleet's clocks differ
		s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
	})
}

// A used proof is remembered for longer than anybody would accept it.
func TestProofsAreRememberedLongEnough(t *testing.T) {
	for _, window := range []time.Duration{time.Second, 0, 5 * time.Minute} {
		t.Run(window.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				s := boundtest.Of(t, issuer, func(c *boundtest.Settings) { c.DPoP.Window = window })
				wide := window
				if wide == 0 {
					wide = time.Minute
				}
				token := s.Token(nil)
				issued := time.Now().Add(wide) // as far ahead as may be
				proof := s.Proof(token, authtest.Claims{"iat": issued.Unix()})
				s.Accepts(t, boundtest.Asks("DPoP", token, proof))
				if want := time.Unix(issued.Unix(), 0).Add(wide + time.Minute); !s.Replays.Until.Equal(want) {
					t.Errorf("remembered until %v, want %v", s.Replays.Until, want)
				}
				for time.Since(issued) < wide {
					s.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.BadProof("replay", boundtest.InvalidProof))
					time.Sleep(wide/4 + time.Second)
				}
				s.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.BadProof("proof", boundtest.InvalidProof))
			})
		})
	}
}
