package bulwark

import "fmt"

// checkOrder returns an error for each pair of layers of which one defeats the
// other.
func checkOrder(layers []Layer) []error {
	var errs []error
	refuse := func(i int, kind Kind, reason string) {
		errs = append(errs, &ConfigError{Field: fmt.Sprintf("bulwark.Chain[%d]", i), Value: string(kind), Reason: reason})
	}
	last := map[Kind]int{}
	for i, layer := range layers {
		last[kindOf(layer)] = i
	}
	seen := map[Kind]bool{}
	for i, layer := range layers {
		kind := kindOf(layer)
		if kind == "" {
			continue
		}
		switch {
		case kind == KindAudit && len(seen) > 0:
			refuse(i, kind, "put audit outside all other layers, once: what they refuse must be recorded")
		case kind == KindEdge && (len(seen) > 1 || len(seen) == 1 && !seen[KindAudit]):
			refuse(i, kind, "put Edge just inside audit, once: the layers outside it see the wrong client")
		case kind == KindCORS && seen[KindAuth]:
			refuse(i, kind, "put cors outside auth: a preflight carries no credentials")
		case kind == KindCORS && (seen[KindRateLimit] || seen[KindPrincipalLimit]):
			refuse(i, kind, "put cors outside each limit: a browser must be able to read a 429")
		case kind == KindSanitize && seen[KindValidate]:
			refuse(i, kind, "put sanitize outside validate: what it removes may break what was checked")
		case kind == KindPrincipalLimit || kind == KindAuthz:
			at, ok := last[KindAuth]
			if ok && at > i {
				refuse(i, kind, "put it inside auth: outside there is no principal yet")
			}
			if !ok && kind == KindPrincipalLimit && !authOutside(layer) {
				refuse(i, kind, "counts by principal, and no layer of this chain finds one; add auth, or set AuthOutside on the limit where auth stands around this chain")
			}
		}
		seen[kind] = true
	}
	return errs
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
