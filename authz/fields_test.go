package authz_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// fieldsPolicy has the roles, and a reach, that the tags of the tests name. The
// role "team" has the name of a reach.
func fieldsPolicy() authz.PolicyConfig {
	c := tenantPolicy()
	c.Roles["team"] = authz.Role{}
	c.Roles["auditor"] = authz.Role{Grants: []string{"document:read:all"}}
	return c
}

// Types with mistakes, one in each.
type (
	untagged struct{ Name string }
	emptyTag struct {
		Name string `authz:""`
	}
	unknownRole struct {
		Name string `authz:"read=own|moderatr"`
	}
	unknownKey struct {
		Name string `authz:"raed=own"`
	}
	noKey struct {
		Name string `authz:"own"`
	}
	twice struct {
		Name string `authz:"read=own,read=admin"`
	}
	noEntries struct {
		Name string `authz:"read="`
	}
	emptyEntry struct {
		Name string `authz:"read=own|"`
	}
	duplicate struct {
		Name string `authz:"read=own|admin|own"`
	}
	starBeside struct {
		Name string `authz:"read=*|admin"`
	}
	dashBeside struct {
		Name string `authz:"write=-|admin"`
	}
	reachOfAll struct {
		Name string `authz:"read=all"`
	}
	roleAndReach struct {
		Name string `authz:"read=team"`
	}
	spaceAfterComma struct {
		Name string `authz:"read=own, write=own"`
	}
	spaceInEntry struct {
		Name string `authz:"read=own| admin"`
	}
	semicolon struct {
		Name string `authz:"read=own;write=own"`
	}
	noComma struct {
		Name string `authz:"read=own write=own"`
	}
	upperCase struct {
		Name string `authz:"read=Admin"`
	}
	capitalKey struct {
		Name string `Authz:"read=admin"`
	}
	hasMarshalJSON   struct{ A int }
	hasMarshalText   struct{ A int }
	hasUnmarshalJSON struct{ A int }
	hasUnmarshalText struct{ A int }
	promoted         struct{ hasMarshalJSON }
	address          struct {
		Street string `json:"street" authz:"read=own"`
		City   string
	}
	home struct {
		Home map[string][]*[2]*address `json:"home" authz:"read=*"`
	}
	wrapper struct{ Inner []address }
	wrapped struct {
		Wrapper *wrapper `authz:"read=*"`
	}
	secrets struct {
		Key string `authz:"read=*"`
	}
	embedding struct {
		*secrets `authz:"read=admin"`
	}
	innerEmbedding struct {
		In struct {
			plainSecrets `authz:"read=admin"`
		} `authz:"read=*"`
	}
	plainSecrets   struct{ Key string }
	optionalSecret struct{ value secrets }
	aroundMethod   struct {
		Maybe []optionalSecret `authz:"read=*"`
	}
	readingSecret struct {
		Key string `authz:"read=admin"`
	}
	aroundReading struct {
		In *readingSecret `authz:"read=*"`
	}
	secretKey struct {
		Key string `authz:"read=admin"`
	}
	keyed struct {
		Map map[secretKey]int `authz:"read=*"`
	}
	channels struct {
		C []chan int              `authz:"read=*"`
		F func()                  `json:"f" authz:"read=own"`
		M map[float64]int         `authz:"write=own"`
		G func()                  `authz:"-"`
		N map[struct{ A int }]int `authz:"read=-"`
	}
	manyMistakes struct {
		A string
		B string  `authz:"read=nobody-has-this-role"`
		C address `authz:"read=own"`
	}
)

func (hasMarshalJSON) MarshalJSON() ([]byte, error)       { return nil, nil }
func (*hasMarshalText) MarshalText() ([]byte, error)      { return nil, nil }
func (*hasUnmarshalJSON) UnmarshalJSON([]byte) error      { return nil }
func (*hasUnmarshalText) UnmarshalText([]byte) error      { return nil }
func (o optionalSecret) MarshalJSON() ([]byte, error)     { return json.Marshal(o.value) }
func (*readingSecret) UnmarshalJSON([]byte) error         { return nil }
func (k secretKey) MarshalText() (text []byte, err error) { return []byte(k.Key), nil }

