package authz

import (
	"context"
	"net/http"
	"reflect"
	"testing"
)

// Whatever a request has, its copy has: a field that net/http adds one day is
// found here.
func TestUnsharedKeepsEveryField(t *testing.T) {
	type key struct{}
	r := new(http.Request)
	fields := reflect.ValueOf(r).Elem()
	for i := range fields.NumField() {
		field := fields.Type().Field(i)
		if !field.IsExported() || field.Name == "Cancel" { // deprecated: servers use the context
			continue
		}
		switch v := fields.Field(i); v.Kind() {
		case reflect.String:
			v.SetString(field.Name)
		case reflect.Int, reflect.Int64:
			v.SetInt(7)
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case reflect.Interface:
			v.Set(reflect.ValueOf(http.NoBody))
		case reflect.Func:
			continue // two functions cannot be compared; GetBody is for clients
		default:
			t.Fatalf("%s is a %s", field.Name, v.Kind())
		}
	}
	r = r.WithContext(context.WithValue(t.Context(), key{}, 1))
	r.SetPathValue("id", "outside")
	copied := unshared(r)
	for i := range fields.NumField() {
		field := fields.Type().Field(i)
		if !field.IsExported() || field.Type.Kind() == reflect.Func {
			continue
		}
		if got, want := reflect.ValueOf(copied).Elem().Field(i).Interface(), reflect.ValueOf(r).Elem().Field(i).Interface(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", field.Name, got, want)
		}
	}
	if copied.Context().Value(key{}) != 1 {
		t.Error("the context is lost")
	}
	copied.SetPathValue("id", "inside")
	if got := r.PathValue("id"); got != "outside" {
		t.Errorf("the path value of the request became %q", got)
	}
}
