package bulwark_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// limited is a body that a reader further in may bound, as that of a server
// with a cap for all bodies is.
type limited struct {
	io.ReadCloser
	most int64
}

func (l *limited) Limit(most int64) bool { l.most = most; return true }

// inMemory is a body that somebody has read already.
type inMemory struct{ io.ReadCloser }

func (inMemory) Bytes() []byte { return nil }

// The body that the scope watches is still what it was to those who ask.
func TestCaseRoot3TheWatchedBody(t *testing.T) {
	enter := func(body io.ReadCloser) (*http.Request, *http.Request) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Body = body
		inner, _ := bulwark.Enter(r)
		return r, inner
	}
	text := io.NopCloser(strings.NewReader("abc"))
	own := &limited{ReadCloser: text}
	outer, inner := enter(own)
	if outer.Body != own {
		t.Error("the request outside has another body")
	}
	if l, ok := inner.Body.(interface{ Limit(int64) bool }); !ok || !l.Limit(42) || own.most != 42 {
		t.Errorf("the limit does not reach the body: %v", own.most)
	}
	if got, err := io.ReadAll(inner.Body); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, inner := enter(text); inner.Body.(interface{ Limit(int64) bool }).Limit(42) {
		t.Error("a body without a limit takes one")
	}
	for name, body := range map[string]io.ReadCloser{"none": nil, "NoBody": http.NoBody, "in_memory": inMemory{text}} {
		if _, inner := enter(body); inner.Body != body {
			t.Errorf("%s became a %T", name, inner.Body)
		}
	}
	sub, _ := bulwark.Enter(inner.Clone(inner.Context()))
	if sub.Body != inner.Body {
		t.Error("a body is watched twice")
	}
}

// A part of a batch that carries the body of the request around shares its
// failure.
func TestCaseRoot3TheBodyOfASubRequest(t *testing.T) {
	_, events := func() (*httptest.ResponseRecorder, []bulwark.Event) {
		var rec bulwarktest.Recorder
		r := httptest.NewRequest("POST", "/batch", iotest.ErrReader(errors.New("some reader's own error")))
		w := httptest.NewRecorder()
		rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sub := r.Clone(r.Context())
			readAndDeny(wrappings["wrapped"])(w, sub)
		})).ServeHTTP(w, r)
		return w, rec.Take()
	}()
	checkEvent(t, events, bulwark.InputValidationFail, "body.incomplete", 400, slog.LevelWarn)
}

// A part without a body of its own may be refused for that of the request
// around.
func TestCaseRoot3TheBodyAround(t *testing.T) {
	var rec bulwarktest.Recorder
	w := httptest.NewRecorder()
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		part, _ := http.NewRequestWithContext(r.Context(), "GET", "http://example.com/part", nil)
		bulwark.Deny(w, part, err)
	})).ServeHTTP(w, httptest.NewRequest("POST", "/batch", iotest.ErrReader(errors.New("some reader's own error"))))
	checkProblem(t, w, 400, "body.incomplete")
	checkEvent(t, rec.Take(), bulwark.InputValidationFail, "body.incomplete", 400, slog.LevelWarn)
}
