package authz

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Fields registers the struct type T, or the struct that T points to, whose
// fields say in a tag who may read and write them:
//
//	type User struct {
//		ID    string `json:"id" authz:"read=*"`
//		Name  string `json:"name" authz:"read=*,write=own|admin"`
//		Email string `json:"email" authz:"read=own|admin,write=own"`
//		Role  string `json:"role" authz:"read=admin,write=admin"`
//		Hash  string `json:"-"`
//	}
//
//	err := authz.Fields[User](policy)
//
// [Write] and [WriteList] then send only the fields that the caller may read.
// [Decode] accepts only those that the caller may write. The entries of read
// and write are separated by "|", and one of them is enough:
//
//   - "*" is every caller to whom the object was granted.
//   - "own", or another reach of the policy, is a caller whose reach holds the
//     object. For "own" that is its owner.
//   - Any other name is a role of the policy. A role that inherits from it also
//     counts.
//   - "-" is nobody. It stands alone. A missing read or write means the same,
//     and the tag `authz:"-"` is short for both.
//
// A field that a tag does not let anybody read is never sent. Whether a caller
// reaches the object at all is decided before, by the policy.
//
// A field with a struct, or with pointers, slices, arrays or maps of structs,
// is one value under its own tag, unless a field of that struct has a tag. Then
// that struct is registered with T, and a caller sees an inner field that both
// tags allow. Fields of embedded structs are fields of T.
//
// Fields returns every mistake at once, each as a *[bulwark.ConfigError]: a
// field of the JSON without a tag, a tag that names neither a role nor a reach,
// and a type that is not a struct or that writes its JSON itself. Call Fields
// before the service starts. [Policy.Replace] fails if the tags of a registered
// type do not fit the new policy.
func Fields[T any](policy *Policy) error {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !policy.ready() {
		return errUnmade
	}
	policy.mu.Lock()
	defer policy.mu.Unlock()
	next := *policy.table.Load()
	faults := fault.In("authz")
	next.compileFields(t, faults)
	if err := faults.Err(); err != nil {
		return err
	}
	if !slices.Contains(policy.structs, t) {
		policy.structs = append(policy.structs, t)
	}
	policy.table.Store(&next)
	return nil
}

// A fieldset is a struct type with what its tags say, compiled against a table.
type fieldset struct {
	properties []property // in the order in which encoding/json writes them
	byName     map[string]int
}

// A property is a field of the struct that JSON has.
type property struct {
	jsondoc.Field
	read, write audience
	inner       *fieldset // of the structs in the field, if their fields have tags
}

// An audience is who may read, or write, a property.
type audience struct {
	everybody bool    // to whom the object was granted
	reaches   reaches // one of these
	roles     []bool  // or one of these, by number
}

// admits reports whether a caller with these roles belongs to the audience of
// an object that is within these of the caller's reaches.
func (a *audience) admits(within reaches, h *held) bool {
	return a.everybody || a.reaches&within != 0 || a.roles != nil && h.any(a.roles)
}

// relation returns the reaches that hold the object for the caller of the pass,
// whatever the grants are. It has reachOwn for the owner, a bit for each
// predicate of Resource.Reaches that holds, and those that an engine has found.
func (res *Resource[T]) relation(p *pass, object T) reaches {
	set := p.by
	if nilable[T]() && fault.IsNil(object) {
		return set
	}
	if res.owns(p, object) {
		set |= reachOwn
	}
	for i, name := range p.table.reachNames[2:] {
		if predicate := res.Reaches[name]; predicate != nil && predicate(p.caller, object) {
			set |= reachCustom << i
		}
	}
	return set
}

// compileFields adds a struct type, and the structs in it that have tags, to
// the table. The map is a new one, because the table of before is in use.
func (t *table) compileFields(typ reflect.Type, faults *fault.List) {
	c := tagged{table: t, faults: faults, done: map[reflect.Type]*fieldset{}}
	place := "Fields(" + typ.String() + ")"
	switch {
	case typ.Kind() != reflect.Struct:
		faults.Add(place, "", "is not a struct; register the struct type of the objects")
		return
	case hasMethods(typ, writers):
		faults.Add(place, "", "has a MarshalJSON or MarshalText, so that it writes its fields itself; remove the method")
		return
	case hasMethods(typ, readers):
		faults.Add(place, "", "has an UnmarshalJSON or UnmarshalText, so that it reads its fields itself; remove the method")
		return
	}
	c.compile(typ, place)
	all := make(map[reflect.Type]*fieldset, len(t.fields)+1)
	for known, set := range t.fields {
		all[known] = set
	}
	all[typ] = c.done[typ]
	t.fields = all
}

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
	for _, f := range jsondoc.Fields(typ) {
		p := property{Field: f}
		at := place + "." + f.Go.Name
		text, ok := f.Go.Tag.Lookup("authz")
		if !ok || text == "" {
			c.faults.Add(at, "", `has no authz tag, so that nothing says who may read and write it; write for example authz:"read=*,write=own", or authz:"-" for nobody`)
			continue
		}
		c.read(&p, text, at)
		if inner := taggedStruct(f.Go.Type); inner != nil {
			p.inner = c.compile(inner, at)
		}
		set.byName[p.Name] = len(set.properties)
		set.properties = append(set.properties, p)
	}
	return set
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
			c.faults.Add(at, text, `is not a tag of authz; write read=… and write=…, each at most once and separated by a comma, for example authz:"read=own|admin,write=own"`)
			return
		}
		seen[key] = true
		c.audience(to, strings.Split(entries, "|"), at, text)
	}
}

func (c *tagged) audience(to *audience, entries []string, at, text string) {
	t := c.table
	for i, entry := range entries {
		role := t.roles[entry]
		reach := t.reachBit(entry)
		switch {
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
		default:
			c.faults.Add(at, text, fmt.Sprintf("names %q, which is neither a role nor a reach of the policy%s", entry,
				nearest(entry, slices.Concat(t.roleNames, t.reachNames[1:]))))
		}
	}
}

// taggedStruct returns the struct that a field holds, itself or in pointers,
// slices, arrays and maps, if a field of that struct has a tag.
func taggedStruct(t reflect.Type) reflect.Type {
	for depth := 0; depth < 32 && !hasMethods(t, writers) && !hasMethods(t, readers); depth++ {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
			continue
		case reflect.Struct:
			for _, f := range jsondoc.Fields(t) {
				if _, ok := f.Go.Tag.Lookup("authz"); ok {
					return t
				}
			}
		}
		return nil
	}
	return nil
}

var (
	writers = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}
	readers = []reflect.Type{reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()}
)

// hasMethods reports whether a variable of the type has the methods of one of
// the interfaces, which encoding/json then calls.
func hasMethods(t reflect.Type, of []reflect.Type) bool {
	return t.Kind() != reflect.Interface && slices.ContainsFunc(of, reflect.PointerTo(t).Implements)
}
