package authz

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A registration is a route on its way into service. It collects everything
// that is wrong with the route, so that one panic shows every mistake.
type registration struct {
	policy  *Policy
	place   string // such as "authz.Mux(GET /documents/{id})"
	faults  *fault.List
	numbers []int // of the rule, for each pattern
	layers  []placed
	places  []int          // of the parts of the stack: the arguments that they came from
	stack   *bulwark.Stack // the layers
	inner   http.Handler   // the handler inside the layers

	slashed   string // the wildcard of the SlashIn, if any
	slashedAt int    // its argument
}

// placed is a layer of a route and the argument that it came from. A Stack is
// several layers in one argument.
type placed struct {
	layer bulwark.Layer
	at    int
	limit string // the name, if the layer is a limit
}

// A Limit is a layer that counts under a name, as the rate limits of this
// module do. A [Mux] refuses two Limits that have one name and are not the same
// layer.
type Limit interface {
	bulwark.Layer
	// LimitName returns the name, or "" for a limit without one.
	LimitName() string
}

func newRegistration(place string, policy *Policy) *registration {
	place = "authz." + place
	return &registration{policy: policy, place: place, faults: fault.In(place)}
}

// serves notes a missing handler.
func (reg *registration) serves(h any) {
	if fault.IsNil(h) {
		reg.faults.Add("handler", "", "is nil; give the route a handler")
	}
}

// admits registers the rule with the policy, once for each pattern. The rule is
// the argument of that name.
func (reg *registration) admits(argument string, rule Rule, patterns ...string) {
	for _, pattern := range patterns {
		number, reasons := reg.policy.register(pattern, rule)
		for _, reason := range reasons {
			reg.faults.Add(argument, rule.String(), reason)
		}
		if len(reasons) > 0 {
			return // the same for each pattern
		}
		reg.numbers = append(reg.numbers, number)
	}
}

// inside builds the layers, each once, and puts them into a stack.
func (reg *registration) inside(layers []bulwark.Builder) {
	var parts []bulwark.Builder
	for i, layer := range layers {
		if s, ok := layer.(slashIn); ok {
			reg.slash(i, s)
			continue
		}
		made := reg.build(i, layer)
		if made == nil {
			continue
		}
		parts, reg.places = append(parts, built{made}), append(reg.places, i)
		single := []bulwark.Layer{made}
		if stack, ok := made.(*bulwark.Stack); ok {
			single = stack.Layers()
		}
		for _, layer := range single {
			if kinded, ok := layer.(bulwark.Kinded); ok && kinded.Kind() == bulwark.KindAuth {
				reg.faults.AddAt("layers", i, string(bulwark.KindAuth), "would change the caller after the rule has decided; put auth outside the router")
			}
			p := placed{layer: layer, at: i}
			if named, ok := layer.(Limit); ok {
				p.limit = named.LimitName()
			}
			reg.layers = append(reg.layers, p)
		}
	}
	stack, err := bulwark.Chain(parts...)
	reg.stack = stack
	for _, err := range leaves(err) {
		reg.misplaced(err)
	}
}

// build returns the layer, or nil after noting what is wrong with it. An error
// of a Config has a path of its own; any other error gets that of its place.
func (reg *registration) build(i int, part bulwark.Builder) bulwark.Layer {
	if fault.IsNil(part) {
		reg.faults.AddAt("layers", i, "", "is nil; remove it or give it a Config")
		return nil
	}
	layer, err := part.Build()
	for _, err := range leaves(err) {
		var config *bulwark.ConfigError
		if !errors.As(err, &config) {
			err = fmt.Errorf("%s.layers[%d]: %w", reg.place, i, err)
		}
		reg.faults.Join(err)
	}
	if err != nil {
		return nil
	}
	if fault.IsNil(layer) {
		reg.faults.AddAt("layers", i, "", "has a Build that returned neither a layer nor an error; return one of them")
		return nil
	}
	return layer
}

// misplaced notes an error of Chain about the place of a layer, by the argument
// that the layer came from.
func (reg *registration) misplaced(err error) {
	var config *bulwark.ConfigError
	var i int
	if !errors.As(err, &config) {
		reg.faults.Join(err)
		return
	}
	if _, scan := fmt.Sscanf(config.Field, "bulwark.Chain[%d]", &i); scan != nil || i >= len(reg.places) {
		reg.faults.Join(err)
		return
	}
	reg.faults.AddAt("layers", reg.places[i], config.Value, config.Reason)
}

// clash notes a limit that has the name of another one among others, which
// stand on a route. Two limits with one name look like one to clients, in
// metrics and in events, and each would let the whole rate pass.
func (reg *registration) clash(p placed, others []placed, on string) {
	if p.limit == "" {
		return
	}
	for _, other := range others {
		if other.limit == p.limit && !same(other.layer, p.layer) {
			reg.faults.AddAt("layers", p.at, p.limit, "is a second limit with the name of a limit on "+on+"; give it another Name, or make the limit once, with ratelimit.New, and give it to both")
			return
		}
	}
}

// refuse panics if anything is wrong. The policy forgets the rule.
func (reg *registration) refuse() {
	err := reg.faults.Err()
	if err == nil {
		return
	}
	for _, number := range reg.numbers {
		reg.policy.forget(number)
	}
	panic(err)
}

// gate is the rule in front of the route's pattern of that place.
func (reg *registration) gate(pattern int) gate { return gate{reg.policy, reg.numbers[pattern]} }

// ruledBy returns h inside the layers, behind the rule. The layers are wrapped
// around h once, however many patterns the registration has.
func (reg *registration) ruledBy(g gate, h http.Handler) http.Handler {
	if reg.inner == nil {
		reg.inner = reg.stack.Wrap(h)
	}
	return &ruled{g, reg.inner}
}

// built is a layer that is not built again.
type built struct{ layer bulwark.Layer }

// Build returns the layer.
func (b built) Build() (bulwark.Layer, error) { return b.layer, nil }

// joined is what [errors.Join] returns.
var joined = reflect.TypeOf(errors.Join(errors.ErrUnsupported))

// leaves takes joined errors apart. An error that has a text of its own stays
// whole.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	if reflect.TypeOf(err) != joined {
		return []error{err}
	}
	var all []error
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, leaves(err)...)
	}
	return all
}

// same reports whether two layers are one. A layer that cannot be compared is
// only itself.
func same(a, b any) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
