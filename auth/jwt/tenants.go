package jwt

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// tenants are the tenants of a template whose tokens a verifier accepts. A nil
// *tenants is that of a verifier of one issuer.
type tenants struct {
	template template
	listed   map[string]bool // nil is any tenant
}

// accepts reports whether tokens of the issuer are accepted.
func (t *tenants) accepts(issuer string) bool {
	tenant, ok := t.template.tenant(issuer)
	return ok && (t.listed == nil || t.listed[tenant])
}

// template returns the verifier of the Template, and notes what is wrong.
func (c IssuersConfig) template(found *fault.List) *Verifier {
	own := c.Template
	t, reason := newTemplate(own.Issuer)
	if reason != "" {
		found.Add("Template.Issuer", withoutUser(own.Issuer), reason)
		return nil
	}
	if r, ok := own.Keys.(*remote); own.Keys != nil && (!ok || r.issuer != own.Issuer) {
		found.Add("Template.Keys", "", "must be Discover of the Issuer of the Template: these keys say which tenants they are for")
		return nil
	}
	all := &tenants{template: t}
	switch {
	case c.InsecureAnyTenant && len(c.Tenants) > 0:
		found.Add("InsecureAnyTenant", "", "must be left out beside Tenants")
	case c.InsecureAnyTenant:
	case len(c.Tenants) == 0 || len(c.Tenants) > mostTenants:
		found.Add("Tenants", strconv.Itoa(len(c.Tenants)), "must have between 1 and 1000 ids of tenants; write Find for more; InsecureAnyTenant accepts every tenant")
	default:
		all.listed = map[string]bool{}
	}
	for i, tenant := range c.Tenants {
		if !isGUID(tenant) || tenant == noTenant {
			found.AddAt("Tenants", i, "", "must be the id of a tenant, a GUID in lower case such as 8eaef023-2b34-4da1-9baa-8bc8c9d6a490")
		}
		if all.listed != nil {
			all.listed[tenant] = true
		}
	}
	if own.DPoP != nil {
		found.Add("Template.DPoP", "", "must be left out; set DPoP of IssuersConfig")
	}
	own.DPoP, own.Issuer = c.DPoP, t.of(noTenant)
	own.MaxTokenBytes, own.MaxCached = cmp.Or(own.MaxTokenBytes, c.MaxTokenBytes), cmp.Or(own.MaxCached, c.MaxCached)
	v, err := New(own)
	if err != nil {
		found.Join(fault.Renamed(err, "jwt"+issuer.Label(own.Issuer), "jwt(issuers).Template"))
		return nil
	}
	v.issuer, v.tenants = c.Template.Issuer, all
	return v
}

// names are the issuers, for [auth.New].
func (t *tenants) names() []string {
	if t.listed == nil {
		return []string{t.template.of("*")}
	}
	var all []string
	for _, tenant := range slices.Sorted(maps.Keys(t.listed)) {
		all = append(all, t.template.of(tenant))
	}
	return all
}
