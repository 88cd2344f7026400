package documents_test

import (
	"net/http"
	"strings"
	"testing"
)

// blanks are texts that show nothing.
var blanks = map[string]string{
	"spaces": "   ", "tabs": "\t\n ", "no-break": "\u00a0\u00a0", "ideographic": "\u3000", "zero-width": "\u200b\u200d\ufeff",
	"lines": "\u2028\u2029", "marks": "\u0301\u0302", "fillers": "\u3164\u115f\uffa0", "braille": "\u2800", "soft-hyphen": "\u00ad",
	"markup-around": "<b> </b>",
}

func TestCaseEx12TextOfBlanks(t *testing.T) {
	for name, blank := range blanks {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			root := s.bearer("root")
			path := s.create(root, 1).Header.Get("Location")
			for _, request := range []struct {
				method, path, field string
				body                map[string]string
			}{
				{"POST", "/documents", "/title", map[string]string{"title": blank, "content": "c"}},
				{"PUT", path, "/title", map[string]string{"title": blank, "content": "c"}},
				{"PATCH", path, "/title", map[string]string{"title": blank}},
				{"POST", "/users", "/name", map[string]string{"email": "new@example.com", "password": "long enough", "name": blank}},
			} {
				a := s.do("192.0.2.1", request.method, request.path, request.body, "Authorization", root)
				s.refused(a, http.StatusUnprocessableEntity, "validate.invalid")
				errors, _ := a.body["errors"].([]any)
				if len(errors) != 1 || errors[0].(map[string]any)["pointer"] != request.field {
					t.Errorf("%s %s: errors %v, want one at %s", request.method, request.path, errors, request.field)
				}
			}
			if events := s.events("input_validation_fail"); len(events) != 4 {
				t.Errorf("%d events, want 4", len(events))
			}
		})
	}
	s := start(t)
	root := s.bearer("root")
	key := map[string]string{"name": " \u3000 ", "tier": "default"}
	s.refused(s.do("192.0.2.1", "POST", "/admin/keys", key, "Authorization", root), http.StatusUnprocessableEntity, "validate.invalid")
	for _, text := range []string{"a", " a ", "1", "é", "e\u0301", "文", "🙂", "—", "$", "अ"} {
		if a := s.do("192.0.2.1", "POST", "/documents", map[string]string{"title": text}, "Authorization", root); a.StatusCode != http.StatusCreated {
			t.Errorf("title %q: %v", text, a)
		}
	}
}

// A string that is too long for the schema, however it is counted, is refused
// before it is sanitized.
func TestCaseEx2LongStringsAreRefusedBeforeTheyAreCleaned(t *testing.T) {
	s := start(t)
	root := s.bearer("root")
	path := s.create(root, 1).Header.Get("Location")
	for _, part := range []string{"<p><q cite='//x'>", "<b>", "&lt;", "a", "é", "\U0001F642"} {
		long := strings.Repeat(part, 4*60_000/len(part)+1)
		for _, request := range []struct{ method, path, field string }{
			{"POST", "/documents", "content"}, {"PUT", path, "content"}, {"PATCH", path, "content"}, {"POST", "/documents", "title"},
		} {
			body := map[string]string{"title": "T"}
			body[request.field] = long
			s.refused(s.do("192.0.2.1", request.method, request.path, body, "Authorization", root), http.StatusBadRequest, "body.too_complex")
		}
	}
	// The longest text of the longest characters fits.
	longest := map[string]string{"title": strings.Repeat("\U0001F642", 200), "content": strings.Repeat("\U0001F642", 60_000)}
	if a := s.do("192.0.2.1", "POST", "/documents", longest, "Authorization", root); a.StatusCode != http.StatusCreated {
		t.Errorf("the longest document: %d %v", a.StatusCode, a.body["code"])
	}
	name := map[string]string{"email": "new@example.com", "password": "long enough", "name": strings.Repeat("<b>", 1000)}
	s.refused(s.do("192.0.2.1", "POST", "/users", name), http.StatusBadRequest, "body.too_complex")
}
