package list_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/internal/list"
)

func TestText(t *testing.T) {
	for _, test := range []struct {
		values []string
		want   string
	}{
		{nil, ""},
		{[]string{"Bearer"}, "Bearer"},
		{[]string{"Bearer", "DPoP"}, "Bearer, DPoP"},
		{[]string{strings.Repeat("a", 150)}, strings.Repeat("a", 150)},
		{[]string{strings.Repeat("a", 149), "b"}, strings.Repeat("a", 149) + ",…"},
		{[]string{strings.Repeat("é", 80)}, strings.Repeat("é", 75) + "…"},
		{[]string{"a" + strings.Repeat("é", 80)}, "a" + strings.Repeat("é", 74) + "…"},
	} {
		if got := list.Text(test.values); got != test.want {
			t.Errorf("%q: %q, want %q", test.values, got, test.want)
		}
	}
}
