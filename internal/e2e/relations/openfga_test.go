package relations

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	authzenv1 "github.com/openfga/api/proto/authzen/v1"
	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"
	"github.com/openfga/openfga/pkg/gateway"
	"github.com/openfga/openfga/pkg/logger"
	httpmiddleware "github.com/openfga/openfga/pkg/middleware/http"
	"github.com/openfga/openfga/pkg/middleware/requestid"
	"github.com/openfga/openfga/pkg/middleware/storeid"
	"github.com/openfga/openfga/pkg/middleware/validator"
	"github.com/openfga/openfga/pkg/server"
	serverconfig "github.com/openfga/openfga/pkg/server/config"
	servererrors "github.com/openfga/openfga/pkg/server/errors"
	"github.com/openfga/openfga/pkg/storage/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// model is the model for OpenFGA.
const model = `
model
  schema 1.1

type user

type group
  relations
    define member: [user, group#member]

type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member]
    define read: viewer or read from parent

type document
  relations
    define folder: [folder]
    define owner: [user]
    define editor: [user, group#member]
    define viewer: [user, group#member, user with on_network]
    define delete: owner
    define update: owner or editor
    define read: update or viewer or read from folder

condition on_network(network: string) {
  network == "office"
}
`

// openFGA says how to ask an OpenFGA.
func openFGA(url, store, key string) authzen.Config {
	return authzen.Config{
		URL:    url + "/stores/" + store,
		Secret: key,
		Map: func(q *authz.Query, e *authzen.Evaluation) error {
			e.Subject.ID = userID(q.Principal)
			return nil
		},
	}
}

// startOpenFGA starts an OpenFGA with its store in memory. Its services listen
// on a Unix socket, and its gateway for HTTP on loopback.
func startOpenFGA(t testing.TB, options ...server.OpenFGAServiceV1Option) *peer {
	t.Helper()
	log := logger.NewNoopLogger()
	service, err := server.NewServerWithOpts(append([]server.OpenFGAServiceV1Option{
		server.WithDatastore(memory.New()),
		server.WithExperimentals(serverconfig.ExperimentalAuthZen),
		server.WithTransport(gateway.NewRPCTransport(log)),
		server.WithLogger(log),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	services := grpc.NewServer(grpc.ChainUnaryInterceptor(
		requestid.NewUnaryInterceptor(), storeid.NewUnaryInterceptor(), validator.UnaryServerInterceptor(),
	))
	openfgav1.RegisterOpenFGAServiceServer(services, service)
	authzenv1.RegisterAuthZenServiceServer(services, service)
	connection := serveUnix(t, services)
	web := httptest.NewServer(newGateway(t, connection))
	stop := func() { web.Close(); services.Stop() }
	t.Cleanup(stop)

	s := fgaStore{client: openfgav1.NewOpenFGAServiceClient(connection)}
	s.create(t)
	s.access = web.URL + "/stores/" + s.id + "/access/v1"
	config := openFGA(web.URL, s.id, "")
	config.Timeout = 5 * time.Second // for a machine that is busy
	engine, err := authzen.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Shutdown(context.Background()) })
	return &peer{engine: engine, search: s.search, add: s.add, remove: s.remove, stop: stop}
}

// serveUnix serves on a Unix socket and connects to it.
func serveUnix(t testing.TB, services *grpc.Server) *grpc.ClientConn {
	t.Helper()
	folder, err := os.MkdirTemp("", "openfga") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket := filepath.Join(folder, "grpc")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go services.Serve(listener)
	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// newGateway is the HTTP API of OpenFGA, with its own statuses for errors.
func newGateway(t testing.TB, connection *grpc.ClientConn) http.Handler {
	t.Helper()
	mux := runtime.NewServeMux(
		runtime.WithForwardResponseOption(httpmiddleware.HTTPResponseModifier),
		runtime.WithErrorHandler(func(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
			code := servererrors.ConvertToEncodedErrorCode(status.Convert(err))
			httpmiddleware.CustomHTTPErrorHandler(ctx, w, r, servererrors.NewEncodedError(code, err.Error()))
		}),
	)
	if err := authzenv1.RegisterAuthZenServiceHandler(t.Context(), mux, connection); err != nil {
		t.Fatal(err)
	}
	return mux
}

// fgaStore writes and searches relationships of one store.
type fgaStore struct {
	client     openfgav1.OpenFGAServiceClient
	id, access string
}

func (s *fgaStore) create(t testing.TB) {
	t.Helper()
	parsed, err := transformer.TransformDSLToProto(model)
	if err != nil {
		t.Fatal(err)
	}
	store, err := s.client.CreateStore(t.Context(), &openfgav1.CreateStoreRequest{Name: "documents"})
	if err != nil {
		t.Fatal(err)
	}
	s.id = store.Id
	_, err = s.client.WriteAuthorizationModel(t.Context(), &openfgav1.WriteAuthorizationModelRequest{
		StoreId: s.id, SchemaVersion: parsed.SchemaVersion, TypeDefinitions: parsed.TypeDefinitions, Conditions: parsed.Conditions,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *fgaStore) add(t testing.TB, r relationship) {
	t.Helper()
	key := &openfgav1.TupleKey{User: r.subject.String(), Relation: r.relation, Object: r.object.String()}
	if r.condition != "" {
		key.Condition = &openfgav1.RelationshipCondition{Name: r.condition}
	}
	_, err := s.client.Write(t.Context(), &openfgav1.WriteRequest{StoreId: s.id, Writes: &openfgav1.WriteRequestWrites{TupleKeys: []*openfgav1.TupleKey{key}}})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *fgaStore) remove(t testing.TB, r relationship) {
	t.Helper()
	key := &openfgav1.TupleKeyWithoutCondition{User: r.subject.String(), Relation: r.relation, Object: r.object.String()}
	_, err := s.client.Write(t.Context(), &openfgav1.WriteRequest{StoreId: s.id, Deletes: &openfgav1.WriteRequestDeletes{TupleKeys: []*openfgav1.TupleKeyWithoutCondition{key}}})
	if err != nil {
		t.Fatal(err)
	}
}

// search returns the documents that the caller may read.
func (s *fgaStore) search(ctx context.Context, caller *bulwark.Principal) ([]string, error) {
	question, err := json.Marshal(map[string]any{
		"subject":  map[string]string{"type": "user", "id": userID(caller)},
		"action":   map[string]string{"name": "read"},
		"resource": map[string]string{"type": "document"},
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, "POST", s.access+"/search/resource", bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("OpenFGA answered the search with %s", answer.Status)
	}
	var found struct{ Results []struct{ ID string } }
	if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
		return nil, err
	}
	ids := make([]string, len(found.Results))
	for i, result := range found.Results {
		ids[i] = result.ID
	}
	return ids, nil
}
