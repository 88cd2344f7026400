package auth

import (
	"context"
	"reflect"

	"github.com/bulwark-go/bulwark"
)

// An Issuer is an [Authenticator] that names the issuer of the callers that it
// returns. In a [Config], two authenticators with the same Issuer are an error,
// because nobody could tell their callers apart; [Config.Authenticators] names
// the one exception. An empty Issuer is also an
// error, because an authenticator that was made without its New returns it.
type Issuer interface {
	// Issuer returns the same name on every call.
	Issuer() string
}

// An Issuers is an [Authenticator] for callers of several issuers. In a
// [Config], it is an error if another authenticator accepts tokens of one of
// these issuers, because each such token would be two credentials. An empty
// list is an error, because an authenticator that was made without its New
// returns it. The [Issuer] of an authenticator that is also an Issuers is not
// compared.
type Issuers interface {
	// Issuers returns the issuers. Each is an exact issuer, or a URL with "*"
	// in place of labels of the host and of segments of the path. Each "*"
	// stands for exactly one of them. [New] asks once.
	Issuers() []string
}

// A Carrier is an [Authenticator] that reads credentials from header fields
// besides Authorization. [Middleware] counts these fields together with
// Authorization, and refuses a request that has more than one line of them.
type Carrier interface {
	// Fields returns the names of the fields. [New] asks once.
	Fields() []string
}

// A Claimant is an [Authenticator] that recognizes its own credentials by a
// mark, such as the prefix of an API key. In a [Config], two authenticators
// with the same claim are an error, because the second authenticator would
// never be asked.
type Claimant interface {
	// Claim describes the mark, such as "keys that begin with acme_live_".
	Claim() string
}

// A Reviewer is an [Authenticator] that can look again whether the credential
// of a caller is still good. [Middleware] asks it while a stream of the caller
// is open.
type Reviewer interface {
	// Review returns how to look again for the caller p, whom Authenticate of
	// the same value has returned. The name tells what is looked up, such as a
	// session: for all callers with one name, one call of again is enough. An
	// empty name means that the credential cannot end before its ExpiresAt.
	//
	// again returns nil if the credential is still good. A *[bulwark.Problem]
	// of the status 401 ends the streams. Any other error is an outage.
	Review(p *bulwark.Principal) (name string, again func(ctx context.Context) error)
}

// An ability is a further interface, of one method, that a value may implement.
type ability struct {
	kind reflect.Type // the interface
	// method looks the method up by a constant name. If the name were not
	// constant, the linker would keep every method of every type.
	method func(reflect.Type) (reflect.Method, bool)
	write  string // the method as it should be
}

var (
	issuing = ability{
		kind:   reflect.TypeFor[Issuer](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Issuer") },
		write:  "Issuer() string",
	}
	issuingMany = ability{
		kind:   reflect.TypeFor[Issuers](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Issuers") },
		write:  "Issuers() []string",
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
	reviewing = ability{
		kind:   reflect.TypeFor[Reviewer](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Review") },
		write:  "Review(*bulwark.Principal) (string, func(context.Context) error)",
	}
	closing = ability{
		kind:   reflect.TypeFor[bulwark.Shutdowner](),
		method: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Shutdown") },
		write:  "Shutdown(context.Context) error",
	}
)

// fault says what is wrong with a value that has a method of the ability's name
// and does not implement the interface. Otherwise it returns "". Without this
// check, nobody would compare the issuer, or close the queue, of such a value.
func (a ability) fault(v any) string {
	t := reflect.TypeOf(v)
	if t.Implements(a.kind) {
		return ""
	}
	if m, has := a.method(t); has {
		return "has a method " + m.Name + " of another signature; write " + a.write + ", or rename the method"
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
		return "is passed by value, but only the pointer has the method " + m.Name + "; pass a pointer to it"
	}
	return "has a method " + m.Name + " of another signature; write " + a.write + ", or rename the method"
}
