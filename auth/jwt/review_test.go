package jwt_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Review asks for all streams of a token at once, and for those of no other.
func TestReview(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	if name, again := mustNew(t, config).Review(&bulwark.Principal{Issuer: issuer.URL(), Subject: "alice", TokenID: "t1"}); name != "" || again != nil {
		t.Errorf("without Revocations there is nothing to ask: %q", name)
	}
	store := &auth.MemoryRevocations{}
	config.Revocations = store
	s := newService(t, config)
	now := time.Now()
	caller := func(changes authtest.Claims) *bulwark.Principal {
		all := authtest.Claims{"jti": "t1", "sid": "s1", "iat": now.Unix()}
		maps.Copy(all, changes)
		return s.accepts(issuer.Token(all))
	}
	one, again := s.verifier.Review(caller(nil))
	if other, _ := s.verifier.Review(caller(nil)); one != other || !strings.HasPrefix(one, "token ") || len(one) > 64 {
		t.Errorf("%q and %q for one token", one, other)
	}
	seen := map[string]string{one: "token"}
	for name, changes := range map[string]authtest.Claims{
		"another-token": {"jti": "t2"}, "another-session": {"sid": "s2"}, "another-subject": {"sub": "bob"}, "another-time": {"iat": now.Add(-time.Minute).Unix()},
		"session": {"jti": nil}, "subject": {"jti": nil, "sid": nil}, "parts-moved": {"jti": "t", "sid": "1s1"}, "long": {"jti": strings.Repeat("x", 2000)},
	} {
		got, _ := s.verifier.Review(caller(changes))
		if first, taken := seen[got]; taken {
			t.Errorf("%s has the name of %s", name, first)
		}
		seen[got] = name
		if want := map[string]string{"session": "session ", "subject": "subject "}[name]; !strings.HasPrefix(got, want) || len(got) > 64 {
			t.Errorf("%s: %q", name, got)
		}
	}
	if err := again(t.Context()); err != nil {
		t.Error(err)
	}
	if err := store.Revoke(t.Context(), auth.Revocation{Issuer: issuer.URL(), SessionID: "s1"}); err != nil {
		t.Fatal(err)
	}
	err := again(t.Context())
	var p *bulwark.Problem
	if !errors.As(err, &p) || p.Status != 401 || p.Log.Reason != "revoked" {
		t.Errorf("%v", err)
	}
	for _, v := range []*jwt.Verifier{nil, {}} {
		if name, again := v.Review(&bulwark.Principal{Subject: "x"}); name != "" || again != nil {
			t.Errorf("%q", name)
		}
	}
	if name, again := s.verifier.Review(nil); name != "" || again != nil {
		t.Errorf("%q", name)
	}
}

// silent is a store that does not answer.
type silent struct{ auth.MemoryRevocations }

func (*silent) Revoked(ctx context.Context, _ *bulwark.Principal) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

// An outage of the store is not a revocation. While InsecureOnOutage accepts
// tokens, it also leaves their streams open.
func TestReviewInAnOutage(t *testing.T) {
	_, config := issuerAndConfig(t)
	synctest.Test(t, func(t *testing.T) {
		p := &bulwark.Principal{Issuer: config.Issuer, Subject: "alice", TokenID: "t1"}
		config.Revocations = &silent{}
		_, again := mustNew(t, config).Review(p)
		if err := again(t.Context()); reason(err) != "store_unavailable" {
			t.Error(err)
		}
		config.InsecureOnOutage = time.Minute
		_, again = mustNew(t, config).Review(p)
		if err := again(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if err := again(t.Context()); reason(err) != "store_unavailable" {
			t.Error(err)
		}
	})
}
