package bench

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Floor is the service without any defence: a ServeMux whose handlers write the
// given header fields, those of bulwark's own answer, and the same body.
func Floor(answered http.Header) http.Handler {
	fields := fieldsOf(answered)
	s := newStore()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		d, err := s.get(r.PathValue("id"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		fields.add(w.Header())
		answer(w, http.StatusOK, d)
	})
	mux.HandleFunc("POST /documents", func(w http.ResponseWriter, r *http.Request) {
		said, err := unmarshalDraft(r)
		if err != nil {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		made := s.create(&Document{OwnerID: caller, ownerIssuer: issuer, Title: said.Title, Content: said.Content, Visibility: said.Visibility})
		fields.add(w.Header())
		answer(w, http.StatusCreated, made)
	})
	return mux
}

// unmarshalDraft reads a body as it is.
func unmarshalDraft(r *http.Request) (draft, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return draft{}, err
	}
	said := draft{Visibility: "private"}
	err = json.Unmarshal(text, &said)
	return said, err
}

// fields are header fields in a fixed order.
type fields []struct{ name, value string }

// fieldsOf returns those that do not belong to the answer itself.
func fieldsOf(h http.Header) (all fields) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name == "Content-Type" || name == "Location" {
			continue
		}
		all = append(all, struct{ name, value string }{name, strings.Join(h[name], ", ")})
	}
	return all
}

// add sets the fields. All values share one allocation, the least that keeps
// one answer's fields out of another's.
func (f fields) add(h http.Header) {
	room := make([]string, len(f))
	for i, field := range f {
		room[i] = field.value
		h[field.name] = room[i : i+1 : i+1]
	}
}
