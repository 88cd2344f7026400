package authz_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// Types whose fields have tags in every place where a struct may stand.
type (
	Signed struct {
		Owner  string `json:"owner" authz:"read=*"`
		Tenant string `json:"tenant,omitempty" authz:"read=tenant|auditor"`
		Dup    string `json:"dup" authz:"read=admin"`
	}
	Stamp struct {
		At    time.Time  `json:"at,omitzero" authz:"read=writer"`
		By    *Signature `json:"by" authz:"read=own|moderator"`
		Dup   string     `json:"dup" authz:"read=*"`
		Proof []byte     `json:"proof" authz:"-"`
	}
	Signature struct {
		Name  string       `json:"name" authz:"read=*"`
		Key   json.Number  `json:"key" authz:"read=own"`
		Next  *Signature   `json:"next,omitempty" authz:"read=tenant"`
		Notes []*Signature `json:"notes,omitempty" authz:"read=own|admin"`
	}
	gallery struct {
		Signed
		*Stamp
		ID    int                  `json:"id,string" authz:"read=*"`
		Title string               `json:"title" authz:"read=*"`
		Price *float64             `json:"price,omitempty" authz:"read=auditor"`
		Loose any                  `json:"loose" authz:"read=own"`
		Dim   [2]uint8             `json:"dim" authz:"read=admin|writer"`
		By    Signature            `json:"first" authz:"read=*"`
		All   []Signature          `json:"all" authz:"read=own|tenant"`
		Pairs [2]*Signature        `json:"pairs" authz:"read=*"`
		Named map[string]Signature `json:"named" authz:"read=moderator|own"`
		Rooms map[int][]*Signature `json:"rooms" authz:"read=*"`
		Plain struct{ A, B int }   `json:"plain" authz:"read=auditor|own"`
		Inner struct {
			Secret bool   `json:"secret" authz:"read=-"`
			Said   string `json:"<said>" authz:"read=*"`
			Deep   *struct {
				Key string `json:"key" authz:"read=admin"`
			} `json:"deep" authz:"read=*"`
		} `json:"inner" authz:"read=*"`
		Hidden string `json:"-"`
	}
)

// A lens is a property as this test knows it, beside the tags: who reads it,
// what is within, and whether a map of names lies between.
type lens struct {
	read   string
	inner  map[string]*lens
	mapped bool
}

var galleryLens = func() map[string]*lens {
	signature := map[string]*lens{"name": {read: "*"}, "key": {read: "own"}}
	signature["next"] = &lens{read: "tenant", inner: signature}
	signature["notes"] = &lens{read: "own|admin", inner: signature}
	return map[string]*lens{
		"owner": {read: "*"}, "tenant": {read: "tenant|auditor"}, "at": {read: "writer"}, "by": {read: "own|moderator", inner: signature},
		"proof": {read: "-"}, "id": {read: "*"}, "title": {read: "*"}, "price": {read: "auditor"}, "loose": {read: "own"}, "dim": {read: "admin|writer"},
		"first": {read: "*", inner: signature}, "all": {read: "own|tenant", inner: signature}, "pairs": {read: "*", inner: signature},
		"named": {read: "moderator|own", inner: signature, mapped: true}, "rooms": {read: "*", inner: signature, mapped: true}, "plain": {read: "auditor|own"},
		"inner": {read: "*", inner: map[string]*lens{"secret": {read: "-"}, "<said>": {read: "*"},
			"deep": {read: "*", inner: map[string]*lens{"key": {read: "admin"}}}}},
	}
}()

// An ordered is a decoded JSON value with the order of its names.
type ordered struct {
	scalar any
	names  []string
	values []*ordered
	kind   json.Delim // '{', '[' or 0
}

func decode(t *testing.T, d *json.Decoder) *ordered {
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	kind, ok := token.(json.Delim)
	if !ok {
		return &ordered{scalar: token}
	}
	o := &ordered{kind: kind}
	for d.More() {
		if kind == '{' {
			name, _ := d.Token()
			o.names = append(o.names, name.(string))
		}
		o.values = append(o.values, decode(t, d))
	}
	d.Token()
	return o
}

// cut removes what the lenses do not let through.
func (o *ordered) cut(lenses map[string]*lens, sees func(string) bool) {
	if o.kind == '[' {
		for _, v := range o.values {
			v.cut(lenses, sees)
		}
		return
	}
	var kept ordered
	for i, name := range o.names {
		l := lenses[name]
		if l == nil {
			panic("no lens for " + name)
		}
		if !slices.ContainsFunc(strings.Split(l.read, "|"), sees) {
			continue
		}
		v := o.values[i]
		switch {
		case l.inner == nil:
		case l.mapped:
			for _, entry := range v.values {
				entry.cut(l.inner, sees)
			}
		default:
			v.cut(l.inner, sees)
		}
		kept.names, kept.values = append(kept.names, name), append(kept.values, v)
	}
	o.names, o.values = kept.names, kept.values
}

func (o *ordered) write(b *bytes.Buffer) {
	switch o.kind {
	case 0:
		text, _ := json.Marshal(o.scalar)
		b.Write(text)
		return
	case '[':
		b.WriteByte('[')
	default:
		b.WriteByte('{')
	}
	for i, v := range o.values {
		if i > 0 {
			b.WriteByte(',')
		}
		if o.kind == '{' {
			name, _ := json.Marshal(o.names[i])
			b.Write(name)
			b.WriteByte(':')
		}
		v.write(b)
	}
	b.WriteByte(byte(o.kind) + 2) // ] or }
}

