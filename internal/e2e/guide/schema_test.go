package guide

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

// createUserSchema is the guide's schema.
const createUserSchema = `{
	"type": "object",
	"required": ["email", "password", "name"],
	"properties": {
		"email":    {"type": "string", "format": "email", "maxLength": 254},
		"password": {"type": "string", "minLength": 8, "maxLength": 100},
		"name":     {"type": "string", "minLength": 1, "maxLength": 100},
		"role":     {"enum": ["user", "moderator"], "default": "user"}
	}
}`

// NewUser is what the schema lets through.
type NewUser struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name"`
	Role     string `json:"role"`
}

// createUser is our way to validate a body and to read what was validated.
func createUser(save func(NewUser)) (http.Handler, error) {
	users, err := validate.New(validate.Config{Body: validate.SchemaJSON(createUserSchema)})
	if err != nil {
		return nil, err
	}
	return users.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, err := validate.BodyAs[NewUser](r) // the default role is filled in
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		save(user)
		json.NewEncoder(w).Encode(user)
	})), nil
}

func TestSchema(t *testing.T) {
	their := theirs(t)
	our := serve(t, bulwark.Must(createUser(func(NewUser) {})))
	user := func(changes string) string {
		fields := `"email": "a@example.com", "password": "long enough", "name": "A"`
		if changes != "" {
			fields += ", " + changes
		}
		return "{" + fields + "}"
	}
	for _, tt := range []struct {
		name, body string
		them, we   int
	}{
		{"a good body", user(""), 200, 200},
		{"a role that is allowed", user(`"role": "moderator"`), 200, 200},
		{"a role that is not", user(`"role": "admin"`), 400, 422},
		{"a field too many", user(`"isAdmin": true`), 400, 422},
		{"a short password", `{"email": "a@example.com", "password": "short", "name": "A"}`, 400, 422},
		{"a long name", `{"email": "a@example.com", "password": "long enough", "name": "` + strings.Repeat("a", 101) + `"}`, 400, 422},
		{"an empty name", `{"email": "a@example.com", "password": "long enough", "name": ""}`, 400, 422},
		{"no e-mail", `{"password": "long enough", "name": "A"}`, 400, 422},
		{"not an e-mail", `{"email": "a", "password": "long enough", "name": "A"}`, 400, 422},
		{"a number for a name", `{"email": "a@example.com", "password": "long enough", "name": 7}`, 400, 422},
		{"not JSON", `{`, 400, 400},
		{"a field twice", user(`"name": "B"`), 200, 400},
		{"a name that is not UTF-8", "{\"email\": \"a@example.com\", \"password\": \"long enough\", \"name\": \"\xff\"}", 200, 400},
	} {
		them, we := call{"POST", "/users", tt.body, nil}.of(t, their), call{"POST", "/users", tt.body, nil}.of(t, our)
		if them.status != tt.them || we.status != tt.we {
			t.Errorf("%s: theirs %d, ours %d, want %d and %d (%s)", tt.name, them.status, we.status, tt.them, tt.we, them.body)
		}
		if we.status != 200 || them.status != 200 {
			continue
		}
		var a, b NewUser
		if json.Unmarshal([]byte(them.body), &a) != nil || json.Unmarshal([]byte(we.body), &b) != nil || a != b {
			t.Errorf("%s: theirs %s, ours %s", tt.name, them.body, we.body)
		}
	}
	// The guide tells the first fault, and ours all of them.
	both := `{"email": "a", "password": "short", "name": "A"}`
	if them := (call{"POST", "/users", both, nil}).of(t, their); !strings.Contains(them.body, "email") || strings.Contains(them.body, "password") {
		t.Errorf("theirs: %s", them.body)
	}
	if we := (call{"POST", "/users", both, nil}).of(t, our); !strings.Contains(we.body, `"pointer":"/email"`) || !strings.Contains(we.body, `"pointer":"/password"`) {
		t.Errorf("ours: %s", we.body)
	}
}

// cleanContent is our way to take the tags out of one field.
func cleanContent(next http.Handler) (http.Handler, error) {
	clean, err := sanitize.New(sanitize.Config{Fields: sanitize.Fields{"/content": sanitize.Strict}})
	if err != nil {
		return nil, err
	}
	return clean.Wrap(next), nil
}

func TestSanitize(t *testing.T) {
	their := theirs(t)
	our := serve(t, bulwark.Must(cleanContent(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		json.NewEncoder(w).Encode(body)
	}))))
	content := func(a answer) string {
		var body struct{ Content any }
		if json.Unmarshal([]byte(a.body), &body) != nil {
			return a.body
		}
		text, _ := body.Content.(string)
		return text
	}
	for _, tt := range []struct{ name, in, them, we string }{
		{"plain", "hello", "hello", "hello"},
		{"a tag", "<b>hello</b>", "hello", "hello"},
		{"a script", "a<script>alert(1)</script>b", "ab", "ab"},
		{"a style", "a<style>p{}</style>b", "ab", "ab"},
		{"an event handler", `<img src=x onerror=alert(1)>b`, "b", "b"},
		{"an ampersand", "Tom & Jerry", "Tom &amp; Jerry", "Tom &amp; Jerry"},
		{"less than", "1 < 2", "1 &lt; 2", "1 &lt; 2"},
		{"an escaped tag", "&lt;b&gt;", "&lt;b&gt;", "&lt;b&gt;"},
		{"a comment", "a<!-- b -->c", "ac", "ac"},
	} {
		body, _ := json.Marshal(map[string]string{"content": tt.in})
		them, we := call{"POST", "/content", string(body), nil}.of(t, their), call{"POST", "/content", string(body), nil}.of(t, our)
		if content(them) != tt.them || content(we) != tt.we {
			t.Errorf("%s: theirs %q, ours %q, want %q and %q", tt.name, content(them), content(we), tt.them, tt.we)
		}
	}
	for _, tt := range []struct {
		name, body string
		them, we   int
	}{
		{"another spelling of the field", `{"Content": "<b>x</b>"}`, 200, 422},
		{"a broken body", `{"content": "<b>`, 400, 400},
	} {
		them, we := call{"POST", "/content", tt.body, nil}.of(t, their), call{"POST", "/content", tt.body, nil}.of(t, our)
		if them.status != tt.them || we.status != tt.we {
			t.Errorf("%s: theirs %d, ours %d, want %d and %d", tt.name, them.status, we.status, tt.them, tt.we)
		}
	}
}
