package authzen

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// An Evaluation is one question to a decision point: may the subject do the
// action to the resource? See the Authorization API 1.0, section 5 (information
// model). It is made from an [authz.Query], and [Config.Map] may change it:
//
//   - The type of the subject is [Config.SubjectType]. Its id is
//     [bulwark.Principal.Key], which holds the Issuer and the Subject. Two
//     callers never have the same id.
//   - The name of the action is Query.Action. If the Query has a Reach, it is
//     the property "reach" of the action.
//   - The type of the resource is Query.Resource, and its id is Query.ID. The
//     id is empty if the query is not about one object. The properties are
//     Query.Properties.
//   - The context is Query.Context.
//
// Roles, scopes and claims of the caller are not sent, unless Map adds them to
// the properties of the subject. Properties and context are values that
// [encoding/json] can write. A number beyond 2^53 should be a string, because
// other programs round it (RFC 7493 section 2.2). A [json.RawMessage] in which
// an object has two members of the same name, or text that is not UTF-8, is an
// error.
type Evaluation struct {
	// Subject is the caller. Its type and its id must not be empty.
	Subject Entity `json:"subject"`
	// Action is what the subject wants to do. Its name must not be empty.
	Action Action `json:"action"`
	// Resource is the object, or the kind of object. Its type must not be
	// empty.
	Resource Entity `json:"resource"`
	// Context is what else the decision point may decide by. Default: none.
	Context map[string]any `json:"context,omitempty"`
}

// An Entity is the subject or the resource of an [Evaluation].
type Entity struct {
	// Type is the kind of entity, such as "user" or "document".
	Type string `json:"type"`
	// ID is unique within Type.
	ID string `json:"id"`
	// Properties are what else the decision point is told. Default: none.
	Properties map[string]any `json:"properties,omitempty"`
}

// An Action is what the subject of an [Evaluation] wants to do.
type Action struct {
	// Name is the name of the action, such as "read".
	Name string `json:"name"`
	// Properties are what else the decision point is told. Default: none.
	Properties map[string]any `json:"properties,omitempty"`
}

// maxQuestionBytes bounds one question.
const maxQuestionBytes = 64 << 10

// Causes of a question that cannot be asked.
var (
	errIncomplete = errors.New("the question has no subject type, subject id, action name or resource type; authzen.Config.Map and the rule of the route must leave them filled in")
	errNotUTF8    = errors.New("the question has text that is not UTF-8, which the decision point could take for another text; check the subject, the id and the properties of the query")
	errAmbiguous  = errors.New("the properties or the context of the question have JSON that programs read differently, such as two members of the same name; check each json.RawMessage and json.Marshaler in them")
	errLong       = fmt.Errorf("the question is longer than %d bytes; send fewer properties", maxQuestionBytes)
)

// question returns the JSON text of the evaluation for a query.
func (c *Client) question(q *authz.Query) ([]byte, error) {
	e := Evaluation{
		Subject:  Entity{Type: c.subjectType, ID: q.Principal.Key()},
		Action:   Action{Name: q.Action},
		Resource: Entity{Type: q.Resource, ID: q.ID, Properties: q.Properties},
		Context:  q.Context,
	}
	if q.Reach != "" {
		e.Action.Properties = map[string]any{"reach": q.Reach}
	}
	if c.alter != nil {
		e.Resource.Properties, e.Context = maps.Clone(q.Properties), maps.Clone(q.Context)
		if err := c.alter(q, &e); err != nil {
			return nil, fmt.Errorf("change the question by authzen.Config.Map: %w", err)
		}
	}
	if e.Subject.Type == "" || e.Subject.ID == "" || e.Action.Name == "" || e.Resource.Type == "" {
		return nil, errIncomplete
	}
	text, err := json.Marshal(&e)
	switch {
	case err != nil:
		return nil, fmt.Errorf("write the properties of the question as JSON: %w", readableJSON(err))
	case replaced(text):
		return nil, errNotUTF8
	case len(text) > maxQuestionBytes:
		return nil, errLong
	case !plain(e.Subject.Properties, e.Action.Properties, e.Resource.Properties, e.Context) && ambiguous(text):
		return nil, errAmbiguous
	}
	return text, nil
}

// plain reports whether encoding/json writes all values itself. This saves most
// questions from being read again.
func plain(all ...map[string]any) bool {
	for _, values := range all {
		for _, value := range values {
			switch value.(type) {
			case nil, bool, string, []string, int, int64, float64, time.Time:
			default:
				return false
			}
		}
	}
	return true
}

// ambiguous reports whether two programs may read a JSON text differently (RFC
// 7493 section 2). encoding/json copies a json.RawMessage and the text of a
// json.Marshaler with two members of one name, and with bytes that are not
// UTF-8. A client may have written that text.
func ambiguous(text []byte) bool {
	n := len(text)
	_, err := jsondoc.Decode(text, jsondoc.Limits{Bytes: n, Depth: 10_000, Keys: n, Items: n, Values: n, Name: n, Number: n, ExactNames: true})
	return err != nil
}

// readableJSON keeps values out of an error of encoding/json.
func readableJSON(err error) error {
	var unsupported *json.UnsupportedTypeError
	if errors.As(err, &unsupported) {
		return unsupported
	}
	return errors.New("a value has no JSON form; use texts, numbers, booleans, lists and maps")
}

// replaced reports whether encoding/json has written U+FFFD in place of bytes
// that are not UTF-8. It writes an escape then, and plain characters for a
// U+FFFD that was there. Without this check two subjects that differ only in
// such bytes would be the same subject.
func replaced(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if i+5 < len(text) && string(text[i+1:i+6]) == "ufffd" {
			return true
		}
		i++ // what follows is escaped, a second backslash too
	}
	return false
}
