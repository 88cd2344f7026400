package authz_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

var (
	_ bulwark.Shutdowner = (*authz.Mux)(nil)
	_ bulwark.Shutdowner = (*authz.Handler)(nil)
)

// A closing layer holds something. Its pointer is the layer.
type closing struct {
	shut func(context.Context) error
}

func (c *closing) Build() (bulwark.Layer, error)                    { return c, nil }
func (c *closing) Wrap(next http.Handler) http.Handler              { return next }
func (c *closing) Shutdown(ctx context.Context) error               { return c.shut(ctx) }
func (c *closing) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// closed makes layers that tell when they were shut down.
func closed(order *[]string) func(name string, err error) *closing {
	return func(name string, err error) *closing {
		return &closing{func(context.Context) error {
			*order = append(*order, name)
			return err
		}}
	}
}

// config makes a layer of its own each time.
func config(make func() *closing) bulwark.Builder {
	return builder(func() (bulwark.Layer, error) { return make(), nil })
}

func TestMuxShutdown(t *testing.T) {
	var order []string
	layer := closed(&order)
	broken := errors.New("broken")
	made := 0
	shared := layer("shared", nil)
	own := config(func() *closing { made++; return layer("own", broken) })
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /a", authz.Public("x"), layer("handler", nil), layer("outer", nil), kinded("holds nothing"), shared, own)
	mux.Handle("GET /b", authz.Public("x"), ok(), shared, own)
	inner := authz.NewMux(mustPolicy(t, guide()))
	inner.Handle("GET /m/x", authz.Public("x"), ok(), layer("mounted", nil))
	mux.Mount("/m/", authz.Public("x"), inner, bulwark.Must(bulwark.Chain(layer("first", nil), layer("second", nil))))
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}, layer("object", nil))
	err := mux.Shutdown(t.Context())
	if want := []string{"handler", "own", "shared", "outer", "own", "mounted", "second", "first", "object"}; !slices.Equal(order, want) {
		t.Errorf("shut down %q, want %q", order, want)
	}
	if made != 2 || !errors.Is(err, broken) || strings.Count(err.Error(), "broken") != 2 {
		t.Errorf("made %d, error %v", made, err)
	}
}

func TestShutdownOfNothing(t *testing.T) {
	var mux *authz.Mux
	var handler *authz.Handler
	for name, s := range map[string]bulwark.Shutdowner{"nil_mux": mux, "zero_mux": &authz.Mux{}, "nil_handler": handler, "zero_handler": &authz.Handler{}} {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, h := range map[string]http.Handler{"nil": handler, "zero": &authz.Handler{}} {
		t.Run(name, func(t *testing.T) { unconfigured.check(t, h, request("GET", "/", as("root", "admin"))) })
	}
}

// A layer that hangs or panics does not keep the others open.
func TestMuxShutdownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		layer := closed(&order)
		hangs := &closing{func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		panics := &closing{func(context.Context) error { panic("secret") }}
		mux := authz.NewMux(mustPolicy(t, guide()))
		mux.Handle("GET /a", authz.Public("x"), ok(), layer("a", nil), hangs, panics)
		mux.Handle("GET /b", authz.Public("x"), ok(), layer("b", nil))
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		start := time.Now()
		err := mux.Shutdown(ctx)
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("it took %s, want the half", took)
		}
		if !slices.Equal(order, []string{"a", "b"}) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shut down %q, error %v", order, err)
		}
		if text := err.Error(); !strings.Contains(text, "*authz_test.closing: it panicked") || strings.Contains(text, "secret") {
			t.Errorf("the panic is %q", text)
		}
	})
}

func TestHandlersShutDown(t *testing.T) {
	var order []string
	layer := closed(&order)
	policy := mustPolicy(t, guide())
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	object := authz.Object(policy, documents().Can("read"), show, layer("outer", nil), layer("inner", nil))
	if err := object.Shutdown(t.Context()); err != nil || !slices.Equal(order, []string{"inner", "outer"}) {
		t.Errorf("Object: shut down %q, error %v", order, err)
	}

	order = nil
	theirs := http.NewServeMux()
	theirs.Handle("GET /documents/{id}", object)
	theirs.Handle("GET /copies/{id}", object)
	theirs.Handle("GET /plain", ok())
	theirs.Handle("GET /unlisted", authz.Object(policy, documents().Can("read"), show, layer("unlisted", nil)))
	guard := bulwark.Must(authz.Guard(theirs, policy, map[string]authz.Rule{
		"GET /documents/{id}": authz.Authenticated(), "GET /copies/{id}": authz.Authenticated(), "GET /plain": authz.Public("x"),
	}))
	if err := guard.Shutdown(t.Context()); err != nil || !slices.Equal(order, []string{"inner", "outer"}) {
		t.Errorf("Guard: shut down %q, error %v", order, err)
	}
}
