package bulwark

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/bulwark-go/bulwark/internal/shutdown"
)

// A Stack is a chain of layers, outermost first. It is itself a Layer.
type Stack struct {
	layers []Layer
	made   bool // by Chain; any other Stack protects nothing, and refuses
}

// Chain builds its parts, outermost first, into a Stack. All errors of all
// parts are returned at once. It refuses an order that defeats a layer, and
// only such:
//
//   - audit stands outside all others, or what they refuse is not recorded;
//   - then Edge, or what stands outside it sees the wrong client;
//   - cors stands outside auth: a preflight carries no credentials (Fetch,
//     CORS-preflight fetch);
//   - cors stands outside each limit: a browser must be able to read a 429;
//   - a limit by principal and authz stand inside auth, where there is a
//     principal. A chain without auth may stand inside another one with it: a
//     limit by principal says so with a method AuthOutside() bool, which a
//     layer around it forwards, and is refused without;
//   - sanitize stands outside validate: stripping may break what was checked.
//
// It refuses a layer whose method Shutdown or Kind is not that of [Shutdowner]
// or [Kinded]: the method would never be called. A layer that is passed by
// value, and whose pointer has the method, is refused too.
//
// A chain that is put together elsewhere, with another router's Use, cannot be
// checked here; a limit by principal that meets no auth layer is an error then,
// on each request.
func Chain(parts ...Builder) (*Stack, error) {
	var layers []Layer
	var errs []error
	for i, part := range parts {
		wrong := func(reason string) {
			errs = append(errs, &ConfigError{Field: fmt.Sprintf("bulwark.Chain[%d]", i), Reason: reason})
		}
		if missing(part) {
			wrong("is nil; remove it or give it a Config")
			continue
		}
		layer, err := built(part)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if missing(layer) {
			wrong("its Build returned no layer and no error")
			continue
		}
		if reason := abilityFault(layer); reason != "" {
			wrong(reason)
			continue
		}
		if stack, ok := layer.(*Stack); ok {
			layers = append(layers, stack.layers...)
			continue
		}
		layers = append(layers, layer)
	}
	if errs = append(errs, checkOrder(layers)...); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Stack{layers: layers, made: true}, nil
}

// built is what Build returns, and an error where it panics, as that of a layer
// around nil does.
func built(part Builder) (layer Layer, err error) {
	defer func() {
		if recover() != nil {
			layer, err = nil, &ConfigError{Field: fmt.Sprintf("%T", part), Reason: "has a Build that panics; a layer around another one must not be around nil"}
		}
	}()
	return part.Build()
}

// missing reports a nil interface, and a nil pointer or function inside one.
// A nil layer would be refused on each request; it is better refused at start.
func missing(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Pointer, reflect.Func:
		return value.IsNil()
	}
	return false
}

// Wrap returns h behind all layers. A nil Stack, and one that was not made by
// Chain, refuses every request with 500 "bulwark.unconfigured".
func (s *Stack) Wrap(h http.Handler) http.Handler {
	if err := s.unmade(); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Deny(w, r, err) })
	}
	for _, layer := range slices.Backward(s.layers) {
		h = layer.Wrap(h)
	}
	return h
}

// unmade says what is wrong with a Stack that protects nothing.
func (s *Stack) unmade() error {
	if s == nil || !s.made {
		return &ConfigError{Field: "bulwark.Stack", Reason: "was made without Chain; check the error of Chain"}
	}
	return nil
}

// Build returns s, so that a Stack can be part of another chain.
func (s *Stack) Build() (Layer, error) {
	if err := s.unmade(); err != nil {
		return nil, err
	}
	return s, nil
}

// Layers returns the layers, outermost first.
func (s *Stack) Layers() []Layer {
	if s == nil {
		return nil
	}
	return slices.Clone(s.layers)
}

// Shutdown drains and closes what the layers hold, innermost first, so that
// audit, outside, records what the others do last. It returns all their errors.
// Each layer gets half of the time that is left, the outermost all of it. One
// that panics, or goes on after its time, does not keep the others from
// closing: it is an error, and is left alone.
func (s *Stack) Shutdown(ctx context.Context) error {
	if s == nil {
		return nil
	}
	var closers []Shutdowner
	for _, layer := range slices.Backward(s.layers) {
		if c, ok := layer.(Shutdowner); ok {
			closers = append(closers, c)
		}
	}
	if err := shutdown.All(ctx, closers...); err != nil {
		return fmt.Errorf("bulwark: %w", err)
	}
	return nil
}

// Must returns v, and panics if err is not nil. It is for program start, where
// a wrong configuration should stop the program.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
