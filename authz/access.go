package authz

import (
	"maps"
	"slices"
	"time"
)

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
