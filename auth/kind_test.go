package auth_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// A family of keys reads a field of its own and the scheme of its challenge. A
// text that begins with its name is its own.
type family struct {
	*fake
	field, name string
}

func (f *family) Fields() []string { return []string{f.field} }
func (f *family) Claim() string    { return f.name }

func newFamily(name, field, scheme string) *family {
	f := &family{fake: &fake{challenge: bulwark.Challenge{Scheme: scheme}, principal: caller(name)}, field: field, name: name}
	f.presence = func(r *http.Request) auth.Presence {
		texts := r.Header.Values(field)
		if text, ok := auth.Credentials(r, scheme); ok {
			texts = append(texts, text)
		}
		found := auth.None
		for _, text := range texts {
			if strings.HasPrefix(text, name) {
				return auth.Explicit
			}
			found = auth.Kindred
		}
		return found
	}
	return f
}

func TestCaseKeys1Kindred(t *testing.T) {
	one, two := newFamily("one", "X-One", "Key"), newFamily("two", "X-Two", "key")
	other := newFamily("other", "X-Other", "Other")
	all := []auth.Authenticator{opaque(), tokens(), one, two, other}
	for name, test := range map[string]struct {
		headers []string
		want    string // or the code of the refusal
	}{
		"of-the-first":       {[]string{"Authorization: Key one-1"}, "one"},
		"of-the-second":      {[]string{"Authorization: Key two-1"}, "two"},
		"of-nobody":          {[]string{"Authorization: Key x"}, "one"},
		"field-of-nobody":    {[]string{"X-Two: x"}, "two"},
		"another-kind":       {[]string{"X-Other: x"}, "other"},
		"two-kinds":          {[]string{"X-Other: x", "X-One: x"}, "auth.ambiguous_credentials"},
		"two-fields":         {[]string{"X-One: one-1", "X-Two: x"}, "auth.ambiguous_credentials"},
		"two-lines":          {[]string{"X-One: one-1", "X-One: one-1"}, "auth.ambiguous_credentials"},
		"beside-a-token":     {[]string{"Authorization: Bearer good", "X-One: x"}, "auth.ambiguous_credentials"},
		"beside-an-opaque":   {[]string{"Authorization: Bearer x", "X-One: x"}, "auth.ambiguous_credentials"},
		"beside-unknown":     {[]string{"Authorization: Basic x", "X-One: one-1"}, "auth.ambiguous_credentials"},
		"the-same-two-times": {[]string{"Authorization: Key one-1", "X-One: one-1"}, "auth.ambiguous_credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			x := exchangeWith(t, auth.Config{Authenticators: all, Optional: true}, request(test.headers...))
			if strings.HasPrefix(test.want, "auth.") {
				x.refused(t, 400, test.want, []string{`Bearer error="invalid_request"`, "Key", "key", "Other"}, bulwark.AuthnTokenInvalid, "ambiguous")
				return
			}
			if x.subject != test.want {
				t.Errorf("%q, %d %s", x.subject, x.Code, x.Body)
			}
		})
	}
}

// A credential of another kind counts also where nobody says which fields he
// reads.
func TestCaseKeys1KindredWithoutFields(t *testing.T) {
	one, other := newFamily("one", "X-One", "Key"), newFamily("other", "X-Other", "Other")
	all := []auth.Authenticator{around{one}, around{other}}
	for _, headers := range [][]string{{"X-One: one-1", "X-Other: x"}, {"X-One: x", "X-Other: x"}, {"X-One: one-1", "X-Other: other-1"}} {
		x := exchangeWith(t, auth.Config{Authenticators: all}, request(headers...))
		if x.Code != 400 || x.ran {
			t.Errorf("%q: %d, ran %t", headers, x.Code, x.ran)
		}
	}
}

func TestCaseKeys1OneClaimTwice(t *testing.T) {
	one, again, other := newFamily("one", "X-One", "Key"), newFamily("one", "X-Two", "Key"), newFamily("other", "X-One", "Key")
	_, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{one, other, again}})
	var wrong *bulwark.ConfigError
	if got := faulttest.Fields(err); !slices.Equal(got, []string{"auth.Authenticators[2]"}) || !errors.As(err, &wrong) ||
		!strings.Contains(wrong.Reason, "Authenticators[0]") {
		t.Errorf("error %v", err)
	}
}

func TestAuthenticatorsAreBounded(t *testing.T) {
	var all []auth.Authenticator
	for range 65 {
		all = append(all, plain{})
	}
	_, err := auth.New(auth.Config{Authenticators: all})
	if got := faulttest.Fields(err); !slices.Equal(got, []string{"auth.Authenticators"}) {
		t.Errorf("error %v", err)
	}
	if _, err := auth.New(auth.Config{Authenticators: all[1:]}); err != nil {
		t.Error(err)
	}
}