// Every mistake of a registration, with the whole text that a person reads.
func TestFieldsRefuses(t *testing.T) {
	const (
		untaggedText = `: has no authz tag, so that nothing says who may read and write it; write for example authz:"read=*,write=own", or authz:"-" for nobody`
		notATag      = `: is not a tag of authz; write read=… and write=…, each at most once and separated by a comma, for example authz:"read=own|admin,write=own"`
		unreadable   = `: has an authz tag that Go cannot read; write for example authz:"read=*,write=own", in lower case and without spaces`
		notJSON      = `: has a type that JSON does not have; write json:"-" for a field that is never sent`
	)
	for name, test := range map[string]struct {
		register func(*authz.Policy) error
		want     []string
	}{
		"not_a_struct":      {authz.Fields[int], []string{"authz.Fields(int): is not a struct; register the struct type of the objects"}},
		"pointer_twice":     {authz.Fields[**document], []string{"authz.Fields(*authz_test.document): is not a struct; register the struct type of the objects"}},
		"slice":             {authz.Fields[[]document], []string{"authz.Fields([]authz_test.document): is not a struct; register the struct type of the objects"}},
		"interface":         {authz.Fields[any], []string{"authz.Fields(interface {}): is not a struct; register the struct type of the objects"}},
		"untagged":          {authz.Fields[*untagged], []string{"authz.Fields(authz_test.untagged).Name" + untaggedText}},
		"empty_tag":         {authz.Fields[emptyTag], []string{"authz.Fields(authz_test.emptyTag).Name" + notATag}},
		"unknown_role":      {authz.Fields[unknownRole], []string{`authz.Fields(authz_test.unknownRole).Name: read=own|moderatr: names "moderatr", which is neither a role nor a reach of the policy; did you mean moderator?`}},
		"upper_case":        {authz.Fields[upperCase], []string{`authz.Fields(authz_test.upperCase).Name: read=Admin: names "Admin", which is neither a role nor a reach of the policy; did you mean admin?`}},
		"unknown_key":       {authz.Fields[unknownKey], []string{"authz.Fields(authz_test.unknownKey).Name: raed=own" + notATag}},
		"no_key":            {authz.Fields[noKey], []string{"authz.Fields(authz_test.noKey).Name: own" + notATag}},
		"key_twice":         {authz.Fields[twice], []string{"authz.Fields(authz_test.twice).Name: read=own,read=admin" + notATag}},
		"no_entries":        {authz.Fields[noEntries], []string{"authz.Fields(authz_test.noEntries).Name: read=" + notATag}},
		"empty_entry":       {authz.Fields[emptyEntry], []string{`authz.Fields(authz_test.emptyEntry).Name: read=own|: has an empty name; remove the "|", or write a name beside it`}},
		"duplicate":         {authz.Fields[duplicate], []string{"authz.Fields(authz_test.duplicate).Name: read=own|admin|own: names own twice; remove one of the two"}},
		"star_beside":       {authz.Fields[starBeside], []string{"authz.Fields(authz_test.starBeside).Name: read=*|admin: has * beside other names; leave it alone, or remove it"}},
		"dash_beside":       {authz.Fields[dashBeside], []string{"authz.Fields(authz_test.dashBeside).Name: write=-|admin: has - beside other names; leave it alone, or remove it"}},
		"all":               {authz.Fields[reachOfAll], []string{"authz.Fields(authz_test.reachOfAll).Name: read=all: has the reach all, which says nothing about an object; write * for every caller to whom the object was granted"}},
		"role_and_reach":    {authz.Fields[roleAndReach], []string{"authz.Fields(authz_test.roleAndReach).Name: read=team: names team, which is both a role and a reach of the policy; give one of them another name"}},
		"space_after_comma": {authz.Fields[spaceAfterComma], []string{"authz.Fields(authz_test.spaceAfterComma).Name: read=own, write=own" + notATag}},
		"semicolon":         {authz.Fields[semicolon], []string{"authz.Fields(authz_test.semicolon).Name: read=own;write=own" + notATag}},
		"no_comma":          {authz.Fields[noComma], []string{"authz.Fields(authz_test.noComma).Name: read=own write=own" + notATag}},
		"space_in_entry":    {authz.Fields[spaceInEntry], []string{`authz.Fields(authz_test.spaceInEntry).Name: read=own| admin: names " admin", which is neither a role nor a reach of the policy; did you mean admin?`}},
		"capital_key":       {authz.Fields[capitalKey], []string{`authz.Fields(authz_test.capitalKey).Name: Authz:"read=admin"` + unreadable}},
		"MarshalJSON":       {authz.Fields[hasMarshalJSON], []string{"authz.Fields(authz_test.hasMarshalJSON): has a MarshalJSON or MarshalText, so that it writes its fields itself; remove the method"}},
		"MarshalText":       {authz.Fields[hasMarshalText], []string{"authz.Fields(authz_test.hasMarshalText): has a MarshalJSON or MarshalText, so that it writes its fields itself; remove the method"}},
		"UnmarshalJSON":     {authz.Fields[hasUnmarshalJSON], []string{"authz.Fields(authz_test.hasUnmarshalJSON): has an UnmarshalJSON or UnmarshalText, so that it reads its fields itself; remove the method"}},
		"UnmarshalText":     {authz.Fields[hasUnmarshalText], []string{"authz.Fields(authz_test.hasUnmarshalText): has an UnmarshalJSON or UnmarshalText, so that it reads its fields itself; remove the method"}},
		"promoted_method":   {authz.Fields[promoted], []string{"authz.Fields(authz_test.promoted): has a MarshalJSON or MarshalText, so that it writes its fields itself; remove the method"}},
		"nested_untagged":   {authz.Fields[home], []string{"authz.Fields(authz_test.home).Home.City" + untaggedText}},
		"deeper_untagged": {authz.Fields[wrapped], []string{
			"authz.Fields(authz_test.wrapped).Wrapper.Inner" + untaggedText,
			"authz.Fields(authz_test.wrapped).Wrapper.Inner.City" + untaggedText}},
		"embedded_tag": {authz.Fields[embedding], []string{"authz.Fields(authz_test.embedding).secrets: read=admin: is embedded, so that its fields stand in its place and its tag says nothing; tag the fields of the embedded struct, or give it a name in JSON"}},
		"embedded_tag_inner": {authz.Fields[innerEmbedding], []string{
			"authz.Fields(authz_test.innerEmbedding).In.plainSecrets: read=admin: is embedded, so that its fields stand in its place and its tag says nothing; tag the fields of the embedded struct, or give it a name in JSON",
			"authz.Fields(authz_test.innerEmbedding).In.Key" + untaggedText}},
		"around_a_method": {authz.Fields[aroundMethod], []string{"authz.Fields(authz_test.aroundMethod).Maybe: holds authz_test.secrets, which has authz tags, inside authz_test.optionalSecret, whose MarshalJSON or MarshalText does not read them; remove the method, or the tags"}},
		"around_a_reader": {authz.Fields[aroundReading], []string{"authz.Fields(authz_test.aroundReading).In: holds authz_test.readingSecret, which has authz tags, inside *authz_test.readingSecret, whose UnmarshalJSON or UnmarshalText does not read them; remove the method, or the tags"}},
		"key_of_a_map":    {authz.Fields[keyed], []string{"authz.Fields(authz_test.keyed).Map: holds authz_test.secretKey, which has authz tags, inside authz_test.secretKey, whose MarshalText does not read them; remove the method, or the tags"}},
		"not_in_JSON": {authz.Fields[channels], []string{
			"authz.Fields(authz_test.channels).C: chan int" + notJSON,
			"authz.Fields(authz_test.channels).F: func()" + notJSON,
			"authz.Fields(authz_test.channels).M: map[float64]int" + notJSON}},
		"all_at_once": {authz.Fields[manyMistakes], []string{
			"authz.Fields(authz_test.manyMistakes).A" + untaggedText,
			`authz.Fields(authz_test.manyMistakes).B: read=nobody-has-this-role: names "nobody-has-this-role", which is neither a role nor a reach of the policy; there are: admin, auditor, eraser, moderator, team, user, writer, own and 2 more`,
			"authz.Fields(authz_test.manyMistakes).C.City" + untaggedText}},
	} {
		t.Run(name, func(t *testing.T) {
			policy := mustPolicy(t, fieldsPolicy())
			err := test.register(policy)
			if err == nil {
				t.Fatal("the type is registered")
			}
			if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			var fault *bulwark.ConfigError
			if !errors.As(err, &fault) {
				t.Errorf("%T is not a ConfigError", err)
			}
			// A registration that fails leaves the policy as it was.
			if err := policy.Replace(fieldsPolicy()); err != nil {
				t.Errorf("Replace after a refused registration: %v", err)
			}
		})
	}
	if err := authz.Fields[document](nil); err == nil || !strings.Contains(err.Error(), "NewPolicy") {
		t.Errorf("a nil policy: %v", err)
	}
	if err := authz.Fields[document](new(authz.Policy)); err == nil || !strings.Contains(err.Error(), "NewPolicy") {
		t.Errorf("a zero policy: %v", err)
	}
}

