package bulwark

import (
	"context"
	"net/http"
	"reflect"
)

// A Layer is one security layer around a handler. Build of a Layer returns the
// Layer itself, so that [Chain] accepts layers and Configs alike.
//
// A Layer may implement two more interfaces:
//
//   - [Kinded] tells Chain what the layer is, so that Chain can check the
//     order.
//   - [Shutdowner] closes what the layer holds, such as a queue or a goroutine.
//
// A layer that wraps another layer forwards the methods of both interfaces. Let
// the compiler check the signature of such a method:
//
//	var _ bulwark.Shutdowner = (*layer)(nil)
//
// The Example of [Enter] is a complete layer.
type Layer interface {
	Builder
	// Wrap returns a handler that applies the layer around next. It may be
	// called several times, and from several goroutines.
	Wrap(next http.Handler) http.Handler
}

// A Builder makes a Layer. Every Config and every Layer is a Builder.
type Builder interface {
	// Build returns the layer. The error joins a *[ConfigError] for each
	// mistake in the Config.
	Build() (Layer, error)
}

// A LayerFunc is a middleware function as a Layer. It may stand anywhere in a
// chain:
//
//	bulwark.LayerFunc(middleware.Compress(5)) // of chi
type LayerFunc func(next http.Handler) http.Handler

// Wrap calls f.
func (f LayerFunc) Wrap(next http.Handler) http.Handler { return f(next) }

// Build returns f, or an error if f is nil.
func (f LayerFunc) Build() (Layer, error) {
	if f == nil {
		return nil, &ConfigError{Field: "bulwark.LayerFunc", Reason: "is nil; give it a middleware function, func(http.Handler) http.Handler"}
	}
	return f, nil
}

// A Kinded layer tells [Chain] what it is, so that Chain can check the order. A
// layer that is not Kinded may stand anywhere.
type Kinded interface {
	// Kind returns the kind of the layer. Every call returns the same kind.
	Kind() Kind
}

// A Kind says what a layer is. A layer of a kind that [Chain] does not know may
// stand anywhere.
type Kind string

// The kinds that Chain knows.
const (
	KindAudit          Kind = "audit"
	KindEdge           Kind = "edge"
	KindHeaders        Kind = "headers"
	KindCORS           Kind = "cors"
	KindRateLimit      Kind = "ratelimit"
	KindPrincipalLimit Kind = "ratelimit.principal" // a limit by principal
	KindAuth           Kind = "auth"
	KindAuthz          Kind = "authz"
	KindSanitize       Kind = "sanitize"
	KindValidate       Kind = "validate"
)

// A Shutdowner holds something that must be drained and closed: a queue, a
// goroutine, a connection. [Stack.Shutdown] calls it.
type Shutdowner interface {
	// Shutdown drains and closes. It returns when both are done. If ctx ends
	// earlier, it returns an error. Shutdown may be called more than once.
	Shutdown(ctx context.Context) error
}

// abilityFault says what is wrong with the optional methods of a layer. They
// are looked up by constant names, or the linker would keep every exported
// method of the program.
func abilityFault(layer Layer) string {
	t := reflect.TypeOf(layer)
	if _, has := t.MethodByName("Shutdown"); has {
		if _, fits := layer.(Shutdowner); !fits {
			return "has a method Shutdown that is never called; write Shutdown(context.Context) error, or give it another name"
		}
	}
	if _, has := t.MethodByName("Kind"); has {
		if _, fits := layer.(Kinded); !fits {
			return "has a method Kind that is never called; write Kind() bulwark.Kind, or give it another name"
		}
	}
	if _, has := t.MethodByName("AuthOutside"); has {
		if _, fits := layer.(interface{ AuthOutside() bool }); !fits {
			return "has a method AuthOutside that is never called; write AuthOutside() bool, or give it another name"
		}
	}
	if ability := lost(layer, t); ability != "" {
		return "embeds several values with a method " + ability + ", and Go promotes neither of the methods; write a method " + ability + " that calls them all"
	}
	if t.Kind() == reflect.Pointer {
		return ""
	}
	pointer := reflect.PointerTo(t)
	_, shuts := pointer.MethodByName("Shutdown")
	_, kinded := pointer.MethodByName("Kind")
	_, shutsItself := layer.(Shutdowner)
	_, kindedItself := layer.(Kinded)
	if shuts && !shutsItself || kinded && !kindedItself {
		return "is passed by value, and only its pointer has Shutdown or Kind; pass the pointer"
	}
	return ""
}

// lost returns the name of a method that several embedded parts of a layer
// have. Go does not promote such a method, so that the layer lacks it.
func lost(layer Layer, t reflect.Type) string {
	if _, shuts := layer.(Shutdowner); !shuts && embeds(t, reflect.TypeFor[Shutdowner](), 4) {
		return "Shutdown"
	}
	if _, kinded := layer.(Kinded); !kinded && embeds(t, reflect.TypeFor[Kinded](), 4) {
		return "Kind"
	}
	return ""
}

// embeds reports whether an embedded part of t, or a part of such a part, has
// an ability. If t is a pointer, the methods of pointers to its parts count as
// well.
func embeds(t, ability reflect.Type, depth int) bool {
	byPointer := t.Kind() == reflect.Pointer
	if byPointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || depth == 0 {
		return false
	}
	for i := range t.NumField() {
		part := t.Field(i).Type
		if !t.Field(i).Anonymous {
			continue
		}
		if byPointer && part.Kind() != reflect.Pointer && part.Kind() != reflect.Interface {
			part = reflect.PointerTo(part)
		}
		if part.Implements(ability) || embeds(part, ability, depth-1) {
			return true
		}
	}
	return false
}
