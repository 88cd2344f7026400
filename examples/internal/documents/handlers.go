package documents

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

// answer writes a JSON body.
func answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

func health(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusOK, map[string]string{"status": "ok"})
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is the one HTML page. Its inline script and style run because they carry
// the nonce of this very response.
func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	pageTemplate.Execute(w, struct{ Nonce string }{headers.Nonce(r.Context())})
}

func (a *App) listRoutes(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusOK, map[string]any{"items": a.mux.Routes()})
}
