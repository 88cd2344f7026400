package claims_test

import (
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Between scopes there are spaces, and nothing else that looks like one.
func TestScopes(t *testing.T) {
	for text, want := range map[string][]string{
		`""`:                  nil,
		`"   "`:               nil,
		`"a"`:                 {"a"},
		`" a  b "`:            {"a", "b"},
		`"read\u00a0admin"`:   {"read\u00a0admin"},
		`"read\u2003admin"`:   {"read\u2003admin"},
		`"read\u000badmin x"`: {"read\vadmin", "x"},
		`"read\u0085admin"`:   {"read\u0085admin"},
		`"read\tadmin"`:       {"read\tadmin"},
		`["a b","c"]`:         {"a b", "c"},
	} {
		members, err := jsondoc.Members(nil, []byte(`{"scope":`+text+`}`), claims.Limits(1000))
		if err != nil {
			t.Fatal(err)
		}
		grants, err := claims.ReadGrants(members, claims.Names{})
		if err != nil || !slices.Equal(grants.Scopes, want) || cap(grants.Scopes) != len(want) {
			t.Errorf("%s: %q, %v", text, grants.Scopes, err)
		}
	}
}
