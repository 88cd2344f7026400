package recipes

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// rpcEnvelope describes a call, and a batch of 1 to 20 calls.
const rpcEnvelope = `{
	"$defs": {
		"call": {
			"type": "object",
			"properties": {
				"jsonrpc": {"const": "2.0"},
				"id": {"type": ["string", "integer"], "maxLength": 64},
				"method": {"type": "string", "maxLength": 64},
				"params": {"type": "object", "additionalProperties": true}
			},
			"required": ["jsonrpc", "id", "method"]
		}
	},
	"if": {"type": "array"},
	"then": {"type": "array", "minItems": 1, "maxItems": 20, "items": {"$ref": "#/$defs/call"}},
	"else": {"$ref": "#/$defs/call"}
}`

// An rpcCall is a call as the envelope has checked it.
type rpcCall struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type rpcAnswer struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

type rpcError struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data,omitempty"`
}

// rpcCode is the code of an error for an HTTP status.
func rpcCode(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return -32600 // invalid request
	case http.StatusMethodNotAllowed:
		return -32601 // method not found
	case http.StatusInternalServerError, http.StatusServiceUnavailable:
		return -32603 // internal error
	}
	return -32000 - (status - 400) // of this server: 403 is -32003
}

// rpcCosts are the costs of the methods that cost more than 1.
var rpcCosts = map[string]int{"reports.run": 10}

// rpcCost is the cost of a batch: the sum of its calls.
func rpcCost(r *http.Request) int {
	calls, _, err := rpcCalls(r)
	if err != nil {
		return 0 // the limit refuses a cost of 0
	}
	sum := 0
	for _, call := range calls {
		sum += max(rpcCosts[call.Method], 1)
	}
	return sum
}

// rpcCalls reads the body that validate has checked.
func rpcCalls(r *http.Request) (calls []rpcCall, batch bool, err error) {
	body, err := validate.BodyAs[json.RawMessage](r)
	if err != nil {
		return nil, false, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		err = json.Unmarshal(body, &calls)
		return calls, true, err
	}
	calls = make([]rpcCall, 1)
	err = json.Unmarshal(body, &calls[0])
	return calls, false, err
}

// rpcParams reads the parameters of a call, and refuses unknown ones.
func rpcParams[T any](raw json.RawMessage) (T, error) {
	var params T
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&params); err != nil {
		return params, &bulwark.Problem{
			Status: http.StatusUnprocessableEntity,
			Code:   "rpc.invalid_params",
			Detail: "The parameters do not fit the method.",
			Err:    err,
		}
	}
	return params, nil
}

// memoParams are the parameters of memos.read.
type memoParams struct {
	ID string `json:"id"`
}

