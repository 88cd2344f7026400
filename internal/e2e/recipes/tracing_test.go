package recipes

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// spanIDs finds the span in which an event is reported, for audit.Config.
func spanIDs(ctx context.Context) (traceID, spanID string) {
	span := trace.SpanContextFromContext(ctx)
	return span.TraceID().String(), span.SpanID().String()
}

// traceAsRequestID returns the id of the trace as the id of the request.
func traceAsRequestID(r *http.Request) string {
	if span := trace.SpanContextFromContext(r.Context()); span.HasTraceID() {
		return span.TraceID().String()
	}
	return "" // Edge makes a random id
}

// nameSpan names the span after the route, when the router has found the route.
func nameSpan(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if r.Pattern != "" {
			trace.SpanFromContext(r.Context()).SetName(r.Pattern)
		}
	})
}

func traced(logger *slog.Logger, provider trace.TracerProvider, mux http.Handler) (http.Handler, *bulwark.Stack, error) {
	stack, err := bulwark.Chain(
		audit.Config{Logger: logger, AccessLog: true, Trace: spanIDs},
		bulwark.Edge{Hosts: []string{"api.example.com"}, RequestID: traceAsRequestID},
	)
	if err != nil {
		return nil, nil, err
	}
	handler := otelhttp.NewHandler(stack.Wrap(nameSpan(mux)), "api", // outside the stack
		otelhttp.WithTracerProvider(provider),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		// The traceparent of a client becomes a link, and not the parent.
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
	)
	return handler, stack, nil
}

const tracingAnswer = `
HTTP/1.1 404 Not Found
Content-Type: application/problem+json

{"type":"about:blank","title":"Not Found","status":404,"code":"documents.not_found",
"instance":"urn:request:TRACE"}
`

const tracingLog = `
{"level":"INFO","event":"input_validation_fail","reason":"documents.not_found","status":404,
"requestId":"TRACE","traceId":"TRACE","spanId":"SPAN"}
`

func TestTracing(t *testing.T) {
	log, spans := new(wireLog), tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Errorf("a stream cannot move its deadline: %v", err)
		}
		ctx, load := provider.Tracer("documents").Start(r.Context(), "load")
		defer load.End()
		bulwark.Deny(w, r.WithContext(ctx), &bulwark.Problem{Status: http.StatusNotFound, Code: "documents.not_found"})
	})
	handler, stack, err := traced(log.logger(), provider, mux)
	if err != nil {
		t.Fatal(err)
	}
	server := wireServer(t, handler)
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	resp := wireAsk(t, server.Client(), "GET", server.URL+"/documents/42", "", "Host", "api.example.com",
		"Traceparent", "00-"+theirs+"-00f067aa0ba902b7-01", "X-Request-Id", "theirs")
	id := resp.Header.Get("X-Request-Id")
	wireAnswer(t, resp, strings.Replace(tracingAnswer, "TRACE", id, 1))
	server.Close() // the span ends after the answer
	wireClose(t, stack)

	ended := spans.Ended()
	if len(ended) != 2 {
		t.Fatalf("%d spans, want that of the request and that of the handler", len(ended))
	}
	load, request := ended[0], ended[1]
	if load.Name() != "load" || request.Name() != "GET /documents/{id}" {
		t.Errorf("the spans are %q and %q", load.Name(), request.Name())
	}
	if trace := request.SpanContext().TraceID().String(); trace != id || trace == theirs {
		t.Errorf("the trace is %s, the request id %s, the client's trace %s", trace, id, theirs)
	}
	if links := request.Links(); len(links) != 1 || links[0].SpanContext.TraceID().String() != theirs {
		t.Errorf("the links are %v, want one to the trace of the client", links)
	}
	replace := strings.NewReplacer("TRACE", id, "SPAN", load.SpanContext().SpanID().String())
	log.shows(t, replace.Replace(tracingLog))
	log.shows(t, fmt.Sprintf(`{"type":"access","traceId":%q,"spanId":%q}`, id, request.SpanContext().SpanID()))
}

// chi sets the pattern on its own copy of the request, so nameSpan stands in
// router.Use.
func TestTracingUnderChi(t *testing.T) {
	router := chi.NewRouter()
	router.Use(nameSpan)
	router.Get("/documents/{id}", func(http.ResponseWriter, *http.Request) {})
	bare := chi.NewRouter()
	bare.Get("/documents/{id}", func(http.ResponseWriter, *http.Request) {})
	for want, router := range map[string]http.Handler{"GET": bare, "/documents/{id}": router} {
		spans := tracetest.NewSpanRecorder()
		handler, stack, err := traced(new(wireLog).logger(), sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)), router)
		if err != nil {
			t.Fatal(err)
		}
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://api.example.com/documents/7", nil))
		wireClose(t, stack)
		if ended := spans.Ended(); len(ended) != 1 || ended[0].Name() != want {
			t.Errorf("spans %v, want one of %q", ended, want)
		}
	}
}

// Without tracing of its own, a service records the traceparent of the client.
func TestTracingByTheClientAlone(t *testing.T) {
	log := new(wireLog)
	stack, err := bulwark.Chain(audit.Config{Logger: log.logger(), Trace: spanIDs},
		bulwark.Edge{Hosts: []string{"api.example.com"}, RequestID: traceAsRequestID})
	if err != nil {
		t.Fatal(err)
	}
	server := wireServer(t, stack.Wrap(http.NotFoundHandler()))
	resp := wireAsk(t, server.Client(), "GET", server.URL, "",
		"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if id := resp.Header.Get("X-Request-Id"); len(id) != 36 {
		t.Errorf("the request id is %q, want a random one", id)
	}
	wireClose(t, stack)
	log.shows(t, `{"reason":"edge.misdirected","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7"}`)
}

// otelhttp puts a reader of its own around each body. A limit inside can only
// lower the limit outside.
func TestTracingAndUploads(t *testing.T) {
	files, err := uploads(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	handler, stack, err := traced(new(wireLog).logger(), sdktrace.NewTracerProvider(), files)
	if err != nil {
		t.Fatal(err)
	}
	defer wireClose(t, stack)
	limit, err := bulwark.Chain(transport.MaxBodyBytes(uploadBytes))
	if err != nil {
		t.Fatal(err)
	}
	for want, handler := range map[int]http.Handler{
		http.StatusRequestEntityTooLarge: handler,
		http.StatusCreated:               limit.Wrap(handler),
	} {
		server := wireServer(t, transport.Server(handler).Handler)
		resp := wireAsk(t, server.Client(), "PUT", server.URL+"/files", strings.Repeat("a", 3<<20), "Host", "api.example.com")
		if resp.StatusCode != want {
			t.Errorf("%s, want %d: %s", resp.Status, want, wireRead(t, resp))
		}
	}
}
