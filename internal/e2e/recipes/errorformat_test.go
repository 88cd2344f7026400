package recipes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/validate"
)

// germanTexts are the texts of codes. A "%v" takes the limit of a rule.
var germanTexts = map[string]string{
	"auth.credentials_required": "Bitte melden Sie sich an.",
	"ratelimit.exceeded":        "Zu viele Anfragen. Bitte versuchen Sie es später noch einmal.",
	"validate.invalid":          "Die Angaben sind nicht vollständig oder nicht richtig.",
	"required":                  "Diese Angabe fehlt.",
	"max_length":                "Höchstens %v Zeichen sind erlaubt.",
}

// german returns the text of a code, or one text for all other codes.
func german(code string, params map[string]any) string {
	text, known := germanTexts[code]
	if !known {
		text = "Die Anfrage konnte nicht bearbeitet werden."
	}
	if limit, ok := params["limit"]; ok {
		text = strings.ReplaceAll(text, "%v", fmt.Sprint(limit))
	}
	return text
}

// legacyError is the body that clients of the old API read.
type legacyError struct {
	Error  string            `json:"error"`
	Code   string            `json:"code"`
	ID     string            `json:"id"`
	Fields map[string]string `json:"fields,omitempty"`
}

// legacyErrors is the Responder of an Edge. Deny has set the header fields.
func legacyErrors(w http.ResponseWriter, r *http.Request, p *bulwark.Problem) {
	answer := legacyError{
		Error: german(p.Code, nil),
		Code:  p.Code,
		ID:    bulwark.RequestID(r.Context()),
	}
	for _, field := range p.Errors {
		if answer.Fields == nil {
			answer.Fields = map[string]string{}
		}
		answer.Fields[field.In+field.Pointer] = german(field.Code, field.Params)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		bulwark.Deny(w, r, err) // the standard body
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Language", "de")
	w.WriteHeader(p.Status)
	w.Write(body)
}

// legacyEdge is an Edge with that format.
func legacyEdge() bulwark.Edge {
	return bulwark.Edge{Hosts: []string{"api.example.com"}, Responder: legacyErrors}
}

const legacyInvalid = `
HTTP/1.1 422 Unprocessable Entity
Content-Type: application/json; charset=utf-8
Content-Language: de
Cache-Control: no-store

{"error":"Die Angaben sind nicht vollständig oder nicht richtig.","code":"validate.invalid","id":"…",
"fields":{"body/email":"Diese Angabe fehlt.","body/name":"Höchstens 40 Zeichen sind erlaubt."}}
`

const legacyNotFound = `
HTTP/1.1 404 Not Found
Content-Type: application/json; charset=utf-8

{"error":"Die Anfrage konnte nicht bearbeitet werden.","code":"users.not_found","id":"…"}
`

const legacyMisdirected = `
HTTP/1.1 421 Misdirected Request
Content-Type: application/json; charset=utf-8

{"error":"Die Anfrage konnte nicht bearbeitet werden.","code":"edge.misdirected","id":"…"}
`

func TestErrorFormat(t *testing.T) {
	var events bulwarktest.Recorder
	stack, err := bulwark.Chain(audit.Config{Logger: new(wireLog).logger(), Observers: []bulwark.Recorder{&events}}, legacyEdge())
	if err != nil {
		t.Fatal(err)
	}
	defer wireClose(t, stack)
	user := bulwark.Must(bulwark.Chain(validate.Config{Body: validate.SchemaJSON(`{
		"type": "object",
		"required": ["email", "name"],
		"properties": {"email": {"type": "string", "format": "email"}, "name": {"type": "string", "maxLength": 40}}
	}`)}))
	mux := http.NewServeMux()
	mux.Handle("POST /users", user.Wrap(http.NotFoundHandler()))
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusNotFound, Code: "users.not_found"})
	})
	server := wireServer(t, stack.Wrap(mux))
	for _, test := range []struct {
		name, method, path, host, body, want string
		code                                 string // of the event
	}{
		{"fields", "POST", "/users", "api.example.com", `{"name":"` + strings.Repeat("a", 41) + `"}`, legacyInvalid, "validate.invalid"},
		{"of_the_application", "GET", "/users/1", "api.example.com", "", legacyNotFound, "users.not_found"},
		{"of_a_layer", "GET", "/users/1", "other.example", "", legacyMisdirected, "edge.misdirected"},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp := wireAsk(t, server.Client(), test.method, server.URL+test.path, test.body,
				"Host", test.host, "Content-Type", "application/json")
			if id := resp.Header.Get("X-Request-Id"); id == "" {
				t.Error("the answer has no request id")
			}
			wireAnswer(t, resp, test.want)
			if got := events.Take(); len(got) != 1 || got[0].Reason != test.code {
				t.Errorf("events %v, want one of %s", got, test.code)
			}
		})
	}
	resp := wireAsk(t, server.Client(), "HEAD", server.URL+"/users/1", "", "Host", "api.example.com")
	if body := wireRead(t, resp); resp.StatusCode != http.StatusNotFound || body != "" {
		t.Errorf("HEAD: %s with %q", resp.Status, body)
	}
}
