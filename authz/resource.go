package authz

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/bulwark-go/bulwark"
)

// ErrNotFound is the error of [Resource.Load] for an object that does not
// exist. The client gets the same 404 as for an object that it may not read.
var ErrNotFound = errors.New("authz: object not found")

// A Resource tells how objects of one kind are found and to whom they belong,
// so that they can be checked before a handler sees them.
type Resource[T any] struct {
	// Name is the resource in the policy. Required.
	Name string
	// Load returns the object that the request is about, from its path values.
	// Load returns a private copy, because the object is checked now and used
	// later. A handler that writes should carry the version of the object, so
	// that it changes the object that was checked.
	//
	// An error that wraps [ErrNotFound], and a nil T without an error, is the
	// same 404 as an object that may not be read. A *[bulwark.Problem] is
	// answered as it is. A deadline is 503 and any other error is 500. No error
	// is ever a grant. Required by [HandleObject] and [Object].
	Load func(ctx context.Context, r *http.Request) (T, error)
	// Owner returns the owner of the object: issuer and subject as in
	// [bulwark.Principal]. The same subject of another issuer is a stranger. An
	// object with an empty issuer or subject belongs to nobody. Required.
	Owner func(object T) (issuer, subject string)
	// Reaches holds a predicate for each reach of [PolicyConfig.Reaches] that
	// is granted on this resource. The predicate reports whether an object is
	// within the caller's reach. It is called after Load and decides from its
	// arguments alone. Optional.
	Reaches map[string]func(caller *bulwark.Principal, object T) bool
	// Match returns, for a reach of Reaches, the value that objects within it
	// have in a query, such as the caller's tenant; see [Reach]. A reach
	// without a Match, or with an empty value, adds nothing to a list.
	// Optional.
	Match map[string]func(caller *bulwark.Principal) string
	// Policy is needed by [Resource.Check] alone. On a Mux it must be the
	// policy of the Mux. Optional.
	Policy *Policy
	// PathValue returns a path value for [Object], under a router that does not
	// set [http.Request.PathValue]. The values named in PathNames are checked
	// as those of a Mux are, and then set on the request. Optional.
	PathValue func(r *http.Request, name string) string
	// PathNames are the names for PathValue. Default: "id".
	PathNames []string
}

// within reports whether the caller's grants of a permission reach an object.
func (res *Resource[T]) within(p *pass, number int, object T) bool {
	set := p.held.reaches(number)
	if set&reachAll != 0 {
		return true
	}
	if set&reachOwn != 0 {
		issuer, subject := res.Owner(object)
		if issuer != "" && subject != "" && issuer == p.caller.Issuer && subject == p.caller.Subject {
			return true
		}
	}
	if set < reachCustom {
		return false
	}
	for i, name := range p.table.reachNames[2:] {
		if set&(reachCustom<<i) == 0 {
			continue
		}
		if predicate := res.Reaches[name]; predicate != nil && predicate(p.caller, object) {
			return true
		}
	}
	return false
}

// Check decides about one object that the handler already has. It returns the
// grant, or the refusal for [bulwark.Deny]. For "create" the object is the new
// object, as decoded, and the refusal is 403. For other actions the refusal is
// that of [HandleObject]: 403 for an object that the caller may read, else 404.
//
// Check needs [Resource.Policy]. [Mux.Routes] cannot show that a handler calls
// Check: prefer [HandleObject] and [HandleCreate], which cannot be forgotten.
func (res Resource[T]) Check(r *http.Request, action string, object T) (Granted[T], error) {
	if !res.Policy.ready() || res.Owner == nil {
		return Granted[T]{}, &bulwark.ConfigError{Field: "authz.Resource(" + res.Name + ").Policy", Reason: "Check needs a Policy and an Owner"}
	}
	t := res.Policy.table.Load()
	number, ok := t.numbers[res.Name][action]
	if !ok {
		return Granted[T]{}, &bulwark.ConfigError{Field: "authz.Resource(" + res.Name + ")", Value: action, Reason: "the policy has no such action on this resource"}
	}
	c := check{kind: kindObject, text: "object " + res.Name + ":" + action, number: number, read: -1}
	if read, ok := t.numbers[res.Name]["read"]; ok {
		c.read = read
	}
	p := pass{table: t, check: &c, caller: caller(r)}
	if p.caller == nil {
		refusal := c.problem(anonymous, &c, nil)
		refusal.Err = halfKnown(r)
		return Granted[T]{}, refusal
	}
	t.resolve(&p.held, p.caller)
	if !res.within(&p, c.number, object) {
		visible := action == "create" || res.within(&p, c.read, object)
		return Granted[T]{}, res.refusal(&c, res.Policy, r, visible)
	}
	return Granted[T]{object, action, p.caller}, nil
}

// nilable reports whether T has a nil, which is an object that does not exist.
func nilable[T any]() bool {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return true
	}
	return false
}
