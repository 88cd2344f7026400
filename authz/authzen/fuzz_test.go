package authzen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// plainly reports whether a lax reader finds a plain true in object: the member
// is the literal, whichever of several members it takes.
func plainly(object map[string]json.RawMessage) bool {
	return string(bytes.TrimSpace(object["decision"])) == "true"
}

// bounded fails t unless the texts of a decision are as a log wants them.
func bounded(t *testing.T, d authz.Decision) {
	t.Helper()
	if len(d.ID) > 64 || len(d.Reason) > 128 || !utf8.ValidString(d.ID+d.Reason) || strings.ContainsAny(d.ID+d.Reason, "\x00\n\r\x1b\u2028") {
		t.Errorf("%+v", d)
	}
}

// FuzzAnswer compares the strict reader with encoding/json: what the strict one
// allows, a lax one allows too. A decision is never beside an error.
func FuzzAnswer(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b.body))
	}
	f.Add([]byte(allow))
	f.Add([]byte(`{"decision":true,"context":{"obligations":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, unable, err := authzen.ReadOne(body)
		bounded(t, d)
		if (err != nil || unable) && d.Allowed {
			t.Errorf("%q allows beside %v", body, err)
		}
		var lax map[string]json.RawMessage
		if d.Allowed && (json.Unmarshal(body, &lax) != nil || !plainly(lax)) {
			t.Errorf("%q allows", body)
		}
		if d.Allowed && (bytes.Count(body, []byte("true")) < 1 || bytes.Contains(body, []byte(`"Decision":`))) {
			t.Errorf("%q allows without the word, or with another spelling beside it", body)
		}
	})
}

// FuzzAnswers is FuzzAnswer for several decisions.
func FuzzAnswers(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(fmt.Sprintf(`{"evaluations":[%s,%s]}`, b.body, allow)), 2)
	}
	f.Add([]byte(`{"evaluations":[{"decision":true},{"decision":false}]}`), 2)
	f.Add([]byte(`{"evaluations":[]}`), 0)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		n = min(max(n, 0), 1000)
		decisions, err := authzen.ReadAll(body, n)
		if err != nil && decisions != nil || err == nil && len(decisions) != n {
			t.Fatalf("%q: %d decisions for %d questions, %v", body, len(decisions), n, err)
		}
		if err != nil {
			return
		}
		var lax struct {
			Evaluations []map[string]json.RawMessage `json:"evaluations"`
		}
		if json.Unmarshal(body, &lax) != nil || len(lax.Evaluations) != n {
			t.Fatalf("%q has %d decisions for another reader", body, len(lax.Evaluations))
		}
		for i, d := range decisions {
			bounded(t, d)
			if d.Allowed && !plainly(lax.Evaluations[i]) {
				t.Errorf("%q allows %d", body, i)
			}
		}
	})
}
