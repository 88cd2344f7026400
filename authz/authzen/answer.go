package authzen

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/logtext"
)

const (
	maxID     = 64  // bytes of Decision.ID
	maxReason = 128 // bytes of Decision.Reason
)

// Causes of an answer that cannot be used.
var (
	errNotObject   = errors.New("the answer is not a JSON object")
	errNoDecision  = errors.New(`the answer has no member "decision"`)
	errNotBool     = errors.New(`the member "decision" of the answer is neither true nor false`)
	errContext     = errors.New(`the member "context" of the answer is not an object`)
	errEvaluations = errors.New(`the answer to several questions has no list "evaluations"; set authzen.Config.MaxBatch to 1 if the decision point answers one question at a time`)
)

// readOne reads the answer to one question. Members that it does not know are
// ignored (section 10.1.1), and none of them allows anything. If unable is
// true, the decision point works and could not decide.
func readOne(body []byte) (d authz.Decision, unable bool, err error) {
	object, err := readObject(body, 1)
	if err != nil {
		return authz.Decision{}, false, err
	}
	return readDecision(object)
}

// readAll reads the answer to several questions. The answer has one decision
// for each of them, in the same order (section 7.2). A decision that the
// decision point could not make is a denial, and does not touch the others. A
// member "decision" beside the list is ignored.
func readAll(body []byte, n int) ([]authz.Decision, error) {
	object, err := readObject(body, n)
	if err != nil {
		return nil, err
	}
	list, ok := object["evaluations"].([]any)
	switch {
	case !ok:
		return nil, errEvaluations
	case len(list) != n:
		return nil, fmt.Errorf("the answer has %d decisions for %d questions", len(list), n)
	}
	decisions := make([]authz.Decision, n)
	for i, element := range list {
		object, ok := element.(map[string]any)
		if !ok {
			return nil, errNotObject
		}
		if decisions[i], _, err = readDecision(object); err != nil {
			return nil, err
		}
	}
	return decisions, nil
}

func readObject(body []byte, n int) (map[string]any, error) {
	value, err := jsondoc.DecodeValue(body, jsondoc.Limits{
		Bytes: len(body), Depth: 16, Keys: 1000 + 20*n, Items: 1000, Values: 2000 + 40*n,
	})
	if err != nil {
		return nil, fmt.Errorf("the answer is not JSON that all programs read alike: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errNotObject
	}
	return object, nil
}

// readDecision reads one decision. If unable is true, the decision point could
// not decide. The decision is then a denial.
func readDecision(object map[string]any) (d authz.Decision, unable bool, err error) {
	value, has := object["decision"]
	if !has {
		return authz.Decision{}, false, errNoDecision
	}
	allowed, ok := value.(bool)
	if !ok {
		return authz.Decision{}, false, errNotBool
	}
	about, ok := object["context"].(map[string]any)
	if !ok && object["context"] != nil {
		return authz.Decision{}, false, errContext
	}
	d = authz.Decision{Allowed: allowed, ID: identify(about), Reason: reason(about)}
	if problem := about["error"]; problem != nil {
		d.Allowed, d.Reason = false, logtext.Clip("error "+text(problem), maxReason)
		return d, true, nil
	}
	if allowed && (obliges(about["obligations"]) || obliges(object["obligations"])) {
		d.Allowed, d.Reason = false, "allowed with obligations, which are not carried out"
	}
	return d, false, nil
}

// obliges reports whether there are obligations. A PEP that does not carry them
// out must deny (AuthZEN Profile for Obligations, draft 1).
func obliges(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case []any:
		return len(value) > 0
	}
	return true
}

// identify returns the name of a decision in the log of the decision point:
// "id" of the drafts of the Authorization API, or "evaluation_id" of the Access
// Request and Approval Profile.
func identify(about map[string]any) string {
	for _, name := range [...]string{"id", "evaluation_id"} {
		if id, ok := about[name].(string); ok && id != "" {
			return logtext.Clip(id, maxID)
		}
	}
	return ""
}

// reason returns why, for the log: section 5.5.2 has reasons for administrators
// and for users, and section 7.2 has plain ones.
func reason(about map[string]any) string {
	for _, name := range [...]string{"reason_admin", "reason", "reason_user"} {
		if reason := text(about[name]); reason != "" {
			return logtext.Clip(reason, maxReason)
		}
	}
	return ""
}

// text is a value on one line. Of an object it is the first member, with its
// name, in the order of the names; the error of section 7.2.1 has a status and
// a message.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case map[string]any:
		if message, ok := value["message"].(string); ok {
			return text(value["status"]) + " " + message
		}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if member, ok := value[name].(string); ok {
				return name + ": " + member
			}
		}
	}
	return ""
}
