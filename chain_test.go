package bulwark_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// part is a layer of a given kind that notes its calls.
type part struct {
	kind  string
	calls *[]string
	err   error
}

func (p part) Kind() bulwark.Kind { return bulwark.Kind(p.kind) }

func (p part) Build() (bulwark.Layer, error) {
	if p.err != nil {
		return nil, p.err
	}
	return p, nil
}

func (p part) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*p.calls = append(*p.calls, p.kind)
		next.ServeHTTP(w, r)
	})
}

func (p part) Shutdown(context.Context) error {
	*p.calls = append(*p.calls, "shutdown "+p.kind)
	if p.kind == "audit" {
		return errors.New("sink gone")
	}
	return nil
}

func TestChainRunsOutermostFirst(t *testing.T) {
	var calls []string
	inner := bulwark.Must(bulwark.Chain(part{kind: "sanitize", calls: &calls}, part{kind: "validate", calls: &calls}))
	stack := bulwark.Must(bulwark.Chain(part{kind: "audit", calls: &calls}, part{kind: "auth", calls: &calls}, inner))
	h := stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls = append(calls, "handler") }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if want := []string{"audit", "auth", "sanitize", "validate", "handler"}; !slices.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
	if n := len(stack.Layers()); n != 4 {
		t.Errorf("%d layers, want the inner stack flattened into 4", n)
	}

	calls = nil
	err := stack.Shutdown(t.Context())
	if want := []string{"shutdown validate", "shutdown sanitize", "shutdown auth", "shutdown audit"}; !slices.Equal(calls, want) {
		t.Errorf("shutdown %v, want innermost first %v", calls, want)
	}
	if err == nil || !strings.Contains(err.Error(), "sink gone") {
		t.Errorf("Shutdown returned %v, want the layer's error", err)
	}
}

// closing is a layer whose Shutdown is f.
type closing struct{ f func(context.Context) error }

func (c closing) Build() (bulwark.Layer, error)       { return c, nil }
func (c closing) Wrap(next http.Handler) http.Handler { return next }
func (c closing) Shutdown(ctx context.Context) error  { return c.f(ctx) }

// Audit, outside, still has to write out what it holds.
func TestShutdownReachesTheOutermost(t *testing.T) {
	for name, inner := range map[string]func(context.Context) error{
		"panic": func(context.Context) error { panic("s3cret") },
		"slow":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"gone":  func(context.Context) error { runtime.Goexit(); return nil },
		"deaf":  func(context.Context) error { time.Sleep(time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				written := false
				stack := bulwark.Must(bulwark.Chain(closing{func(ctx context.Context) error {
					written = ctx.Err() == nil
					return nil
				}}, closing{inner}))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := stack.Shutdown(ctx)
				if !written || err == nil || name == "deaf" && !strings.Contains(err.Error(), "bulwark_test.closing: it still runs") || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("written %v, error %v", written, err)
				}
				time.Sleep(2 * time.Hour) // of the bubble: until the deaf one ends
			})
		})
	}
}

func TestChainOrder(t *testing.T) {
	tests := []struct {
		name  string
		kinds string
		want  string // part of the error, empty for an accepted order
	}{
		{"as documented", "audit edge headers cors ratelimit auth ratelimit.principal authz sanitize validate", ""},
		{"foreign layers anywhere", "x audit x edge x cors x auth x", ""},
		{"sub chain without auth", "authz sanitize validate", ""},
		{"edge first without audit", "edge cors auth", ""},
		{"audit inside", "headers audit", "bulwark.Chain[1]: audit"},
		{"audit twice", "audit audit", "bulwark.Chain[1]: audit"},
		{"edge after headers", "audit headers edge", "bulwark.Chain[2]: edge"},
		{"edge twice", "audit edge edge", "bulwark.Chain[2]: edge"},
		{"edge after cors", "cors edge", "bulwark.Chain[1]: edge"},
		{"cors inside auth", "auth cors", "bulwark.Chain[1]: cors"},
		{"limit outside auth", "ratelimit.principal auth", "bulwark.Chain[0]: ratelimit.principal"},
		{"authz outside auth", "authz auth", "bulwark.Chain[0]: authz"},
		{"limit between two auths", "auth ratelimit.principal auth", "bulwark.Chain[1]"},
		{"sanitize inside validate", "validate sanitize", "bulwark.Chain[1]: sanitize"},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			var parts []bulwark.Builder
			for kind := range strings.FieldsSeq(test.kinds) {
				if kind == "x" {
					parts = append(parts, bulwark.LayerFunc(func(h http.Handler) http.Handler { return h }))
					continue
				}
				parts = append(parts, part{kind: kind, calls: new([]string)})
			}
			stack, err := bulwark.Chain(parts...)
			if test.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil || stack != nil {
				t.Fatal("accepted")
			}
			var config *bulwark.ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want a ConfigError with %q", err, test.want)
			}
		})
	}
}

