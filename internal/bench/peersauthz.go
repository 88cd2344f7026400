package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// cedarDecision is sizedPolicy in Cedar: a policy for each grant, parsed once,
// and the roles as parents of the caller. It returns a decision of the query of
// decideTable.
func cedarDecision(n int) (func() bool, error) {
	var text strings.Builder
	text.WriteString(`permit (principal in Role::"user", action == Action::"read", resource is Document) when { resource.owner == principal };
permit (principal in Role::"user", action == Action::"update", resource is Document) when { resource.owner == principal };
permit (principal in Role::"moderator", action == Action::"read", resource is Document);
`)
	for i := range n {
		fmt.Fprintf(&text, "permit (principal in Role::\"role%d\", action == Action::\"read\", resource is Resource%d);\n", i, i)
	}
	policies, err := cedar.NewPolicySetFromBytes("policy.cedar", []byte(text.String()))
	if err != nil {
		return nil, err
	}
	user, moderator := cedar.NewEntityUID("Role", "user"), cedar.NewEntityUID("Role", "moderator")
	alice, document := cedar.NewEntityUID("User", cedar.String(caller)), cedar.NewEntityUID("Document", cedar.String(docID))
	entities := cedar.EntityMap{
		user:      {UID: user},
		moderator: {UID: moderator, Parents: cedar.NewEntityUIDSet(user)},
		alice:     {UID: alice, Parents: cedar.NewEntityUIDSet(moderator)},
		document:  {UID: document, Attributes: cedar.NewRecord(cedar.RecordMap{"owner": alice})},
	}
	request := cedar.Request{Principal: alice, Action: cedar.NewEntityUID("Action", "update"), Resource: document}
	return func() bool {
		decision, _ := cedar.Authorize(policies, entities, request)
		return bool(decision)
	}, nil
}

// opaModule finds the grants by look-ups alone.
const opaModule = `package authz

default allow := false

allow if {
	some role in graph.reachable(data.inherits, {input.role})
	data.grants[role][input.resource][input.action][input.reach]
}
`

// opaDecision is sizedPolicy in OPA: a prepared query over data that is already
// parsed, with an input that is already parsed.
func opaDecision(n int) (func() bool, error) {
	rules, links := sizedRules(n)
	grants, inherits := map[string]any{}, map[string]any{}
	for _, r := range rules {
		at := grants
		for _, word := range r[:3] {
			if at[word] == nil {
				at[word] = map[string]any{}
			}
			at = at[word].(map[string]any)
		}
		at[r[3]] = true
		inherits[r[0]] = []any{}
	}
	for _, link := range links {
		inherits[link[0]] = []any{link[1]}
	}
	store := inmem.NewFromObjectWithOpts(map[string]any{"grants": grants, "inherits": inherits}, inmem.OptReturnASTValuesOnRead(true))
	ctx := context.Background()
	query, err := rego.New(rego.Query("data.authz.allow"), rego.Module("authz.rego", opaModule), rego.Store(store)).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	input, err := ast.InterfaceToValue(map[string]any{"role": "moderator", "resource": "document", "action": "update", "reach": "own"})
	if err != nil {
		return nil, err
	}
	return func() bool {
		results, err := query.Eval(ctx, rego.EvalParsedInput(input))
		return err == nil && results.Allowed()
	}, nil
}
