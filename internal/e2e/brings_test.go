package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// answerPanics answers a panic by bulwark.Deny: 500 and an event. The stack of
// the panic goes to the log, because the text of an event is short.
func answerPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v) // net/http cuts the connection
			default:
				slog.ErrorContext(r.Context(), "panic", "value", v, "stack", string(debug.Stack()))
				bulwark.Deny(w, r, fmt.Errorf("panic: %v", v))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// ginPanics answers a panic by bulwark.Deny. gin.Recovery answers without an
// event.
var ginPanics = gin.CustomRecoveryWithWriter(io.Discard, func(g *gin.Context, v any) {
	slog.ErrorContext(g.Request.Context(), "panic", "value", v, "stack", string(debug.Stack()))
	ginDeny(g, fmt.Errorf("panic: %v", v))
})

// Recoverers of the routers hide a panic from the stack around them, and the
// replacements of the page do not.
func TestRecoverers(t *testing.T) {
	silent := log.New(io.Discard, "", 0)
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
	boom := func(http.ResponseWriter, *http.Request) { panic("boom") }
	underChi := func(use ...func(http.Handler) http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Use(use...)
		router.Get("/", boom)
		return router
	}
	underGorilla := func(use ...mux.MiddlewareFunc) http.Handler {
		router := mux.NewRouter()
		router.Use(use...)
		router.HandleFunc("/", boom)
		return router
	}
	underGin := func(use ...gin.HandlerFunc) http.Handler {
		router := newGin(use...)
		router.GET("/", func(*gin.Context) { panic("boom") })
		return router
	}
	underEcho := func(errors echo.HTTPErrorHandler, use ...echo.MiddlewareFunc) http.Handler {
		router := echo.New()
		router.Logger.SetOutput(io.Discard)
		if errors != nil {
			router.HTTPErrorHandler = errors
		}
		router.Use(use...)
		router.GET("/", func(echo.Context) error { panic("boom") })
		return router
	}
	around := func(router http.Handler) func(bulwark.Layer) http.Handler {
		return func(stack bulwark.Layer) http.Handler { return stack.Wrap(router) }
	}
	gorillaRecovery := handlers.RecoveryHandler(handlers.RecoveryLogger(silent))
	for name, test := range map[string]struct {
		open   func(stack bulwark.Layer) http.Handler
		reason string // of the one event, and "" if there is no event
		stack  bool   // the log has the stack
	}{
		"none":                 {around(http.HandlerFunc(boom)), "audit.panic", false},
		"answerPanics":         {around(answerPanics(http.HandlerFunc(boom))), "internal.error", true},
		"chi-inside":           {around(underChi(middleware.Recoverer)), "", false},
		"chi-outside":          {func(stack bulwark.Layer) http.Handler { return middleware.Recoverer(stack.Wrap(underChi())) }, "audit.panic", false},
		"chi-answerPanics":     {around(underChi(answerPanics)), "internal.error", true},
		"gorilla-inside":       {around(underGorilla(gorillaRecovery)), "", false},
		"gorilla-outside":      {func(stack bulwark.Layer) http.Handler { return gorillaRecovery(stack.Wrap(underGorilla())) }, "audit.panic", false},
		"gorilla-answerPanics": {around(underGorilla(answerPanics)), "internal.error", true},
		"gin-inside":           {around(underGin(gin.RecoveryWithWriter(io.Discard))), "", false},
		"gin-outside": {func(stack bulwark.Layer) http.Handler {
			return underGin(gin.RecoveryWithWriter(io.Discard), ginLayer(stack))
		}, "audit.panic", false},
		"gin-ginPanics":     {around(underGin(ginPanics)), "internal.error", true},
		"gin-ginPanics-use": {around(underGin(ginRoute, ginPanics)), "internal.error", true},
		"echo-inside":       {around(underEcho(nil, echomiddleware.Recover())), "", false},
		"echo-echoErrors":   {around(underEcho(echoErrors, echoRoute, echomiddleware.Recover())), "internal.error", false},
	} {
		t.Run(name, func(t *testing.T) {
			var events bulwarktest.Recorder
			var text bytes.Buffer
			slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
			stack := bulwark.Must(bulwark.Chain(audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{&events}}))
			h := test.open(stack)
			w := httptest.NewRecorder()
			func() {
				defer func() { recover() }() // net/http does
				h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			}()
			if err := stack.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := events.Take()
			switch {
			case test.reason == "" && len(got) != 0:
				t.Errorf("events %+v: the page need not warn of it", got)
			case test.reason != "" && (len(got) != 1 || got[0].Reason != test.reason || got[0].Name != bulwark.SysUnavailable):
				t.Errorf("events %+v, want %s", got, test.reason)
			}
			if test.reason == "internal.error" && len(got) == 1 && !strings.Contains(got[0].Attrs[0].Value.String(), "boom") {
				t.Errorf("the cause is %v", got[0].Attrs[0])
			}
			if test.stack != strings.Contains(text.String(), "panic") || test.stack != strings.Contains(text.String(), "brings_test.go") {
				t.Errorf("the log is %s", &text)
			}
			if test.reason == "internal.error" && (w.Code != 500 || !strings.Contains(w.Body.String(), `"internal.error"`)) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// http.ErrAbortHandler goes on to net/http.
func TestAnswerPanicsLeavesAborts(t *testing.T) {
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
	}()
	answerPanics(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// A timeout of chi makes a deadline, which is a failure of the server unless
// the handler says what it is.
func TestTimeoutOfChi(t *testing.T) {
	for name, test := range map[string]struct {
		deny   func(error) error
		status int
		reason string
	}{
		"as-it-is": {func(err error) error { return err }, 500, "internal.error"},
		"named":    {named504, 504, "service.timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var events bulwarktest.Recorder
				stack := bulwark.Must(bulwark.Chain(&events))
				router := chi.NewRouter()
				router.Use(middleware.Timeout(time.Second))
				router.Get("/", func(w http.ResponseWriter, r *http.Request) {
					<-r.Context().Done()
					bulwark.Deny(w, r, test.deny(r.Context().Err()))
				})
				w := httptest.NewRecorder()
				stack.Wrap(router).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if got := events.Take(); w.Code != test.status || len(got) != 1 || got[0].Reason != test.reason {
					t.Errorf("%d %s, events %+v", w.Code, w.Body, got)
				}
			})
		})
	}
}

// named504 names the deadline of the service.
func named504(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &bulwark.Problem{Status: http.StatusGatewayTimeout, Code: "service.timeout", Err: err}
	}
	return err
}

