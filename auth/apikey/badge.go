package apikey

// A badge is what tells the keys of one [Keys] from other credentials. It makes
// Keys an [auth.Carrier] and an [auth.Claimant].
type badge struct {
	family string // prefix and environment
	header string // Config.Header
}

// Fields returns [Config.Header], if there is one.
func (b badge) Fields() []string {
	if b.header == "" {
		return nil
	}
	return []string{b.header}
}

// Claim says how to recognize our keys: by their prefix and environment.
func (b badge) Claim() string {
	if b.family == "" {
		return ""
	}
	return "keys that begin with " + b.family + "_"
}
