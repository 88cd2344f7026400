package jwt

import (
	"errors"
	"strings"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const (
	// tenantPlace stands for the tenant in the metadata of Microsoft Entra ID.
	tenantPlace = "{tenantid}"
	// commonTenant is the tenant under whose name Entra ID publishes what is
	// the same for all tenants.
	commonTenant = "common"
	// noTenant is the GUID of nobody. It stands for a tenant at start.
	noTenant = "00000000-0000-0000-0000-000000000000"
	// tenantClaim must name the tenant of the iss.
	tenantClaim = "tid"
)

// A template is the issuer of all tenants of Microsoft Entra ID: a URL with
// {tenantid} in place of one segment of the path. The zero value is not a
// template.
type template struct{ before, after string }

// isTemplate reports whether somebody means the issuer to be a template.
func isTemplate(issuer string) bool { return strings.ContainsAny(issuer, "{}") }

// newTemplate reads a template. The reason says what is wrong with it, and is
// "" otherwise.
func newTemplate(text string) (t template, reason string) {
	before, after, ok := strings.Cut(text, tenantPlace)
	switch {
	case !ok:
		return template{}, "must have {tenantid} in place of the tenant, as in https://login.microsoftonline.com/{tenantid}/v2.0"
	case isTemplate(before + after), strings.Contains(text, "*"), strings.Count(before, "/") < 3, !strings.HasSuffix(before, "/"), after != "" && after[0] != '/':
		return template{}, "must have {tenantid} once, as a whole segment of the path, as in https://login.microsoftonline.com/{tenantid}/v2.0"
	}
	if _, reason := issuer.NewPattern(before + "*" + after); reason != "" {
		return template{}, reason
	}
	return template{before, after}, ""
}

// of returns the issuer of a tenant.
func (t template) of(tenant string) string { return t.before + tenant + t.after }

// tenant returns the tenant of an issuer: a GUID, in the one spelling that
// Entra ID writes.
func (t template) tenant(issuer string) (string, bool) {
	if t == (template{}) || len(issuer) != len(t.before)+len(noTenant)+len(t.after) {
		return "", false
	}
	tenant := issuer[len(t.before) : len(t.before)+len(noTenant)]
	return tenant, strings.HasPrefix(issuer, t.before) && strings.HasSuffix(issuer, t.after) && isGUID(tenant)
}

// isGUID reports whether the text is a GUID in lower case.
func isGUID(text string) bool {
	if len(text) != len(noTenant) {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if noTenant[i] == '-' {
			if c != '-' {
				return false
			}
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// template returns the template that the keys were discovered by, or zero. Such
// keys sign the tokens of many tenants.
func (v *Verifier) template() template {
	if r, ok := v.keys.(*remote); ok {
		return r.template
	}
	return template{}
}

// isOurs reports whether v verifies the tokens of the issuer.
func (v *Verifier) isOurs(issuer string) bool {
	if v.tenants != nil {
		return v.tenants.accepts(issuer)
	}
	return issuer == v.issuer
}

// checkTenant wants the tid of the token to be the tenant of its iss, where the
// keys are those of many tenants.
func (v *Verifier) checkTenant(issuer string, members []jsondoc.Member) error {
	t := v.template()
	if t == (template{}) {
		return nil
	}
	tenant, _ := t.tenant(issuer)
	if named, _ := claims.Find(members, tenantClaim).(string); named != tenant || named == "" {
		return auth.Invalid("issuer", errTenant)
	}
	return nil
}

// checkKey wants a key that is for the tokens of the issuer, where the keys are
// those of many tenants. The key set says so: by the template for all tenants,
// or by the issuer of one tenant.
func (v *Verifier) checkKey(key *jose.Key, issuer string) error {
	t := v.template()
	if t == (template{}) {
		return nil
	}
	for _, named := range key.Issuers {
		if named == issuer || named == t.of(tenantPlace) {
			return nil
		}
	}
	return auth.Invalid("unknown_key", errKeyTenant)
}

// What the log says about a token of the wrong tenant.
var (
	errTenant    = errors.New("the claim tid is missing, or is not the tenant in the iss; both must be the same GUID")
	errKeyTenant = errors.New("the key of the token is not for its iss, as the issuer of the key in the key set says (jwt.Config.Keys)")
)
