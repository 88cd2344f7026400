package documents_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// send sends a body as it is. Without a media type it is application/json.
func (s *service) send(method, path, media, body, bearer string) answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "https://api.example.com"+path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:40000"
	if media == "" {
		media = "application/json"
	}
	r.Header.Set("Content-Type", media)
	if bearer != "" {
		r.Header.Set("Authorization", bearer)
	}
	return s.pass(r)
}

// pointers returns what the errors of a refusal name.
func (a answer) pointers() string {
	var all []string
	list, _ := a.body["errors"].([]any)
	for _, one := range list {
		e := one.(map[string]any)
		all = append(all, fmt.Sprint(e["in"], " ", e["pointer"]))
	}
	return strings.Join(all, ", ")
}

// A body that names a field which the caller may not set, or which does not
// exist, changes nothing. The refusal names the field and does not repeat the
// value.
func TestFieldsOfBodies(t *testing.T) {
	const mine = "not-a-value-that-an-answer-may-repeat"
	for name, test := range map[string]struct {
		more    string // members of the body, beside those that are fine
		status  int
		code    string
		pointer string // the fields that the refusal names
		event   string
	}{
		"forbidden_owner":      {`"owner_id": "` + mine + `"`, 403, "authz.field_forbidden", "body /owner_id", "authz_fail"},
		"forbidden_id":         {`"id": "` + mine + `"`, 403, "authz.field_forbidden", "body /id", "authz_fail"},
		"forbidden_time":       {`"created_at": "2000-01-01T00:00:00Z"`, 403, "authz.field_forbidden", "body /created_at", "authz_fail"},
		"forbidden_wrong_type": {`"created_at": [1]`, 403, "authz.field_forbidden", "body /created_at", "authz_fail"},
		"forbidden_null":       {`"owner_id": null`, 403, "authz.field_forbidden", "body /owner_id", "authz_fail"},
		"forbidden_escaped":    {`"owner\u005fid": "` + mine + `"`, 403, "authz.field_forbidden", "body /owner_id", "authz_fail"},
		"all_forbidden":        {`"id": 1, "owner_id": 2, "created_at": 3`, 403, "authz.field_forbidden", "body /id, body /owner_id, body /created_at", "authz_fail"},
		"unknown":              {`"role": "` + mine + `"`, 422, "validate.invalid", "body /role", "input_validation_fail"},
		"unknown_issuer":       {`"OwnerIssuer": "` + mine + `"`, 422, "validate.invalid", "body /OwnerIssuer", "input_validation_fail"},
		"unknown_version":      {`"Version": 7`, 422, "validate.invalid", "body /Version", "input_validation_fail"},
		"unknown_and_null":     {`"version": null`, 422, "validate.invalid", "body /version", "input_validation_fail"},
		"unknown_hides":        {`"owner_id": "x", "role": "x"`, 422, "validate.invalid", "body /role", "input_validation_fail"},
		"forbidden_upper_case": {`"OWNER_ID": "` + mine + `"`, 422, "validate.invalid", "body /OWNER_ID", "input_validation_fail"},
		"forbidden_go_name":    {`"OwnerID": "` + mine + `"`, 422, "validate.invalid", "body /OwnerID", "input_validation_fail"},
		"upper_case":           {`"CONTENT": "` + mine + `"`, 422, "sanitize.spelling", "body /content", "input_validation_fail"},
		"long_s":               {`"ſtatuſ": "` + mine + `"`, 422, "validate.invalid", "body /ſtatuſ", "input_validation_fail"},
		"kelvin_sign":          {`"\u212aind": "` + mine + `"`, 422, "validate.invalid", "body /\u212aind", "input_validation_fail"},
		"dotless_i":            {`"tıtle": "` + mine + `"`, 422, "validate.invalid", "body /tıtle", "input_validation_fail"},
		"space":                {`"owner_id ": "` + mine + `"`, 422, "validate.invalid", "body /owner_id ", "input_validation_fail"},
		"twice":                {`"title": "` + mine + `"`, 400, "body.malformed", "body /title", "input_validation_fail"},
		"twice_by_case":        {`"TITLE": "` + mine + `"`, 400, "body.malformed", "body /TITLE", "input_validation_fail"},
		"twice_by_escape":      {`"\u0074itle": "` + mine + `"`, 400, "body.malformed", "body /title", "input_validation_fail"},
		"forbidden_twice":      {`"owner_id": "` + mine + `", "owner_id": "x"`, 400, "body.malformed", "body /owner_id", "input_validation_fail"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			alice, root := s.bearer("alice"), s.bearer("root")
			path := s.create(alice, 3).Header.Get("Location")
			before := s.do("192.0.2.1", "GET", path, nil, "Authorization", alice).text
			const merge = "application/merge-patch+json"
			sent := 0
			for _, request := range []struct{ method, path, media, who string }{
				{"POST", "/documents", "", alice}, {"PUT", path, "", alice}, {"PATCH", path, "", alice}, {"PATCH", path, merge, alice},
				{"POST", "/documents", "", root}, {"PUT", path, "", root}, {"PATCH", path, merge, root}, // nobody may
				{"POST", "/documents", "", "ApiKey " + s.apiKey},
			} {
				a := s.send(request.method, request.path, request.media, `{"title": "T", `+test.more+`}`, request.who)
				sent++
				s.refused(a, test.status, test.code)
				if a.pointers() != test.pointer {
					t.Errorf("%s %s: the refusal names %q, want %q", request.method, request.media, a.pointers(), test.pointer)
				}
				if strings.Contains(a.text, mine) {
					t.Errorf("%s: the value is repeated: %s", request.method, a.text)
				}
			}
			if after := s.do("192.0.2.1", "GET", path, nil, "Authorization", alice).text; after != before {
				t.Errorf("the document was %s and is %s", before, after)
			}
			if documents, _, _ := s.app.Stored(); documents != 1 {
				t.Errorf("%d documents are stored, want 1", documents)
			}
			found := 0
			for _, event := range s.events(test.event) {
				if event["reason"] == test.code {
					found++
				}
			}
			if found != sent {
				t.Errorf("%d events of %d refusals", found, sent)
			}
		})
	}
}

