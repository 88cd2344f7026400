package authtest

import (
	"context"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
)

// BrokenRevocations returns the names of the rules that a store breaks, each
// with the first fault, for tests of the rules.
func BrokenRevocations(ctx context.Context, open func() auth.Revocations) map[string]error {
	return broken(ctx, revocationRules, open)
}

// BrokenReplays is the like for [dpop.Replays].
func BrokenReplays(ctx context.Context, open func() dpop.Replays) map[string]error {
	return broken(ctx, replayRules, open)
}

// BrokenSessionStore is the like for [session.Store].
func BrokenSessionStore(ctx context.Context, open func() session.Store) map[string]error {
	return broken(ctx, sessionRules, open)
}

// BrokenKeyStore is the like for [apikey.Store].
func BrokenKeyStore(ctx context.Context, open func() apikey.Store) map[string]error {
	return broken(ctx, keyRules, open)
}

func broken[S any](ctx context.Context, rules []rule[S], open func() S) map[string]error {
	found := map[string]error{}
	for _, r := range rules {
		if faults := r.faults(ctx, open()); len(faults) > 0 {
			found[r.name] = faults[0]
		}
	}
	return found
}