// What any caller sees of any object is what encoding/json writes without the
// names that the tags do not let the caller read, in the same order.
func TestWriteLeavesOutWhatTheTagsSay(t *testing.T) {
	n := 1_000
	if testing.Short() || race.Enabled {
		n = 300
	}
	seen := map[string]int{}
	for seed := range n {
		filters(t, uint64(seed), seen)
		if t.Failed() {
			return
		}
	}
	// Every name was seen by somebody, but for those that nobody may read.
	for name := range galleryLens {
		if never := name == "proof"; (seen[name] == 0) != never {
			t.Errorf("%s was seen %d times", name, seen[name])
		}
	}
}

func FuzzWriteLeavesOutWhatTheTagsSay(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { filters(t, seed, map[string]int{}) })
}

func filters(t *testing.T, seed uint64, seen map[string]int) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	names := []string{"admin", "auditor", "moderator", "user", "writer"}
	c := authz.PolicyConfig{Resources: map[string][]string{"document": {"read"}}, Reaches: []string{"unused", "tenant"}, Roles: authz.Roles{}}
	parents := map[string][]string{}
	for i, name := range names { // a later name inherits from earlier ones
		for _, parent := range names[:i] {
			if rnd.IntN(5) == 0 {
				parents[name] = append(parents[name], parent)
			}
		}
		c.Roles[name] = authz.Role{Inherits: parents[name], Grants: []string{"document:read:all"}}
	}
	policy := mustPolicy(t, c)
	if err := authz.Fields[gallery](policy); err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{"*": true}
	var roles []string
	var inherit func(string)
	inherit = func(name string) {
		has[name] = true
		for _, parent := range parents[name] {
			inherit(parent)
		}
	}
	for _, i := range rnd.Perm(len(names))[:1+rnd.IntN(2)] {
		roles = append(roles, names[i])
		inherit(names[i])
	}
	items := make([]*gallery, 1+rnd.IntN(4))
	want := []byte(`{"items":[`)
	for i := range items {
		items[i] = new(gallery)
		fill(rnd, reflect.ValueOf(items[i]).Elem(), 5)
		items[i].Owner, items[i].Signed.Tenant = []string{"alice", "bob"}[rnd.IntN(2)], []string{"acme", "", "other"}[rnd.IntN(3)]
		has["own"], has["tenant"] = items[i].Owner == "alice", items[i].Signed.Tenant == "acme"
		text, err := json.Marshal(items[i])
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		all := decode(t, d)
		all.cut(galleryLens, func(entry string) bool { return has[entry] })
		for _, name := range all.names {
			seen[name]++
		}
		if i > 0 {
			want = append(want, ',')
		}
		b := bytes.NewBuffer(want)
		all.write(b)
		want = b.Bytes()
	}
	want = append(want, "]}\n"...)
	res := authz.Resource[*gallery]{Name: "document", Owner: func(g *gallery) (string, string) { return accounts, g.Owner },
		Reaches: map[string]func(*bulwark.Principal, *gallery) bool{"tenant": func(_ *bulwark.Principal, g *gallery) bool { return g.Signed.Tenant == "acme" }}}
	mux := authz.NewMux(policy)
	authz.HandleList(mux, "GET /list", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) { authz.WriteList(w, r, reach, items) })
	list := get(mux, "/list", as("alice", roles...))
	d := json.NewDecoder(bytes.NewReader(list.Body.Bytes()))
	d.UseNumber()
	var got bytes.Buffer // U+FFFD in the one way of writing it
	decode(t, d).write(&got)
	if got.WriteByte('\n'); list.Code != 200 || !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("seed %d, roles %v that inherit %v: %d\ngot  %s\nwant %s", seed, roles, parents, list.Code, list.Body, want)
	}
	res.Policy = policy
	r := request("GET", "/", as("alice", roles...))
	grant, err := res.Check(r, "read", items[0])
	if err != nil {
		t.Fatal(err)
	}
	w := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { authz.Write(w, r, grant) }), r)
	if one := bytes.TrimSuffix(w.Body.Bytes(), []byte("\n")); !bytes.HasPrefix(list.Body.Bytes(), append([]byte(`{"items":[`), one...)) {
		t.Fatalf("seed %d: Write says %s, and WriteList %s", seed, one, list.Body)
	}
}

// An answer is written with one policy, while others take its place.
func TestWriteWhileThePolicyChanges(t *testing.T) {
	policy := profilePolicy(t)
	p := &profile{ID: "1", OwnerID: "alice", Tenant: "acme", Email: "e", Role: "r"}
	narrow, wide := fieldsPolicy(), fieldsPolicy()
	wide.Roles["auditor"] = authz.Role{Inherits: []string{"moderator", "admin"}, Grants: []string{"document:read:all"}}
	wide.Roles["a-first-role"] = authz.Role{} // moves the numbers of the others
	answers := map[string]bool{`{"id":"1","role":"r"}` + "\n": true, `{"id":"1","owner_id":"alice","email":"e","role":"r"}` + "\n": true}
	mux := profileMux(policy, p, authz.Write[*profile])
	var writers, changers sync.WaitGroup
	stop := make(chan struct{})
	for _, c := range []authz.PolicyConfig{narrow, wide} {
		changers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := policy.Replace(c); err != nil {
					t.Error(err)
				}
				if err := authz.Fields[profile](policy); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		writers.Go(func() {
			for range 500 {
				if w := get(mux, "/profiles/1", as("carol", "auditor")); w.Code != 200 || !answers[w.Body.String()] {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	changers.Wait()
	for range 2 {
		for c, want := range map[*authz.PolicyConfig]bool{&narrow: false, &wide: true} {
			if err := policy.Replace(*c); err != nil {
				t.Fatal(err)
			}
			if got := body(t, policy, as("carol", "auditor"), p); strings.Contains(got, "owner_id") != want || !answers[got+"\n"] {
				t.Errorf("after Replace: %s", got)
			}
		}
	}
}