// A profile has a property for each kind of audience.
type profile struct {
	ID      string `json:"id" authz:"read=*"`
	OwnerID string `json:"owner_id" authz:"read=own|moderator"`
	Tenant  string `json:"tenant" authz:"read=tenant"`
	Email   string `json:"email" authz:"read=own|admin"`
	Role    string `json:"role" authz:"read=auditor"`
	Hash    string `json:"hash" authz:"-"`
	Salt    string `json:"salt" authz:"write=own"`
	Never   string `json:"-"`
}

func profiles() authz.Resource[*profile] {
	return authz.Resource[*profile]{
		Name:  "document",
		Owner: func(p *profile) (string, string) { return accounts, p.OwnerID },
		Reaches: map[string]func(*bulwark.Principal, *profile) bool{"tenant": func(caller *bulwark.Principal, p *profile) bool {
			tenant, _ := caller.Claim("tenant")
			return p.Tenant != "" && tenant == p.Tenant
		}},
	}
}

// Replace fails if a tag names a role or a reach that is gone, and then it
// changes nothing. After a Replace that does not fail, the new roles count for
// the next request.
func TestReplaceCompilesTagsAgain(t *testing.T) {
	policy := mustPolicy(t, fieldsPolicy())
	for range 2 { // to register twice is harmless
		if err := authz.Fields[profile](policy); err != nil {
			t.Fatal(err)
		}
	}
	carol := as("carol", "auditor")
	shown := func() string {
		return body(t, policy, carol, &profile{ID: "1", OwnerID: "alice", Email: "e", Role: "r", Hash: "h", Salt: "s"})
	}
	if got := shown(); got != `{"id":"1","role":"r"}` {
		t.Fatal(got)
	}
	gone := fieldsPolicy()
	delete(gone.Roles, "auditor")
	gone.Roles["moderator"] = authz.Role{Grants: []string{"document:read:all"}}
	gone.Reaches = []string{"team"}
	gone.Roles["writer"], gone.Roles["user"] = authz.Role{}, authz.Role{}
	want := "authz.Policy.Fields(authz_test.profile).Tenant: read=tenant: names \"tenant\", which is neither a role nor a reach of the policy; there are: admin, eraser, moderator, team, user, writer, own, team\n" +
		"authz.Policy.Fields(authz_test.profile).Role: read=auditor: names \"auditor\", which is neither a role nor a reach of the policy; there are: admin, eraser, moderator, team, user, writer, own, team"
	// The routes of this test rely on the reach too.
	if err := policy.Replace(gone); err == nil || !strings.HasSuffix(err.Error(), "\n"+want) {
		t.Errorf("Replace:\n%v\nwant\n%s", err, want)
	}
	if got := shown(); got != `{"id":"1","role":"r"}` {
		t.Errorf("after a Replace that failed: %s", got)
	}
	wider := fieldsPolicy()
	wider.Roles["auditor"] = authz.Role{Inherits: []string{"moderator"}, Grants: []string{"document:read:all"}}
	if err := policy.Replace(wider); err != nil {
		t.Fatal(err)
	}
	if got := shown(); got != `{"id":"1","owner_id":"alice","role":"r"}` {
		t.Errorf("after a Replace: %s", got)
	}
}

