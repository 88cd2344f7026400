package ratelimittest

import (
	"context"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// Broken returns the rules that the stores break, with what shows it.
func Broken(ctx context.Context, open func() ratelimit.Store) map[string][]error {
	found := map[string][]error{}
	for _, r := range rules {
		if faults := r.faults(ctx, open()); len(faults) > 0 {
			found[r.name] = faults
		}
	}
	return found
}

// Rules are the names of all rules.
func Rules() []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.name)
	}
	return all
}
