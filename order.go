package bulwark

import (
	"fmt"
	"reflect"
)

// checkOrder returns an error for each layer that stands where it defeats
// another one, or is defeated. The numbers in at are the places of the layers
// among the parts of the chain. Where some parts could not be built, a layer of
// auth may be among them.
func checkOrder(layers []Layer, at []int, someMissing bool) []error {
	var errs []error
	refuse := func(i int, kind Kind, reason string) {
		errs = append(errs, &ConfigError{Field: fmt.Sprintf("bulwark.Chain[%d]", at[i]), Value: shown(layers[i], kind), Reason: reason})
	}
	last := map[Kind]int{}
	for i, layer := range layers {
		last[kindOf(layer)] = i
	}
	seen, limits := map[Kind]bool{}, map[string]Layer{}
	for i, layer := range layers {
		kind := kindOf(layer)
		if name := limitName(layer); name != "" {
			if other, taken := limits[name]; taken && !same(other, layer) {
				refuse(i, kind, "has the Name of another limit in the chain, from which clients, events and stores cannot tell it; give each limit its own Name")
			}
			limits[name] = layer
		}
		if kind == "" {
			continue
		}
		switch {
		case kind == KindAudit && len(seen) > 0:
			refuse(i, kind, "put audit outside all other layers, and only once: a refusal outside audit is not recorded")
		case kind == KindEdge && (len(seen) > 1 || len(seen) == 1 && !seen[KindAudit]):
			refuse(i, kind, "put Edge just inside audit, and only once: a layer outside Edge sees the wrong client")
		case kind == KindCORS && seen[KindAuth]:
			refuse(i, kind, "put cors outside auth: a preflight carries no credentials")
		case kind == KindCORS && (seen[KindRateLimit] || seen[KindPrincipalLimit]):
			refuse(i, kind, "put cors outside each limit: a browser must be able to read a 429")
		case kind == KindSanitize && seen[KindValidate]:
			refuse(i, kind, "put sanitize outside validate: sanitizing can make a checked value invalid")
		case kind == KindPrincipalLimit || kind == KindAuthz:
			auth, ok := last[KindAuth]
			if ok && auth > i {
				refuse(i, kind, "put it inside auth: outside auth there is no principal")
			}
			if !ok && !someMissing && kind == KindPrincipalLimit && !authOutside(layer) {
				refuse(i, kind, "counts by principal, and no auth layer stands outside it here; "+
					"set AuthOutside on the limit if auth stands around the router or around this chain, or else put auth.Config outside the limit")
			}
		}
		seen[kind] = true
	}
	return errs
}

// shown names a layer in an error: a limit by its name, any other layer by its
// kind.
func shown(layer Layer, kind Kind) string {
	if name := limitName(layer); name != "" && (kind == KindRateLimit || kind == KindPrincipalLimit) {
		return "ratelimit(" + name + ")"
	}
	return string(kind)
}

// limitName is the name of a limit, and empty for any other layer.
func limitName(layer Layer) string {
	if limit, ok := layer.(interface{ LimitName() string }); ok {
		return limit.LimitName()
	}
	return ""
}

// same reports whether two layers are one. Layers that Go cannot compare are
// not.
func same(a, b Layer) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// authOutside reports whether a limit by principal says that it is meant for a
// chain inside another one, which has the auth layer. A layer around a limit
// forwards the method.
func authOutside(layer Layer) bool {
	limit, ok := layer.(interface{ AuthOutside() bool })
	return ok && limit.AuthOutside()
}

// kindOf returns what a layer says it is, or nothing.
func kindOf(layer Layer) Kind {
	if named, ok := layer.(Kinded); ok {
		return named.Kind()
	}
	return ""
}
