package introspection_test

import (
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// Both would want every opaque token, so that every such request was ambiguous.
func TestCaseKeys1TwoIntrospectorsAreRefused(t *testing.T) {
	var all []auth.Authenticator
	for range 2 {
		i, err := introspection.New(authtest.NewOpaqueIssuer(t).Config())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, i)
	}
	_, err := auth.New(auth.Config{Authenticators: all})
	if got := faulttest.Fields(err); !slices.Equal(got, []string{"auth.Authenticators[1]"}) {
		t.Errorf("error %v", err)
	}
	if _, err := auth.New(auth.Config{Authenticators: all[:1]}); err != nil {
		t.Error(err)
	}
}
