package relations

import (
	"context"
	"testing"
	"time"

	v1 "github.com/authzed/authzed-go/proto/authzed/api/v1"
	"github.com/openfga/openfga/pkg/server"
	"google.golang.org/grpc"

	"github.com/bulwark-go/bulwark/authz"
)

// With its check cache, OpenFGA goes on allowing after a revocation, and a
// question by AuthZEN cannot ask for more. This is why the page says to leave
// the cache off.
func TestTheCheckCacheOfOpenFGAHidesARevocation(t *testing.T) {
	viewer := as(accounts, "viewer")
	shared := relationship{object: document("plan"), relation: "viewer", subject: user(viewer)}
	p := startOpenFGA(t, server.WithCheckQueryCacheEnabled(true), server.WithCheckQueryCacheTTL(time.Hour), server.WithCheckCacheLimit(100))
	api := serve(t, p, owned(as(accounts, "owner"), "plan"))
	p.add(t, shared)
	want(t, api, "GET", "plan", viewer, documentOf("plan"))
	p.remove(t, shared)
	want(t, api, "GET", "plan", viewer, documentOf("plan"))
}

// The adapter asks SpiceDB for the newest relationships, alone and together.
func TestTheAdapterIsFullyConsistent(t *testing.T) {
	p := startSpiceDB(t)
	seen := &consistencies{PermissionsServiceClient: p.engine.(spiceDB).client}
	engine := spiceDB{seen}
	q := authz.Query{Principal: as(accounts, "viewer"), Resource: "document", Action: "read", ID: engineID("plan")}
	if _, err := engine.Decide(t.Context(), &q); err != nil {
		t.Error(err)
	}
	if _, err := engine.DecideAll(t.Context(), []authz.Query{q, q}); err != nil {
		t.Error(err)
	}
	if len(seen.all) != 2 {
		t.Errorf("%d calls, want 2", len(seen.all))
	}
	for _, c := range seen.all {
		if !c.GetFullyConsistent() {
			t.Errorf("the consistency is %v", c)
		}
	}
}

// consistencies notes what was asked for.
type consistencies struct {
	v1.PermissionsServiceClient
	all []*v1.Consistency
}

func (c *consistencies) CheckBulkPermissions(ctx context.Context, in *v1.CheckBulkPermissionsRequest, opts ...grpc.CallOption) (*v1.CheckBulkPermissionsResponse, error) {
	c.all = append(c.all, in.Consistency)
	return c.PermissionsServiceClient.CheckBulkPermissions(ctx, in, opts...)
}
