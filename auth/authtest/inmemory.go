package authtest

import (
	"net/http"
	"net/http/httptest"
)

// inMemory answers requests by a handler, without a connection.
type inMemory http.HandlerFunc

// RoundTrip implements http.RoundTripper.
func (serve inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	serve(w, r)
	response := w.Result()
	response.Request = r
	return response, nil
}
