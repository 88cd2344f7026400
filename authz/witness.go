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
		types := make([]witness.Type, 0, len(t.fields))
		for typ, set := range t.fields {
			types = append(types, t.witnessed(typ, set))
		}
		slices.SortFunc(types, func(a, b witness.Type) int { return cmp.Compare(a.Name, b.Name) })
		return types
	}
}

// witnessed describes a struct type with tags.
func (t *table) witnessed(typ reflect.Type, set *fieldset) witness.Type {
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
	}
	return described
}
