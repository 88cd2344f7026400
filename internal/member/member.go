// Package member gives a refusal a member of its body that many refusals share.
// A map in Problem.Extensions could not be shared: whoever gets the problem may
// write into it.
package member

// A List is a member whose value is a list of texts. It must not be modified.
type List struct {
	Name   string
	Values []string
}

// Attach adds a list to a *bulwark.Problem. A member of that name in
// Problem.Extensions takes precedence. Package bulwark sets Attach.
var Attach func(problem any, list *List)
