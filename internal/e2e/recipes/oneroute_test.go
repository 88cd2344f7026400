package recipes

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/validate"
)

// A Memo is the object that both protocols are about.
type Memo struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Owner string `json:"-"` // the Subject of the caller who made it
}

// Memos are the operations. Both protocols call them.
type Memos struct {
	policy *authz.Policy
	memos  authz.Resource[*Memo]
	byID   map[string]*Memo
}

func newMemos(issuer string) (*Memos, error) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"memo": {"read"}, "report": {"run"}},
		Roles: authz.Roles{
			"user":    {Grants: []string{"memo:read:own"}},
			"analyst": {Inherits: []string{"user"}, Grants: []string{"report:run:all"}},
			"auditor": {Grants: []string{"memo:read:all"}},
		},
	})
	if err != nil {
		return nil, err
	}
	return &Memos{
		policy: policy,
		memos: authz.Resource[*Memo]{
			Name:   "memo",
			Owner:  func(m *Memo) (string, string) { return issuer, m.Owner },
			Policy: policy, // for Check
		},
		byID: map[string]*Memo{
			"1": {ID: "1", Title: "Plan", Owner: "alice"},
			"2": {ID: "2", Title: "Salaries", Owner: "bob"},
		},
	}, nil
}

// Read returns a memo that the caller of r may read. A memo that does not exist
// has the same refusal as the memo of somebody else.
func (ms *Memos) Read(r *http.Request, id string) (*Memo, error) {
	memo, found := ms.byID[id]
	if !found {
		memo = &Memo{} // belongs to nobody
	}
	grant, err := ms.memos.Check(r, "read", memo)
	if err != nil {
		return nil, err
	}
	if !found { // and the caller may read every memo
		return nil, &bulwark.Problem{Status: http.StatusNotFound, Code: "authz.not_found", Detail: "There is no such object."}
	}
	return grant.Value(), nil
}

// RunReport needs a permission, and not an object.
func (ms *Memos) RunReport(r *http.Request) (int, error) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	if !ms.policy.Decide(authz.Query{Principal: caller, Resource: "report", Action: "run", Reach: "all"}).Allowed {
		return 0, &bulwark.Problem{
			Status: http.StatusForbidden,
			Code:   "reports.forbidden",
			Detail: "This report needs the permission report:run.",
			Log:    bulwark.ProblemLog{Event: bulwark.AuthzFail, Rule: "report:run:all"},
		}
	}
	return len(ms.byID), nil
}

