// Package timed measures how long layers take, each without the handlers inside
// it.
package timed

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/internal/tally"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// MaxLayers bounds the names of layers, because each is a series.
const MaxLayers = 32

// Layers are the names of the layers that are measured. It is safe for
// concurrent use.
type Layers struct {
	// Path begins the field of an error, such as "metrics".
	Path string
	// Open returns what observes the times of the layer of that name. It is
	// called once for each name.
	Open func(name string) (observe func(time.Duration))

	mu    sync.Mutex
	names map[string]*series
}

// A series is where the times of a name go.
type series struct{ observe func(time.Duration) }

// A Part is a layer, or the Config of a layer, that is measured under a name.
type Part struct {
	Layers *Layers
	Name   string
	Inner  bulwark.Builder
}

// Build returns the layer around the layer of p.
func (p Part) Build() (bulwark.Layer, error) {
	path := p.Layers.Path + ".Timed"
	if tally.IsName(p.Name) {
		path += "(" + p.Name + ")"
	}
	faults := fault.In(path)
	if !tally.IsName(p.Name) {
		faults.Add("name", p.Name, `must have 1 to 64 characters, each a letter of a-z or A-Z, a digit, "-", "_" or "."; write for example auth`)
	}
	if fault.IsNil(p.Inner) {
		faults.Add("part", "", "is nil; write the Config of a layer, such as headers.Config{}")
		return nil, faults.Err()
	}
	inner, err := p.Inner.Build()
	faults.Join(err)
	if err == nil {
		if reason := unfit(inner); reason != "" {
			faults.Add("part", "", reason)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	to := p.Layers.open(p.Name)
	if to == nil {
		faults.Add("name", p.Name, "would be name number "+strconv.Itoa(MaxLayers+1)+"; give several layers one name, or measure fewer")
		return nil, faults.Err()
	}
	made := layer{inner: inner, to: to}
	if !reflect.ValueOf(inner).Comparable() { // a function
		return &made, nil
	}
	return made, nil
}

// open returns the series of a name, or nil if there are too many names.
func (all *Layers) open(name string) *series {
	all.mu.Lock()
	defer all.mu.Unlock()
	if to, known := all.names[name]; known {
		return to
	}
	if len(all.names) >= MaxLayers {
		return nil
	}
	if all.names == nil {
		all.names = map[string]*series{}
	}
	to := &series{observe: all.Open(name)}
	all.names[name] = to
	return to
}

// unfit says why a layer cannot be measured. A chain only looks at the measured
// layer, so that the rules of bulwark.Chain for the layer are applied here.
func unfit(inner bulwark.Layer) string {
	if stack, ok := inner.(*bulwark.Stack); ok && !uniform(stack.Layers()) {
		return "is a Stack of different layers, whose order nobody could check; measure its layers one by one"
	}
	outside := []bulwark.Builder{inner}
	if kindOf(inner) == bulwark.KindPrincipalLimit {
		outside = []bulwark.Builder{place(bulwark.KindAuth), inner} // its place is the chain's concern
	}
	_, err := bulwark.Chain(outside...)
	var wrong *bulwark.ConfigError
	if errors.As(err, &wrong) {
		return wrong.Reason
	}
	return ""
}

// uniform reports whether all layers are of one kind, such as adjacent limits.
func uniform(layers []bulwark.Layer) bool {
	for _, one := range layers {
		if kindOf(one) != kindOf(layers[0]) || kindOf(one) == "" {
			return false
		}
	}
	return true
}

// A place is an empty layer of a kind.
type place bulwark.Kind

func (p place) Build() (bulwark.Layer, error)       { return p, nil }
func (p place) Kind() bulwark.Kind                  { return bulwark.Kind(p) }
func (p place) Wrap(next http.Handler) http.Handler { return next }

// A layer measures another layer. It has all abilities of a layer, and forwards
// them. It is a value if values can be compared: the same limit, measured twice
// under one name, is the same limit for a Mux of package authz.
type layer struct {
	inner bulwark.Layer
	to    *series
}

var (
	_ bulwark.Kinded     = layer{}
	_ bulwark.Shutdowner = layer{}
)

// Wrap returns a handler that measures the inner layer around next.
func (l layer) Wrap(next http.Handler) http.Handler {
	s := &stopwatch{observe: l.to.observe}
	return s.start(l.inner.Wrap(s.pause(next)))
}

// Build returns l.
func (l layer) Build() (bulwark.Layer, error) { return l, nil }

// Kind returns the kind of the inner layer.
func (l layer) Kind() bulwark.Kind { return kindOf(l.inner) }

// Shutdown closes the inner layer.
func (l layer) Shutdown(ctx context.Context) error {
	if closer, ok := l.inner.(bulwark.Shutdowner); ok {
		return closer.Shutdown(ctx)
	}
	return nil
}

// AuthOutside reports whether the inner layer is a limit by principal for a
// chain inside another one.
func (l layer) AuthOutside() bool {
	for _, one := range single(l.inner) {
		limit, ok := one.(interface{ AuthOutside() bool })
		if !ok || !limit.AuthOutside() {
			return false
		}
	}
	return true
}

// LimitName returns the name of the inner layer, if it is one limit.
func (l layer) LimitName() string {
	if limit, ok := l.inner.(interface{ LimitName() string }); ok {
		return limit.LimitName()
	}
	return ""
}

// kindOf returns the kind of a layer, or of all layers of a Stack.
func kindOf(of bulwark.Layer) bulwark.Kind {
	if kinded, ok := single(of)[0].(bulwark.Kinded); ok {
		return kinded.Kind()
	}
	return ""
}

// single returns the layers of a Stack, or the layer itself.
func single(of bulwark.Layer) []bulwark.Layer {
	if stack, ok := of.(*bulwark.Stack); ok && len(stack.Layers()) > 0 {
		return stack.Layers()
	}
	return []bulwark.Layer{of}
}
