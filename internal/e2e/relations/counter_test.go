package relations

import (
	"context"

	"github.com/bulwark-go/bulwark/authz"
)

// A counter counts the calls to an engine.
type counter struct {
	engine          authz.Engine
	single, batches int
}

func (c *counter) Decide(ctx context.Context, q *authz.Query) (authz.Decision, error) {
	c.single++
	return c.engine.Decide(ctx, q)
}

func (c *counter) DecideAll(ctx context.Context, queries []authz.Query) ([]authz.Decision, error) {
	c.batches++
	return c.engine.(authz.BatchEngine).DecideAll(ctx, queries)
}
