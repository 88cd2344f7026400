// Package faulttest takes the errors of a New apart, for tests.
package faulttest

import (
	"errors"
	"slices"

	"github.com/bulwark-go/bulwark"
)

// Fields returns the paths of all ConfigErrors in err, in their order.
func Fields(err error) []string {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, one := range many.Unwrap() {
			all = append(all, Fields(one)...)
		}
		return all
	}
	var c *bulwark.ConfigError
	if !errors.As(err, &c) {
		return nil
	}
	return []string{c.Field}
}

// Sorted is [Fields] in alphabetical order, for what is checked in no order.
func Sorted(err error) []string {
	fields := Fields(err)
	slices.Sort(fields)
	return fields
}
