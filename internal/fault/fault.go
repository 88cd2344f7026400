// Package fault is the part of the layers that handles mistakes of a
// configuration: a list that collects the mistakes with their paths, the one
// text for a value that was made without its constructor, and the check for a
// nil inside an interface.
package fault

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// A List collects everything that is wrong with one Config, so that one start
// of the program shows every mistake at once. The zero List has no path.
type List struct {
	path string
	errs []error
}

// In returns an empty List for the fields below path, such as "jwt" or
// "ratelimit(caller)".
func In(path string) *List { return &List{path: path} }

// Add notes that field is wrong. The reason says what is wrong and what to
// write instead. An empty field is the path itself. The value must be empty if
// it is secret.
func (l *List) Add(field, value, reason string) {
	l.errs = append(l.errs, &bulwark.ConfigError{Field: l.at(field), Value: value, Reason: reason})
}

// AddAt is [List.Add] for one element of a field that is a list.
func (l *List) AddAt(field string, i int, value, reason string) {
	l.Add(fmt.Sprintf("%s[%d]", field, i), value, reason)
}

// Join keeps the errors of a part that has paths of its own. A nil err is left
// out.
func (l *List) Join(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

// Err returns all errors joined, or nil.
func (l *List) Err() error { return errors.Join(l.errs...) }

func (l *List) at(field string) string {
	switch {
	case field == "":
		return l.path
	case l.path == "" || field[0] == '[' || field[0] == '(':
		return l.path + field
	}
	return l.path + "." + field
}

// Renamed returns err with another first word in the path of each ConfigError.
// The word of a path ends at a dot or a bracket. A path with a name in round
// brackets keeps its name. It is for errors that were found before the name was
// known. It copies the errors, because several Configs may share them.
func Renamed(err error, word, name string) error {
	switch e := err.(type) {
	case *bulwark.ConfigError:
		rest, ok := strings.CutPrefix(e.Field, word)
		if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
			return err
		}
		return &bulwark.ConfigError{Field: name + rest, Value: e.Value, Reason: e.Reason}
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range e.Unwrap() {
			all = append(all, Renamed(one, word, name))
		}
		return errors.Join(all...)
	}
	return err
}

// Unmade returns the error for a value at this path that was made without its
// constructor, such as "New". [bulwark.Deny] answers it with 500
// "<package>.unconfigured".
func Unmade(path, constructor string) *bulwark.ConfigError {
	return &bulwark.ConfigError{Field: path, Reason: "was made without " + constructor + "; check the error of " + constructor}
}

// IsNil reports whether v is nil, or an interface that holds a nil.
func IsNil(v any) bool {
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return value.IsNil()
	}
	return false
}
