package authz

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// ErrNotFound is the error of [Resource.Load] for an object that does not
// exist. The client gets the same 404 as for an object that it may not read. A
// handler that finds out by itself that an object does not exist gives the same
// answer by bulwark.Deny(w, r, authz.ErrNotFound).
var ErrNotFound error = notFound{}

type notFound struct{}

func (notFound) Error() string { return "authz: object not found" }

// As makes [bulwark.Deny] answer as for an object that is hidden.
func (notFound) As(target any) bool {
	p, ok := target.(**bulwark.Problem)
	if ok {
		*p = hidden("authz.not_found")
	}
	return ok
}

// A Resource says how objects of one kind are found and who owns them, so that
// they can be checked before a handler sees them:
//
//	documents := authz.Resource[*Document]{
//		Name: "document",
//		Load: func(ctx context.Context, r *http.Request) (*Document, error) {
//			return store.Document(ctx, r.PathValue("id"))
//		},
//		Owner: func(d *Document) (issuer, subject string) {
//			return d.OwnerIssuer, d.OwnerSubject
//		},
//	}
type Resource[T any] struct {
	// Name is the name of the resource in [PolicyConfig.Resources]. Required.
	Name string
	// Load returns the object that the request is about. It finds the object by
	// the path values of the request. It returns a private copy, because the
	// object is checked now and used later. A handler that writes should carry
	// the version of the object, so that it changes the object that was
	// checked.
	//
	// If the object does not exist, Load returns an error that wraps
	// [ErrNotFound], or a nil T without an error. The answer is the same 404 as
	// for an object that the caller may not read. A *[bulwark.Problem] is
	// answered as it is, a deadline is 503, and any other error is 500. An
	// error never grants anything. Required, for [HandleObject] and [Object].
	Load func(ctx context.Context, r *http.Request) (T, error)
	// Owner returns the Issuer and the Subject of the [bulwark.Principal] who
	// owns the object. Both must be equal to those of the caller: the same
	// subject of another issuer is another person. If issuer or subject is
	// empty, nobody owns the object. Required.
	Owner func(object T) (issuer, subject string)
	// Reaches holds a function for each reach of [PolicyConfig.Reaches] that is
	// granted on this resource. It reports whether the object is within the
	// caller's reach. It is called after Load and decides from its arguments
	// alone. Default: none, the reaches "own" and "all" do not need a function.
	Reaches map[string]func(caller *bulwark.Principal, object T) bool
	// Match holds functions for reaches of Reaches and Engines, used by lists.
	// A function returns the value by which a query finds the objects of the
	// reach, such as the caller's tenant; see [Reach]. A reach without a Match,
	// or with an empty value, adds nothing to a list. Default: none, lists show
	// objects by owner only.
	Match map[string]func(caller *bulwark.Principal) string
	// Engines holds an [Engine] for each reach of [PolicyConfig.Reaches] that
	// an engine decides, such as "shared". The engine is asked after Load, and
	// only if no reach that the policy decides holds the object. If several
	// engines could let the caller through, they are asked in the order of
	// PolicyConfig.Reaches, up to the first that allows. A tag of [Fields] with
	// the reach of an engine counts only if that engine let the caller through.
	// A reach has a function in Reaches or an engine, and not both.
	//
	// If the action is denied, the same question about the action "read"
	// decides between 403 and 404.
	//
	// Engines are not asked about objects that do not exist. So an object can
	// be told from a missing object by the time that the engine takes, and
	// during an outage by a 503 in place of the 404. A 404 for both would tell
	// users during each outage that their objects are gone. Where existence is
	// a secret, use ids that nobody can guess. Default: none.
	Engines map[string]Engine
	// ID returns the id by which the Engines know an object: 1 to 1,024 bytes
	// of UTF-8. An object with another id, or without an id, is within no reach
	// of an engine. Two objects have different ids. Required with Engines.
	ID func(object T) string
	// Properties returns what the Engines are told of an object, as values that
	// [encoding/json] can write. Default: nothing.
	Properties func(object T) map[string]any
	// Forbidden is the status for an object that exists and that the caller may
	// not read: 404 or 403. Default: 404, the same answer as for an object that
	// does not exist. With 403 "authz.forbidden", every caller with a
	// permission on the resource can find out which ids exist. Therefore it is
	// for APIs whose ids are not secret, such as public names. A missing object
	// is 404 in both cases. Lists do not change. Other statuses are an error.
	Forbidden int
	// Policy is the policy with which [Resource.Check] decides. On a Mux it
	// must be the policy of the Mux. Required for Check. Default: none, the
	// routes of a Mux have the policy of the Mux.
	Policy *Policy
	// PathValue returns a path value for [Object], under a router that does not
	// set [http.Request.PathValue]. The values of all PathNames are checked as
	// the path values of a Mux are, and then set on the request. If PathValue
	// returns "" for a name of PathNames, the answer is 500
	// "authz.unconfigured", and Load is not called. Default: the path values
	// are those of http.Request.PathValue.
	PathValue func(r *http.Request, name string) string
	// PathNames are the names with which PathValue is called. Every route of an
	// [Object] of this resource must have wildcards of these names. Default:
	// "id".
	PathNames []string
	// MaxBodyBytes bounds the body that [Decode] reads, in bytes. A larger body
	// is 413 "body.too_large". Default: 1 MiB.
	MaxBodyBytes int64
	// BodyTimeout bounds the time that Decode waits for the body. A later body
	// is 408 "body.timeout". Default: 30 seconds.
	BodyTimeout time.Duration
	// MediaTypes are the media types that Decode accepts: "application/json",
	// or a type that ends in "+json". Another type is 415. Default:
	// "application/json" and "application/merge-patch+json".
	MediaTypes []string
	// JSON bounds the document that Decode reads. A document beyond a limit is
	// 400 "body.too_complex". Default: the defaults of its fields.
	JSON bulwark.JSONLimits

	limits *body.Limits // what Can has made of the four fields before
}

