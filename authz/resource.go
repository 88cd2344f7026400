package authz

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/bulwark-go/bulwark"
)

// ErrNotFound is what [Resource.Load] returns for an object that does not exist.
// The client gets the same 404 as for one that it may not read.
var ErrNotFound = errors.New("authz: object not found")

// A Resource tells how objects of one kind are found and to whom they belong, so
// that they can be checked before a handler sees them.
type Resource[T any] struct {
	// Name is the resource in the policy. Required.
	Name string
	// Load returns the object that the request is about, from its path values.
	// It returns a private copy, since it is checked now and used later, and a
	// handler that writes should carry the object's version, so that what it
	// changes is what was checked. An error that wraps [ErrNotFound] is the same
	// 404 as an object that may not be read, and so is a nil T without an error;
	// a *[bulwark.Problem] is answered as it is; a deadline is 503 and anything
	// else 500. No error is ever a grant. Required by [HandleObject] and [Object].
	Load func(ctx context.Context, r *http.Request) (T, error)
	// Owner returns who owns the object: issuer and subject as in
	// [bulwark.Principal]. The same subject of another issuer is a stranger, and
	// an empty issuer or subject belongs to nobody. Required.
	Owner func(object T) (issuer, subject string)
	// Reaches says, for each reach of [PolicyConfig.Reaches] that is granted on
	// this resource, whether an object is within the caller's. It decides from
	// what it is given and is called after Load.
	Reaches map[string]func(caller *bulwark.Principal, object T) bool
	// Match returns, for a reach of Reaches, the value that objects within it
	// have in a query, such as the caller's tenant; see [Reach]. A reach without
	// it, or with an empty value, adds nothing to a list. Optional.
	Match map[string]func(caller *bulwark.Principal) string
	// Policy is needed by [Resource.Check]. Where the resource is used with a
	// Mux it is the Mux's own or nil.
	Policy *Policy
	// PathValue returns a path value under a router that does not set
	// [http.Request.PathValue], for [Object]. The values named in PathNames are
	// checked as those of a Mux are, and then set on the request. Optional.
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

// Check decides about one object that the handler has in hand, and returns the
// grant or the refusal for [bulwark.Deny]. For "create" the object is the new
// one, as decoded; whoever may create their own is refused somebody else's with
// 403. For other actions the refusal is that of [HandleObject]: 403 for an
// object that the caller may read, else 404.
//
// It needs [Resource.Policy]. Routes cannot show that a handler calls it:
// prefer [HandleObject] and [HandleCreate], which cannot be forgotten.
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
		return Granted[T]{}, c.problem(anonymous, &c, nil)
	}
	t.resolve(&p.held, p.caller)
	if res.within(&p, c.number, object) {
		return Granted[T]{object, action, p.caller}, nil
	}
	visible := action == "create" || res.within(&p, c.read, object)
	return Granted[T]{}, res.refusal(&c, res.Policy, r, visible)
}

// nilable reports whether T has a nil, which is an object that does not exist.
func nilable[T any]() bool {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return true
	}
	return false
}

func isNil[T any](object T) bool {
	value := reflect.ValueOf(&object).Elem()
	return value.IsNil() || value.Kind() == reflect.Interface && value.Elem().Kind() == reflect.Pointer && value.Elem().IsNil()
}
