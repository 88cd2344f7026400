package authz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

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
	// PathNames are the names for PathValue. The zero value is "id".
	PathNames []string
}

// Access is an action on the objects of a resource, made by [Resource.Can] or
// [Resource.List], with conditions on the credential. The zero Access is refused.
type Access[T any] struct {
	resource Resource[T]
	rule     Rule
}

// Can is the access that [HandleObject], [HandleCreate] and [Object] check.
//
// There is no Can(action, "document") that answers for a type: it says yes to
// whoever may do it to one object, and is taken to mean every object.
func (res Resource[T]) Can(action string) Access[T] { return res.access(kindObject, action) }

// List is the access that [HandleList] checks.
func (res Resource[T]) List(action string) Access[T] { return res.access(kindList, action) }

func (res Resource[T]) access(k kind, action string) Access[T] {
	res.Reaches, res.Match = maps.Clone(res.Reaches), maps.Clone(res.Match)
	res.PathNames = slices.Clone(res.PathNames)
	return Access[T]{res, Rule{kind: k, names: []string{res.Name, action}, custom: slices.Sorted(maps.Keys(res.Reaches))}}
}

// Scopes asks for OAuth scopes, too; see [Rule.Scopes].
func (a Access[T]) Scopes(scopes ...string) Access[T] {
	a.rule = a.rule.Scopes(scopes...)
	return a
}

// StepUp asks for a fresh or strong login, too; see [Rule.StepUp].
func (a Access[T]) StepUp(acr string, maxAge time.Duration) Access[T] {
	a.rule = a.rule.StepUp(acr, maxAge)
	return a
}

// as is the rule of the access for a route of kind k.
func (a Access[T]) as(k kind) Rule {
	rule := a.rule
	made := rule.kind
	rule.kind = k
	switch {
	case len(rule.names) == 0:
		return Rule{}
	case (made == kindList) != (k == kindList):
		rule.fault = "is of the wrong kind; HandleList takes List, all others take Can"
	case a.resource.Owner == nil:
		rule.fault = "is of a resource without Owner"
	case k == kindObject && a.resource.Load == nil:
		rule.fault = "is of a resource without Load"
	}
	for name, predicate := range a.resource.Reaches {
		if predicate == nil {
			rule.fault = "is of a resource whose predicate for " + name + " is nil"
		}
	}
	for name, match := range a.resource.Match {
		if match == nil || a.resource.Reaches[name] == nil {
			rule.fault = "is of a resource whose Match for " + name + " is nil or without a predicate in Reaches"
		}
	}
	return rule
}

// serves refuses a resource that names another policy than the route's.
func (res *Resource[T]) serves(p *Policy) error {
	if res.Policy != nil && res.Policy != p {
		return errors.New("the resource " + res.Name + " names another policy than the route has")
	}
	return nil
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

// refusal is the answer about an object that the caller may not use: an honest
// 403 if they may see it, and otherwise the 404 of an object that does not exist.
func (res *Resource[T]) refusal(c *check, p *Policy, r *http.Request, visible bool) error {
	if visible {
		problem := c.problem(forbidden, c, nil)
		problem.Reason = "authz.not_within_reach"
		problem.Attrs = res.attrs(p, r)
		return problem
	}
	return res.hidden(c, p, r, "authz.not_readable")
}

// hidden is one and the same answer for an object that does not exist and one
// that the caller may not read. Only the log tells them apart.
func (res *Resource[T]) hidden(c *check, p *Policy, r *http.Request, reason string) error {
	return &bulwark.Problem{Status: http.StatusNotFound, Code: "authz.not_found", Detail: "There is no such object.",
		Event: bulwark.AuthzFail, Reason: reason, Rule: c.text, Attrs: res.attrs(p, r)}
}

// attrs names the object in an event by a keyed hash of the request's path, so
// that distinct objects can be counted. It hides nothing by itself: the event's
// own Path holds the id until whoever records it cuts that out.
func (res *Resource[T]) attrs(p *Policy, r *http.Request) []slog.Attr {
	return []slog.Attr{slog.String("resource", res.Name), slog.String("object", p.hash(res.Name, r.URL.Path))}
}

// loadError is the answer to a Load that failed.
func (res *Resource[T]) loadError(c *check, p *Policy, r *http.Request, err error) error {
	var problem *bulwark.Problem
	switch {
	case errors.Is(err, ErrNotFound):
		return res.hidden(c, p, r, "authz.not_found")
	case errors.As(err, &problem) && problem != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "authz.load_timeout", Rule: c.text, Err: err}
	}
	return &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.load_failed", Rule: c.text,
		Err: fmt.Errorf("load %s: %w", res.Name, err)}
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