// serveRPC runs the calls one after the other.
func serveRPC(memos *Memos) http.Handler {
	run := func(r *http.Request, call rpcCall) (any, error) {
		switch call.Method {
		case "memos.read":
			params, err := rpcParams[memoParams](call.Params)
			if err != nil {
				return nil, err
			}
			return memos.Read(r, params.ID)
		case "reports.run":
			return memos.RunReport(r)
		}
		return nil, &bulwark.Problem{
			Status: http.StatusMethodNotAllowed,
			Code:   "rpc.unknown_method",
			Detail: "There is no such method.",
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls, batch, err := rpcCalls(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		answers := make([]rpcAnswer, len(calls))
		for i, call := range calls {
			result, err := run(r, call)
			answers[i] = rpcAnswer{Version: "2.0", Result: result}
			if err != nil {
				answers[i] = rpcAnswer{}
				refuseOperation(r, err, &answers[i])
			}
			answers[i].ID = call.ID
		}
		w.Header().Set("Content-Type", "application/json")
		if batch {
			json.NewEncoder(w).Encode(answers)
			return
		}
		json.NewEncoder(w).Encode(answers[0])
	})
}

const rpcBatch = `
[
	{"jsonrpc":"2.0","id":1,"method":"memos.read","params":{"id":"1"}},
	{"jsonrpc":"2.0","id":2,"method":"memos.read","params":{"id":"2"}},
	{"jsonrpc":"2.0","id":3,"method":"reports.run"}
]
`

const rpcBatchAnswer = `
[
	{"jsonrpc":"2.0","id":1,"result":{"id":"1","title":"Plan"}},
	{"jsonrpc":"2.0","id":2,"error":{"code":-32004,"message":"There is no such object.","data":{"code":"authz.not_found"}}},
	{"jsonrpc":"2.0","id":3,"error":{"code":-32003,"message":"This report needs the permission report:run.","data":{"code":"reports.forbidden"}}}
]
`

func TestJSONRPC(t *testing.T) {
	call := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":"a","method":"` + method + `"` + params + `}`
	}
	batch := func(n int, call string) string { return "[" + strings.Repeat(call+",", n-1) + call + "]" }
	read1, report := call("memos.read", `,"params":{"id":"1"}`), call("reports.run", "")
	for _, test := range []struct {
		name, role, body string
		status           int
		answer           string
		events           []string
	}{
		{"batch", "user", rpcBatch, 200, rpcBatchAnswer, []string{"authz_fail authz.not_readable alice", "authz_fail reports.forbidden alice"}},
		{"one", "user", read1, 200, `{"jsonrpc":"2.0","id":"a","result":{"id":"1","title":"Plan"}}`, nil},
		{"permission", "analyst", report, 200, `"result":2`, nil},
		{"missing-as-forbidden", "user", call("memos.read", `,"params":{"id":"3"}`), 200,
			`{"code":-32004,"message":"There is no such object.","data":{"code":"authz.not_found"}}`, []string{"authz_fail authz.not_readable alice"}},
		{"missing-for-an-auditor", "auditor", call("memos.read", `,"params":{"id":"3"}`), 200,
			`{"code":-32004,"message":"There is no such object.","data":{"code":"authz.not_found"}}`, []string{"input_validation_fail authz.not_found alice"}},
		{"of-bob-for-an-auditor", "auditor", call("memos.read", `,"params":{"id":"2"}`), 200, `"title":"Salaries"`, nil},
		{"same-refusal-twice", "user", "[" + report + "," + report + "]", 200, `"code":-32003`,
			[]string{"authz_fail reports.forbidden alice", "authz_fail reports.forbidden alice"}},
		{"unknown-param", "user", call("memos.read", `,"params":{"id":"1","owner":"bob"}`), 200, `"rpc.invalid_params"`,
			[]string{"input_validation_fail rpc.invalid_params alice"}},
		{"no-params", "user", call("memos.read", ""), 200, `"rpc.invalid_params"`, []string{"input_validation_fail rpc.invalid_params alice"}},
		{"unknown-method", "user", call("memos.drop", ""), 200, `"code":-32601`, []string{"input_validation_fail rpc.unknown_method alice"}},
		{"anonymous", "", read1, 401, `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,`, []string{"authz_fail auth.credentials_required "}},
		{"version", "user", `{"jsonrpc":"1.0","id":1,"method":"reports.run"}`, 422, `"pointer":"/jsonrpc"`, []string{"input_validation_fail validate.invalid alice"}},
		{"notification", "user", `{"jsonrpc":"2.0","method":"reports.run"}`, 422, `"pointer":"/id"`, []string{"input_validation_fail validate.invalid alice"}},
		{"twenty", "user", batch(20, read1), 200, `"result"`, nil},
		{"twenty-one", "user", batch(21, read1), 422, `"code":"max_items"`, []string{"input_validation_fail validate.invalid alice"}},
		{"empty", "user", `[]`, 422, `"code":"min_items"`, []string{"input_validation_fail validate.invalid alice"}},
		{"cut-off", "user", `{"jsonrpc":"2.0"`, 400, `"code":-32600`, []string{"input_validation_fail body.malformed alice"}},
		{"six-reports", "analyst", batch(6, report), 200, `"result":2`, nil},
		{"seven-reports", "analyst", batch(7, report), 400, `"ratelimit.cost"`, []string{"input_validation_fail ratelimit.cost alice"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inOneRoute(t, func(c *oneRoute) { c.ask("/rpc", test.role, test.body, test.status, test.answer, test.events...) })
		})
	}
	inOneRoute(t, func(c *oneRoute) {
		c.ask("/rpc", "analyst", batch(5, report), 200, `"result":2`)
		c.ask("/rpc", "analyst", batch(2, report), 429, `"code":-32029`, "excess_rate_limit_exceeded ratelimit.exceeded alice")
		c.ask("/rpc", "analyst", batch(1, report), 200, `"result":2`) // what was refused has cost nothing
	})
}
