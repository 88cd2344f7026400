package authzen

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/bulwark-go/bulwark/authz"
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
// other programs round it (RFC 7493 section 2.2).
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
	}
	return text, nil
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