// inProtocol writes a refusal in the form that the clients of the route read. The
// refusal may be that of a layer, of a whole batch, or of one operation.
func inProtocol(w http.ResponseWriter, r *http.Request, p *bulwark.Problem) {
	more := map[string]any{"code": p.Code}
	if len(p.Errors) > 0 {
		more["errors"] = p.Errors // of validate, field by field
	}
	message := cmp.Or(p.Detail, p.Title)
	var body any
	switch r.URL.Path {
	case "/rpc":
		body = rpcAnswer{Version: "2.0", Error: &rpcError{rpcCode(p.Status), message, more}}
	case "/graphql":
		body = graphAnswer{Errors: []graphError{{Message: message, Extensions: more}}}
	default:
		bulwark.Deny(w, r, p) // writes the standard body
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(body)
}

// An operationAnswer is the answer to one operation. Each operationAnswer has its
// own header, so that Deny reports each refusal.
type operationAnswer struct {
	header http.Header
	body   bytes.Buffer
}

func (p *operationAnswer) Header() http.Header         { return p.header }
func (p *operationAnswer) WriteHeader(int)             {}
func (p *operationAnswer) Write(b []byte) (int, error) { return p.body.Write(b) }

// refuseOperation reports the refusal of one operation. It decodes into answer
// the body that inProtocol has written.
func refuseOperation(r *http.Request, err error, answer any) {
	p := &operationAnswer{header: http.Header{}}
	bulwark.Deny(p, r, err)
	json.Unmarshal(p.body.Bytes(), answer)
}

// openMemos has one route for each protocol.
func openMemos(log bulwark.Builder, tokens auth.Authenticator, memos *Memos) (http.Handler, error) {
	graph, err := newGraph(memos)
	if err != nil {
		return nil, err
	}
	mux := authz.NewMux(memos.policy)
	mux.Handle("POST /rpc", authz.Authenticated(), serveRPC(memos),
		validate.Config{Body: validate.SchemaJSON(rpcEnvelope), MaxBodyBytes: 64 << 10},
		ratelimit.Config{Name: "calls", Key: ratelimit.ByPrincipal, Rate: "60/minute", Cost: rpcCost,
			AuthOutside: true, MaxKeys: 100_000})
	mux.Handle("POST /graphql", authz.Authenticated(), graph,
		validate.Config{Body: validate.SchemaJSON(graphEnvelope), MaxBodyBytes: 64 << 10},
		ratelimit.Config{Name: "queries", Key: ratelimit.ByPrincipal, Rate: "60/minute",
			AuthOutside: true, MaxKeys: 100_000})
	stack, err := bulwark.Chain(
		log,
		bulwark.Edge{Hosts: []string{"api.example.com"}, Responder: inProtocol},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute", MaxKeys: 100_000},
		auth.Config{Authenticators: []auth.Authenticator{tokens}},
	)
	if err != nil {
		return nil, err
	}
	return stack.Wrap(mux), nil
}

// oneRoute asks the service as callers with a role.
type oneRoute struct {
	t       *testing.T
	issuer  *authtest.Issuer
	events  *bulwarktest.Recorder
	handler http.Handler
}

// inOneRoute runs f with a service whose limits are whole.
func inOneRoute(t *testing.T, f func(*oneRoute), changes ...func(*Memos)) {
	issuer := authtest.NewIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
		memos, err := newMemos(issuer.URL())
		if err != nil {
			t.Fatal(err)
		}
		c := &oneRoute{t: t, issuer: issuer, events: &bulwarktest.Recorder{}}
		if c.handler, err = openMemos(c.events, bulwark.Must(jwt.New(config)), memos); err != nil {
			t.Fatal(err)
		}
		for _, change := range changes {
			change(memos)
		}
		f(c)
	})
}

// send sends a body for alice with the role, or for nobody.
func (c *oneRoute) send(path, role, body string) *http.Response {
	r := httptest.NewRequest("POST", "https://api.example.com"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if role != "" {
		r.Header.Set("Authorization", "Bearer "+c.issuer.Token(authtest.Claims{"sub": "alice", "roles": []string{role}}))
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w.Result()
}

// ask asserts the status, a part of the answer, and each event in any order:
// its name, its reason and its user.
func (c *oneRoute) ask(path, role, body string, status int, answer string, events ...string) {
	c.t.Helper()
	res := c.send(path, role, body)
	text, _ := io.ReadAll(res.Body)
	got, want := comparableAnswer(c.t, path, string(text)), comparableAnswer(c.t, path, answer)
	if res.StatusCode != status || !strings.Contains(got, want) {
		c.t.Errorf("%s as %q: %d %s, want %d with %s", body, role, res.StatusCode, got, status, want)
	}
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		c.t.Errorf("%s: %s", body, got)
	}
	var reported []string
	for _, e := range c.events.Take() {
		reported = append(reported, string(e.Name)+" "+e.Reason+" "+e.UserID)
	}
	slices.Sort(reported)
	slices.Sort(events)
	if !slices.Equal(reported, events) {
		c.t.Errorf("%s as %q: events %q, want %q", body, role, reported, events)
	}
}

// comparableAnswer is an answer without spaces. The engine of GraphQL resolves fields
// at once, so the errors are sorted. A part of an answer stays as it is.
func comparableAnswer(t *testing.T, path, answer string) string {
	t.Helper()
	var graph graphAnswer
	if path == "/graphql" && json.Unmarshal([]byte(answer), &graph) == nil {
		slices.SortFunc(graph.Errors, func(a, b graphError) int { return cmp.Compare(a.Message, b.Message) })
		sorted, err := json.Marshal(graph)
		if err != nil {
			t.Fatal(err)
		}
		return string(sorted)
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(answer)) != nil {
		return answer
	}
	return b.String()
}

// TestOtherRoutesKeepTheStandardBody has a route without a protocol.
func TestOtherRoutesKeepTheStandardBody(t *testing.T) {
	inOneRoute(t, func(c *oneRoute) {
		res := c.send("/other", "user", "")
		if got := res.Header.Get("Content-Type"); res.StatusCode != 404 || got != "application/problem+json" {
			t.Errorf("%d %s", res.StatusCode, got)
		}
	})
}
