package authzen_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// evens allows what has an even id, in any number of questions.
func evens(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		authzen.Evaluation
		Evaluations []authzen.Evaluation `json:"evaluations"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	decide := func(e authzen.Evaluation) string {
		last := e.Resource.ID[len(e.Resource.ID)-1]
		return fmt.Sprintf(`{"decision":%v,"context":{"id":%q}}`, last%2 == 0, "d"+e.Resource.ID)
	}
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/evaluation") {
		fmt.Fprint(w, decide(asked.Evaluation))
		return
	}
	var answers []string
	for _, e := range asked.Evaluations {
		answers = append(answers, decide(e))
	}
	fmt.Fprintf(w, `{"evaluations":[%s]}`, strings.Join(answers, ","))
}

// Each query gets its own decision, in batches of any size.
func TestDecideAll(t *testing.T) {
	for _, test := range []struct{ n, batch, requests, single int }{
		{0, 0, 0, 0}, {1, 0, 1, 1}, {2, 0, 1, 0}, {50, 0, 1, 0}, {51, 0, 2, 1}, {120, 50, 3, 0}, {7, 1, 7, 7}, {1000, 1000, 1, 0},
	} {
		t.Run(fmt.Sprintf("%d-by-%d", test.n, test.batch), func(t *testing.T) {
			l := overHandler(evens)
			c := client(t, authzen.Config{URL: "https://pdp.example", Transport: l, MaxBatch: test.batch, MaxAnswerBytes: 1 << 20})
			var ids []string
			for i := range test.n {
				ids = append(ids, fmt.Sprint(i))
			}
			decisions, err := c.DecideAll(context.Background(), reads(ids...))
			if err != nil || len(decisions) != test.n {
				t.Fatalf("%d decisions, %v", len(decisions), err)
			}
			for i, d := range decisions {
				if d.Allowed != (i%2 == 0) || d.ID != "d"+ids[i] {
					t.Fatalf("decision %d: %+v", i, d)
				}
			}
			single := 0
			for _, q := range l.asked() {
				if strings.HasSuffix(q.url, "/evaluation") {
					single++
				}
			}
			if len(l.asked()) != test.requests || single != test.single {
				t.Errorf("%d requests, %d of one question", len(l.asked()), single)
			}
		})
	}
}

// Anonymous queries are denied, and leave the others where they are.
func TestDecideAllAnonymous(t *testing.T) {
	l := overHandler(evens)
	queries := reads("0", "2", "4", "6")
	queries[0].Principal, queries[2].Principal = nil, nil
	decisions, err := client(t, authzen.Config{URL: "https://pdp.example", Transport: l}).DecideAll(context.Background(), queries)
	if err != nil || len(decisions) != 4 {
		t.Fatal(decisions, err)
	}
	for i, want := range []string{"", "d2", "", "d6"} {
		if decisions[i].Allowed != (want != "") || decisions[i].ID != want {
			t.Errorf("decision %d: %+v", i, decisions[i])
		}
	}
}

func TestBatchAnswers(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       string // of the error, or the decisions
	}{
		{"sound", `{"evaluations":[{"decision":true},{"decision":false},{"decision":true}]}`, "allow deny allow"},
		{"decision-beside", `{"decision":true,"evaluations":[{"decision":false},{"decision":false},{"decision":false}]}`, "deny deny deny"},
		{"an-error", `{"evaluations":[{"decision":true},{"decision":false,"context":{"error":{"status":404,"message":"no object"}}},{"decision":true}]}`, "allow deny:error 404 no object allow"},
		{"an-error-that-allows", `{"evaluations":[{"decision":true,"context":{"error":"` + strings.Repeat("e", 999) + `"}},{"decision":false},{"decision":true}]}`, "deny:error " + strings.Repeat("e", 122) + " deny allow"},
		{"obligations", `{"evaluations":[{"decision":true,"context":{"obligations":[{}]}},{"decision":false},{"decision":true}]}`, "deny:allowed with obligations, which are not carried out deny allow"},
		{"too-few", `{"evaluations":[{"decision":true},{"decision":true}]}`, "2 decisions for 3 questions"},
		{"too-many", `{"evaluations":[{"decision":true},{"decision":true},{"decision":true},{"decision":true}]}`, "4 decisions for 3 questions"},
		{"none", `{"evaluations":[]}`, "0 decisions for 3 questions"},
		{"one-for-all", `{"decision":true}`, `no list "evaluations"`},
		{"null", `{"evaluations":null}`, `no list "evaluations"`},
		{"by-number", `{"evaluations":{"0":{"decision":true},"1":{"decision":true},"2":{"decision":true}}}`, `no list "evaluations"`},
		{"bare", `{"evaluations":[true,true,true]}`, "not a JSON object"},
		{"nested", `{"evaluations":[[{"decision":true}],[{"decision":true}],[{"decision":true}]]}`, "not a JSON object"},
		{"a-hole", `{"evaluations":[{"decision":true},{},{"decision":true}]}`, `no member "decision"`},
		{"a-null", `{"evaluations":[{"decision":true},null,{"decision":true}]}`, "not a JSON object"},
		{"a-text", `{"evaluations":[{"decision":true},{"decision":"true"},{"decision":true}]}`, "neither true nor false"},
		{"a-twice", `{"evaluations":[{"decision":true},{"decision":false,"decision":true},{"decision":true}]}`, "not JSON that all programs read alike"},
		{"twice", `{"evaluations":[{"decision":false},{"decision":false},{"decision":false}],"evaluations":[{"decision":true},{"decision":true},{"decision":true}]}`, "not JSON that all programs read alike"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := client(t, authzen.Config{URL: serve(t, says(test.body)).URL})
			decisions, err := c.DecideAll(context.Background(), reads("1", "2", "3"))
			if err != nil {
				denied(t, authz.Decision{}, err, test.want)
				if decisions != nil {
					t.Errorf("decisions beside an error: %v", decisions)
				}
				return
			}
			var words []string
			for _, d := range decisions {
				word := map[bool]string{true: "allow", false: "deny"}[d.Allowed]
				if d.Reason != "" {
					word += ":" + d.Reason
				}
				words = append(words, word)
			}
			if got := strings.Join(words, " "); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// If one of several requests fails, no query is allowed.
func TestDecideAllFails(t *testing.T) {
	n := 0
	l := overHandler(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 2 {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		evens(w, r)
	})
	decisions, err := client(t, authzen.Config{URL: "https://pdp.example", Transport: l, MaxBatch: 2}).DecideAll(context.Background(), reads("0", "2", "4", "6", "8"))
	denied(t, authz.Decision{}, err, "the answer is 500")
	if decisions != nil || len(l.asked()) != 2 {
		t.Errorf("%v after %d requests", decisions, len(l.asked()))
	}
}
