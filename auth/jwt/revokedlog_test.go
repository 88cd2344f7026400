package jwt_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
)

// Tokens that are accepted unasked are not accepted in silence, and not in a
// flood of lines.
func TestAcceptingUnaskedIsLogged(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		var lines bytes.Buffer
		logTo(t, slog.NewTextHandler(&lines, nil))
		logged := func() int { return strings.Count(lines.String(), "InsecureOnOutage") }
		store := &revocations{answer: func(context.Context, *bulwark.Principal) (bool, error) { return false, errors.New("gone") }}
		s := boundtest.Of(t, issuer, revocable(store), func(c *boundtest.Settings) { c.JWT.InsecureOnOutage = time.Hour })
		for range 20 {
			s.Accepts(t, boundtest.Asks("Bearer", issuer.Token(nil)))
		}
		if n := logged(); n != 1 {
			t.Errorf("%d lines for 20 tokens at once, want 1:\n%s", n, &lines)
		}
		time.Sleep(time.Minute)
		s.Accepts(t, boundtest.Asks("Bearer", issuer.Token(nil)))
		if n := logged(); n != 2 {
			t.Errorf("%d lines a minute later, want 2", n)
		}
		store.answer = nil
		time.Sleep(time.Minute)
		s.Accepts(t, boundtest.Asks("Bearer", issuer.Token(nil)))
		if n := logged(); n != 2 {
			t.Errorf("%d lines when the store is back, want 2", n)
		}
	})
}