type (
	baseAccount struct {
		Email string `json:"email" authz:"read=admin"`
		Phone string `json:"phone" authz:"read=admin"`
		Same  string `json:"same" authz:"read=*"`
	}
	otherBase struct {
		Same string `json:"same" authz:"read=*"`
	}
	// A shadowing account has an email of its own, which everybody reads, in
	// place of the one that only an admin reads.
	shadowing struct {
		*baseAccount
		otherBase
		Email  string       `json:"email" authz:"read=*"`
		Parent *shadowing   `json:"parent,omitempty" authz:"read=own"`
		Kids   []*shadowing `json:"kids,omitempty" authz:"read=*"`
		Token  string       `json:"token,omitempty" authz:"-"`
	}
)

// The names of embedded structs compete as in encoding/json. A type may contain
// itself.
func TestFieldsOfShadowedAndRecursiveTypes(t *testing.T) {
	policy := mustPolicy(t, fieldsPolicy())
	if err := authz.Fields[shadowing](policy); err != nil {
		t.Fatal(err)
	}
	res := authz.Resource[shadowing]{Name: "document", Owner: func(shadowing) (string, string) { return accounts, "alice" }, Policy: policy}
	one := func() shadowing {
		return shadowing{&baseAccount{"SECRET", "+1", "SECRET"}, otherBase{"SECRET"}, "open", nil, nil, "SECRET"}
	}
	family, kid := one(), one()
	kid.baseAccount = nil
	family.Kids = []*shadowing{&kid, nil}
	parent := one()
	family.Parent = &parent
	for _, test := range []struct {
		caller *bulwark.Principal
		want   string
	}{
		{as("alice", "user"), `{"email":"open","parent":{"email":"open"},"kids":[{"email":"open"},null]}`},
		{as("carol", "auditor"), `{"email":"open","kids":[{"email":"open"},null]}`},
		{as("root", "admin"), `{"phone":"+1","email":"open","kids":[{"email":"open"},null]}`},
	} {
		r := request("GET", "/", test.caller)
		grant, err := res.Check(r, "read", family)
		if err != nil {
			t.Fatal(err)
		}
		w := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { authz.Write(w, r, grant) }), r)
		if w.Body.String() != test.want+"\n" {
			t.Errorf("%s: %d %s, want %s", test.caller.Subject, w.Code, w.Body, test.want)
		}
	}
}
