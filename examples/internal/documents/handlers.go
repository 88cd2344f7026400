package documents

import (
	"encoding/json"
	"net/http"

	"github.com/bulwark-go/bulwark"
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

func (a *App) listRoutes(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusOK, map[string]any{"items": a.mux.Routes()})
}