// The access log of chi has what the access record of audit leaves out.
func TestLoggersWriteSecrets(t *testing.T) {
	var text bytes.Buffer
	logger := middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: log.New(&text, "", 0), NoColor: true})
	underChi := chi.NewRouter()
	underChi.Use(middleware.RequestID, logger)
	underChi.Get("/", func(http.ResponseWriter, *http.Request) {})
	underGin := newGin(gin.LoggerWithWriter(&text))
	underGin.GET("/", func(*gin.Context) {})
	underEcho := echo.New()
	//lint:ignore SA1019 the test shows what it does
	underEcho.Use(echomiddleware.LoggerWithConfig(echomiddleware.LoggerConfig{Output: &text}))
	underEcho.GET("/", func(echo.Context) error { return nil })
	for name, router := range map[string]http.Handler{"chi": underChi, "gin": underGin, "echo": underEcho} {
		text.Reset()
		var records bytes.Buffer
		stack := bulwark.Must(bulwark.Chain(
			audit.Config{Logger: slog.New(slog.NewJSONHandler(&records, nil)), AccessLog: true},
			bulwark.Edge{Hosts: []string{host}},
		))
		r := httptest.NewRequest("GET", baseURL+"/?access_token=secret", nil)
		r.Header.Set("X-Request-Id", "theirs")
		stack.Wrap(router).ServeHTTP(httptest.NewRecorder(), r)
		if err := stack.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), "secret") {
			t.Errorf("%s logs %q: the page need not warn of it", name, &text)
		}
		if name == "chi" && !strings.Contains(text.String(), "theirs") {
			t.Errorf("chi logs %q, without the id of the client", &text)
		}
		if strings.Contains(records.String(), "secret") || strings.Contains(records.String(), "theirs") || !strings.Contains(records.String(), `"requestId"`) {
			t.Errorf("%s: the access record is %s", name, &records)
		}
	}
}

// chi's Compress may stand on both sides of the stack. gorilla's sets
// Content-Encoding before the handler: bulwark.Deny takes the field away, and
// the body of a refusal is compressed although no field says so.
func TestCompression(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/no" {
			bulwark.Deny(w, r, noSuchRoute)
			return
		}
		io.WriteString(w, `"`+strings.Repeat("text ", 1000)+`"`)
	})
	for name, compress := range map[string]func(http.Handler) http.Handler{
		"chi":     middleware.Compress(5),
		"gorilla": handlers.CompressHandler,
	} {
		for place, h := range map[string]http.Handler{
			"outside": compress(outer().Wrap(handler)),
			"inside":  outer().Wrap(compress(handler)),
		} {
			server := httptest.NewServer(h)
			for path, want := range map[string]string{"/": `"text text`, "/no": `"service.no_route"`} {
				r, err := http.NewRequest("GET", server.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = host
				answer, err := http.DefaultTransport.RoundTrip(r) // asks for gzip, and reads it
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				broken := name == "gorilla" && path == "/no"
				if strings.Contains(string(body), want) == broken {
					t.Errorf("%s %s %s: %d %.80q", name, place, path, answer.StatusCode, body)
				}
				if path == "/" && !answer.Uncompressed {
					t.Errorf("%s %s does not compress", name, place)
				}
			}
			server.Close()
		}
	}
}
