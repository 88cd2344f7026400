package documents

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/validate"
)

// pageQuery says which part of a list the client asks for.
type pageQuery struct {
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
}

func (a *App) listDocuments(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
	page, err := validate.QueryAs[pageQuery](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	of := &Owner{reach.Match["issuer"], reach.Match["subject"]}
	if reach.All {
		of = nil
	}
	items, total, err := a.store.List(r.Context(), of, page.Limit, page.Offset)
	if err != nil {
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	authz.WriteList(w, r, reach, items)
}

// createDocument makes a document of the caller. Decode takes from the body
// what the tags of Document let the caller write.
func (a *App) createDocument(w http.ResponseWriter, r *http.Request, check func(*Document) (authz.Granted[*Document], error)) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	grant, err := check(&Document{OwnerID: caller.Subject, OwnerIssuer: caller.Issuer})
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	if grant, err = authz.Decode(w, r, grant); err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	made, err := a.store.Create(r.Context(), grant)
	if err != nil {
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	w.Header().Set("Location", "/documents/"+made.ID)
	authz.Write(w, r, grant.With(made))
}

func (a *App) getDocument(w http.ResponseWriter, r *http.Request, d authz.Granted[*Document]) {
	authz.Write(w, r, d)
}

// updateDocument serves PUT and PATCH. The body of a PUT replaces what the
// caller may write, and the body of a PATCH is a merge patch.
func (a *App) updateDocument(w http.ResponseWriter, r *http.Request, d authz.Granted[*Document]) {
	next, err := authz.Decode(w, r, d)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	changed, err := a.store.Update(r.Context(), next)
	if err != nil {
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	authz.Write(w, r, next.With(changed))
}

func (a *App) deleteDocument(w http.ResponseWriter, r *http.Request, d authz.Granted[*Document]) {
	if err := a.store.Delete(r.Context(), d); err != nil {
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// storeProblem turns an error of the store into the answer for the client.
func storeProblem(err error) error {
	switch {
	case errors.Is(err, ErrNoDocument), errors.Is(err, ErrConflict):
		return &bulwark.Problem{Status: http.StatusConflict, Code: "documents.conflict", Err: err,
			Detail: "The document was changed or deleted in the meantime. Read it again."}
	case errors.Is(err, ErrShare):
		return &bulwark.Problem{Status: http.StatusConflict, Code: "documents.share_used", Err: err,
			Detail: "You have reached the limit of one owner. Shorten a document, or have one deleted."}
	case errors.Is(err, ErrFull), errors.Is(err, ErrUnavailable):
		return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "documents.unavailable", Err: err,
			Detail: "The server cannot take this now. Try again later."}
	}
	return err
}
