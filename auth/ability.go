package auth

import (
	"reflect"

	"github.com/bulwark-go/bulwark"
)

// An Issuer is an [Authenticator] that names who vouches for the callers that
// it returns. Two authenticators with one Issuer in a [Config] are an error,
// since their callers could not be told apart. An empty Issuer is an error too:
// it is the sign of an authenticator that was made without its New.
type Issuer interface {
	// Issuer returns the same name on every call.
	Issuer() string
}

// A Carrier is an [Authenticator] that reads credentials from header fields
// besides Authorization. [Middleware] counts these fields together with
// Authorization, and refuses a request that has more than one line of them.
type Carrier interface {
	// Fields returns the names of the fields. [New] asks once.
	Fields() []string
}

// A Claimant is an [Authenticator] whose credentials say that they are its own,
// such as API keys by their prefix. Two authenticators with one claim in a
// [Config] are an error, since the second could never be asked.
type Claimant interface {
	// Claim says what is claimed, such as "keys that begin with acme_live_".
	Claim() string
}

// An ability is what a value may have besides its interface: a named interface
// of one method.
type ability struct {
	kind reflect.Type // the interface
	// method looks the method up, by a constant name: with a name that it does
	// not know the linker would keep every method of every type.
	method func(reflect.Type) (reflect.Method, bool)
	write  string // the method as it should be
}

var (
	issuing = ability{
		kind:   reflect.TypeFor[Issuer](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Issuer") },
		write:  "Issuer() string",
	}
	carrying = ability{
		kind:   reflect.TypeFor[Carrier](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Fields") },
		write:  "Fields() []string",
	}
	claiming = ability{
		kind:   reflect.TypeFor[Claimant](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Claim") },
		write:  "Claim() string",
	}
	closing = ability{
		kind:   reflect.TypeFor[bulwark.Shutdowner](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Shutdown") },
		write:  "Shutdown(context.Context) error",
	}
)

// fault says what is wrong with a value that seems to have the ability and has
// it not, or nothing: an issuer that nobody compares, and a queue that nobody
// closes, would show only when it is too late.
func (a ability) fault(v any) string {
	t := reflect.TypeOf(v)
	if t.Implements(a.kind) {
		return ""
	}
	if m, has := a.method(t); has {
		return "has a method " + m.Name + " of another signature; write " + a.write + ", or give it another name"
	}
	if t.Kind() == reflect.Pointer { // a pointer to a pointer has no methods
		return ""
	}
	pointer := reflect.PointerTo(t)
	m, has := a.method(pointer)
	switch {
	case !has:
		return ""
	case pointer.Implements(a.kind):
		return "is passed by value, and its method " + m.Name + " is that of the pointer; pass a pointer to it"
	}
	return "has a method " + m.Name + " of another signature; write " + a.write + ", or give it another name"
}
