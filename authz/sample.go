package authz

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// samples reports whether the decision to let the caller of the pass in is one
// of those that PolicyConfig.SampleAllows makes an event. A public rule decides
// nothing.
func (p *Policy) samples(pass *pass) bool {
	every := pass.table.sample
	return every > 0 && pass.check.kind != kindPublic && p.allowed.Add(1)%every == 0
}

// sample reports that the caller of the pass was let in. The object is within
// the reaches, which are all reaches if there is no object.
func (pass *pass) sample(r *http.Request, within reaches, object slog.Attr) {
	var why grounds
	why.of(pass, pass.check, within)
	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzAllow, Reason: "authz.allowed", Rule: pass.check.text, Attrs: [4]slog.Attr{
		attribute("role", why.role), attribute("grants", strings.Join(why.grants, ", ")), attribute("decision", pass.said), object}})
}

// holding returns the granted reaches that hold an object which the caller of
// the pass reaches.
func (res *Resource[T]) holding(p *pass, object T) reaches {
	set := reachAll | p.by
	if res.owns(p, object) {
		set |= reachOwn
	}
	granted := p.held.reaches(p.check.number)
	for i, name := range p.table.reachNames[2:] {
		bit := reachCustom << i
		if predicate := res.Reaches[name]; granted&bit != 0 && predicate != nil && predicate(p.caller, object) {
			set |= bit
		}
	}
	return set
}

// attribute is an attribute of an event, or none without a value.
func attribute(key, value string) slog.Attr {
	if value == "" {
		return slog.Attr{}
	}
	return slog.String(key, value)
}

// The grounds are why a check lets a caller in: the first role that does, and
// the grants that the role has by itself or inherits.
type grounds struct {
	role   string
	grants []string
}

// of finds the grounds of a check that the caller passes.
func (why *grounds) of(p *pass, c *check, within reaches) {
	switch c.kind {
	case kindRole:
		why.by(p.held.first(func(r *role) bool { return c.roles[r.number] }))
	case kindRequire:
		for _, need := range c.needs {
			why.granted(p, need.number, need.reach)
		}
	case kindAll, kindAny:
		for i := range c.parts {
			if v, _ := c.parts[i].verdict(&p.held, p.caller); v == passed {
				why.of(p, &c.parts[i], within)
			}
			if c.kind == kindAny && why.role != "" {
				return
			}
		}
	case kindObject, kindList, kindCreate:
		why.granted(p, c.number, within)
	}
}

// by notes the first role.
func (why *grounds) by(r *role) {
	if r != nil && why.role == "" {
		why.role = r.name
	}
}

// granted notes the role that grants a permission, and its grants.
func (why *grounds) granted(p *pass, number int, within reaches) {
	r := p.held.first(func(r *role) bool { return r.grants[number]&within != 0 })
	why.by(r)
	trace(r, nil, map[*role]bool{}, func(_ []string, g grant) {
		if g.covers(p.table.permissions[number]) && widen(g.reach)&within != 0 && !slices.Contains(why.grants, g.text) {
			why.grants = append(why.grants, g.text)
		}
	})
}
