package authz

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// tagged compiles the tags of one type and of the types in it.
type tagged struct {
	table  *table
	faults *fault.List
	done   map[reflect.Type]*fieldset // a type may contain itself
}

func (c *tagged) compile(typ reflect.Type, place string) *fieldset {
	if set := c.done[typ]; set != nil {
		return set
	}
	set := &fieldset{byName: map[string]int{}}
	c.done[typ] = set
	fields := jsondoc.Fields(typ)
	c.embedded(typ, nil, map[reflect.Type]bool{}, fields, place)
	for _, f := range fields {
		p := property{Field: f, reader: -1}
		at := place + "." + f.Go.Name
		if text, ok := c.tag(f.Go, at); ok {
			c.read(&p, text, at)
		}
		if inner := c.inside(f.Go.Type, at, p.read.empty() && p.write.empty()); inner != nil {
			p.inner = c.compile(inner, at)
		}
		if !p.read.empty() {
			p.reader = c.table.readers.number(p.read)
			set.reads |= p.read.reaches
		}
		set.byName[p.Name] = len(set.properties)
		set.properties = append(set.properties, p)
	}
	return set
}

// pair matches an entry of a struct tag that Go can read.
var pair = regexp.MustCompile(`([^\s":]+):"(?:[^"\\]|\\.)*"`)

// isTagged reports whether a field has a tag of this package, or was meant to
// have one that Go cannot read, such as authz: "read=own" or Authz:"read=own".
func isTagged(f reflect.StructField) bool {
	_, ok := f.Tag.Lookup("authz")
	rest := pair.ReplaceAllStringFunc(string(f.Tag), func(entry string) string {
		key, _, _ := strings.Cut(entry, ":")
		ok = ok || strings.EqualFold(key, "authz")
		return ""
	})
	return ok || strings.Contains(strings.ToLower(rest), "authz")
}

// tag returns the tag of a property.
func (c *tagged) tag(f reflect.StructField, at string) (string, bool) {
	text, ok := f.Tag.Lookup("authz")
	switch {
	case ok:
		return text, true
	case isTagged(f):
		c.faults.Add(at, string(f.Tag), `has an authz tag that Go cannot read; write for example authz:"read=*,write=own", in lower case and without spaces`)
	default:
		c.faults.Add(at, "", `has no authz tag, so that nothing says who may read and write it; write for example authz:"read=*,write=own", or authz:"-" for nobody`)
	}
	return "", false
}

// embedded refuses the tag of an embedded struct, because the fields of that
// struct stand in its place, with tags of their own.
func (c *tagged) embedded(typ reflect.Type, index []int, seen map[reflect.Type]bool, fields []jsondoc.Field, place string) {
	if seen[typ] {
		return
	}
	seen[typ] = true
	for i := range typ.NumField() {
		f := typ.Field(i)
		at := append(slices.Clip(index), i)
		inner := target(f.Type)
		named := slices.ContainsFunc(fields, func(known jsondoc.Field) bool { return slices.Equal(known.Index, at) })
		if !f.Anonymous || inner.Kind() != reflect.Struct || named || f.Tag.Get("json") == "-" {
			continue
		}
		if isTagged(f) {
			c.faults.Add(place+"."+f.Name, f.Tag.Get("authz"), "is embedded, so that its fields stand in its place and its tag says nothing; tag the fields of the embedded struct, or give it a name in JSON")
		}
		c.embedded(inner, at, seen, fields, place+"."+f.Name)
	}
}

// read reads a tag into the audiences of a property.
func (c *tagged) read(p *property, text, at string) {
	if text == "-" {
		return
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		key, entries, ok := strings.Cut(part, "=")
		to := &p.read
		switch {
		case key == "write":
			to = &p.write
		case key != "read":
			ok = false
		}
		if !ok || entries == "" || seen[key] {
			c.faults.Add(at, text, notATag)
			return
		}
		seen[key] = true
		c.audience(to, strings.Split(entries, "|"), at, text)
	}
}

const notATag = `is not a tag of authz; write read=… and write=…, each at most once and separated by a comma, for example authz:"read=own|admin,write=own"`

func (c *tagged) audience(to *audience, entries []string, at, text string) {
	t := c.table
	for i, entry := range entries {
		role := t.roles[entry]
		reach := t.reachBit(entry)
		switch {
		case entry == "":
			c.faults.Add(at, text, `has an empty name; remove the "|", or write a name beside it`)
		case slices.Contains(entries[:i], entry):
			c.faults.Add(at, text, "names "+entry+" twice; remove one of the two")
		case (entry == "*" || entry == "-") && len(entries) > 1:
			c.faults.Add(at, text, "has "+entry+" beside other names; leave it alone, or remove it")
		case entry == "-":
		case entry == "*":
			to.everybody = true
		case role != nil && reach != 0:
			c.faults.Add(at, text, "names "+entry+", which is both a role and a reach of the policy; give one of them another name")
		case reach == reachAll:
			c.faults.Add(at, text, "has the reach all, which says nothing about an object; write * for every caller to whom the object was granted")
		case reach != 0:
			to.reaches |= reach
		case role != nil:
			if to.roles == nil {
				to.roles = make([]bool, len(t.roleNames))
			}
			for _, r := range t.roles {
				to.roles[r.number] = to.roles[r.number] || r.lineage[role.number]
			}
		case strings.Contains(entry, "="): // such as read=own;write=own
			c.faults.Add(at, text, notATag)
		default:
			c.faults.Add(at, text, fmt.Sprintf("names %q, which is neither a role nor a reach of the policy%s", entry,
				nearest(entry, slices.Concat(t.roleNames, t.reachNames[1:]))))
		}
	}
}
