package validate

import (
	"net/http"
	"strings"
)

// path reads, coerces and checks the wildcards that are declared.
func (v *visit) path() error {
	p := v.m.path
	if p == nil {
		return nil
	}
	values := make(map[string]any, len(p.list))
	for i := range p.list {
		param := &p.list[i]
		text := v.m.pathValue(v.r, param.name)
		if !sound(text) {
			return malformed(inPath, "The path must be UTF-8 text without NUL.")
		}
		if text != "" {
			values[param.name] = coerce(text, param.types)
		}
	}
	if len(values) == 0 && v.m.routed {
		if err := p.unrouted(v.r); err != nil {
			return err
		}
	}
	filled, err := v.parameters(p, values)
	if err != nil {
		return err
	}
	raw := func(r *http.Request) string {
		var all strings.Builder
		for i := range p.list {
			all.WriteString(v.m.pathValue(r, p.list[i].name))
			all.WriteByte(0)
		}
		return all.String()
	}
	v.checked.path = &checkedParameters{values: filled, raw: raw, text: raw(v.r)}
	return nil
}