func TestChainReportsEverythingAtOnce(t *testing.T) {
	var noStack *bulwark.Stack
	_, err := bulwark.Chain(
		part{err: &bulwark.ConfigError{Field: "one.A", Reason: "is wrong"}},
		nil,
		bulwark.LayerFunc(nil),
		noStack,
		part{err: &bulwark.ConfigError{Field: "two.B", Value: "x", Reason: "is wrong, too"}},
		part{kind: "auth", calls: new([]string)},
		part{kind: "cors", calls: new([]string)},
	)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"one.A: is wrong", "Chain[1]", "Chain[2]", "Chain[3]", "two.B: x: is wrong, too", "put cors outside auth"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

// An error of the order names the part, also behind parts that were not built
// and behind a Stack of several layers.
func TestChainOrderNamesThePart(t *testing.T) {
	of := func(kind string) bulwark.Builder { return part{kind: kind, calls: new([]string)} }
	two := bulwark.Must(bulwark.Chain(of("headers"), of("auth")))
	_, err := bulwark.Chain(part{err: &bulwark.ConfigError{Field: "one.A", Reason: "is wrong"}}, two, of("cors"))
	want := "one.A: is wrong\nbulwark.Chain[2]: cors: put cors outside auth: a preflight carries no credentials"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// A limit by principal is not told to get an auth layer while the mistake is in
// the Config of that layer.
func TestNoAuthIsNotSaidOfAnAuthWithAMistake(t *testing.T) {
	limit := part{kind: "ratelimit.principal", calls: new([]string)}
	_, err := bulwark.Chain(part{err: &bulwark.ConfigError{Field: "auth.A", Reason: "is wrong"}}, limit)
	if err == nil || err.Error() != "auth.A: is wrong" {
		t.Errorf("got %v", err)
	}
	if _, err = bulwark.Chain(limit); err == nil || !strings.Contains(err.Error(), "put auth.Config outside") {
		t.Errorf("without auth: %v", err)
	}
}

func TestEmptyChainIsTransparent(t *testing.T) {
	ran := false
	stack := bulwark.Must(bulwark.Chain())
	stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if !ran || len(stack.Layers()) != 0 {
		t.Errorf("ran %v, layers %v", ran, stack.Layers())
	}
}

// Who only logs the error of Chain serves with a nil Stack.
func TestUnmadeStackRefuses(t *testing.T) {
	var none *bulwark.Stack
	for name, stack := range map[string]*bulwark.Stack{"nil": none, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			rec.Wrap(stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") }))).
				ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			checkProblem(t, w, 500, "bulwark.unconfigured")
			if events := rec.Take(); len(events) != 1 || events[0].Name != bulwark.SysUnavailable {
				t.Errorf("events %+v", events)
			}
			if layer, err := stack.Build(); layer != nil || err == nil {
				t.Errorf("Build returned %v, %v", layer, err)
			}
			if _, err := bulwark.Chain(stack); err == nil {
				t.Error("Chain took it")
			}
			if err := stack.Shutdown(t.Context()); err != nil || len(stack.Layers()) != 0 {
				t.Errorf("%v %v", err, stack.Layers())
			}
		})
	}
}

func TestMustPanicsWithTheError(t *testing.T) {
	want := errors.New("wrong")
	defer func() {
		if got := recover(); got != want {
			t.Errorf("panic %v, want %v", got, want)
		}
	}()
	bulwark.Must(0, want)
}
