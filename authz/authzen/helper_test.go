package authzen_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

const (
	login  = "https://login.example"
	secret = "s3cret-of-this-service"
	marker = "MARKER-of-the-answer" // which no error may show
)

var alice = &bulwark.Principal{Issuer: login, Subject: "alice", Roles: []string{"user"}}

// query is a query of alice.
func query(id string) *authz.Query {
	return &authz.Query{Principal: alice, Resource: "document", Action: "read", Reach: "shared", ID: id}
}

// reads are queries of alice, one for each id.
func reads(ids ...string) []authz.Query {
	var queries []authz.Query
	for _, id := range ids {
		queries = append(queries, *query(id))
	}
	return queries
}

// serve starts a decision point on loopback that answers with h.
func serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // what hangs ends
	return server
}

// client makes a Client for a decision point, which is shut down with t.
func client(t testing.TB, c authzen.Config) *authzen.Client {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second // a busy machine is not what is tested
	}
	made, err := authzen.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Shutdown(context.Background()) })
	return made
}

// says answers every question with this body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

// A line is a Transport without a network. It keeps the questions.
type line struct {
	answer func(*http.Request) (*http.Response, error)

	mu        sync.Mutex
	questions []question
}

type question struct {
	url, body string
	header    http.Header
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.questions = append(l.questions, question{r.URL.String(), string(body), r.Header.Clone()})
	l.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return l.answer(r)
}

func (l *line) asked() []question {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]question(nil), l.questions...)
}

// answering is a line on which every question has this answer.
func answering(status int, body string) *line {
	return &line{answer: func(r *http.Request) (*http.Response, error) { return response(r, status, body), nil }}
}

func response(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// hangs waits until the question is given up.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

// denied fails t unless a call was denied with an error that has the text, and
// that shows neither the secret nor the answer.
func denied(t *testing.T, d authz.Decision, err error, text string) {
	t.Helper()
	if d.Allowed {
		t.Error("allowed")
	}
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want %q", err, text)
	}
	if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), marker)) {
		t.Errorf("the error shows what it must not: %v", err)
	}
}

// silent is for a server that is expected to complain.
var silent = log.New(io.Discard, "", 0)

// overHandler is a line that ends in a handler.
func overHandler(h http.HandlerFunc) *line {
	return &line{answer: func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h(w, r)
		return w.Result(), nil
	}}
}
