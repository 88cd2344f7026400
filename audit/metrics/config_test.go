package metrics_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func numbered(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("name", i))
	}
	return all
}

func TestConfigErrors(t *testing.T) {
	for _, test := range []struct {
		name   string
		config metrics.Config
		fields []string
	}{
		{"zero", metrics.Config{}, nil},
		{"most", metrics.Config{Methods: numbered(16), Reasons: numbered(64), Policies: numbered(64)}, nil},
		{"names-of-the-module", metrics.Config{Methods: []string{"jwt"}, Reasons: []string{"expired", "authz.forbidden"}, Policies: []string{"other"}}, nil},
		{"too-many", metrics.Config{Methods: numbered(17), Reasons: numbered(65), Policies: numbered(65)},
			[]string{"metrics.Methods", "metrics.Reasons", "metrics.Policies"}},
		{"not-names", metrics.Config{Methods: []string{""}, Reasons: []string{"a b", "x\n"}, Policies: []string{"é", strings.Repeat("x", 65)}},
			[]string{"metrics.Methods[0]", "metrics.Reasons[0]", "metrics.Reasons[1]", "metrics.Policies[0]", "metrics.Policies[1]"}},
		{"twice", metrics.Config{Policies: []string{"login", "caller", "login"}}, []string{"metrics.Policies[2]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			collector, err := metrics.New(test.config)
			if (collector == nil) != (len(test.fields) > 0) {
				t.Errorf("New returned %v, %v", collector, err)
			}
			got, want := faulttest.Sorted(err), slices.Sorted(slices.Values(test.fields))
			if !slices.Equal(got, want) {
				t.Errorf("faults %q, want %q", got, want)
			}
		})
	}
}

// The Config is copied.
func TestConfigIsCopied(t *testing.T) {
	all := []string{"login", "next"}
	policies := all[:1]
	collector, registry := made(t, metrics.Config{Policies: policies, Methods: policies, Reasons: policies})
	if all[1] != "next" {
		t.Errorf("New has written %q behind the list", all[1])
	}
	policies[0] = "changed"
	before := series(t, registry)
	collector.Record(t.Context(), bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Rule: "login"})
	if got := changed(before, series(t, registry)); !slices.Contains(got, `rate_limit_exceeded_total{policy="login"} +1`) {
		t.Errorf("%q", got)
	}
}
