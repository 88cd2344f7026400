package relations

import (
	"context"
	"errors"
	"io"
	"testing"

	v1 "github.com/authzed/authzed-go/proto/authzed/api/v1"
	authzed "github.com/authzed/authzed-go/v1"
	"github.com/authzed/grpcutil"
	"github.com/authzed/spicedb/pkg/development"
	devinterface "github.com/authzed/spicedb/pkg/proto/developer/v1"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// schema is the model for SpiceDB.
const schema = `
definition user {}

definition group {
	relation member: user | group#member
}

definition folder {
	relation parent: folder
	relation viewer: user | group#member
	permission read = viewer + parent->read
}

caveat on_network(network string) {
	network == "office"
}

definition document {
	relation folder: folder
	relation owner: user
	relation editor: user | group#member
	relation viewer: user | group#member | user with on_network
	permission delete = owner
	permission update = owner + editor
	permission read = update + viewer + folder->read
}
`

// connect connects to a SpiceDB over TLS.
func connect(address, key string) (*authzed.Client, error) {
	certs, err := grpcutil.WithSystemCerts(grpcutil.VerifyCA)
	if err != nil {
		return nil, err
	}
	return authzed.NewClient(address, certs, grpcutil.WithBearerToken(key))
}

// startSpiceDB starts the services of SpiceDB with their store in memory. The
// connection to them is in memory too.
func startSpiceDB(t testing.TB) *peer {
	t.Helper()
	dev, faults, err := development.NewDevContext(context.Background(), &devinterface.RequestContext{Schema: schema})
	if err != nil || faults != nil {
		t.Fatal(err, faults)
	}
	t.Cleanup(dev.Dispose)
	connection, stop, err := dev.RunV1InMemoryService()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s := spiceStore{v1.NewPermissionsServiceClient(connection)}
	return &peer{engine: spiceDB{s.client}, search: s.search, add: s.add, remove: s.remove, stop: stop}
}

// spiceStore writes and searches relationships.
type spiceStore struct{ client v1.PermissionsServiceClient }

func (s spiceStore) add(t testing.TB, r relationship) {
	t.Helper()
	s.update(t, v1.RelationshipUpdate_OPERATION_TOUCH, r)
}

func (s spiceStore) remove(t testing.TB, r relationship) {
	t.Helper()
	s.update(t, v1.RelationshipUpdate_OPERATION_DELETE, r)
}

func (s spiceStore) update(t testing.TB, operation v1.RelationshipUpdate_Operation, r relationship) {
	t.Helper()
	written := &v1.Relationship{
		Resource: &v1.ObjectReference{ObjectType: r.object.kind, ObjectId: r.object.id},
		Relation: r.relation,
		Subject:  &v1.SubjectReference{Object: &v1.ObjectReference{ObjectType: r.subject.kind, ObjectId: r.subject.id}, OptionalRelation: r.subject.relation},
	}
	if r.condition != "" {
		written.OptionalCaveat = &v1.ContextualizedCaveat{CaveatName: r.condition}
	}
	// The command of SpiceDB checks the grammar of ids. The services alone do
	// not check all of it.
	if err := written.Validate(); err != nil {
		t.Fatal(err)
	}
	_, err := s.client.WriteRelationships(t.Context(), &v1.WriteRelationshipsRequest{
		Updates: []*v1.RelationshipUpdate{{Operation: operation, Relationship: written}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// search returns the documents that the caller may read.
func (s spiceStore) search(ctx context.Context, caller *bulwark.Principal) ([]string, error) {
	stream, err := s.client.LookupResources(ctx, &v1.LookupResourcesRequest{
		Consistency:        &v1.Consistency{Requirement: &v1.Consistency_FullyConsistent{FullyConsistent: true}},
		ResourceObjectType: "document",
		Permission:         "read",
		Subject:            &v1.SubjectReference{Object: &v1.ObjectReference{ObjectType: "user", ObjectId: userID(caller)}},
	})
	if err != nil {
		return nil, err
	}
	var ids []string
	for {
		found, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return ids, nil
		}
		if err != nil {
			return nil, err
		}
		if found.Permissionship == v1.LookupPermissionship_LOOKUP_PERMISSIONSHIP_HAS_PERMISSION {
			ids = append(ids, found.ResourceObjectId)
		}
	}
}

// A client of connect serves the adapter. Where nothing listens, a question
// fails at once.
func TestConnect(t *testing.T) {
	client, err := connect("127.0.0.1:0", "key") // nothing ever listens on port 0
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	q := authz.Query{Principal: as(accounts, "viewer"), Resource: "document", Action: "read", ID: engineID("plan")}
	if d, err := (spiceDB{client}).Decide(t.Context(), &q); err == nil || d.Allowed {
		t.Errorf("a question that cannot be asked is answered %+v, error %v", d, err)
	}
}
