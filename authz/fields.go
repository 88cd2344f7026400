package authz

import (
	"maps"
	"reflect"
	"slices"

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
//     counts. A role with the grant "*" does not count for another role.
//   - "-" is nobody. It stands alone. A missing read or write means the same,
//     and the tag `authz:"-"` is short for both.
//
// A field that nobody may read is never sent. Whether a caller reaches the
// object at all is decided before, by the policy.
//
// A field with a struct, or with pointers, slices, arrays or maps of structs,
// is one value under its own tag, unless the struct has a tag somewhere in it.
// Then that struct is registered with T: each of its fields needs a tag, and a
// caller sees an inner field that both tags allow. A reach in an inner tag is
// about the object of the grant: if a document has a field with its author,
// then "own" in the tags of the author is the owner of the document. Fields of
// embedded structs are fields of T.
//
// A field with an interface may hold a struct that is registered with the same
// policy. That struct is sent with the fields that its own tags allow by "*"
// and by role. It is not within any reach. A struct with tags that is not
// registered is not sent: the answer is 500 "authz.unconfigured".
//
// Fields returns every mistake at once, each as a *[bulwark.ConfigError]: a
// field of the JSON without a tag, a tag that names neither a role nor a reach,
// a tag of an embedded struct, a type that JSON does not have, and a type that
// is not a struct. A type with tags, or around a type with tags, must not have
// MarshalJSON, MarshalText, UnmarshalJSON or UnmarshalText: such a method does
// not read the tags. If such a method of any other type writes what an
// interface holds, then it does not read the tags either, and nothing refuses
// it. Call Fields before the service starts. To call it twice is harmless.
// [Policy.Replace] fails if the tags of a registered type do not fit the new
// policy.
func Fields[T any](policy *Policy) error {
	t := structOf[T]()
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

// structOf returns the struct type that T is or points to.
func structOf[T any]() reflect.Type {
	return target(reflect.TypeFor[T]())
}

// A fieldset is a struct type with what its tags say, compiled against a table.
type fieldset struct {
	properties []property // in the order in which encoding/json writes them
	byName     map[string]int
	reads      reaches // that the tags for reading name
	names      reaches // that any tag names, those of inner structs included
}

// A property is a field of the struct that JSON has.
type property struct {
	jsondoc.Field
	read, write audience
	reader      int       // number of read in the table, or -1 for nobody
	inner       *fieldset // of the structs in the field, if they have tags
}

// compileFields adds a struct type, and the structs in it that have tags, to
// the table. The map is a new one, because the table of before is in use.
func (t *table) compileFields(typ reflect.Type, faults *fault.List) {
	c := tagged{table: t, faults: faults, done: maps.Clone(t.fields)}
	place := "Fields(" + typ.String() + ")"
	switch {
	case typ.Kind() != reflect.Struct:
		faults.Add(place, "", "is not a struct; register the struct type of the objects")
		return
	case writesItself(typ):
		faults.Add(place, "", "has a MarshalJSON or MarshalText, so that it writes its fields itself; remove the method")
		return
	case readsItself(typ):
		faults.Add(place, "", "has an UnmarshalJSON or UnmarshalText, so that it reads its fields itself; remove the method")
		return
	}
	if c.done == nil {
		c.done = map[reflect.Type]*fieldset{}
	}
	c.compile(typ, place)
	for known, set := range c.done {
		if t.fields[known] == nil { // others are in use
			set.names = set.mentioned(map[*fieldset]bool{})
		}
	}
	t.fields = c.done
	t.plans = newPlans(t.fields)
}

// mentioned returns the reaches that the tags name, those of inner structs
// included.
func (set *fieldset) mentioned(done map[*fieldset]bool) (names reaches) {
	if set == nil || done[set] {
		return 0
	}
	done[set] = true
	for i := range set.properties {
		p := &set.properties[i]
		names |= p.read.reaches | p.write.reaches | p.inner.mentioned(done)
	}
	return names
}
