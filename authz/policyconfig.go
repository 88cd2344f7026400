package authz

// A PolicyConfig says which roles may do what. It is plain data, so that any
// configuration library can load it. NewPolicy copies it.
//
// A permission has one of these forms:
//
//	document:read:own   read the documents that the caller owns
//	document:read:all   read every document
//	read:own            read what the caller owns, on every resource
//	document:*:own      every action on the documents that the caller owns
//	*                   every action on every object
//
// These permissions are errors:
//
//	document:read       it has no reach; write document:read:all
//	read:*              its reach is *; write read:all
//	doc*:read:own       a * stands for a part of a name
//	document:raed:own   Resources does not declare the action
type PolicyConfig struct {
	// Resources names each kind of object and the actions that exist on it. A
	// name has 1 to 64 letters, digits, "_", "-" and ".". At most 4,096 actions
	// over all resources. Required.
	Resources map[string][]string `json:"resources" yaml:"resources"`
	// Reaches names further reaches, such as "tenant". Two reaches always
	// exist: "own", the objects whose owner is the caller, and "all". A
	// predicate in [Resource.Reaches] says what a further reach means. At most
	// 24. Default: only "own" and "all".
	Reaches []string `json:"reaches,omitempty" yaml:"reaches,omitempty"`
	// Roles are the roles by name. At most 4,096. The number of all Inherits,
	// times the number of all actions, is at most 268,435,456. The compiled
	// policy has 8 bytes for each action of each role, and 1 byte for each pair
	// of roles. It also has the sets of grants that cover an action. If these
	// sets need more than 64 MiB, the policy is an error. Only thousands of
	// roles, whose grants overlap in many ways, need that much. Required.
	Roles Roles `json:"roles" yaml:"roles"`
	// SampleAllows makes events of allowed decisions. With 1 each of them is an
	// event, and with 100 one of 100. The event is authz_allow. It has the
	// rule, and as attributes the role, its grants, a hash of the object, and
	// the decision of an engine. Refusals are always events. Decisions are
	// counted over all routes of the policy, and public routes do not decide. A
	// list is one decision. Default: 0, none.
	SampleAllows int `json:"sampleAllows,omitempty" yaml:"sampleAllows,omitempty"`
}

// Roles are roles by name. A name has 1 to 128 bytes of characters that print,
// and no space at either end. It is written as in [bulwark.Principal.Roles].
// Case matters.
type Roles map[string]Role

// A Role says what the callers who have it may do: its own grants, and the
// grants of all roles that it inherits from, to any depth.
type Role struct {
	// Inherits names the roles whose grants this role also has. Default: none.
	Inherits []string `json:"inherits,omitempty" yaml:"inherits,omitempty"`
	// Grants are permissions, such as "document:read:own"; see [PolicyConfig].
	// Default: none, the role has only the grants that it inherits.
	Grants []string `json:"grants,omitempty" yaml:"grants,omitempty"`
}
