package authzen_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// Only an explicit true allows. Every other answer is a denial with an error
// that says what to change, and does not spoil the next question.
func TestHostileAnswers(t *testing.T) {
	var strayed atomic.Int64
	elsewhere := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		strayed.Add(1)
		says(allow)(w, r)
	}))
	for _, a := range attacks(elsewhere.URL) {
		t.Run(a.name, func(t *testing.T) {
			var sound atomic.Bool
			server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if sound.Load() {
					says(allow)(w, r)
					return
				}
				a.handler(w, r)
			}))
			config := authzen.Config{URL: server.URL, Secret: secret}
			if a.hangs {
				config.Timeout = brief
			}
			d, err := client(t, config).Decide(context.Background(), query("1"))
			denied(t, d, err, a.want)
			if err != nil && !strings.HasPrefix(err.Error(), "authzen: ask "+server.URL+": ") {
				t.Errorf("the error does not name the decision point: %v", err)
			}
			all, err := client(t, config).DecideAll(context.Background(), reads("1", "2"))
			if err == nil || all != nil {
				t.Errorf("DecideAll: %v, %v", all, err)
			}
			config.Timeout = 0
			after := client(t, config)
			if !a.hangs {
				if d, err := after.Decide(context.Background(), query("1")); d.Allowed || err == nil {
					t.Errorf("a new client: %v, %v", d, err)
				}
			}
			sound.Store(true)
			if d, err := after.Decide(context.Background(), query("1")); !d.Allowed || err != nil {
				t.Errorf("after it: %v, %v", d, err)
			}
		})
	}
	if strayed.Load() > 0 {
		t.Errorf("%d redirects were followed", strayed.Load())
	}
}

// Of a long answer only so much is read as the bound allows.
func TestAnswerIsReadInBounds(t *testing.T) {
	var read atomic.Int64
	l := &line{answer: func(r *http.Request) (*http.Response, error) {
		w := response(r, 200, "")
		w.ContentLength, w.Body = -1, io.NopCloser(readFunc(func(p []byte) (int, error) {
			if read.Add(int64(len(p))) > 1<<20 {
				return 0, io.EOF
			}
			return len(p), nil
		}))
		return w, nil
	}}
	d, err := client(t, authzen.Config{URL: "https://pdp.example", Transport: l, MaxAnswerBytes: 1000}).Decide(context.Background(), query("1"))
	denied(t, d, err, "longer than authzen.Config.MaxAnswerBytes, which is 1000")
	if read.Load() > 1001 {
		t.Errorf("%d bytes were read", read.Load())
	}
	exact := allow + strings.Repeat(" ", 1000-len(allow))
	for body, want := range map[string]bool{exact: true, exact + " ": false} {
		d, err := client(t, authzen.Config{URL: "https://pdp.example", Transport: answering(200, body), MaxAnswerBytes: 1000}).Decide(context.Background(), query("1"))
		if d.Allowed != want || (err == nil) != want {
			t.Errorf("%d bytes: %v, %v", len(body), d, err)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// What a decision point may say beside its decision does not change it.
func TestSoundAnswers(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       authz.Decision
	}{
		{"allow", `{"decision":true}`, authz.Decision{Allowed: true}},
		{"deny", `{"decision":false}`, authz.Decision{}},
		{"spaced", " {\n\"decision\" : true } \n", authz.Decision{Allowed: true}},
		{"escaped-name", `{"\u0064ecision":true}`, authz.Decision{Allowed: true}},
		{"unknown-members", `{"decision":false,"result":true,"evaluations":[{"decision":true}],"context":{"decision":true}}`, authz.Decision{}},
		{"context-null", `{"decision":true,"context":null}`, authz.Decision{Allowed: true}},
		{"no-obligations", `{"decision":true,"context":{"obligations":[]}}`, authz.Decision{Allowed: true}},
		{"obligations", `{"decision":true,"context":{"obligations":[{"id":"o","type":"step-up"}]}}`, authz.Decision{Reason: "allowed with obligations, which are not carried out"}},
		{"obligations-of-another-kind", `{"decision":true,"context":{"obligations":{"log":1}}}`, authz.Decision{Reason: "allowed with obligations, which are not carried out"}},
		{"reason-for-administrators", `{"decision":false,"context":{"id":"d-1","reason_admin":{"403":"policy C076E82F"},"reason_user":{"403":"ask"}}}`, authz.Decision{ID: "d-1", Reason: "403: policy C076E82F"}},
		{"reason-for-users", `{"decision":false,"context":{"reason_user":{"en":"ask"}}}`, authz.Decision{Reason: "en: ask"}},
		{"plain-reason", `{"decision":false,"context":{"evaluation_id":"e-1","reason":"viewer"}}`, authz.Decision{ID: "e-1", Reason: "viewer"}},
		{"ids-of-other-kinds", `{"decision":true,"context":{"id":7,"evaluation_id":"","reason":[1]}}`, authz.Decision{Allowed: true}},
		{"reason-forges-lines", `{"decision":false,"context":{"id":"a\nb","reason":"a\r\nb\u202e"}}`, authz.Decision{ID: `a\x0ab`, Reason: `a\x0d\x0ab\u202e`}},
		{"long-texts", `{"decision":false,"context":{"id":"` + strings.Repeat("i", 99) + `","reason":"` + strings.Repeat("r", 999) + `"}}`,
			authz.Decision{ID: strings.Repeat("i", 64), Reason: strings.Repeat("r", 128)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := client(t, authzen.Config{URL: serve(t, says(test.body)).URL})
			d, err := c.Decide(context.Background(), query("1"))
			if err != nil || d.Allowed != test.want.Allowed || d.ID != test.want.ID || d.Reason != test.want.Reason {
				t.Errorf("%+v, %v, want %+v", d, err, test.want)
			}
		})
	}
}

// An answer that is not used, and every one that is, leaves its connection for
// the next question.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened, asked atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) % 4 {
		case 0:
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(strings.Repeat("no ", 1000)))
		case 1:
			says(`{"decision":"true"}`)(w, r)
		default:
			says(allow)(w, r)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := client(t, authzen.Config{URL: server.URL})
	for range 100 {
		c.Decide(context.Background(), query("1"))
	}
	if opened.Load() != 1 || asked.Load() != 100 {
		t.Errorf("%d connections for %d questions", opened.Load(), asked.Load())
	}
}

