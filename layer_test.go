package bulwark_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// bare is the required part of a layer.
type bare struct{}

func (bare) Wrap(next http.Handler) http.Handler { return next }

type shutsWithoutContext struct{ bare }

func (l *shutsWithoutContext) Build() (bulwark.Layer, error) { return l, nil }
func (l *shutsWithoutContext) Shutdown() error               { return nil }

type kindOfString struct{ bare }

func (l kindOfString) Build() (bulwark.Layer, error) { return l, nil }
func (l kindOfString) Kind() string                  { return "auth" }

type shutsByPointer struct{ bare }

func (l shutsByPointer) Build() (bulwark.Layer, error)   { return l, nil }
func (l *shutsByPointer) Shutdown(context.Context) error { return nil }

type kindByPointer struct{ bare }

func (l kindByPointer) Build() (bulwark.Layer, error) { return l, nil }
func (l *kindByPointer) Kind() bulwark.Kind           { return bulwark.KindAuth }

type oneQueue struct{}

func (*oneQueue) Shutdown(context.Context) error { return nil }

type otherQueue struct{}

func (*otherQueue) Shutdown(context.Context) error { return nil }

// twoQueues has two parts with a Shutdown, so that Go promotes neither of the methods.
type twoQueues struct {
	bare
	oneQueue
	otherQueue
}

var _ = []bulwark.Shutdowner{(*oneQueue)(nil), (*otherQueue)(nil)}

func (l *twoQueues) Build() (bulwark.Layer, error) { return l, nil }

// queuesInside has them one level further in, and by pointers.
type queuesInside struct{ state }

type state struct {
	bare
	*oneQueue
	*otherQueue
}

func (l queuesInside) Build() (bulwark.Layer, error) { return l, nil }

// oneQueueInside has one alone, which Go promotes.
type oneQueueInside struct {
	bare
	oneQueue
}

func (l *oneQueueInside) Build() (bulwark.Layer, error) { return l, nil }

// given is a Builder of that layer.
type given struct{ layer bulwark.Layer }

func (g given) Build() (bulwark.Layer, error) { return g.layer, nil }

// decorator is a layer around another one, as people write it.
type decorator struct{ bulwark.Layer }

func (d *decorator) Build() (bulwark.Layer, error) { return d, nil }
func (d *decorator) Shutdown(ctx context.Context) error {
	if inner, ok := d.Layer.(bulwark.Shutdowner); ok {
		return inner.Shutdown(ctx)
	}
	return nil
}
func (d *decorator) Kind() bulwark.Kind {
	if inner, ok := d.Layer.(bulwark.Kinded); ok {
		return inner.Kind()
	}
	return ""
}

var (
	_ bulwark.Shutdowner = (*decorator)(nil)
	_ bulwark.Kinded     = (*decorator)(nil)
	_ bulwark.Kinded     = (*bulwark.EdgeLayer)(nil)
	_ bulwark.Shutdowner = (*bulwark.Stack)(nil)
)

// A misspelled optional method would be a method that is never called.
// Case root-8.
func TestChainRefusesMisspelledAbilities(t *testing.T) {
	for _, test := range []struct {
		name  string
		layer bulwark.Layer
		want  string // part of the reason; empty is accepted
	}{
		{"Shutdown_without_context", &shutsWithoutContext{}, "Shutdown(context.Context) error"},
		{"Kind_that_is_a_string", kindOfString{}, "Kind() bulwark.Kind"},
		{"Shutdown_of_the_pointer", shutsByPointer{}, "pass the pointer"},
		{"Kind_of_the_pointer", kindByPointer{}, "pass the pointer"},
		{"Shutdown_of_two_parts", &twoQueues{oneQueue: oneQueue{}, otherQueue: otherQueue{}}, "several values with a method Shutdown"},
		{"Shutdown_of_two_parts_further_in", queuesInside{state{oneQueue: new(oneQueue), otherQueue: new(otherQueue)}}, "several values with a method Shutdown"},
		{"Shutdown_of_one_part", &oneQueueInside{}, ""},
		{"pointer", given{&shutsByPointer{}}.layer, ""},
		{"none", given{&decorator{bulwark.LayerFunc(func(h http.Handler) http.Handler { return h })}}.layer, ""},
		{"function", bulwark.LayerFunc(func(h http.Handler) http.Handler { return h }), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			stack, err := bulwark.Chain(bulwark.LayerFunc(func(h http.Handler) http.Handler { return h }), given{test.layer})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if stack != nil || err == nil || !strings.HasPrefix(err.Error(), "bulwark.Chain[1]: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error of bulwark.Chain[1] with %q", err, test.want)
			}
		})
	}
}
