package recipes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/graph-gophers/graphql-go"
	grapherrors "github.com/graph-gophers/graphql-go/errors"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/validate"
)

// graphEnvelope describes the body of a query. A batch of queries is refused.
const graphEnvelope = `{
	"type": "object",
	"properties": {
		"query": {"type": "string", "minLength": 1, "maxLength": 4000},
		"operationName": {"type": ["string", "null"], "maxLength": 64},
		"variables": {"type": ["object", "null"], "additionalProperties": true, "maxProperties": 20}
	},
	"required": ["query"]
}`

const graphSchema = `
type Query {
	memo(id: ID!): Memo
	report: Int
}
type Memo {
	id: ID!
	title: String!
	related: [Memo!]!
}
`

type graphAnswer struct {
	Data   json.RawMessage `json:"data,omitempty"`
	Errors []graphError    `json:"errors,omitempty"`
}

type graphError struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// graphQuery has the resolvers. Each calls an operation, which decides.
type graphQuery struct {
	memos   *Memos
	reports *ratelimit.Middleware
}

// requestKey is the key of the request in the context of a resolver.
type requestKey struct{}

func requestOf(ctx context.Context) *http.Request { return ctx.Value(requestKey{}).(*http.Request) }

func (q *graphQuery) Memo(ctx context.Context, args struct{ ID graphql.ID }) (*graphMemo, error) {
	memo, err := q.memos.Read(requestOf(ctx), string(args.ID))
	if err != nil {
		return nil, err
	}
	return &graphMemo{q, memo}, nil
}

// Report is an expensive field, which has a limit of its own.
func (q *graphQuery) Report(ctx context.Context) (*int32, error) {
	caller, _ := bulwark.PrincipalFrom(ctx)
	if _, _, err := q.reports.Take(ctx, caller.Key()); err != nil {
		return nil, err
	}
	n, err := q.memos.RunReport(requestOf(ctx))
	if err != nil {
		return nil, err
	}
	count := int32(n)
	return &count, nil
}

type graphMemo struct {
	query *graphQuery
	memo  *Memo
}

func (m *graphMemo) ID() graphql.ID        { return graphql.ID(m.memo.ID) }
func (m *graphMemo) Title() string         { return m.memo.Title }
func (m *graphMemo) Related() []*graphMemo { return []*graphMemo{m} }

// opaque turns a panic of a resolver into an error whose text only the log gets.
type opaque struct{}

func (opaque) MakePanicError(_ context.Context, value any) *grapherrors.QueryError {
	err := fmt.Errorf("a resolver panicked: %v", value)
	return &grapherrors.QueryError{Message: "internal", ResolverError: err}
}

// LogPanic logs nothing: the panic is in the event of the refusal.
func (opaque) LogPanic(context.Context, any) {}

// newGraph is the handler of the route.
func newGraph(memos *Memos) (http.Handler, error) {
	reports, err := ratelimit.New(ratelimit.Config{Name: "reports", Rate: "5/hour", MaxKeys: 100_000})
	if err != nil {
		return nil, err
	}
	schema, err := graphql.ParseSchema(graphSchema, &graphQuery{memos, reports},
		graphql.MaxDepth(4),
		graphql.MaxSelections(50),
		graphql.MaxParallelism(4),
		graphql.RestrictIntrospection(func(context.Context) bool { return false }),
		graphql.PanicHandler(opaque{}),
		graphql.Logger(opaque{}),
	)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := validate.BodyAs[struct {
			Query         string         `json:"query"`
			OperationName string         `json:"operationName"`
			Variables     map[string]any `json:"variables"`
		}](r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), requestKey{}, r)
		result := schema.Exec(ctx, body.Query, body.OperationName, body.Variables)
		answer := graphAnswer{Data: result.Data}
		for _, e := range result.Errors {
			if e.ResolverError == nil { // of the query itself: syntax, depth, unknown fields
				answer.Errors = append(answer.Errors, graphError{e.Message, e.Path, map[string]any{"code": "graphql.invalid"}})
				bulwark.Report(r, bulwark.Event{Name: bulwark.InputValidationFail, Reason: "graphql.invalid", Rule: e.Rule, Status: http.StatusBadRequest})
				continue
			}
			var refused graphAnswer
			refuseOperation(r, e.ResolverError, &refused)
			for _, one := range refused.Errors {
				one.Path = e.Path
				answer.Errors = append(answer.Errors, one)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}), nil
}