// within reports whether the caller's grants of a permission reach an object.
func (res *Resource[T]) within(p *pass, number int, object T) bool {
	set := p.held.reaches(number)
	if set&reachAll != 0 {
		return true
	}
	if set&reachOwn != 0 && res.owns(p, object) {
		return true
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

// owns reports whether the caller of the pass is the owner of the object.
func (res *Resource[T]) owns(p *pass, object T) bool {
	issuer, subject := res.Owner(object)
	return issuer != "" && subject != "" && issuer == p.caller.Issuer && subject == p.caller.Subject
}

// Check decides about one object that the handler already has. It returns the
// grant, or the refusal for [bulwark.Deny]:
//
//   - For "create" the object is the new object, with its owner. The refusal is
//     403.
//   - For any other action the refusal is 403 if the caller may read the
//     object, and otherwise 404, or [Resource.Forbidden]. A nil object is the
//     same 404.
//   - An anonymous caller is 401.
//   - If an engine of Engines would have to decide and does not answer, the
//     refusal is 503.
//
// Check needs [Resource.Policy]. [Mux.Routes] cannot show that a handler calls
// Check. Prefer [HandleObject], which checks before the handler runs, and
// [HandleCreate], which gives the check to the handler.
func (res Resource[T]) Check(r *http.Request, action string, object T) (Granted[T], error) {
	if fault := res.forbiddenFault(); fault != "" {
		return Granted[T]{}, &bulwark.ConfigError{Field: "authz.Resource(" + res.Name + ").Forbidden", Reason: fault}
	}
	if !res.Policy.ready() || res.Owner == nil {
		return Granted[T]{}, &bulwark.ConfigError{Field: "authz.Resource(" + res.Name + ").Policy", Reason: "is missing, or Resource.Owner is missing; set both before Check is called"}
	}
	if faults := res.engineFaults(); len(faults) > 0 {
		return Granted[T]{}, &bulwark.ConfigError{Field: "authz.Resource(" + res.Name + ").Check", Reason: faults[0]}
	}
	t := res.Policy.table.Load()
	number, declared := t.numbers[res.Name][action]
	if !declared {
		return Granted[T]{}, &bulwark.ConfigError{Field: "authz.Resource(" + res.Name + ")", Value: action, Reason: "is not an action on this resource; call Check with an action from PolicyConfig.Resources"}
	}
	c := check{kind: kindObject, text: "object " + res.Name + ":" + action, number: number, read: -1}
	if read, ok := t.numbers[res.Name]["read"]; ok {
		c.read = read
	}
	if action == "create" {
		c.kind = kindCreate
	}
	p := pass{table: t, check: &c, caller: caller(r)}
	if p.caller == nil {
		refusal := c.problem(anonymous, &c, nil)
		refusal.Err = unknownCaller(r)
		return Granted[T]{}, refusal
	}
	t.resolve(&p.held, p.caller)
	if action != "create" && nilable[T]() && fault.IsNil(object) {
		return Granted[T]{}, res.hidden(&c, res.Policy, r, "authz.not_found")
	}
	from := &source[T]{&res, res.Policy}
	if action == "create" {
		grant, err := from.made(&p, r, action, object)
		if err == nil {
			opened(r, res.Policy, p.caller)
		}
		return grant, err
	}
	ok, visible, err := res.judge(&p, r, object, c.read)
	if err != nil {
		return Granted[T]{}, err
	}
	if !ok {
		return Granted[T]{}, res.refusal(&p, res.Policy, r, object, visible)
	}
	opened(r, res.Policy, p.caller)
	return from.grant(&p, r, action, object), nil
}

// forbiddenFault says what is wrong with Forbidden.
func (res *Resource[T]) forbiddenFault() string {
	switch res.Forbidden {
	case 0, http.StatusForbidden, http.StatusNotFound:
		return ""
	}
	return "is another status than 404 and 403; write one of them, or leave it out"
}

// nilable reports whether T has a nil, which is an object that does not exist.
func nilable[T any]() bool {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return true
	}
	return false
}
