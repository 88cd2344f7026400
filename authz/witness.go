package authz

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz/internal/witness"
)

func init() {
	witness.Types = func(mux any) []witness.Type {
		m, _ := mux.(*Mux)
		if m == nil || !m.policy.ready() {
			return nil
		}
		t := m.policy.table.Load()
		found := map[reflect.Type]witness.Type{}
		for typ, set := range t.fields {
			t.witnessed(typ, set, found)
		}
		types := make([]witness.Type, 0, len(found))
		for _, typ := range found {
			types = append(types, typ)
		}
		slices.SortFunc(types, func(a, b witness.Type) int { return cmp.Compare(a.Name, b.Name) })
		return types
	}
}

// witnessed adds a registered struct, and the structs in it that have tags.
func (t *table) witnessed(typ reflect.Type, set *fieldset, found map[reflect.Type]witness.Type) {
	if _, done := found[typ]; done {
		return
	}
	found[typ] = witness.Type{} // typ may contain itself
	described := witness.Type{Name: typ.String()}
	for i := range set.properties {
		p := &set.properties[i]
		described.Fields = append(described.Fields, witness.Field{Name: p.Name, Open: p.read.everybody, Reads: func(caller *bulwark.Principal) bool {
			var h held
			if known(caller) {
				t.resolve(&h, caller)
			}
			return p.read.admits(0, &h)
		}})
		if p.inner != nil {
			t.witnessed(taggedStruct(p.Go.Type), p.inner, found)
		}
	}
	found[typ] = described
}