// graphMixed asks for a memo, for the memo of somebody else, and for a report.
const graphMixed = `
{
	mine: memo(id: "1") { title }
	theirs: memo(id: "2") { title }
	report
}
`

const graphMixedAnswer = `
{
	"data": {"mine": {"title": "Plan"}, "theirs": null, "report": null},
	"errors": [
		{"message": "This report needs the permission report:run.", "path": ["report"], "extensions": {"code": "reports.forbidden"}},
		{"message": "There is no such object.", "path": ["theirs"], "extensions": {"code": "authz.not_found"}}
	]
}
`

func TestGraphQL(t *testing.T) {
	body := func(query string) string {
		text, _ := json.Marshal(map[string]any{"query": query, "variables": nil})
		return string(text)
	}
	invalid := []string{"input_validation_fail graphql.invalid alice"}
	for _, test := range []struct {
		name, role, body string
		status           int
		answer           string
		events           []string
	}{
		{"mixed", "user", body(graphMixed), 200, graphMixedAnswer, []string{"authz_fail authz.not_readable alice", "authz_fail reports.forbidden alice"}},
		{"missing-as-forbidden", "user", body(`{ memo(id: "3") { id } }`), 200,
			`{"data":{"memo":null},"errors":[{"message":"There is no such object.","path":["memo"],"extensions":{"code":"authz.not_found"}}]}`,
			[]string{"authz_fail authz.not_readable alice"}},
		{"aliases", "analyst", body(`{ a: report b: report c: report d: report e: report f: report g: report }`), 200, `"code":"ratelimit.exceeded"`,
			[]string{"excess_rate_limit_exceeded ratelimit.exceeded alice", "excess_rate_limit_exceeded ratelimit.exceeded alice"}},
		{"variables", "user", `{"query":"query q($id: ID!) { memo(id: $id) { title } }","operationName":"q","variables":{"id":"1"}}`, 200,
			`{"data":{"memo":{"title":"Plan"}}}`, nil},
		{"deep", "user", body(`{ memo(id: "1") { related { related { title } } } }`), 200, `{"data":{"memo":{"related":[{"related":[{"title":"Plan"}]}]}}}`, nil},
		{"too-deep", "user", body(`{ memo(id: "1") { related { related { related { title } } } } }`), 200, `"code":"graphql.invalid"`, invalid},
		{"too-many", "user", body("{" + strings.Repeat(" report", 51) + "}"), 200, `"code":"graphql.invalid"`, invalid},
		{"unknown-field", "user", body(`{ memo(id: "1") { owner } }`), 200, `"code":"graphql.invalid"`, invalid},
		{"cut-off", "user", body(`{ memo(id: "1") {`), 200, `"code":"graphql.invalid"`, invalid},
		{"introspection", "user", body(`{ __schema { types { name } } }`), 200, `{"data":{}}`, nil},
		{"anonymous", "", body(`{ report }`), 401, `{"errors":[{"message":"This resource needs credentials.","extensions":{"code":"auth.credentials_required"}}]}`,
			[]string{"authz_fail auth.credentials_required "}},
		{"batch", "user", `[{"query":"{ report }"}]`, 422, `"code":"validate.invalid"`, []string{"input_validation_fail validate.invalid alice"}},
		{"unknown-member", "user", `{"query":"{ report }","extensions":{}}`, 422, `"pointer":"/extensions"`, []string{"input_validation_fail validate.invalid alice"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inOneRoute(t, func(c *oneRoute) { c.ask("/graphql", test.role, test.body, test.status, test.answer, test.events...) })
		})
	}
}

// TestAPanicOfAResolver is an opaque error whose cause only the log has.
func TestAPanicOfAResolver(t *testing.T) {
	inOneRoute(t, func(c *oneRoute) {
		c.ask("/graphql", "user", `{"query":"{ memo(id: \"1\") { title } }"}`, 200,
			`{"data":{"memo":null},"errors":[{"message":"Internal Server Error","path":["memo"],"extensions":{"code":"internal.error"}}]}`,
			"sys_unavailable internal.error alice")
	}, func(ms *Memos) {
		ms.memos.Owner = func(*Memo) (string, string) { panic("secret") }
	})
}
