package response_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/response"
)

// copying is a writer with a way of copying of its own.
type copying struct{ *bare }

func (c copying) ReadFrom(src io.Reader) (int64, error) { return io.Copy(&c.body, src) }

// A Hold that has answered keeps all later writes back, on every way to the
// inner writer.
func TestHoldKeepsLaterWritesBack(t *testing.T) {
	inner := copying{newBare()}
	w, watch := response.Of(inner)
	answered := 0
	hold := &response.Hold{}
	hold.Refuse = func() { answered++; w.WriteHeader(500); io.WriteString(w, "refused") }
	watch.HeldBack(hold, func() {
		if w.(interface{ Unwrap() http.ResponseWriter }).Unwrap() != nil {
			t.Error("the inner writer can be reached")
		}
		w.Header().Set("X-Title", "Plan")
		w.WriteHeader(200)
		for name, write := range map[string]func() error{
			"Write":       func() error { _, err := w.Write([]byte("x")); return err },
			"WriteString": func() error { _, err := io.WriteString(w, "x"); return err },
			"ReadFrom":    func() error { _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")); return err },
			"Flush":       func() error { return http.NewResponseController(w).Flush() },
		} {
			if err := write(); !errors.Is(err, response.ErrHeld) {
				t.Errorf("%s: %v", name, err)
			}
		}
		hold.Open() // too late
		io.WriteString(w, "x")
		if w.(interface{ Unwrap() http.ResponseWriter }).Unwrap() != nil {
			t.Error("the inner writer can be reached after the refusal")
		}
		w.Header().Set(http.TrailerPrefix+"X-Title", "Plan")
	})
	if answered != 1 || watch.Status() != 500 || inner.body.String() != "s:refused" {
		t.Errorf("answered %d times, status %d, %q", answered, watch.Status(), inner.body.String())
	}
	if len(w.Header()) != 0 {
		t.Errorf("header %v", w.Header())
	}
	if w.(interface{ Unwrap() http.ResponseWriter }).Unwrap() == nil {
		t.Error("the inner writer is hidden from the layers outside")
	}
	if _, err := io.WriteString(w, "x"); !errors.Is(err, response.ErrHeld) {
		t.Errorf("a layer outside has written: %v", err)
	}
}

// In a response that has begun before the Hold nothing can be sent in place of
// the handler's answer. That it is kept back is reported, also if the handler
// has noted a refusal.
func TestHoldOfABegunResponse(t *testing.T) {
	rec := httptest.NewRecorder()
	w, watch := response.Of(rec)
	w.Header().Set("X-Begun", "yes")
	io.WriteString(w, "begun ")
	reported := 0
	hold := &response.Hold{Refuse: func() { reported++ }}
	hold.Note(404, func(w http.ResponseWriter) { w.WriteHeader(404); io.WriteString(w, "refused") })
	watch.HeldBack(hold, func() {
		w.WriteHeader(404)
		if _, err := io.WriteString(w, "the plan"); !errors.Is(err, response.ErrHeld) {
			t.Errorf("written: %v", err)
		}
	})
	if reported != 1 || rec.Code != 200 || rec.Body.String() != "begun " || rec.Header().Get("X-Begun") != "yes" {
		t.Errorf("reported %d times, %d %q %v", reported, rec.Code, rec.Body, rec.Header())
	}
}

// An open Hold changes nothing, and a nested one holds for itself.
func TestHoldsNest(t *testing.T) {
	rec := httptest.NewRecorder()
	w, watch := response.Of(rec)
	outer, inner := &response.Hold{Refuse: func() { w.WriteHeader(501) }}, &response.Hold{Refuse: func() { w.WriteHeader(502) }}
	watch.HeldBack(outer, func() {
		watch.HeldBack(inner, func() {
			inner.Open()
			w.WriteHeader(200)
		})
	})
	if rec.Code != 501 {
		t.Errorf("%d, want the refusal of the outer one", rec.Code)
	}
	rec = httptest.NewRecorder()
	w, watch = response.Of(rec)
	watch.HeldBack(outer, func() { outer.Open(); w.WriteHeader(204) })
	if rec.Code != 204 {
		t.Errorf("open: %d", rec.Code)
	}
	if response.Held(context.Background()) != nil || response.Held(response.WithHold(context.Background(), outer)) != outer {
		t.Error("the context does not have the Hold")
	}
}

// Deadlines of the connection are set through a Hold: a body is read in its
// time before the check.
func TestHoldPassesDeadlinesOn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w, watch := response.Of(rw)
		watch.HeldBack(&response.Hold{Refuse: func() { w.WriteHeader(500) }}, func() {
			c := http.NewResponseController(w)
			if err := errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}), c.EnableFullDuplex()); err != nil {
				t.Error(err)
			}
		})
	}))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 500 {
		t.Errorf("%d", response.StatusCode)
	}
}
