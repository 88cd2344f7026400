package validate

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// binding is the schema of one part of the request. It remembers which types
// its values were read as, so that the fields of a type are checked once.
type binding struct {
	schema *schema.Schema
	types  sync.Map // of reflect.Type to error, bounded by the types of the program
}

// fits returns an error if a field of T, or of a struct in T, can never get a
// value because its name is not the exact name of the property.
func (b *binding) fits(t reflect.Type, in string) error {
	if known, ok := b.types.Load(t); ok {
		err, _ := known.(error)
		return err
	}
	w := misnamed{seen: map[string]bool{}}
	w.look(t, b.schema.Schemas(), "")
	var err error
	if len(w.found) > 0 {
		err = &bulwark.ConfigError{Field: "validate", Reason: fmt.Sprintf("the name of a field must be exactly the name of the property, so that fields of %s stay empty; write the tag %s, "+
			"as the schema of validate.Config.%s declares it, or `json:\"-\"` for a field that must stay empty", t, strings.Join(w.found, ", "), fieldOf[in])}
	}
	b.types.Store(t, err)
	return err
}

// misnamed collects the fields with a wrong name, each with the tag to write.
type misnamed struct {
	found []string
	seen  map[string]bool
}

// look compares the fields of t with the names that the schemas declare; path
// is the name of the field that holds the t.
func (w *misnamed) look(t reflect.Type, described schema.Schemas, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	key := fmt.Sprint(t.PkgPath(), t, described.Key())
	if described.Empty() || w.seen[key] {
		return
	}
	w.seen[key] = true
	if elem := jsondoc.Elem(t); elem != nil {
		if t.Kind() == reflect.Map {
			w.look(elem, described.Values(), path)
		} else {
			w.look(elem, described.Items(), path)
		}
		return
	}
	fields := jsondoc.Fields(t)
	if len(fields) == 0 {
		return
	}
	exact := make(map[string]jsondoc.Field, len(fields))
	for _, f := range fields {
		exact[f.Name] = f
	}
	known := described.Known()
	for _, name := range described.Declared() {
		if f, ok := exact[name]; ok {
			w.look(f.Go.Type, described.Property(name), path+f.Go.Name+".")
			continue
		}
		for _, f := range fields {
			if !known[f.Name] && means(f, name, described) {
				w.found = append(w.found, fmt.Sprintf("`json:%q` for %s%s", name, path, f.Go.Name))
			}
		}
	}
}

// means reports whether a field was meant for the property, and can never get a
// value. A name that differs from the name of the property by case is always
// refused. CreatedAt is the usual name for created_at or created-at.
func means(f jsondoc.Field, property string, described schema.Schemas) bool {
	folded := jsondoc.Fold(property)
	if jsondoc.Fold(f.Name) == folded {
		return true
	}
	return !f.Tagged && jsondoc.Fold(f.Name) == strings.NewReplacer("_", "", "-", "").Replace(folded) && !described.Admits(f.Name)
}
