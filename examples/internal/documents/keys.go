package documents

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/validate"
)

// overlap is how long the old secret of a key works beside the new one.
const overlap = 24 * time.Hour

// issuedKey is the answer with a new key. The key is shown only in this answer.
type issuedKey struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	Tier      string    `json:"tier"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (a *App) createKey(w http.ResponseWriter, r *http.Request) {
	said, err := validate.BodyAs[struct {
		Name string `json:"name"`
		Tier string `json:"tier"`
	}](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	made, err := a.keys.Issue(r.Context(), apikey.Grant{Name: said.Name, Tier: said.Tier, Roles: []string{"user"}})
	answerKey(w, r, made, err)
}

func (a *App) rotateKey(w http.ResponseWriter, r *http.Request) {
	made, err := a.keys.Rotate(r.Context(), r.PathValue("id"), overlap)
	answerKey(w, r, made, err)
}

func answerKey(w http.ResponseWriter, r *http.Request, made apikey.Issued, err error) {
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnTokenCreated, Reason: "api_key", Rule: made.ID})
	answer(w, r, http.StatusCreated, issuedKey{made.ID, made.Key, made.Tier, made.ExpiresAt})
}
