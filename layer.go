package bulwark

import (
	"context"
	"net/http"
	"reflect"
)

// A Layer is one security layer around a handler. Its Build returns itself, so
// that a chain takes layers and their Configs alike.
//
// A Layer may have two abilities more, each of which is an interface: [Kinded],
// for the order check of [Chain], and [Shutdowner], where the layer holds
// something that must be closed. A layer around another layer forwards both.
// State an ability where the compiler checks it:
//
//	var _ bulwark.Shutdowner = (*layer)(nil)
type Layer interface {
	Builder
	// Wrap returns a handler that applies the layer before and after next. It
	// may be called several times and from several goroutines.
	Wrap(next http.Handler) http.Handler
}

// A Builder makes a Layer: a Config does, and so does every Layer.
type Builder interface {
	// Build returns the layer, or all that is wrong with the Config, joined.
	Build() (Layer, error)
}

// LayerFunc makes a Layer of any middleware function. It may stand anywhere in
// a chain.
type LayerFunc func(next http.Handler) http.Handler

// Wrap calls f.
func (f LayerFunc) Wrap(next http.Handler) http.Handler { return f(next) }

// Build returns f.
func (f LayerFunc) Build() (Layer, error) {
	if f == nil {
		return nil, &ConfigError{Field: "bulwark.LayerFunc", Reason: "is nil; give it a function"}
	}
	return f, nil
}

// A Kinded layer says what it is, so that [Chain] can check the order. A layer
// without a kind may stand anywhere.
type Kinded interface {
	// Kind returns the same kind on every call.
	Kind() Kind
}

// A Kind is what a layer is. Kinds that Chain does not know may stand anywhere.
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
// goroutine, a connection.
type Shutdowner interface {
	// Shutdown drains and closes. It returns when that is done, or with an
	// error when ctx ends before. It may be called more than once.
	Shutdown(ctx context.Context) error
}

// abilityFault says what is wrong with the optional methods of a layer. They
// are looked up by constant names, or the linker would keep every exported
// method of the program.
func abilityFault(layer Layer) string {
	t := reflect.TypeOf(layer)
	if _, has := t.MethodByName("Shutdown"); has {
		if _, fits := layer.(Shutdowner); !fits {
			return "has a method Shutdown that nobody calls; write Shutdown(context.Context) error, or give it another name"
		}
	}
	if _, has := t.MethodByName("Kind"); has {
		if _, fits := layer.(Kinded); !fits {
			return "has a method Kind that nobody calls; write Kind() bulwark.Kind, or give it another name"
		}
	}
	if _, has := t.MethodByName("AuthOutside"); has {
		if _, fits := layer.(interface{ AuthOutside() bool }); !fits {
			return "has a method AuthOutside that nobody calls; write AuthOutside() bool, or give it another name"
		}
	}
	if ability := lost(layer, t); ability != "" {
		return "embeds several things with a method " + ability + ", of which Go promotes none; write one that calls them all"
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

// lost names an ability that the parts of a layer have and the layer has not,
// because several of them have it.
func lost(layer Layer, t reflect.Type) string {
	if _, shuts := layer.(Shutdowner); !shuts && embeds(t, reflect.TypeFor[Shutdowner](), 4) {
		return "Shutdown"
	}
	if _, kinded := layer.(Kinded); !kinded && embeds(t, reflect.TypeFor[Kinded](), 4) {
		return "Kind"
	}
	return ""
}

// embeds reports whether a part of t, or a part of that, has an ability. Where
// t is a pointer, the methods of pointers to its parts are at hand too.
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
