package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
)

// fake is a store whose answer can be chosen.
type fake struct {
	auth.Revocations
	answer   func(context.Context) (bool, error)
	asked    int
	deadline time.Time
}

func (f *fake) Revoked(ctx context.Context, _ *bulwark.Principal) (bool, error) {
	f.asked++
	f.deadline, _ = ctx.Deadline()
	return f.answer(ctx)
}

func answers(revoked bool, err error) func(context.Context) (bool, error) {
	return func(context.Context) (bool, error) { return revoked, err }
}

var errDown = errors.New("connection refused")

// silent keeps the log of a test out of the default log, and returns it.
func silent(t *testing.T) *bytes.Buffer {
	t.Helper()
	var lines bytes.Buffer
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer) // SetDefault has changed both
		log.SetFlags(flags)
	})
	return &lines
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		answer       func(context.Context) (bool, error)
		status       int // 0 is accepted
		reason, want string
	}{
		"good":               {answers(false, nil), 0, "", ""},
		"revoked":            {answers(true, nil), 401, "revoked", "jwt.Config.Revocations has the token"},
		"revoked-and-failed": {answers(true, errDown), 401, "revoked", "jwt.Config.Revocations has the token"},
		"outage":             {answers(false, errDown), 503, "store_unavailable", "jwt.Config.Revocations: connection refused"},
		"panic":              {func(context.Context) (bool, error) { panic("secret") }, 503, "store_unavailable", "jwt.Config.Revocations: the store panicked"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answer: test.answer}
			err := revocation.New(f, 0, "jwt.Config").Check(t.Context(), &bulwark.Principal{Issuer: "i", Subject: "s"})
			if f.asked != 1 || f.deadline.IsZero() {
				t.Errorf("asked %d times, with the deadline %v", f.asked, f.deadline)
			}
			if test.status == 0 {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != test.status || p.Log.Reason != test.reason || p.Err == nil {
				t.Fatalf("%v, want %d %s", err, test.status, test.reason)
			}
			if got := p.Err.Error(); !strings.Contains(got, test.want) || strings.Contains(got, "secret") {
				t.Errorf("the cause is %q, want %q in it", got, test.want)
			}
		})
	}
}

func TestWithoutAStoreNobodyIsAsked(t *testing.T) {
	for name, c := range map[string]revocation.Checker{"zero": {}, "nil": revocation.New(nil, time.Hour, "jwt.Config")} {
		if err := c.Check(t.Context(), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Reaches(&claims.Set{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReaches(t *testing.T) {
	c := revocation.New(&auth.MemoryRevocations{}, 0, "jwt.Config")
	for name, set := range map[string]claims.Set{"jti": {TokenID: "1"}, "sid": {SessionID: "1"}, "iat": {Issued: time.Now()}} {
		if err := c.Reaches(&set); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var p *bulwark.Problem
	err := c.Reaches(&claims.Set{Subject: "alice", Issuer: "i"})
	if !errors.As(err, &p) || p.Status != 401 || p.Log.Reason != "malformed" || !strings.Contains(p.Err.Error(), "jwt.Config.TokenIDClaim") {
		t.Errorf("a token that no Revocation can name: %v", err)
	}
}

// During an outage tokens are accepted for the configured time, and no longer.
// An answer ends the outage, also the answer that a token is good.
func TestInsecureOnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := silent(t)
		f := &fake{answer: answers(false, errDown)}
		c := revocation.New(f, 10*time.Minute, "jwt.Config")
		accepted := func() bool { return c.Check(context.Background(), &bulwark.Principal{}) == nil }
		if !accepted() {
			t.Error("refused at the beginning of the outage")
		}
		time.Sleep(9 * time.Minute)
		if first := accepted(); !first || !accepted() {
			t.Error("refused before the time is over")
		}
		time.Sleep(time.Minute)
		if accepted() {
			t.Error("accepted after the time is over")
		}
		f.answer = answers(false, nil)
		if !accepted() {
			t.Error("refused by a store that answers")
		}
		f.answer = answers(false, errDown)
		if !accepted() {
			t.Error("the next outage does not begin anew")
		}
		f.answer = answers(true, nil)
		if accepted() {
			t.Error("a revoked token is accepted")
		}
		if n := strings.Count(lines.String(), "level=WARN"); n != 3 || !strings.Contains(lines.String(), "Config.Revocations does not answer") {
			t.Errorf("%d lines, want one for each of 3 minutes: %s", n, lines)
		}
	})
}

// A client that hangs up has not made an outage, and is not let in either.
func TestAClientThatHangsUp(t *testing.T) {
	lines := silent(t)
	f := &fake{answer: func(ctx context.Context) (bool, error) { return false, ctx.Err() }}
	c := revocation.New(f, time.Hour, "jwt.Config")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var p *bulwark.Problem
	if err := c.Check(ctx, &bulwark.Principal{}); !errors.As(err, &p) || p.Status != 503 || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if lines.Len() > 0 {
		t.Errorf("log %s", lines)
	}
}

// A store that hangs is an outage after two seconds.
func TestAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() }}
		begin := time.Now()
		err := revocation.New(f, 0, "jwt.Config").Check(context.Background(), &bulwark.Principal{})
		var p *bulwark.Problem
		if took := time.Since(begin); !errors.As(err, &p) || p.Status != 503 || took != 2*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}
