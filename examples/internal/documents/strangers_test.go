package documents_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Many owners, and nobody is shown a document of somebody else, on no page of a
// list. A moderator and an administrator see every document once.
func TestListsAreOfTheCaller(t *testing.T) {
	s := start(t)
	w := newWalker(s)
	type owner struct{ authorization, id string }
	owners := []owner{{"ApiKey " + s.apiKey, ""}, {bearerOf(w.alice), ""}, {s.bearer("mallory"), ""}, {s.bearer("bob"), ""}, {bearerOf(w.root), ""}}
	for range 8 {
		one := w.person()
		if a := s.do(w.address(), "POST", "/users", one); a.StatusCode != http.StatusCreated {
			t.Fatal(a)
		}
		name, _, _ := strings.Cut(one["email"], "@")
		owners = append(owners, owner{bearerOf(s.login(w.address(), name, one["password"])), ""})
	}
	made := map[string][]string{} // paths by owner
	for i := range owners {
		caller := w.caller(owners[i].authorization)
		owners[i].id = caller.Subject
		for n := range i%4 + 1 {
			a := s.do(w.address(), "POST", "/documents", map[string]string{"title": fmt.Sprint("T", n)}, "Authorization", owners[i].authorization)
			if a.StatusCode != http.StatusCreated || a.body["owner_id"] != caller.Subject {
				t.Fatal(a)
			}
			made[caller.Subject] = append(made[caller.Subject], a.Header.Get("Location"))
		}
	}
	all := 0
	for _, paths := range made {
		all += len(paths)
	}
	for _, one := range owners {
		sees := made[one.id]
		if caller := w.caller(one.authorization); caller.HasRole("moderator") || caller.HasRole("admin") {
			sees = nil
			for _, paths := range made {
				sees = append(sees, paths...)
			}
		}
		for _, limit := range []int{1, 3, 100} {
			var listed []string
			for offset := 0; offset < all+limit; offset += limit {
				a := s.do(w.address(), "GET", fmt.Sprintf("/documents?limit=%d&offset=%d", limit, offset), nil, "Authorization", one.authorization)
				if a.StatusCode != http.StatusOK || a.Header.Get("X-Total-Count") != strconv.Itoa(len(sees)) {
					t.Fatalf("%s: %v, want a total of %d", one.id, a, len(sees))
				}
				for i, item := range a.body["items"].([]any) {
					listed = append(listed, a.path(t, i))
					if of := item.(map[string]any)["owner_id"]; len(sees) < all && of != one.id {
						t.Errorf("%s is shown a document of %v", one.id, of)
					}
				}
			}
			slices.Sort(listed)
			slices.Sort(sees)
			if !slices.Equal(listed, sees) {
				t.Errorf("%s, %d on a page: %d documents are listed, want %d", one.id, limit, len(listed), len(sees))
			}
		}
	}
}

// A document of a stranger and a document that does not exist are answered
// alike: every byte of the answer, but for what names the request itself. Only
// the log tells them apart.
func TestAStrangersDocumentIsMissing(t *testing.T) {
	s := start(t)
	alice, mallory, root := s.bearer("alice"), s.bearer("mallory"), s.bearer("root")
	kept := s.create(alice, 3).Header.Get("Location")
	gone := s.create(alice, 3).Header.Get("Location")
	if a := s.do("192.0.2.1", "DELETE", gone, nil, "Authorization", root); a.StatusCode != http.StatusNoContent {
		t.Fatal(a)
	}
	never := "/documents/" + strings.Repeat("a", len(kept)-len("/documents/"))
	bodies := map[string][]string{
		"GET": {""}, "DELETE": {""}, "HEAD": {""},
		"PUT":   {`{"title": "T"}`, `{"title": `, `{"owner_id": "x"}`, `{"x": 1, "x": 2}`, ""},
		"PATCH": {`{"title": "T"}`, `[]`, `{"owner_id": null}`},
	}
	n := 0
	for method, texts := range bodies {
		for _, text := range texts {
			for who, authorization := range map[string]string{"mallory": mallory, "key": "ApiKey " + s.apiKey} {
				var answers []string
				for _, path := range []string{kept, gone, never} {
					n++
					r := httptest.NewRequestWithContext(t.Context(), method, "https://api.example.com"+path, strings.NewReader(text))
					r.RemoteAddr = "203.0.113.1:40000"
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Authorization", authorization)
					answers = append(answers, wire(s.pass(r)))
				}
				if !strings.HasPrefix(answers[0], "404 ") || method != "HEAD" && !strings.Contains(answers[0], "authz.not_found") {
					t.Errorf("%s %s as %s: %s", method, text, who, answers[0])
				}
				if answers[1] != answers[0] || answers[2] != answers[0] {
					t.Errorf("%s %s as %s: answers differ:\n%s\n%s\n%s", method, text, who, answers[0], answers[1], answers[2])
				}
			}
		}
	}
	reasons := map[any]int{}
	for _, event := range s.events("authz_fail") {
		reasons[event["reason"]]++
	}
	if reasons["authz.not_readable"] != n/3 || reasons["authz.not_found"] != n*2/3 || len(reasons) != 2 {
		t.Errorf("events %v of %d requests", reasons, n)
	}
}

// wire returns an answer with its header and body, without the id of the
// request and without what is left of the limits.
func wire(a answer) string {
	id := a.Header.Get("X-Request-Id")
	header := a.Header.Clone()
	header.Set("X-Request-Id", "")
	header.Del("Ratelimit")
	var b strings.Builder
	fmt.Fprintln(&b, a.StatusCode, a.Proto, a.ContentLength)
	header.Write(&b)
	b.WriteString(strings.ReplaceAll(a.text, id, ""))
	return b.String()
}
