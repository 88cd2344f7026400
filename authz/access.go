package authz

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// An Access is an action on the objects of a resource, and what the action asks
// of the credential. [Resource.Can] makes it. The zero Access is refused at
// registration.
type Access[T any] struct {
	resource Resource[T]
	rule     Rule // without a kind, which the route gives it
}

// Can returns the access that [HandleObject], [HandleList], [HandleCreate] and
// [Object] check: the action on an object of this resource.
//
// A function that answers for all objects of a type, such as Can("delete",
// "document"), is missing on purpose. It would have to answer yes to a caller
// who may delete one document, and readers would take the answer for every
// document.
func (res Resource[T]) Can(action string) Access[T] {
	res.Reaches, res.Match = maps.Clone(res.Reaches), maps.Clone(res.Match)
	res.PathNames = slices.Clone(res.PathNames)
	limits := res.readLimits(&fault.List{}) // as notes what is wrong with them
	res.limits, res.MediaTypes = &limits, slices.Clone(res.MediaTypes)
	return Access[T]{res, Rule{names: []string{res.Name, action}, custom: slices.Sorted(maps.Keys(res.Reaches))}}
}

// Scopes also asks for OAuth scopes; see [Rule.Scopes].
func (a Access[T]) Scopes(scopes ...string) Access[T] {
	a.rule = a.rule.Scopes(scopes...)
	return a
}

// StepUp also asks for a fresh or strong login; see [Rule.StepUp].
func (a Access[T]) StepUp(acr string, maxAge time.Duration) Access[T] {
	a.rule = a.rule.StepUp(acr, maxAge)
	return a
}

// as returns the rule of the access for a route of kind k. The reasons say why
// the resource does not fit a route of that kind under the policy.
func (a Access[T]) as(k kind, policy *Policy) (rule Rule, reasons []string) {
	if len(a.rule.names) == 0 {
		return Rule{kind: kindNoAccess}, nil
	}
	rule = a.rule
	rule.kind = k
	res := a.resource
	wrong := func(reason string) { reasons = append(reasons, reason) }
	if res.Owner == nil {
		wrong("is of a resource without Owner; set Resource.Owner")
	}
	if k == kindObject && res.Load == nil {
		wrong("is of a resource without Load; set Resource.Load")
	}
	if res.Policy != nil && res.Policy != policy {
		wrong("is of a resource with another Policy than the route; set Resource.Policy to the policy of the Mux, or leave it out")
	}
	if res.PathValue == nil && len(res.PathNames) > 0 {
		wrong("is of a resource whose PathNames " + namesAlone)
	}
	for _, name := range slices.Sorted(maps.Keys(res.Reaches)) {
		if res.Reaches[name] == nil {
			wrong("is of a resource whose Reaches[" + name + "] is nil; give it a function, or remove the entry")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(res.Match)) {
		if res.Match[name] == nil || res.Reaches[name] == nil {
			wrong("is of a resource whose Match[" + name + "] is nil or has no entry in Reaches; give both a function, or remove the entry")
		}
	}
	var bounds fault.List
	res.readLimits(&bounds)
	for _, err := range leaves(bounds.Err()) {
		if bound := new(bulwark.ConfigError); errors.As(err, &bound) {
			wrong("is of a resource whose " + bound.Field + " " + bound.Value + " " + bound.Reason)
		}
	}
	return rule, reasons
}

// entry returns the entry for a route of the access.
func (a Access[T]) entry(reg *registration, k kind, pattern string, serve func(gate) http.Handler) entry {
	rule, reasons := a.as(k, reg.policy)
	for _, reason := range reasons {
		reg.faults.Add("access", rule.String(), reason)
	}
	return entry{argument: "access", rule: rule, patterns: []string{pattern}, serve: serve}
}
