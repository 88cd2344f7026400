package authz

// A PolicyConfig says which roles may do what. It is plain data, so that any
// configuration library can load it. NewPolicy copies it.
//
// A permission is "resource:action:reach", "action:reach" for every resource, or
// "*" for everything. A "*" may also stand for a whole resource or a whole
// action ("document:*:own"), never for part of a name and never for the reach:
// what a role reaches is always said in full.
//
//	accepted: document:read:own   read:all   document:*:own   *
//	refused:  document:read       read:*     doc*:read:own    document:raed:own
type PolicyConfig struct {
	// Resources names each kind of object and the actions that exist on it.
	// Names are letters, digits, "_", "-" and ".". Required.
	Resources map[string][]string `json:"resources" yaml:"resources"`
	// Reaches names the reaches beside the two that always exist: "own", the
	// objects whose owner is the caller, and "all". What a further reach means
	// is said by a predicate in [Resource.Reaches]. At most 24.
	Reaches []string `json:"reaches,omitempty" yaml:"reaches,omitempty"`
	// Roles are the roles by name. Required.
	Roles Roles `json:"roles" yaml:"roles"`
}

// Roles are roles by name. A name is 1 to 128 bytes of text as it stands in
// [bulwark.Principal.Roles]; case matters.
type Roles map[string]Role

// A Role is what its bearers may do: its own grants and those of all the roles
// that it inherits from, to any depth.
type Role struct {
	// Inherits names the roles whose grants this one has, too.
	Inherits []string `json:"inherits,omitempty" yaml:"inherits,omitempty"`
	// Grants are permissions; see [PolicyConfig].
	Grants []string `json:"grants,omitempty" yaml:"grants,omitempty"`
}