// The same on the other routes that take a body.
func TestFieldsOfSignUps(t *testing.T) {
	for name, test := range map[string]struct {
		more    string
		status  int
		code    string
		pointer string
	}{
		"role":           {`, "role": "moderator"`, 403, "users.role_forbidden", "body /role"},
		"role_case":      {`, "ROLE": "moderator"`, 422, "validate.invalid", "body /ROLE"},
		"role_twice":     {`, "role": "user", "role": "moderator"`, 400, "body.malformed", "body /role"},
		"role_two_cases": {`, "role": "user", "Role": "moderator"`, 400, "body.malformed", "body /Role"},
		"long_s":         {`, "paſſword": "long enough"`, 400, "body.malformed", "body /paſſword"},
		"id":             {`, "id": "u_1"`, 422, "validate.invalid", "body /id"},
		"hash":           {`, "Hash": "AAAA"`, 422, "validate.invalid", "body /Hash"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			for _, who := range []string{"", s.bearer("alice"), s.bearer("bob")} {
				a := s.send("POST", "/users", "", `{"email": "new@example.com", "password": "long enough", "name": "N"`+test.more+`}`, who)
				s.refused(a, test.status, test.code)
				if a.pointers() != test.pointer {
					t.Errorf("the refusal names %q, want %q", a.pointers(), test.pointer)
				}
			}
			if s.app.AccountID("new@example.com") != "" {
				t.Error("there is an account")
			}
		})
	}
}

// A merge patch keeps what it does not name, and a PUT does not.
func TestFieldsThatABodyLeavesOut(t *testing.T) {
	s := start(t)
	alice := s.bearer("alice")
	path := s.create(alice, 3).Header.Get("Location")
	for _, step := range []struct{ method, media, body, title, content string }{
		{"PATCH", "application/merge-patch+json", `{"title": "U"}`, "U", "aaa"},
		{"PATCH", "", `{"content": "b"}`, "U", "b"},
		{"PATCH", "", `{}`, "U", "b"},
		{"PUT", "", `{"title": "V"}`, "V", ""},
	} {
		a := s.send(step.method, path, step.media, step.body, alice)
		if a.StatusCode != http.StatusOK || a.body["title"] != step.title || a.body["content"] != step.content || len(a.body) != 5 {
			t.Errorf("%s %s: %v", step.method, step.body, a)
		}
	}
	s.refused(s.send("PATCH", path, "application/merge-patch+json", `{"content": null}`, alice), http.StatusUnprocessableEntity, "validate.invalid")
}
