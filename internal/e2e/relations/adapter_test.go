package relations

import (
	"context"
	"fmt"

	v1 "github.com/authzed/authzed-go/proto/authzed/api/v1"

	"github.com/bulwark-go/bulwark/authz"
)

// spiceDB is an authz.BatchEngine over SpiceDB.
type spiceDB struct {
	client v1.PermissionsServiceClient
}

func (s spiceDB) Decide(ctx context.Context, q *authz.Query) (authz.Decision, error) {
	decisions, err := s.DecideAll(ctx, []authz.Query{*q})
	if err != nil {
		return authz.Decision{}, err
	}
	return decisions[0], nil
}

func (s spiceDB) DecideAll(ctx context.Context, queries []authz.Query) ([]authz.Decision, error) {
	request := &v1.CheckBulkPermissionsRequest{Consistency: &v1.Consistency{
		Requirement: &v1.Consistency_FullyConsistent{FullyConsistent: true},
	}}
	for _, q := range queries {
		request.Items = append(request.Items, &v1.CheckBulkPermissionsRequestItem{
			Resource:   &v1.ObjectReference{ObjectType: q.Resource, ObjectId: q.ID},
			Permission: q.Action,
			Subject:    &v1.SubjectReference{Object: &v1.ObjectReference{ObjectType: "user", ObjectId: userID(q.Principal)}},
		})
	}
	answer, err := s.client.CheckBulkPermissions(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("ask SpiceDB: %w", err)
	}
	if len(answer.Pairs) != len(queries) {
		return nil, fmt.Errorf("SpiceDB gave %d answers to %d questions", len(answer.Pairs), len(queries))
	}
	decisions := make([]authz.Decision, len(queries))
	for i, pair := range answer.Pairs {
		if failed := pair.GetError(); failed != nil {
			return nil, fmt.Errorf("SpiceDB could not decide: %s", failed.GetMessage())
		}
		decisions[i].Allowed = pair.GetItem().GetPermissionship() == v1.CheckPermissionResponse_PERMISSIONSHIP_HAS_PERMISSION
	}
	return decisions, nil
}
