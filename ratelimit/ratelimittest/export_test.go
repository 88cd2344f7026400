package ratelimittest

import (
	"context"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// Broken returns the rules that the stores break, with what shows it.
func Broken(ctx context.Context, open func() ratelimit.Store) map[string][]error {
	found := map[string][]error{}
	for _, r := range rules {
		store := open()
		if !r.general && !slices.Contains(known(store), r.algorithm) {
			continue
		}
		if faults := r.faults(ctx, store); len(faults) > 0 {
			found[r.name] = faults
		}
	}
	return found
}

// Named returns the rules of that name for every algorithm, if the name does not
// say which.
func Named(names []string) (all []string) {
	for _, name := range names {
		for _, r := range rules {
			if r.name == name || !strings.Contains(name, "/") && strings.HasSuffix(r.name, "/"+name) {
				all = append(all, r.name)
			}
		}
	}
	return all
}

// Rules are the names of all rules.
func Rules() []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.name)
	}
	return all
}
