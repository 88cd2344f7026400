package auth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth"
)

// newSeeker is a family that can look up a text without a name.
func newSeeker(name, field, scheme string) *family {
	f := newFamily(name, field, scheme)
	inner := f.presence
	f.presence = func(r *http.Request) auth.Presence {
		if found := inner(r); found != auth.Kindred {
			return found
		}
		return auth.Likely
	}
	return f
}

func TestLikelyGoesBeforeKindred(t *testing.T) {
	one, two, three := newFamily("one", "X-Key", "Key"), newSeeker("two", "X-Key", "Key"), newSeeker("three", "X-Key", "Key")
	other := newSeeker("other", "X-Other", "Other")
	for name, test := range map[string]struct {
		all     []auth.Authenticator
		headers []string
		want    string // or the code of the refusal
	}{
		"behind":            {[]auth.Authenticator{one, two}, []string{"Authorization: Key x"}, "two"},
		"before":            {[]auth.Authenticator{two, one}, []string{"X-Key: x"}, "two"},
		"the-first-of-two":  {[]auth.Authenticator{one, two, three}, []string{"X-Key: x"}, "two"},
		"of-another":        {[]auth.Authenticator{two, one}, []string{"Authorization: Key one-1"}, "one"},
		"before-a-fallback": {[]auth.Authenticator{opaque(), two}, []string{"Authorization: Key x"}, "two"},
		"two-kinds":         {[]auth.Authenticator{two, other}, []string{"X-Key: x", "X-Other: x"}, "auth.ambiguous_credentials"},
		"beside-kindred":    {[]auth.Authenticator{one, other}, []string{"X-Key: x", "X-Other: x"}, "auth.ambiguous_credentials"},
		"beside-a-token":    {[]auth.Authenticator{tokens(), two}, []string{"Authorization: Bearer good", "X-Key: x"}, "auth.ambiguous_credentials"},
		"beside-an-opaque":  {[]auth.Authenticator{opaque(), two}, []string{"Authorization: Bearer x", "X-Key: x"}, "auth.ambiguous_credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			x := exchangeWith(t, auth.Config{Authenticators: test.all, Optional: true}, request(test.headers...))
			if strings.HasPrefix(test.want, "auth.") {
				if x.Code != 400 || x.ran || !strings.Contains(x.Body.String(), test.want) {
					t.Errorf("%d, ran %t, %s", x.Code, x.ran, x.Body)
				}
				return
			}
			if x.subject != test.want {
				t.Errorf("%q, %d %s", x.subject, x.Code, x.Body)
			}
		})
	}
}
