package authz

// A PolicyConfig says which roles may do what. It is plain data, so that any
// configuration library can load it. NewPolicy copies it.
//
// A permission is "resource:action:reach", "action:reach" for every resource,
// or "*" for everything. A "*" may also stand for a whole resource or a whole
// action ("document:*:own"). It never stands for part of a name, and never for
// the reach: the reach of a role is always written out.
//
//	accepted: document:read:own   read:all   document:*:own   *
//	refused:  document:read       read:*     doc*:read:own    document:raed:own
type PolicyConfig struct {
	// Resources names each kind of object and the actions that exist on it.
	// A name is 1 to 64 letters, digits, "_", "-" and ".". Required.
	Resources map[string][]string `json:"resources" yaml:"resources"`
	// Reaches names further reaches. Two always exist: "own", the objects whose
	// owner is the caller, and "all". A predicate in [Resource.Reaches] says
	// what a further reach means. At most 24. Optional.
	Reaches []string `json:"reaches,omitempty" yaml:"reaches,omitempty"`
	// Roles are the roles by name. Required.
	Roles Roles `json:"roles" yaml:"roles"`
}

// Roles are roles by name. A name is 1 to 128 bytes of text, as it stands in
// [bulwark.Principal.Roles]. Case matters.
type Roles map[string]Role

// A Role says what its bearers may do: its own grants, and the grants of all
// the roles that it inherits from, to any depth.
type Role struct {
	// Inherits names the roles whose grants this role also has.
	Inherits []string `json:"inherits,omitempty" yaml:"inherits,omitempty"`
	// Grants are permissions; see [PolicyConfig].
	Grants []string `json:"grants,omitempty" yaml:"grants,omitempty"`
}