// A server whose certificate is not trusted does not decide.
func TestStrangeCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(says(allow))
	server.Config.ErrorLog = silent
	server.StartTLS()
	t.Cleanup(server.Close)
	d, err := client(t, authzen.Config{URL: server.URL, Secret: secret}).Decide(context.Background(), query("1"))
	denied(t, d, err, "the certificate of the decision point is not trusted")
	// With its root, and under the same guards, it does.
	d, err = client(t, authzen.Config{URL: server.URL, Transport: server.Client().Transport}).Decide(context.Background(), query("1"))
	if !d.Allowed || err != nil {
		t.Errorf("with its root: %v, %v", d, err)
	}
}

// The guards hold for a Transport of the application too.
func TestGuardsOfAnotherTransport(t *testing.T) {
	elsewhere := serve(t, says(allow))
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "a redirect is not followed"},
		{"long", tenMegabytes, "MaxAnswerBytes"},
		{"compressed", compressed, "compressed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := client(t, authzen.Config{URL: serve(t, test.handler).URL, Transport: http.DefaultTransport}).Decide(context.Background(), query("1"))
			denied(t, d, err, test.want)
		})
	}
}

// The error of a Transport may hold anything, so it is not shown.
func TestErrorOfATransport(t *testing.T) {
	l := &line{answer: func(*http.Request) (*http.Response, error) { return nil, errSecret{} }}
	d, err := client(t, authzen.Config{URL: "https://pdp.example", Transport: l, Secret: secret}).Decide(context.Background(), query("1"))
	denied(t, d, err, "check authzen.Config.URL and Transport")
}

type errSecret struct{}

func (errSecret) Error() string { return "sent " + secret + " and got " + marker }
