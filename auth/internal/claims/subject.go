package claims

import (
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// unstable are names of claims, in lower case and without "_" and "-", whose
// values change hands: the issuer gives them to another user later, or the user
// chooses them.
var unstable = map[string]bool{
	"email": true, "emails": true, "emailaddress": true, "emailaddresses": true, "mail": true, "verifiedprimaryemail": true,
	"upn": true, "userprincipalname": true, "preferredusername": true, "uniquename": true, "onpremisessamaccountname": true, "samaccountname": true,
	"name": true, "displayname": true, "commonname": true, "cn": true, "nickname": true, "givenname": true, "middlename": true, "familyname": true, "surname": true,
	"username": true, "login": true, "loginname": true, "loginhint": true, "userlogin": true, "handle": true, "alias": true,
	"phone": true, "phonenumber": true, "phonenumbers": true, "mobile": true, "mobilephone": true, "telephone": true, "telephonenumber": true,
	"signinnames": true, "website": true, "profile": true, "ip": true, "ipaddr": true,
}

// unstableParts make a name unstable that holds one of them, such as
// "user_email".
var unstableParts = []string{"email", "username", "phone"}

// changesHands reports whether a name, as words returns it, is of a claim whose
// values change hands.
func changesHands(name string) bool {
	return unstable[name] || slices.ContainsFunc(unstableParts, func(part string) bool { return strings.Contains(name, part) })
}

// others are names of claims that do not name a user, and what to write.
var others = map[string]string{
	"iss": "names the issuer", "aud": "names the service", "exp": "is a time", "nbf": "is a time", "iat": "is a time",
	"authtime": "is a time", "jti": "names one token", "uti": "names one token", "sid": "names one session", "cnf": "names a key", "tid": "names a tenant",
	"clientid": clientNotSubject, "azp": clientNotSubject, "appid": clientNotSubject, "cid": clientNotSubject,
}

const clientNotSubject = "names the application, so that all its users would be one caller; write it as ClientClaim"

// checkSubject notes a SubjectClaim that does not name one user for good.
func (f Fields) checkSubject(found *fault.List, p Path) {
	if !p.named() {
		if f.InsecureSubject && f.Subject == "" {
			found.Add("InsecureSubjectClaim", "", "needs SubjectClaim; leave it out: the sub does not change hands")
		}
		return
	}
	names := p.words()
	if reason := others[names[len(names)-1]]; reason != "" {
		found.Add("SubjectClaim", f.Subject, reason+"; name a claim with an id of the user")
		return
	}
	if f.InsecureSubject {
		return
	}
	for _, name := range names {
		if changesHands(name) {
			found.Add("SubjectClaim", f.Subject, "changes hands: the next holder of the same value would be the same caller; "+
				"name a claim with an id that the issuer never uses again, such as sub or oid, or set InsecureSubjectClaim")
			return
		}
	}
}

// words returns the names in a path in one spelling. The name of a claim may be
// a URL, such as "https://example.com/email", or have a prefix, such as
// "cognito:username". Numbers of items are left out.
func (p Path) words() []string {
	var all []string
	for _, name := range p.path {
		name = name[strings.LastIndexAny(name, "/:.#")+1:]
		name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
		if strings.Trim(name, "0123456789") != "" {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return []string{""}
	}
	return all
}
