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

// A Stack is a chain of layers, outermost first. Make it with [Chain]. A Stack
// is itself a [Layer], so it can be a part of another chain. It is safe for
// concurrent use.
type Stack struct {
	layers []Layer
	made   bool // by Chain; any other Stack protects nothing, and refuses
}

// Chain builds its parts into a Stack. The first part is the outermost layer:
// it sees each request first and each response last.
//
// Chain returns the errors of all parts at once (see [ConfigError]). Chain also
// refuses an order in which one layer defeats another layer. The order of a
// part with a mistake is checked when the mistake is gone:
//
//   - audit is the outermost layer, and stands in a chain only once. A refusal
//     outside audit would not be recorded.
//   - [Edge] follows audit, and stands in a chain only once. A layer outside
//     Edge would see the wrong client.
//   - cors is outside auth. A preflight carries no credentials (Fetch,
//     CORS-preflight fetch).
//   - cors is outside each limit. A browser must be able to read a 429.
//   - A limit by principal is inside auth. Outside auth there is no principal.
//   - authz is inside auth. The rules of authz need the principal.
//   - sanitize is outside validate. Sanitizing can make a checked value
//     invalid.
//   - Each limit has its own Name. Clients, events and a shared store cannot
//     tell two limits with one Name apart.
//
// Every other order is allowed. A layer without a [Kind] may stand anywhere.
//
// A chain without auth may stand inside another chain that has auth. A limit by
// principal in the inner chain then needs AuthOutside in its ratelimit.Config,
// or Chain refuses it. A limit that you wrote yourself has a method
// AuthOutside() bool instead of the field. A layer around a limit forwards this
// method.
//
// Chain refuses a layer whose optional method would never be called:
//
//   - A method named Shutdown, Kind or AuthOutside has a different signature
//     than [Shutdowner], [Kinded] or AuthOutside() bool.
//   - The layer is passed by value, and only its pointer has Shutdown or Kind.
//   - The layer embeds several values with a method Shutdown or Kind. Go does
//     not promote such a method.
//
// Chain cannot check layers that are put together elsewhere, for example with
// the Use method of a router. If a limit by principal then meets no auth layer,
// it answers each request with 500 "ratelimit.unconfigured".
func Chain(parts ...Builder) (*Stack, error) {
	var layers []Layer
	var at []int // the places of the layers among the parts
	var errs []error
	for i, part := range parts {
		wrong := func(reason string) {
			errs = append(errs, &ConfigError{Field: fmt.Sprintf("bulwark.Chain[%d]", i), Reason: reason})
		}
		if missing(part) {
			wrong("is nil; remove it, or write a Config such as headers.Config{}")
			continue
		}
		layer, err := built(part)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if missing(layer) {
			wrong("has a Build that returns no layer and no error; return the layer, or say what is wrong")
			continue
		}
		if reason := abilityFault(layer); reason != "" {
			wrong(reason)
			continue
		}
		if stack, ok := layer.(*Stack); ok {
			layers = append(layers, stack.layers...)
			at = append(at, slices.Repeat([]int{i}, len(stack.layers))...)
			continue
		}
		layers, at = append(layers, layer), append(at, i)
	}
	if errs = append(errs, checkOrder(layers, at, len(errs) > 0)...); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Stack{layers: layers, made: true}, nil
}

// built returns the result of Build. A Build that panics becomes an error, for
// example the Build of a layer around nil.
func built(part Builder) (layer Layer, err error) {
	defer func() {
		if recover() != nil {
			layer, err = nil, &ConfigError{Field: fmt.Sprintf("%T", part), Reason: "has a Build that panics; check that the layer does not wrap a nil layer"}
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

// Wrap returns h behind all layers of s. If s is nil or was not made by
// [Chain], the returned handler refuses every request with 500
// "bulwark.unconfigured".
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
		return &ConfigError{Field: "bulwark.Stack", Reason: "was made without Chain; use the result of bulwark.Chain, and check its error"}
	}
	return nil
}

// Build returns s, so that a Stack can be a part of another chain. It returns
// an error if s was not made by [Chain].
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

// Shutdown drains and closes what the layers hold. It begins with the innermost
// layer. The audit layer is outermost, so it still records what the other
// layers do during their shutdown.
//
// If ctx has a deadline, each layer gets half of the time that is left. The
// outermost layer gets all of it. A layer that panics, or that still runs when
// its time is over, becomes an error, and the next layer is closed. Shutdown
// returns the errors of all layers, joined. It may be called more than once.
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

// Must returns v, and panics if err is not nil. Use it at program start, if a
// wrong configuration should stop the program.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
